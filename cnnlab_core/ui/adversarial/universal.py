"""One for all: a single change that fools the network on many pictures, also on some it has never seen."""

import io
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from numpy.typing import ArrayLike

from cnnlab_core.attacks.studies.universal import BATCH, EPOCHS, OneForAll, OneStep, Together, one_for_all, one_table
from cnnlab_core.images import png, thumbnail
from cnnlab_core.models import load_model
from cnnlab_core.plots.lines import step_lines
from cnnlab_core.plots.noise import change_picture
from cnnlab_core.recipes.adversarial_world import universal_code
from cnnlab_core.ui.adversarial.choice import LEVELS, Choice
from cnnlab_core.ui.adversarial.pieces import FIGURE, panel, said
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import Outcome, run
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.shared import Picture, all_pictures
from cnnlab_core.ui.take_away import File, take_away

FIRST_SEEN = 6
ANYWHERE, TOWARDS = "any other class", "the target above"
_CARD = 170
"""Two of them fit beside each other on a phone."""


@dataclass(frozen=True)
class _Asked:
    """What the change is made on and with."""

    pictures: Sequence[Picture]
    seen: tuple[bool, ...]
    norm: str
    eps: float
    epochs: int
    target: int | None
    seed: int

    @property
    def key(self) -> tuple[object, ...]:
        pictures = tuple(one.key for one in self.pictures)
        return pictures, self.seen, self.norm, self.eps, self.epochs, self.target, self.seed

    @property
    def gradients(self) -> int:
        return sum(self.seen) * self.epochs


def show(choice: Choice) -> None:
    """The tab."""
    st.caption(
        "Until now each picture had noise of its own. Here one and the same noise is added to all of them. Look "
        "whether it also fools the network on pictures that it wasn't made on. (Moosavi-Dezfooli et al. 2016)"
    )
    asked = _ask(choice)
    if not any(asked.seen):
        st.caption("Choose at least one picture.")
        return
    status = st.container()  # above the pictures, where Stop stays in its place
    left, right = st.columns([1, 2.2], gap="large")
    noise, figures = left.empty(), [column.empty() for column in right.columns(2, gap="medium")]
    steps: list[OneStep] = []

    def paint(newest: list[OneStep]) -> None:
        steps.extend(newest)
        _noise(noise, steps[-1].delta, live=True)
        _curves(
            figures, [step.loss for step in steps], [step.fooled for step in steps], total=steps[-1].total, live=True
        )

    with status:
        outcome = _run(choice, asked, paint)
    if outcome.state != "done" or outcome.result is None:
        if not steps:
            noise.caption("The noise will be here.")
        return
    found = outcome.result
    _noise(noise, found.delta)
    _curves(figures, found.losses, found.shares, len(found.losses))
    with right:
        _rates(found, asked)
    _cards(choice, asked, found)
    _away(choice, asked, found)


def _ask(choice: Choice) -> _Asked:
    offered = {one.title if one.is_sample else f"Your own: {one.title}": one for one in all_pictures()}
    titles = st.multiselect(
        "Made on (the others are for trying)",
        list(offered),
        default=list(offered)[:FIRST_SEEN],
        key="adversarial_universal_on",
        bind="query-params",
    )
    first, second, third = st.columns([1, 1, 1.2], gap="large", vertical_alignment="center")
    goal = ANYWHERE
    if choice.target is not None:
        goal = segmented(first,
            "Towards", (ANYWHERE, TOWARDS), default=ANYWHERE, key="adversarial_universal_goal",
            bind="query-params",
        )  # fmt: skip
    epochs = second.slider("Times through all", 1, 40, EPOCHS, key="adversarial_universal_epochs", bind="query-params")
    third.caption("Norm and epsilon are those above. To be fooled is to say another class, which may be a close one.")
    return _Asked(
        list(offered.values()),
        tuple(title in titles for title in offered),
        choice.plan.norm,
        choice.plan.eps,
        min(max(epochs, 1), 40),
        choice.target if goal == TOWARDS else None,
        choice.plan.seed,
    )


