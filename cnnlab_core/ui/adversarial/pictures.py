"""What several tabs draw: a picture with its class, and original, noise and adversarial picture side by side."""

import math
from collections.abc import Sequence

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.result import AttackResult, View
from cnnlab_core.images import jpeg, png, thumbnail
from cnnlab_core.images.levels import LEVELS
from cnnlab_core.plots.noise import noise_picture
from cnnlab_core.ui.address import OWN
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.shared import all_pictures
from cnnlab_core.ui.show import data_address, plain

_CRISP = 320
"""Pixels along the longer side from which on a picture looks crisp on the page."""

_LIVE = 100
"""Pixels that are enough for a moment."""

_CHANNELS = 3 * 224 * 224
"""Of a picture as most networks see it."""


def crisp(picture: Image.Image) -> Image.Image:
    """A picture of few pixels grown so that each stays a square: the browser would blur them. Others as they are."""
    return thumbnail(picture, max(_CRISP, *picture.size))


def show_picture(place: DeltaGenerator, title: str, picture: Image.Image, line: str, *, live: bool = False) -> None:
    """A picture in its ``place`` (an ``st.empty``), a title above and a line (markdown) below.

    While it is ``live`` it will soon be painted over, so it travels inside the page, as small as it looks well.
    """
    shown = picture if live and min(picture.size) >= _LIVE else crisp(picture)
    with place.container(gap="small"):
        st.markdown(f"**{title}**")
        if live:
            st.image(data_address(jpeg(shown, 70), "jpeg"), width="stretch", alt=title)
        else:
            st.image(png(shown), output_format="PNG", width="stretch", alt=title)
        st.markdown(line)


def show_trio(
    places: Sequence[DeltaGenerator],
    clean: View,
    after: View,
    labels: Sequence[str],
    plan: Plan | None = None,
    *,
    live: bool = False,
) -> None:
    """Original, noise and adversarial picture, each in its place, with the network's answers.

    The noise of a ``plan`` is drawn with one gain, that of its epsilon. ``live``: the original isn't drawn again.
    """
    if not live:
        show_picture(places[0], "Original", clean.picture, top_class(clean, labels))
    noise, scale = noise_picture(clean.pixels, after.pixels, gain(plan) if plan else None)
    if live and min(noise.size) >= 2 * _LIVE:  # of noise little can be compressed
        noise = noise.resize((noise.width // 2, noise.height // 2), Image.Resampling.NEAREST)
    show_picture(places[1], f"Noise × {scale:.3g}", noise, "grey is no change", live=live)
    show_picture(places[2], "Adversarial", after.picture, top_class(after, labels), live=live)


def gain(plan: Plan) -> float | None:
    """How many times stronger the noise of an attack is drawn; None where no epsilon says how large it may be.

    In L∞ a change of epsilon is fully bright or dark. In L2 one of six times the mean is, if all channels share it.
    """
    if not plan.entry.takes("eps") or not plan.eps or plan.ball_norm == "l1":
        return None
    return 127 / (LEVELS * plan.eps) * (1 if plan.ball_norm == "linf" else math.sqrt(_CHANNELS) / 6)


def top_class(view: View, labels: Sequence[str]) -> str:
    """“tiger cat 82.1 %”, as markdown: the most probable class."""
    return f"**{plain(labels[view.best])}** {view.probability(view.best):.1%}"


def probabilities_by_step(found: AttackResult) -> dict[int, list[float]]:
    """The probability of the class before, and of the target if there is one, at each step of an attack."""
    (y, target), history = found.goal.single, found.history
    lines = {y: history.p_true[:, 0].tolist()}
    if target is not None and history.p_target is not None:
        lines[target] = history.p_target[:, 0].tolist()
    return lines


def pictures_by_title() -> dict[str, Picture]:
    """The gallery and the session's own pictures, as they are offered."""
    return {one.title if one.is_sample else f"{OWN}{one.title}": one for one in all_pictures()}


def looked_at(words: str) -> DeltaGenerator:
    """What to look at, in a sentence; gives the place at its right, for the row of the view's job."""
    left, right = st.columns([1, 1.15], gap="medium", vertical_alignment="center")
    left.caption(words)
    return right
