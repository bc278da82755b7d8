"""The photo through several kernels: side by side, and as layers, one on another."""

import numpy as np
import streamlit as st

from cnnlab_core.convolution import KERNELS
from cnnlab_core.convolution.options import MatrixOptions
from cnnlab_core.from_scratch.photo_filters import (
    gradient_magnitude,
    kernel_layer,
    pad_by,
    pool_layer,
    relu_layer,
    respond,
    stack,
    to_planes,
)
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.convolution.photo_maps import TITLES, Shown, draw, show_map, size, worked_out
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.show import plain

MAPS, PICTURES = ("sobel_x", "sobel_y", "laplacian"), ("identity", "blur", "sharpen", "emboss")
WINDOWS = (2, 3, 4)


def gallery(picture: Picture, stride: int, padding: str, padding_mode: str) -> None:
    """The same picture through several kernels, in two rows."""
    st.header("Several kernels, side by side")
    st.markdown(
        "Kernels whose weights add up to 0 (the first three) are blind to flat areas and respond to change. "
        "Those whose weights add up to 1 (the last four) make a picture again."
    )
    ways = (stride, padding, padding_mode)
    drawn = worked_out("gallery", picture, ways, lambda: draw_gallery(picture, *ways)) or []
    for row in drawn[:4], drawn[4:]:
        for column, shown in zip(st.columns(4, gap="medium"), row, strict=False):
            show_map(column, shown.pictures[0], f"The response of {shown.title}")
            column.markdown(f"**{plain(shown.title)}** {shown.scale}")


def draw_gallery(picture: Picture, stride: int, padding: str, padding_mode: str) -> list[Shown]:
    """Eight responses to the grey picture: four signed maps, then four pictures."""
    planes = to_planes(picture.image)
    sides = [list(pair) for pair in pad_by(padding, np.ones((3, 3)))]
    ways: MatrixOptions = {"stride": stride, "padding": sides, "padding_mode": padding_mode}
    steepness = draw("Gradient magnitude", gradient_magnitude(planes, **ways), signed=True)
    maps, pictures = (
        [draw(KERNELS[name].title, respond(planes, KERNELS[name].weights, **ways), signed=signed) for name in names]
        for names, signed in ((MAPS, True), (PICTURES, False))
    )
    return [*maps, steepness, *pictures]


def layers(picture: Picture, controls: Controls) -> list[Shown]:
    """Kernel, ReLU, pooling, kernel: what each makes of the one before. Gives the stages."""
    st.header("Layers, one on another")
    st.markdown(
        "This is what a network does: the second kernel slides over what the first one found, and pooling in between "
        "lets it see more of the photo with the same nine weights."
    )
    titles = list(TITLES)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        first = controls.select("first", "First kernel", titles, KERNELS["sobel_x"].title, width=200)
        window = controls.one_of("pool", "Pooling window", WINDOWS, 2)
        second = controls.select("second", "Second kernel", titles, KERNELS["sobel_y"].title, width=200)
    settings = (first, window, second)
    stages = worked_out("layers", picture, settings, lambda: draw_layers(picture, *settings)) or []
    for column, (number, shown) in zip(st.columns(5, gap="medium"), enumerate(stages), strict=False):
        with column:
            show_map(st, shown.pictures[0], f"Stage {number}: {shown.title}")
            st.markdown(f"**{number}. {plain(shown.title)}**" if number else "**The photo, grey**")
            pixels = "one pixel" if shown.sees == 1 else f"{shown.sees} × {shown.sees} pixels of the photo"
            st.caption(f"{size(shown.shape)}, {shown.scale}. One cell sees {pixels}.")
    return stages


def draw_layers(picture: Picture, first: str, window: int, second: str) -> list[Shown]:
    """Every stage, the photo first."""
    kernels = [kernel_layer(title, KERNELS[TITLES[title]].weights) for title in (first, second)]
    stages = stack(to_planes(picture.image), [kernels[0], relu_layer(), pool_layer(window), kernels[1]])
    return [draw(stage.name, stage.planes, signed=number > 0, sees=stage.sees) for number, stage in enumerate(stages)]
