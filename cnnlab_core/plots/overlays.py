"""What a network sees, laid over the picture: a map, an attribution with its scale, a receptive field."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from cnnlab_core.plots.mosaic import colour

BAND = 38
"""The height of the band with the scale, in pixels."""
EDGE = (20, 200, 180)
"""The edge of a receptive field, which no photograph has."""


def full_colour(values: npt.ArrayLike) -> float:
    """What is drawn in full colour: the 98th percentile of |values|, so that a few extreme pixels don't hide the rest.

    The largest where that is 0 (few pixels have any value at all).
    """
    sizes = np.abs(np.asarray(values, dtype=np.float64))
    return float(np.quantile(sizes, 0.98)) or float(sizes.max())


def in_full_colour(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Numbers as shares of what is drawn in full colour, from -1 to 1."""
    numbers, full = np.asarray(values, dtype=np.float64), full_colour(values)
    return (numbers / full if full else numbers).clip(-1, 1)


def attribution_overlay(picture: Image.Image, values: npt.ArrayLike, *, signed: bool, side: int = 448) -> Image.Image:
    """``values`` (h, w) over the picture in grey, ``side`` pixels wide, with its scale in a band below.

    Colours grow opaque with |value|: from black to bright, or ``signed`` from orange (negative) over white to teal.
    """
    full, scaled = full_colour(values), in_full_colour(values)
    width, height = side, round(side * picture.height / picture.width)
    smooth = Image.fromarray(scaled.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    shares = np.asarray(smooth, dtype=np.float64)
    grey = np.asarray(picture.convert("L").resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)
    backdrop = (255 - 0.45 * (255 - grey)) if signed else 0.45 * grey  # towards the colour of zero
    strength = np.abs(shares)[..., None] ** 0.6
    laid = backdrop[..., None] * (1 - strength) + colour(shares, signed=signed) * strength
    canvas = Image.new("RGB", (width, height + BAND), (20, 25, 28))
    canvas.paste(Image.fromarray(np.rint(laid).astype(np.uint8)), (0, 0))
    _scale(canvas, full, signed=signed)
    return canvas


def influence_in_box(
    influence: npt.ArrayLike,
    box: tuple[int, int, int, int],
    centre: tuple[float, float],
    radii: Sequence[float],
    *,
    side: int = 448,
) -> Image.Image:
    """An influence map (H, W) around ``box`` (top, left, bottom, right, inclusive), which is outlined.

    Circles of ``radii`` pixels lie around ``centre`` (row, col). Brightness is the square root of the influence, or
    the faint outskirts would be black; full is the largest.
    """
    values = np.asarray(influence, dtype=np.float64)
    top, left, bottom, right = box
    margin = max(2, round(0.12 * max(bottom - top, right - left)))
    rows = max(0, top - margin), min(values.shape[0], bottom + 1 + margin)
    cols = max(0, left - margin), min(values.shape[1], right + 1 + margin)
    part = values[slice(*rows), slice(*cols)]
    shares = np.sqrt(part / max(float(values.max()), 1e-300))
    grow = side / max(part.shape)
    size = round(part.shape[1] * grow), round(part.shape[0] * grow)
    canvas = Image.fromarray(colour(shares, signed=False)).resize(size, Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(canvas)
    corners = (left - cols[0], top - rows[0], right + 1 - cols[0], bottom + 1 - rows[0])
    first, last = (tuple(grow * c for c in corners[:2]), tuple(grow * c - 1 for c in corners[2:]))
    draw.rectangle((*first, *last), outline=EDGE, width=3)
    middle = grow * (centre[1] + 0.5 - cols[0]), grow * (centre[0] + 0.5 - rows[0])
    for radius in radii:
        reach = grow * (radius + 0.5)
        draw.ellipse(
            (middle[0] - reach, middle[1] - reach, middle[0] + reach, middle[1] + reach), outline="white", width=2
        )
    return canvas


def _scale(canvas: Image.Image, full: float, *, signed: bool) -> None:
    """The band at the bottom: the lowest number, the colours, the highest."""
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(22)
    width, middle = canvas.width, canvas.height - BAND / 2
    low, high = (f"-{full:.2g}" if signed else "0"), f"{full:.2g}"
    draw.text((10, middle), low, "white", font, anchor="lm")
    draw.text((width - 10, middle), high, "white", font, anchor="rm")
    room = round(max(draw.textlength(low, font), draw.textlength(high, font))) + 22
    ramp = colour(np.linspace(-1 if signed else 0, 1, width - 2 * room)[None].repeat(16, 0), signed=signed)
    canvas.paste(Image.fromarray(ramp), (room, round(middle) - 8))


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
    first = max(0, before[0] + top), max(0, before[1] + left)
    inside[first[0] : before[0] + bottom + 1, first[1] : before[1] + right + 1] = True
    photo = (slice(before[0], before[0] + height), slice(before[1], before[1] + width))
    canvas[photo] = np.asarray(picture.convert("RGB"), dtype=np.float64)
    canvas[~inside] *= 0.3
    drawn = Image.fromarray(np.rint(canvas).astype(np.uint8))
    if inside.any():
        last = min(before[0] + bottom, rows.shape[0] - 1), min(before[1] + right, rows.shape[1] - 1)
        ImageDraw.Draw(drawn).rectangle((first[1], first[0], last[1], last[0]), outline=EDGE)
    return drawn
