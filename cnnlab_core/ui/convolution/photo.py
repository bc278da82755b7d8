"""On a photo: the very kernels of the small grids, slid over a picture."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.checks import Array
from cnnlab_core.convolution import KERNELS, latex
from cnnlab_core.convolution.options import PADDING_MODES, MatrixOptions
from cnnlab_core.convolution.typed import read_numbers
from cnnlab_core.from_scratch.photo_filters import (
    LONGEST,
    PADDINGS,
    gradient_magnitude,
    kernel_layer,
    pad_by,
    pool_layer,
    relu_layer,
    respond,
    stack,
    to_photo,
    to_planes,
)
from cnnlab_core.images import png
from cnnlab_core.plots.signed import signed_legend, signed_picture
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.shared import Picture, choose_picture
from cnnlab_core.ui.show import plain, sentences
from cnnlab_core.ui.take_away import File, take_away

Result = TypeVar("Result")

TITLES = {kernel.title: name for name, kernel in KERNELS.items()}
OWN = "My own numbers"
GRID_KERNEL = "conv_2_w"
"""Where the 2-D tab keeps its kernel, as text."""
CHANNELS = ["Grey", "Red, green, blue"]
VIEWS = ["Signed map", "Picture"]
MAPS, PICTURES = ("sobel_x", "sobel_y", "laplacian"), ("identity", "blur", "sharpen", "emboss")
WINDOWS = (2, 3, 4)
PNG = "image/png"
FULL_COLOUR = 0.99
"""The share of cells that lie within a signed map's scale: a few extremes would make all others pale."""


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
    def options(self) -> MatrixOptions:
        padding = [list(sides) for sides in pad_by(self.padding, self.kernel)]
        return {"stride": self.stride, "padding": padding, "padding_mode": self.padding_mode}


@dataclass(frozen=True)
class Shown:
    """Planes as they are shown: a PNG for each map, their shape, their lowest and highest number, and the number that
    has full colour in signed maps."""

    title: str
    pictures: tuple[bytes, ...]
    shape: tuple[int, ...]
    low: float
    high: float
    limit: float
    sees: int = 1

    @property
    def scale(self) -> str:
        return f"{self.low:.2f} to {self.high:.2f}".replace("-", "\N{MINUS SIGN}")


def show() -> None:
    """The tab."""
    picture = choose_picture()
    st.markdown(
        "The same nine weights at every place of the picture. Look at the two sides of anything dark: "
        "where the picture gets brighter from left to right Sobel x is positive (teal), where it gets darker, "
        "negative (orange)."
    )
    with sentences():
        slide = controls()
        answer = response(picture, slide)
        if answer is None:
            return
        st.divider()
        side_by_side(picture, slide)
        st.divider()
        stages = layers(picture)
        take_away(python_code(picture, slide), *files(picture, slide, answer, stages))


def controls() -> Slide:
    """The kernel and how it slides."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        title = st.selectbox("Kernel", [*TITLES, OWN], index=3, key="conv_photo_kernel", bind="query-params", width=180)
        channels = segmented(
            st, "Channels", CHANNELS, default=CHANNELS[0], key="conv_photo_channels", bind="query-params"
        )
        padding = segmented(st, "Padding", PADDINGS, default="half", key="conv_photo_padding", bind="query-params")
        mode = st.selectbox(
            "Border", PADDING_MODES, index=2, key="conv_photo_border", bind="query-params", width=130,
            help="What the padding is filled with.",
        )  # fmt: skip
        stride = st.slider("Stride", 1, 8, 1, key="conv_photo_stride", bind="query-params", width=140)
    if title == OWN:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            text = st.text_input(
                "The kernel, a semicolon after each row",
                "1 0 -1; 1 0 -1; 1 0 -1",
                key="conv_photo_numbers",
                bind="query-params",
                max_chars=1000,
                width=420,
            )
            if GRID_KERNEL in st.session_state:
                st.button("Take the kernel of the 2-D tab", on_click=take_grid_kernel, key="conv_photo_take")
        kernel = tuple(map(tuple, np.atleast_2d(read_numbers(text, "kernel")).tolist()))
    else:
        kernel = KERNELS[TITLES[title]].weights
    return Slide(title, kernel, channels == CHANNELS[0], stride, padding, mode)


def take_grid_kernel() -> None:
    """The 2-D tab's kernel, of several planes the first, becomes the kernel here."""
    st.session_state["conv_photo_numbers"] = st.session_state[GRID_KERNEL].split("|")[0].strip()


# --- one kernel -----------------------------------------------------------------------------------------------


