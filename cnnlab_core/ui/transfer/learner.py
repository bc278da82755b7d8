"""The job that three of the tabs look at: features, classifier, its answers, and the pictures it got wrong."""

from collections.abc import Generator
from dataclasses import dataclass

import streamlit as st

from cnnlab_core.images import png, square
from cnnlab_core.models import load_model
from cnnlab_core.transfer import Learned, LearnStep, draw, learn_steps, open_collection
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.transfer.choice import Choice

MOST_SHOWN = 6
_THUMBNAIL = 160


@dataclass(frozen=True)
class Wrong:
    """A mistake: a PNG, the true class, what it was taken for and how surely."""

    picture: bytes
    label: int
    predicted: int
    probability: float


@dataclass(frozen=True)
class Shown:
    """What was learned, and the most confident mistakes with their pictures."""

    learned: Learned
    wrong: tuple[Wrong, ...]


def learned(choice: Choice) -> Shown | None:
    """The result for these settings; None while there is none, with its button or reason on the page."""

    def job() -> Generator[LearnStep, None, Shown]:
        drawn = draw(open_collection(choice.source.name), choice.each)
        found = yield from learn_steps(load_model(choice.spec.name, choice.weights), drawn)
        wrong = tuple(
            Wrong(
                png(square(drawn.test[int(mistake["index"])].picture(), _THUMBNAIL)),
                int(mistake["label"]),
                int(mistake["predicted"]),
                mistake["probability"],
            )
            for mistake in found.answers.mistakes(MOST_SHOWN)
        )
        return Shown(found, wrong)

    outcome = run(
        "transfer",
        digest("transfer", *choice.key),
        job,
        label=f"Asking {choice.spec.title} for its features",
        share=lambda step: step.share,
        start="" if choice.is_first_look else f"Learn from {choice.each} pictures of each class",
        for_everybody=choice.is_first_look,
    )
    if outcome.state in ("stopped", "idle"):
        st.caption("Features are kept on disk: what was asked for before isn't computed again.")
    elif outcome.state == "stale":
        st.info("What was learned with earlier settings isn't shown here.", icon=":material/history:")
    return outcome.result if outcome.state == "done" else None
