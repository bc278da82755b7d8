"""On a photo: the very kernels of the small grids, slid over a picture."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.convolution import KERNELS, latex
from cnnlab_core.convolution.options import PADDING_MODES, MatrixOptions
from cnnlab_core.convolution.typed import read_numbers
from cnnlab_core.from_scratch.photo_filters import LONGEST, PADDINGS, pad_by, respond, to_planes
from cnnlab_core.images import png
from cnnlab_core.plots.signed import signed_legend
from cnnlab_core.recipes.convolution.photo_filters import code
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.convolution.photo_layers import gallery, layers
from cnnlab_core.ui.convolution.photo_maps import TITLES, Shown, draw, show_map, size, worked_out
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.shared import choose_picture
from cnnlab_core.ui.show import form, main_picture, plain
from cnnlab_core.ui.take_away import File, take_away

CONTROLS = Controls("conv_photo")
OWN = "My own numbers"
FIRST_OWN = "1 0 -1; 1 0 -1; 1 0 -1"
GRID_KERNEL = "conv_2_w"
"""Where the 2-D tab keeps its kernel, as text."""
CHANNELS = ("Grey", "Red, green, blue")
VIEWS = ("Signed map", "Picture")
PNG = "image/png"


@dataclass(frozen=True)
class Slide:
    """What slides over the picture, and how."""

    title: str
    kernel: tuple[tuple[float, ...], ...]
    grey: bool
    stride: int
    padding: str
    padding_mode: str

    @property
    def known(self) -> str | None:
        """The kernel's name among the lab's; None for one's own numbers."""
        return TITLES.get(self.title)

    @property
    def options(self) -> MatrixOptions:
        padding = [list(sides) for sides in pad_by(self.padding, self.kernel)]
        return {"stride": self.stride, "padding": padding, "padding_mode": self.padding_mode}


def show() -> None:
    """One kernel on the picture, then several side by side, then layers of them."""
    picture = choose_picture()
    st.markdown(
        "The same nine weights at every place of the picture. Look at the two sides of anything dark: "
        "where the picture gets brighter from left to right, Sobel x is positive (teal); where it gets darker, "
        "negative (orange)."
    )
    slide = choose()
    answer = response(picture, slide)
    if answer is None:
        return
    st.divider()
    gallery(picture, slide.stride, slide.padding, slide.padding_mode)
    st.divider()
    stages = layers(picture, CONTROLS)
    learned("nine numbers are enough to find edges, to blur or to sharpen. A network learns such numbers by itself.")
    recipe = code(
        picture.name if picture.is_sample else None,
        slide.known,
        slide.kernel,
        grey=slide.grey,
        stride=slide.stride,
        padding=slide.padding,
        padding_mode=slide.padding_mode,
    )
    take_away(recipe, *files(picture, slide, answer, stages))


def choose() -> Slide:
    """The kernel and how it slides."""
    with form(horizontal=True, gap="small", vertical_alignment="bottom"):
        title = CONTROLS.select("kernel", "Kernel", [*TITLES, OWN], KERNELS["sobel_x"].title, width=180)
        channels = CONTROLS.one_of("channels", "Channels", CHANNELS, CHANNELS[0])
        stride = CONTROLS.slider("stride", "Stride", 1, 8, 1, 1, width=140)
        with st.popover("Padding", icon=":material/tune:", key="conv_photo_more"):
            padding = CONTROLS.one_of("padding", "Padding", PADDINGS, "half")
            mode = CONTROLS.select(
                "border", "Border", PADDING_MODES, "replicate", help="What the padding is filled with."
            )
    kernel = KERNELS[TITLES[title]].weights if title in TITLES else own_kernel()
    return Slide(title, kernel, channels == CHANNELS[0], stride, padding, mode)


def own_kernel() -> tuple[tuple[float, ...], ...]:
    """A kernel to type, or to take from the 2-D tab."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = "The kernel, with a semicolon after each row"
        text = CONTROLS.text("numbers", label, FIRST_OWN, max_chars=1000, width=420)
        if GRID_KERNEL in st.session_state:
            st.button("Take the kernel of Slide, 2-D", on_click=take_grid_kernel, key=CONTROLS.key("take"))
    return tuple(map(tuple, np.atleast_2d(read_numbers(text, "kernel")).tolist()))


def take_grid_kernel() -> None:
    """The 2-D tab's kernel, of several planes the first, becomes the kernel here."""
    st.session_state[CONTROLS.key("numbers")] = st.session_state[GRID_KERNEL].split("|")[0].strip()


