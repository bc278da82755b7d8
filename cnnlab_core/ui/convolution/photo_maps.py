"""Planes of a photo as they are drawn on the tab On a photo, and the one way in which they are worked out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import streamlit as st

from cnnlab_core.checks import Array
from cnnlab_core.convolution import KERNELS
from cnnlab_core.from_scratch.photo_filters import FULL_COLOUR, to_photo
from cnnlab_core.images import png
from cnnlab_core.plots.signed import signed_picture
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run

Result = TypeVar("Result")

TITLES = {kernel.title: name for name, kernel in KERNELS.items()}
"""The names of the lab's kernels by their titles."""


@dataclass(frozen=True)
class Shown:
    """Planes as they are shown: a PNG for each map, their shape, their lowest and highest number, and the number that
    has full colour in signed maps. One cell ``sees`` that many pixels of the photo along each axis."""

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


def draw(title: str, planes: Array, *, signed: bool, sees: int = 1) -> Shown:
    """Planes as PNGs: signed maps on one common scale, one for each channel, or together a picture."""
    limit = float(np.quantile(np.abs(planes), FULL_COLOUR))
    pictures = [signed_picture(plane, limit) for plane in planes] if signed else [to_photo(planes)]
    encoded = tuple(png(picture) for picture in pictures)
    return Shown(title, encoded, planes.shape, float(planes.min()), float(planes.max()), limit, sees)


def show_map(place: Any, picture: bytes, alt: str, *, caption: str | None = None) -> None:
    """A map as it is, pixel by pixel: a PNG, as wide as ``place``."""
    place.image(picture, output_format="PNG", width="stretch", alt=alt, caption=caption)


def worked_out(name: str, picture: Picture, settings: tuple[object, ...], make: Callable[[], Result]) -> Result | None:
    """What ``make`` gives for these settings: kept, and shared if the picture is a sample."""
    with st.container():  # one of its own: what follows stays in its place when the status line comes and goes
        return run(
            f"photo {name}",
            digest("photo", name, picture.key, *settings),
            lambda: once(make),
            label="Sliding the kernels",
            for_everybody=picture.is_sample,
        ).result


def size(shape: tuple[int, ...]) -> str:
    """Channels, height and width in words."""
    return " × ".join(map(str, shape))
