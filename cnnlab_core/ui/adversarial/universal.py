"""A universal perturbation: one noise for many pictures, tried on some that it wasn't made on, too."""

import io
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.result import View
from cnnlab_core.attacks.studies.universal import BATCH, EPOCHS, universal_change_steps, universal_table
from cnnlab_core.attacks.universal import Universal, UniversalStep
from cnnlab_core.images import png, thumbnail
from cnnlab_core.images.levels import LEVELS, NORM_NAMES, distance
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.plots.lines import step_lines
from cnnlab_core.plots.noise import change_picture
from cnnlab_core.recipes.adversarial import universal as recipe
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice
from cnnlab_core.ui.adversarial.pictures import gain, looked_at, pictures_by_title, show_picture, top_class
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.runner import Outcome, mark
from cnnlab_core.ui.show import later, main_answer, main_picture
from cnnlab_core.ui.subject import run_on_model
from cnnlab_core.ui.take_away import File, take_away

FIRST_SEEN = 6
ANYWHERE, TOWARDS = "any other class", "the target above"
_FILM = 12
"""So many states of the noise in the making are shown, at most: each is sent."""

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
    # Moosavi-Dezfooli et al. 2016
    status = looked_at(
        "Here the same noise is added to all pictures. Does it also fool the network on those it wasn't made on?"
    )
    with st.container(key="universal_result"):
        left, right = st.columns([1, 2.2], gap="large")
        with left, main_picture():
            noise = later()
        with right, main_answer():
            rates = st.container()
        figures = [later(column) for column in right.columns(2, gap="medium")]
        cards = st.container()
    asked = _ask(choice)
    if not any(asked.seen):
        st.caption("Choose at least one picture.")
        return
    losses: list[float] = []
    shares: list[float] = []

    def paint(newest: list[UniversalStep]) -> None:
        losses.extend(step.loss for step in newest)
        shares.extend(step.fooled for step in newest)
        if newest[-1].index * _FILM // newest[-1].total == (newest[-1].index - len(newest)) * _FILM // newest[-1].total:
            return
        _noise(noise, newest[-1].delta, asked, live=True)
        _curves(figures, losses, shares, total=newest[-1].total, live=True)

    outcome = _run(choice, asked, paint, status)
    mark(outcome, "universal_result")
    if outcome.result is None:
        if not losses:
            noise.caption("The noise will be here.")
        return
    found, (choice, asked) = outcome.result, outcome.asked
    _noise(noise, found.delta, asked)
    network, weights = choice.subject.spec.title, choice.subject.weights
    made = f"epsilon {distance(asked.eps, asked.norm)}, {asked.epochs} epochs, made on {sum(asked.seen)} pictures"
    about = f"Network: {network}, {weights} weights. Universal perturbation: norm {NORM_NAMES[asked.norm]}, {made}."
    _curves(figures, found.losses.tolist(), found.fooled.tolist(), len(found.losses), about)
    with rates:
        _rates(found, asked)
    of = found.count(seen=False)[1]
    changed = int(found.rounded.logits.argmax(1)[found.seen.logical_not()].unique().numel()) if of else 0
    if of:
        turned = "one class" if changed == 1 else "several"
        told = f"The {of} unseen pictures are given {changed} different classes with the noise on them."
        guess("universal", "do the unseen pictures all turn into one class?", ("one class", "several"), turned, told)
    with cards:
        _cards(choice, asked, found)
    learned("one noise can serve many pictures: networks have directions that they mind whatever the picture is.")
    _away(choice, asked, found)


def _ask(choice: Choice) -> _Asked:
    offered = pictures_by_title()
    titles = CONTROLS.several(
        "universal_on", "Made on (the others are for testing)", list(offered), list(offered)[:FIRST_SEEN]
    )
    first, second, third = st.columns([1.3, 0.9, 1.1], gap="large", vertical_alignment="center")
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