def response(picture: Picture, slide: Slide) -> Shown | None:
    """The picture, the kernel, and the response, which it gives back; None where there is none."""
    left, right = st.columns(2, gap="large")
    place = right.container()
    signed = CONTROLS.one_of("view", "Response as", VIEWS, VIEWS[0], place=right) == VIEWS[0]
    shown = worked_out("response", picture, (slide, signed), lambda: respond_and_draw(picture, slide, signed))
    if shown is None:
        return None
    photo, answer = shown
    with left, main_picture():
        st.markdown("**The picture, as numbers from 0 (black) to 1 (white)**")
        show_map(st, photo.pictures[0], f"The picture: {plain(picture.title)}")
        st.caption(
            f"{size(photo.shape)}. It is scaled to {LONGEST} pixels on its longer side, to keep up with the controls."
        )
        st.latex(rf"w = {latex.matrix(np.array(slide.kernel))}")
        if slide.known:
            st.markdown(plain(KERNELS[slide.known].meaning))
    with place:
        st.markdown(f"**The response of {plain(slide.title)}, numbers from {answer.scale}**")
        columns = st.columns(len(answer.pictures))
        for column, content, name in zip(columns, answer.pictures, _names(answer), strict=True):
            show_map(column, content, f"The response {name}", caption=name or None)
        if signed:
            legend(answer.limit)
        else:
            st.caption("As a picture, what is below 0 is black and what is above 1 is white.")
        st.caption(f"{size(answer.shape)}: {size_in_words(photo, slide, answer)}")
    return answer


def respond_and_draw(picture: Picture, slide: Slide, signed: bool) -> tuple[Shown, Shown]:
    """The working picture and the response to it."""
    planes = to_planes(picture.image, grey=slide.grey)
    answer = respond(planes, slide.kernel, **slide.options)
    return draw("photo", planes, signed=False), draw(slide.title, answer, signed=signed)


def legend(limit: float) -> None:
    """The scale of the signed maps: full colour is for ``limit`` and more."""
    show_map(st, png(signed_legend()), "The scale, from negative on the left to positive on the right")
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for end in (f"\N{MINUS SIGN}{limit:.2f} and less", "0", f"+{limit:.2f} and more"):
            st.caption(end, width="content")


def size_in_words(photo: Shown, slide: Slide, answer: Shown) -> str:
    """Where the response's height comes from."""
    (before, after), k, n = pad_by(slide.padding, slide.kernel)[0], len(slide.kernel), photo.shape[1]
    return f"its height is ⌊({n} + {before + after} − {k}) / {slide.stride}⌋ + 1 = {answer.shape[1]}."


# --- to take away ---------------------------------------------------------------------------------------------


def files(picture: Picture, slide: Slide, answer: Shown, stages: list[Shown]) -> Iterator[File]:
    """The response as pictures and as numbers, and the last of the layers."""
    for content, name in zip(answer.pictures, _names(answer), strict=True):
        yield File(f"Response{name and f', {name}'} (PNG)", content, f"cnnlab_response{name and f'_{name}'}.png", PNG)
    image = picture.image
    yield File("Response, every number (CSV)", lambda: numbers_table(image, slide), "cnnlab_response.csv", "text/csv")
    for stage in stages[-1:]:
        yield File("The last layer (PNG)", stage.pictures[0], "cnnlab_layers.png", PNG)


def numbers_table(image: Image.Image, slide: Slide) -> str:
    """The response as CSV: channel, row, column, value."""
    answer = respond(to_planes(image, grey=slide.grey), slide.kernel, **slide.options)
    rows = ((*index, f"{value:.9g}") for index, value in np.ndenumerate(answer))
    return csv_table(("channel", "row", "column", "value"), rows)


def _names(answer: Shown) -> tuple[str, ...]:
    return ("red", "green", "blue") if len(answer.pictures) == 3 else ("",)