def response(picture: Picture, slide: Slide) -> Shown | None:
    """The picture, the kernel, and the response, which it gives back; None where there is none."""
    left, right = st.columns(2, gap="large")
    place = right.container()
    view = segmented(right, "Response as", VIEWS, default=VIEWS[0], key="conv_photo_view", bind="query-params")
    signed = view == VIEWS[0]
    shown = worked_out("response", picture, (slide, signed), lambda: respond_and_draw(picture, slide, signed))
    if shown is None:
        return None
    photo, answer = shown
    with left:
        st.markdown("**The picture, as numbers from 0 (black) to 1 (white)**")
        st.image(photo.pictures[0], output_format="PNG", width="stretch", alt=f"The picture: {plain(picture.title)}")
        st.caption(f"{_size(photo.shape)}; its longer side is {LONGEST} pixels here, so that it follows the controls.")
        st.latex(rf"w = {latex.matrix(np.array(slide.kernel))}")
        if slide.title != OWN:
            st.markdown(plain(KERNELS[TITLES[slide.title]].meaning))
    with place:
        st.markdown(f"**The response of {plain(slide.title)}, numbers from {answer.scale}**")
        columns = st.columns(len(answer.pictures))
        for column, content, name in zip(columns, answer.pictures, _names(len(answer.pictures)), strict=True):
            column.image(
                content, output_format="PNG", width="stretch", alt=f"The response {name}", caption=name or None
            )
        if signed:
            legend(answer.limit)
        else:
            st.caption("As a picture, what is below 0 is black and what is above 1 is white.")
        st.caption(f"{_size(answer.shape)}: {size_in_words(photo, slide, answer)}")
    return answer


def respond_and_draw(picture: Picture, slide: Slide, signed: bool) -> tuple[Shown, Shown]:
    """The working picture and the response to it."""
    planes = to_planes(picture.image, grey=slide.grey)
    answer = respond(planes, slide.kernel, **slide.options)
    return draw("photo", planes, signed=False), draw(slide.title, answer, signed=signed)


def draw(title: str, planes: Array, *, signed: bool, sees: int = 1) -> Shown:
    """Planes as PNGs: signed maps on one common scale, one for each channel, or together a picture."""
    limit = float(np.quantile(np.abs(planes), FULL_COLOUR))
    pictures = [signed_picture(plane, limit) for plane in planes] if signed else [to_photo(planes)]
    encoded = tuple(png(picture) for picture in pictures)
    return Shown(title, encoded, planes.shape, float(planes.min()), float(planes.max()), limit, sees)


def numbers_table(image: Image.Image, slide: Slide) -> str:
    """The response as CSV: channel, row, column, value."""
    answer = respond(to_planes(image, grey=slide.grey), slide.kernel, **slide.options)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("channel", "row", "column", "value"))
    writer.writerows((*index, f"{value:.9g}") for index, value in np.ndenumerate(answer))
    return text.getvalue()


def legend(limit: float) -> None:
    """The scale of the signed maps: full colour is for ``limit`` and more."""
    st.image(png(signed_legend()), width="stretch", alt="The scale, from negative on the left to positive on the right")
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for end in (f"\N{MINUS SIGN}{limit:.2f} and less", "0", f"+{limit:.2f} and more"):
            st.caption(end, width="content")


def size_in_words(photo: Shown, slide: Slide, answer: Shown) -> str:
    """Where the response's height comes from."""
    (before, after), k, n = pad_by(slide.padding, slide.kernel)[0], len(slide.kernel), photo.shape[1]
    return f"its height is ⌊({n} + {before + after} − {k}) / {slide.stride}⌋ + 1 = {answer.shape[1]}."


def worked_out(name: str, picture: Picture, settings: tuple[object, ...], make: Callable[[], Result]) -> Result | None:
    """What ``make`` gives for these settings: kept, and shared if the picture is a sample."""
    with st.container():  # one of its own: what follows stays in its place when the status line comes and goes
        return run(
            f"photo {name}",
            digest("photo", name, picture.key, *settings),
            lambda: once(make),
            label="Sliding the kernels",
            share=lambda step: 0.0,
            for_everybody=picture.is_sample,
        ).result


# --- several kernels, several layers --------------------------------------------------------------------------


def side_by_side(picture: Picture, slide: Slide) -> None:
    """The same picture through several kernels."""
    st.header("Several kernels, side by side")
    st.markdown(
        "Kernels whose weights add up to 0 (the first three) are blind to flat ground and answer to change. "
        "Those whose weights add up to 1 (the last four) make a picture again."
    )
    ways = (slide.stride, slide.padding, slide.padding_mode)
    gallery = worked_out("gallery", picture, ways, lambda: draw_gallery(picture, slide))
    for row in (gallery or [])[:4], (gallery or [])[4:]:
        for column, shown in zip(st.columns(4, gap="medium"), row, strict=False):
            column.image(shown.pictures[0], output_format="PNG", width="stretch", alt=f"The response of {shown.title}")
            column.markdown(f"**{plain(shown.title)}** {shown.scale}")