def _run(
    choice: Choice, asked: _Asked, paint: Callable[[list[UniversalStep]], None], status: DeltaGenerator
) -> Outcome[Universal]:
    samples = all(one.is_sample for one in asked.pictures)
    follows = samples and asked.gradients <= FIRST_SEEN * EPOCHS

    def study(model: LoadedModel) -> Generator[UniversalStep, None, Universal]:
        x = torch.cat([model.prepare(one.image) for one in asked.pictures])
        return universal_change_steps(
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
        start="" if follows else f"Make the noise ({asked.gradients} gradients)",
        paint=paint,
        for_everybody=follows,
        asked=(choice, asked),
        at=status,
    )


def _noise(place: DeltaGenerator, delta: torch.Tensor, asked: _Asked, *, live: bool = False) -> None:
    picture, scale = _drawn(delta, asked)
    show_picture(place, f"The noise × {scale:.3g}", picture, "the same for all; grey is no change", live=live)


def _curves(
    places: Sequence[DeltaGenerator],
    losses: list[float],
    shares: list[float],
    total: int,
    about: str = "",
    *,
    live: bool = False,
) -> None:
    fooled = step_lines({"fooled": shares}, title="Fooled in the batch", total=total, percent=True)
    lead = step_lines({"lead": losses}, title="Mean lead of the wrong class (logits)", total=total)
    for place, figure, name in zip(places, (fooled, lead), ("shares", "losses"), strict=True):
        show_chart(figure, f"universal {name}", f"{figure.layout.title.text}, by step", about, place=place, live=live)


def _rates(found: Universal, asked: _Asked) -> None:
    first, second, third = st.columns(3)
    for column, title, seen in ((first, "Pictures it was made on", True), (second, "Unseen pictures", False)):
        hits, of = found.count(seen=seen)
        before = int(found.clean.success[found.seen == seen].sum())
        column.metric(
            title, f"{hits} of {of} fooled" if of else "none left", help=f"Without the noise: {before} of {of}."
        )
    epsilon = distance(asked.eps, asked.norm)
    third.metric(f"Epsilon ({NORM_NAMES[asked.norm]})", epsilon, help="Set above, with the attack's own settings.")


def _cards(choice: Choice, asked: _Asked, found: Universal) -> None:
    for title, seen in (("Made on these", True), ("Unseen", False)):
        those = [index for index, one in enumerate(asked.seen) if one == seen]
        if those:
            st.markdown(f"**{title}**")
        with st.container(horizontal=True, gap="small"):
            for index in those:
                with st.container(border=True, width=_CARD, gap="small"):
                    views = found.clean.view(index), found.rounded.view(index)
                    _card(choice, asked.pictures[index], *views, fooled=bool(found.rounded.success[index]))


def _card(choice: Choice, picture: Picture, clean: View, changed: View, *, fooled: bool) -> None:
    small = png(thumbnail(changed.picture, 224))
    st.image(small, output_format="PNG", width="stretch", alt=f"{picture.title} with the noise")
    st.caption(f"{top_class(clean, choice.subject.labels)}  \n→ {top_class(changed, choice.subject.labels)}")
    st.markdown(":green-badge[fooled]" if fooled else ":gray-badge[not fooled]")


def _away(choice: Choice, asked: _Asked, found: Universal) -> None:
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
        File("Noise (PNG)", lambda: png(_drawn(found.delta, asked)[0]), "cnnlab_universal.png", "image/png"),
        File("Noise (NPY)", lambda: _npy(found.delta), "cnnlab_universal.npy", "application/octet-stream"),
        File(
            "Every picture (CSV)",
            lambda: universal_table(found, [one.title for one in asked.pictures], choice.subject.labels),
            "cnnlab_universal.csv",
            "text/csv",
        ),
    )


def _drawn(delta: torch.Tensor, asked: _Asked) -> tuple[Image.Image, float]:
    """The change (1, 3, H, W) made visible, and how many times stronger it is drawn."""
    return change_picture(_array(delta) * LEVELS, gain(Plan(norm=asked.norm, eps=asked.eps)))


def _array(delta: torch.Tensor) -> np.ndarray:
    return delta[0].permute(1, 2, 0).cpu().numpy()


def _npy(delta: torch.Tensor) -> bytes:
    file = io.BytesIO()
    np.save(file, _array(delta))
    return file.getvalue()
