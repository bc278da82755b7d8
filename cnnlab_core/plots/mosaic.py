"""Feature maps as pictures: one mosaic of many, or one large; positive in a bright scale, signed in two colours."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image

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
    """Numbers as RGB bytes (..., 3): [0, 1] from black to bright; ``signed``, [-1, 1] from blue over white to red."""
    numbers = np.asarray(values, dtype=np.float64)
    if signed:
        return matplotlib.colormaps["RdBu_r"]((numbers + 1) / 2, bytes=True)[..., :3]
    return matplotlib.colormaps["magma"](numbers, bytes=True)[..., :3]


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


def overlay(picture: Image.Image, scaled: npt.ArrayLike, *, strength: float = 0.75) -> Image.Image:
    """A map laid over the picture it belongs to: where it is positive the picture shows, elsewhere it is dark."""
    positive = np.asarray(scaled, dtype=np.float64).clip(0, None)
    shares = (positive / max(float(np.quantile(positive, 0.98)), 1e-12)).clip(0, 1)
    mask = Image.fromarray(np.rint(shares * 255).astype(np.uint8)).resize(picture.size, Image.Resampling.BICUBIC)
    light = (1 - strength) + strength * np.asarray(mask, dtype=np.float64)[..., None] / 255
    return Image.fromarray(np.rint(np.asarray(picture, dtype=np.float64) * light).astype(np.uint8))


def field_on_picture(
    picture: Image.Image, box: tuple[int, int, int, int] | None, unclipped: tuple[int, int, int, int] | None = None
) -> Image.Image:
    """The picture with everything outside ``box`` (top, left, bottom, right, inclusive) dimmed and its edge drawn.

    Where the ``unclipped`` field reaches past the picture, the picture is widened and the padding hatched.
    """
    height, width = picture.height, picture.width
    top, left, bottom, right = unclipped or box or (0, 0, height - 1, width - 1)
    before = max(0, -top), max(0, -left)
    after = max(0, bottom - height + 1), max(0, right - width + 1)
    rows, cols = np.indices((before[0] + height + after[0], before[1] + width + after[1]))
    canvas = np.where(((rows + cols) // 4 % 2 == 0)[..., None], 120, 150).astype(np.float64).repeat(3, -1)
    inside = np.zeros(canvas.shape[:2], bool)
    inside[max(0, before[0] + top) : before[0] + bottom + 1, max(0, before[1] + left) : before[1] + right + 1] = True
    photo = (slice(before[0], before[0] + height), slice(before[1], before[1] + width))
    canvas[photo] = np.asarray(picture.convert("RGB"), dtype=np.float64)
    canvas[~inside] *= 0.3
    edge = inside & ~_eroded(inside)
    canvas[edge] = (20, 200, 180)
    return Image.fromarray(np.rint(canvas).astype(np.uint8))


def _eroded(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    padded = np.pad(mask, 1)
    return padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
