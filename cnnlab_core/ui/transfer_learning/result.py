"""The job whose result the tabs show: features, classifier, its answers, and the pictures that it got wrong."""

from collections.abc import Generator
from dataclasses import dataclass

import streamlit as st

from cnnlab_core.images import png, square
from cnnlab_core.models import load_model
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.transfer import Learned, draw, learn_steps, open_collection
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.transfer_learning.subject import TransferSubject

_MISTAKES = 6
"""Mistakes shown with their pictures, at most."""

_THUMBNAIL = 160
"""Pixels of a mistake's side."""


@dataclass(frozen=True)
class Mistake:
    """A picture (PNG) that is classified wrongly, its true class, the predicted one and its probability."""

    picture: bytes
    label: int
    predicted: int
    probability: float


@dataclass(frozen=True)
class Result:
    """What was learned, the most confident mistakes with their pictures, and what recipes start with."""

    learned: Learned
    mistakes: tuple[Mistake, ...]
    code: tuple[str, str, str, int]


def learn_result(subject: TransferSubject, *, previous: bool = True) -> Result | None:
    """The result, or, marked as such, that of the ``previous`` settings; None, with its reason on the page, if there is
    neither."""

    def job() -> Generator[Progress[None], None, Result]:
        drawn = draw(open_collection(subject.source.name), subject.each)
        found = yield from learn_steps(load_model(*subject.network), drawn)
        mistakes = tuple(
            Mistake(
                png(square(drawn.test[int(mistake["index"])].picture(), _THUMBNAIL)),
                int(mistake["label"]),
                int(mistake["predicted"]),
                mistake["probability"],
            )
            for mistake in found.answers.mistakes(_MISTAKES)
        )
        return Result(found, mistakes, subject.code)

    outcome = run(
        "transfer",
        digest("transfer", subject.network, *subject.task),
        job,
        label=f"Extracting features with {subject.spec.title}",
        start="" if subject.is_first_look else f"Learn from {subject.each} pictures per class",
        for_everybody=subject.is_first_look,
    )
    if outcome.state in ("stopped", "idle"):
        st.caption("Features are kept on disk: a picture that was computed before isn't computed again.")
    elif outcome.state == "stale" and previous:
        st.info("These results are from your previous settings.", icon=":material/history:")
        return outcome.result
    return outcome.result if outcome.state == "done" else None
