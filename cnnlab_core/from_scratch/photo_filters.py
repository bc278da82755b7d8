"""Kernels on photographs: a picture as planes of numbers, the response of a kernel, and layers stacked."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
from PIL import Image

from cnnlab_core.checks import Array, choice, numbers
from cnnlab_core.convolution import KERNELS, conv2d, max_pool2d
from cnnlab_core.convolution.options import MatrixOptions
from cnnlab_core.errors import InputError

LONGEST = 320
"""The longer side of the picture that is worked on, in pixels: large enough to see, small enough to follow a slider."""

FULL_COLOUR = 0.99
"""The share of cells that lie within a signed map's scale: a few extremes would make all others pale."""

MAX_KERNEL = 15
PADDINGS = ("none", "half", "full")


def to_planes(picture: Image.Image, *, grey: bool = True, longest: int = LONGEST) -> Array:
    """A picture, shrunk to ``longest`` pixels, as (1, H, W) grey or (3, H, W) red, green, blue; 0 black to 1 white."""
    small = picture.convert("L" if grey else "RGB")
    small.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    pixels = np.asarray(small, dtype=np.float64) / 255
    return pixels[None] if grey else pixels.transpose(2, 0, 1)


def to_photo(planes: npt.ArrayLike) -> Image.Image:
    """Planes (1, H, W) or (3, H, W) as a picture: clipped to 0 to 1 and rounded to 8 bits."""
    values = np.rint(np.clip(numbers("planes", planes, [3]), 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0))


def pad_by(amount: str, kernel: npt.ArrayLike) -> tuple[tuple[int, int], ...]:
    """The padding (before, after) of each axis: none, half the kernel (at stride 1 the size stays), or all but one."""
    choice("padding", amount, PADDINGS)
    sides = {"none": lambda k: (0, 0), "half": lambda k: ((k - 1) // 2, k // 2), "full": lambda k: (k - 1, k - 1)}
    return tuple(sides[amount](k) for k in numbers("kernel", kernel, [2]).shape)


def respond(planes: npt.ArrayLike, kernel: npt.ArrayLike, **options: Unpack[MatrixOptions]) -> Array:
    """Slide one kernel (kh, kw) over each plane of (C, H, W) by itself; options as for ``conv2d``."""
    planes, kernel = numbers("planes", planes, [3]), numbers("kernel", kernel, [2])
    if max(kernel.shape) > MAX_KERNEL:
        raise InputError(f"The kernel is {kernel.shape[0]} x {kernel.shape[1]}: keep it within {MAX_KERNEL} cells.")
    each = np.tile(kernel, (len(planes), 1, 1, 1))
    return conv2d(planes, each, groups=len(planes), **options)


def gradient_magnitude(planes: npt.ArrayLike, **options: Unpack[MatrixOptions]) -> Array:
    """How steep the picture is, whatever the direction: the length of the vector (Sobel x, Sobel y)."""
    across, down = (respond(planes, KERNELS[name].weights, **options) for name in ("sobel_x", "sobel_y"))
    return np.hypot(across, down)


# --- layers, one on another -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A layer that works on planes: its ``window`` in cells, and the ``stride`` with which it slides."""

    name: str
    apply: Callable[[Array], Array]
    window: int = 1
    stride: int = 1


class Stage(NamedTuple):
    """What comes out of a layer, and how many pixels of the photo, across and down, one cell of it has seen."""

    name: str
    planes: Array
    sees: int


def kernel_layer(title: str, kernel: npt.ArrayLike) -> Layer:
    """A convolution that keeps the size; the border's pixels are repeated outwards, so that no edge appears there."""
    kernel = numbers("kernel", kernel, [2])
    padding = pad_by("half", kernel)

    def apply(planes: Array) -> Array:
        return respond(planes, kernel, padding=padding, padding_mode="replicate")

    return Layer(title, apply, window=max(kernel.shape))


def relu_layer() -> Layer:
    """What is negative becomes 0."""
    return Layer("ReLU", lambda planes: np.maximum(planes, 0))


def pool_layer(window: int) -> Layer:
    """The maximum of each window."""
    return Layer(f"max pool {window}", lambda planes: max_pool2d(planes, window), window, window)


def stack(planes: Array, layers: Iterable[Layer]) -> list[Stage]:
    """The planes, and what each layer makes of the one before."""
    stages = [Stage("photo", planes, 1)]
    jump = 1  # how far apart, in pixels of the photo, two neighbouring cells look
    for layer in layers:
        before = stages[-1]
        stages.append(Stage(layer.name, layer.apply(before.planes), before.sees + (layer.window - 1) * jump))
        jump *= layer.stride
    return stages
