"""What several tabs of the page draw: a picture with what the network says of it, before and after."""

from collections.abc import Sequence

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.studies.attack import View
from cnnlab_core.images import png, thumbnail
from cnnlab_core.plots.noise import noise_picture
from cnnlab_core.ui.show import data_address, plain

FIGURE = {"displayModeBar": False}
_CRISP = 320


def crisp(picture: Image.Image) -> Image.Image:
    """A picture of few pixels grown so that each stays a square: the browser would blur them. Others as they are."""
    return thumbnail(picture, max(_CRISP, *picture.size))


def panel(place: DeltaGenerator, title: str, picture: Image.Image, line: str, *, live: bool = False) -> None:
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


def said(view: View, labels: Sequence[str], index: int | None = None) -> str:
    """“tiger cat 82.1 %”: the class that the network names first, or class ``index``, as markdown."""
    index = view.best if index is None else index
    return f"**{plain(labels[index])}** {view.probability(index):.1%}"


def trio(
    places: Sequence[DeltaGenerator], clean: View, after: View, labels: Sequence[str], *, live: bool = False
) -> None:
    """Original, noise and adversarial picture, each in its place, with what the network says."""
    noise, scale = noise_picture(clean.pixels, after.pixels)
    panel(places[0], "Original", clean.picture, said(clean, labels), live=live)
    panel(places[1], f"Noise × {scale:.3g}", noise, "what was added, around grey", live=live)
    panel(places[2], "Adversarial", after.picture, said(after, labels), live=live)