def _run(choice: Choice, asked: _Asked, paint) -> Outcome[OneForAll]:  # type: ignore[no-untyped-def]
    samples = all(one.is_sample for one in asked.pictures)
    follows = samples and asked.gradients <= FIRST_SEEN * EPOCHS

    def job() -> Generator[OneStep, None, OneForAll]:
        model = load_model(choice.spec.name, choice.weights)
        x = torch.cat([model.prepare(one.image) for one in asked.pictures])
        return (
            yield from one_for_all(
                model, x, asked.seen, eps=asked.eps, norm=asked.norm, epochs=asked.epochs, target=asked.target,
                seed=asked.seed,
            )
        )  # fmt: skip

    return run(
        "universal",
        digest("universal", choice.key[:2], asked.key),
        job,
        label="One for all",
        share=lambda step: step.index / max(1, step.total),
        start="" if follows else f"Make the noise ({asked.gradients} gradients)",
        paint=paint,
        for_everybody=follows,
    )


def _noise(place, delta: np.ndarray, *, live: bool = False) -> None:  # type: ignore[no-untyped-def]
    picture, scale = change_picture(delta * LEVELS)
    panel(place, f"The noise × {scale:.3g}", picture, "the same for all, around grey", live=live)


def _curves(places, losses: ArrayLike, shares: ArrayLike, total: int, *, live: bool = False) -> None:  # type: ignore[no-untyped-def]
    places[0].plotly_chart(
        step_lines({"fooled": shares}, title="Fooled in the batch", total=total, percent=True),
        key=f"universal shares {np.size(shares)} {live}",
        config=FIGURE,
        alt="Share of the batch that is fooled, by step",
    )
    places[1].plotly_chart(
        step_lines({"objective": losses}, title="Mean lead of the wrong class (logits)", total=total),
        key=f"universal losses {np.size(losses)} {live}",
        config=FIGURE,
        alt="Objective by step",
    )


def _rates(found: OneForAll, asked: _Asked) -> None:
    first, second, third = st.columns(3)
    for column, title, seen in ((first, "Pictures it was made on", True), (second, "Pictures it never saw", False)):
        hits, of = found.fooled(seen=seen)
        before = sum(one.no_merit for one in found.pictures if one.seen == seen)
        column.metric(title, f"{hits} of {of} fooled" if of else "none left", help=f"Before: {before} of {of}.")
    length = f"{asked.eps * LEVELS:g}/255" if asked.norm == "linf" else f"{asked.eps:g}"
    third.metric(f"Epsilon ({asked.norm})", length, help="Set above, with the attack's own settings.")


def _cards(choice: Choice, asked: _Asked, found: OneForAll) -> None:
    for title, seen in (("Made on these", True), ("Never seen", False)):
        those = [pair for pair in zip(asked.pictures, found.pictures, strict=True) if pair[1].seen == seen]
        if those:
            st.markdown(f"**{title}**")
        with st.container(horizontal=True, gap="small"):
            for picture, one in those:
                with st.container(border=True, width=_CARD, gap="small"):
                    _card(choice, picture, one)


def _card(choice: Choice, picture: Picture, one: Together) -> None:
    st.image(
        png(thumbnail(one.changed.picture, 224)),
        output_format="PNG",
        width="stretch",
        alt=f"{picture.title} with the noise",
    )
    st.caption(f"{said(one.clean, choice.labels)}  \n→ {said(one.changed, choice.labels)}")
    st.markdown(":green-badge[fooled]" if one.fooled else ":gray-badge[not fooled]")


def _away(choice: Choice, asked: _Asked, found: OneForAll) -> None:
    samples = [
        (one.name if one.is_sample else None, seen) for one, seen in zip(asked.pictures, asked.seen, strict=True)
    ]
    take_away(
        universal_code(
            choice.spec.name,
            choice.weights,
            [sample for sample, seen in samples if seen],
            [sample for sample, seen in samples if not seen],
            eps=asked.eps,
            norm=asked.norm,
            epochs=asked.epochs,
            batch=BATCH,
            target=asked.target,
            seed=asked.seed,
        ),
        File("Noise (PNG)", lambda: png(change_picture(found.delta * LEVELS)[0]), "cnnlab_universal.png", "image/png"),
        File("Noise (NPY)", lambda: _npy(found.delta), "cnnlab_universal.npy", "application/octet-stream"),
        File(
            "Every picture (CSV)",
            lambda: one_table(found, [one.title for one in asked.pictures], choice.labels),
            "cnnlab_universal.csv",
            "text/csv",
        ),
    )


def _npy(delta: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, delta)
    return file.getvalue()
