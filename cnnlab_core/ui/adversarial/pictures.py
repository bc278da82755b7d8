"""What several tabs draw: a picture with its class, and original, noise and adversarial picture side by side."""

from collections.abc import Sequence

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.result import AttackResult, View
from cnnlab_core.images import png, thumbnail
from cnnlab_core.plots.noise import noise_picture
from cnnlab_core.ui.address import OWN
from cnnlab_core.ui.shared import Picture, all_pictures
from cnnlab_core.ui.show import data_address, plain

_CRISP = 320
"""Pixels along the longer side from which on a picture looks crisp on the page."""


def crisp(picture: Image.Image) -> Image.Image:
    """A picture of few pixels grown so that each stays a square: the browser would blur them. Others as they are."""
    return thumbnail(picture, max(_CRISP, *picture.size))


def show_picture(place: DeltaGenerator, title: str, picture: Image.Image, line: str, *, live: bool = False) -> None:
    """A picture in its ``place`` (an ``st.empty``), a title above and a line (markdown) below.

    While it is ``live`` it will soon be painted over, so it travels inside the page.
    """
    content = png(crisp(picture))
    with place.container():
        st.markdown(f"**{title}**")
        if live:
            st.image(data_address(content), width="stretch", alt=title)
        else:
            st.image(content, output_format="PNG", width="stretch", alt=title)
        st.markdown(line)


def show_trio(
    places: Sequence[DeltaGenerator], clean: View, after: View, labels: Sequence[str], *, live: bool = False
) -> None:
    """Original, noise and adversarial picture, each in its place, with the network's answers."""
    noise, scale = noise_picture(clean.pixels, after.pixels)
    show_picture(places[0], "Original", clean.picture, top_class(clean, labels), live=live)
    show_picture(places[1], f"Noise × {scale:.3g}", noise, "what was added; grey is no change", live=live)
    show_picture(places[2], "Adversarial", after.picture, top_class(after, labels), live=live)


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
