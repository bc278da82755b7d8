"""A universal perturbation: one noise for many pictures, tried on some that it wasn't made on, too."""

import io
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from numpy.typing import ArrayLike
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.studies.sweep import levels
from cnnlab_core.attacks.studies.universal import BATCH, EPOCHS, OneForAll, OneStep, Together, one_for_all, one_table
from cnnlab_core.images import png, thumbnail
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.plots.noise import change_picture
from cnnlab_core.plots.steps import step_lines
from cnnlab_core.recipes.adversarial import universal as recipe
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.norms import LEVELS, NORMS
from cnnlab_core.ui.adversarial.pictures import FIGURE, pictures_by_title, show_picture, top_class
from cnnlab_core.ui.runner import Outcome
from cnnlab_core.ui.shared import Picture
from cnnlab_core.ui.subject import run_on_model
from cnnlab_core.ui.take_away import File, take_away

FIRST_SEEN = 6
ANYWHERE, TOWARDS = "any other class", "the target above"
_CARD = 170
"""Pixels across: two cards fit beside each other on a phone."""


@dataclass(frozen=True)
class _Asked:
    """What the noise is made on and with."""

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
    """The noise while it is made, how often it fools the network, and every picture with it."""
    st.caption(
        "In the other tabs each picture gets its own noise. Here the same noise is added to all of them. Check whether "
        "it also fools the network on pictures that it wasn't made on. (Moosavi-Dezfooli et al. 2016)"
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
    offered = pictures_by_title()
    titles = CONTROLS.several(
        "universal_on", "Made on (the others are for testing)", list(offered), list(offered)[:FIRST_SEEN]
    )
    first, second, third = st.columns([1, 1, 1.2], gap="large", vertical_alignment="center")
    goal = ANYWHERE
    if choice.target is not None:
        goal = CONTROLS.one_of("universal_goal", "Towards", (ANYWHERE, TOWARDS), ANYWHERE, place=first)
    epochs = CONTROLS.slider("universal_epochs", "Epochs", 1, 40, EPOCHS, 1, place=second)
    third.caption("Norm and epsilon are those above. Fooled means any other class, which may be a similar one.")
    return _Asked(
        list(offered.values()),
        tuple(title in titles for title in offered),
        choice.plan.norm,
        choice.plan.eps,
        epochs,
        choice.target if goal == TOWARDS else None,
        choice.plan.seed,
    )


def _run(choice: Choice, asked: _Asked, paint: Callable[[list[OneStep]], None]) -> Outcome[OneForAll]:
    samples = all(one.is_sample for one in asked.pictures)
    follows = samples and asked.gradients <= FIRST_SEEN * EPOCHS

    def study(model: LoadedModel) -> Generator[OneStep, None, OneForAll]:
        x = torch.cat([model.prepare(one.image) for one in asked.pictures])
        return one_for_all(
            model,
            x,
            asked.seen,
            eps=asked.eps,
            norm=asked.norm,
            epochs=asked.epochs,
            target=asked.target,
            seed=asked.seed,
        )

    return run_on_model(
        "universal",
        choice.subject.network,
        asked.key,
        study,
        label="Universal perturbation",
        share=lambda step: step.index / max(1, step.total),
        start="" if follows else f"Make the noise ({asked.gradients} gradients)",
        paint=paint,
        for_everybody=follows,
    )


def _noise(place: DeltaGenerator, delta: np.ndarray, *, live: bool = False) -> None:
    picture, scale = change_picture(delta * LEVELS)
    show_picture(place, f"The noise × {scale:.3g}", picture, "the same for all; grey is no change", live=live)


def _curves(
    places: Sequence[DeltaGenerator], losses: ArrayLike, shares: ArrayLike, total: int, *, live: bool = False
) -> None:
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
    for column, title, seen in ((first, "Pictures it was made on", True), (second, "Unseen pictures", False)):
        hits, of = found.fooled(seen=seen)
        before = sum(one.no_merit for one in found.pictures if one.seen == seen)
        column.metric(
            title, f"{hits} of {of} fooled" if of else "none left", help=f"Without the noise: {before} of {of}."
        )
    epsilon = levels(asked.eps, asked.norm)
    third.metric(f"Epsilon ({NORMS[asked.norm]})", epsilon, help="Set above, with the attack's own settings.")


def _cards(choice: Choice, asked: _Asked, found: OneForAll) -> None:
    for title, seen in (("Made on these", True), ("Unseen", False)):
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
    st.caption(f"{top_class(one.clean, choice.subject.labels)}  \n→ {top_class(one.changed, choice.subject.labels)}")
    st.markdown(":green-badge[fooled]" if one.fooled else ":gray-badge[not fooled]")


def _away(choice: Choice, asked: _Asked, found: OneForAll) -> None:
    samples = [
        (one.name if one.is_sample else None, seen) for one, seen in zip(asked.pictures, asked.seen, strict=True)
    ]
    take_away(
        recipe.code(
            *choice.subject.network,
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
            lambda: one_table(found, [one.title for one in asked.pictures], choice.subject.labels),
            "cnnlab_universal.csv",
            "text/csv",
        ),
    )


def _npy(delta: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, delta)
    return file.getvalue()
