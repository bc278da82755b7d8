"""Feature maps as pictures: one mosaic of many, or one large."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from cnnlab_core.plots.theme import SIGNED, UNSIGNED

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Mosaic:
    """An RGBA picture of ``rows`` × ``cols`` tiles, ``size`` pixels each and ``gap`` apart; ``count`` are filled."""

    picture: Image.Image
    rows: int
    cols: int
    count: int
    size: int
    gap: int


def colour(values: npt.ArrayLike, *, signed: bool) -> npt.NDArray[np.uint8]:
    """Numbers as RGB bytes (..., 3): [0, 1] from black to bright; ``signed``, [-1, 1] from orange to teal."""
    numbers = np.asarray(values, dtype=np.float64)
    return (SIGNED((numbers + 1) / 2, bytes=True) if signed else UNSIGNED(numbers, bytes=True))[..., :3]


def rgb(shares: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Colours in [0, 1] as bytes."""
    return np.rint(np.asarray(shares, dtype=np.float64) * 255).astype(np.uint8)


def mosaic(scaled: npt.ArrayLike, *, cols: int = 0, tile: int = 56, gap: int = 2, signed: bool | None = None) -> Mosaic:
    """Scaled maps (N, h, w) as tiles about ``tile`` pixels wide, in reading order; small maps grow by whole pixels.

    ``signed`` (default: whether any is negative) says which colours; mosaics to be compared need the same ones.
    """
    maps = np.asarray(scaled, dtype=np.float64)
    skip = max(1, max(maps.shape[1:]) // (2 * tile))  # maps far larger than their tile are thinned out
    signed = bool((maps < 0).any()) if signed is None else signed
    return tiles(colour(maps[:, ::skip, ::skip], signed=signed), cols=cols, tile=tile, gap=gap)


GREY = (128, 128, 128, 255)
CLEAR = (0, 0, 0, 0)


def tiles(
    pictures: npt.NDArray[np.uint8],
    *,
    cols: int = 0,
    tile: int = 56,
    gap: int = 2,
    ground: tuple[int, int, int, int] = GREY,
) -> Mosaic:
    """RGB pictures (N, h, w, 3) as tiles about ``tile`` pixels wide; they grow by whole pixels and never shrink.

    ``ground`` is the RGBA between them; where grey means something in the pictures, it should be clear.
    """
    count, height, width, _ = pictures.shape
    cols = cols or math.ceil(math.sqrt(count * 1.6))
    rows = math.ceil(count / cols)
    grow = max(1, round(tile / max(height, width)))
    grown = np.repeat(np.repeat(pictures, grow, 1), grow, 2)
    size = max(grown.shape[1:3])
    canvas = np.empty((rows * (size + gap) - gap, cols * (size + gap) - gap, 4), np.uint8)
    canvas[:] = ground
    for index, picture in enumerate(grown):
        top, left = (index // cols) * (size + gap), (index % cols) * (size + gap)
        place = canvas[top : top + picture.shape[0], left : left + picture.shape[1]]
        place[..., :3], place[..., 3] = picture, 255
    empty = rows * cols - count
    if empty:
        canvas[-size:, -empty * (size + gap) + gap :] = CLEAR
    return Mosaic(Image.fromarray(canvas), rows, cols, count, size, gap)


def side_by_side(pictures: Sequence[Image.Image], *, gap: int = 12) -> Image.Image:
    """Pictures in one row on white; what is clear in them stays white."""
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    canvas = Image.new("RGB", (width, max(picture.height for picture in pictures)), "white")
    left = 0
    for picture in pictures:
        canvas.paste(picture, (left, 0), mask=picture.convert("RGBA"))
        left += picture.width + gap
    return canvas


def in_a_row(pictures: Sequence[Image.Image], side: int, gap: int, *, places: int = 0) -> Image.Image:
    """Square pictures side by side on a clear ground, ``side`` pixels each, with room for ``places`` of them."""
    row = Image.new("RGBA", (max(places, len(pictures)) * (side + gap) - gap, side))
    for index, picture in enumerate(pictures):
        row.paste(picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC), (index * (side + gap), 0))
    return row


def in_a_square(picture: Image.Image, side: int) -> Image.Image:
    """The whole picture as large as it fits into a square that is clear around it; few pixels stay squares."""
    growth = side / max(picture.size)
    size = max(1, round(picture.width * growth)), max(1, round(picture.height * growth))
    fitted = picture.convert("RGB").resize(size, Image.Resampling.NEAREST if growth > 4 else Image.Resampling.BICUBIC)
    canvas = Image.new("RGBA", (side, side))
    canvas.paste(fitted, ((side - fitted.width) // 2, (side - fitted.height) // 2))
    return canvas


def one_map(scaled: npt.ArrayLike, *, signed: bool) -> Image.Image:
    """A scaled map (h, w), a pixel a cell."""
    return Image.fromarray(colour(scaled, signed=signed))