def draw_gallery(picture: Picture, slide: Slide) -> list[Shown]:
    """Eight responses to the grey picture: four signed maps, then four pictures."""
    planes = to_planes(picture.image)
    padding = [list(sides) for sides in pad_by(slide.padding, np.ones((3, 3)))]
    ways: MatrixOptions = {**slide.options, "padding": padding}
    steepness = draw("Gradient magnitude", gradient_magnitude(planes, **ways), signed=True)
    maps, pictures = (
        [draw(KERNELS[name].title, respond(planes, KERNELS[name].weights, **ways), signed=signed) for name in names]
        for names, signed in ((MAPS, True), (PICTURES, False))
    )
    return [*maps, steepness, *pictures]


def layers(picture: Picture) -> list[Shown]:
    """Kernel, ReLU, pooling, kernel: what each makes of the one before. Gives the stages."""
    st.header("Layers, one on another")
    st.markdown(
        "A network does this: the second kernel slides over what the first one found, "
        "and pooling in between lets it see more of the photo with the same nine weights."
    )
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        first = st.selectbox(
            "First kernel", list(TITLES), index=3, key="conv_photo_first", bind="query-params", width=200
        )
        window = segmented(st, "Pooling window", WINDOWS, default=2, key="conv_photo_pool", bind="query-params")
        second = st.selectbox(
            "Second kernel", list(TITLES), index=4, key="conv_photo_second", bind="query-params", width=200
        )
    stages = worked_out("layers", picture, (first, window, second), lambda: draw_layers(picture, first, window, second))
    for column, (number, shown) in zip(st.columns(5, gap="medium"), enumerate(stages or []), strict=False):
        with column:
            st.image(shown.pictures[0], output_format="PNG", width="stretch", alt=f"Stage {number}: {shown.title}")
            st.markdown(f"**{number}. {plain(shown.title)}**" if number else "**The photo, grey**")
            pixels = "one pixel" if shown.sees == 1 else f"{shown.sees} × {shown.sees} pixels of the photo"
            st.caption(f"{_size(shown.shape)}, {shown.scale}. One cell sees {pixels}.")
    return stages or []


def draw_layers(picture: Picture, first: str, window: int, second: str) -> list[Shown]:
    """Every stage, the photo first."""
    kernels = [kernel_layer(title, KERNELS[TITLES[title]].weights) for title in (first, second)]
    stages = stack(to_planes(picture.image), [kernels[0], relu_layer(), pool_layer(window), kernels[1]])
    return [draw(stage.name, stage.planes, signed=number > 0, sees=stage.sees) for number, stage in enumerate(stages)]


# --- to take away ---------------------------------------------------------------------------------------------


def files(picture: Picture, slide: Slide, answer: Shown, stages: list[Shown]) -> Iterator[File]:
    """The response as pictures and as numbers, and the last of the layers."""
    for content, name in zip(answer.pictures, _names(len(answer.pictures)), strict=True):
        yield File(f"Response{name and f', {name}'} (PNG)", content, f"cnnlab_response{name and f'_{name}'}.png", PNG)
    image = picture.image
    yield File("Response, every number (CSV)", lambda: numbers_table(image, slide), "cnnlab_response.csv", "text/csv")
    for stage in stages[-1:]:
        yield File("The last layer (PNG)", stage.pictures[0], "cnnlab_layers.png", PNG)


def python_code(picture: Picture, slide: Slide) -> str:
    """The response in a notebook, by this lab and by PyTorch."""
    source = f'sample_images()["{picture.name}"].content' if picture.is_sample else '"photo.jpg"'
    names = "open_image, sample_images" if picture.is_sample else "open_image"
    kernel = [list(row) for row in slide.kernel] if slide.title == OWN else f'KERNELS["{TITLES[slide.title]}"].weights'
    imports = "" if slide.title == OWN else "from cnnlab_core.convolution import KERNELS\n"
    (top, bottom), (left, right) = pad_by(slide.padding, slide.kernel)
    mode = {"zeros": "constant"}.get(slide.padding_mode, slide.padding_mode)
    return f"""\
import numpy as np
import torch
import torch.nn.functional as F
{imports}from cnnlab_core.from_scratch.photo_filters import respond, to_planes
from cnnlab_core.images import {names}
from cnnlab_core.plots.signed import signed_picture
from cnnlab_core.ui.segmented import segmented

x = to_planes(open_image({source}), grey={slide.grey})  # (channels, H, W), 0 to 1
w = {kernel}
padding = (({top}, {bottom}), ({left}, {right}))
y = respond(x, w, stride={slide.stride}, padding=padding, padding_mode="{slide.padding_mode}")
drawn = signed_picture(y[0], limit=np.quantile(abs(y), {FULL_COLOUR}))  # drawn.save("response.png")

planes = F.pad(torch.tensor(x)[:, None], ({left}, {right}, {top}, {bottom}), mode="{mode}")
by_torch = F.conv2d(planes, torch.tensor(w, dtype=torch.float64)[None, None], stride={slide.stride})[:, 0]
print(y.shape, "largest difference:", abs(y - by_torch.numpy()).max())
"""


def _size(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{channels} × {height} × {width}"


def _names(count: int) -> tuple[str, ...]:
    return ("red", "green", "blue") if count == 3 else ("",)
