"""Numbers per pixel laid over the picture they belong to, with their scale below."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from cnnlab_core.plots.mosaic import colour

BAND = 38
"""The height of the band with the scale."""


def full_colour(values: npt.ArrayLike) -> float:
    """What is drawn in full colour: the 98th percentile of |values|, so that a few extreme pixels don't hide the rest.

    The largest where that is 0 (few pixels have any value at all).
    """
    sizes = np.abs(np.asarray(values, dtype=np.float64))
    return float(np.quantile(sizes, 0.98)) or float(sizes.max())


def heat_over(picture: Image.Image, values: npt.ArrayLike, *, signed: bool, side: int = 448) -> Image.Image:
    """``values`` (h, w) over the picture in grey, ``side`` pixels wide, with a band that tells the scale.

    Colours grow opaque with |value|: from black to bright, or ``signed`` from blue (negative) over white to red.
    """
    numbers = np.asarray(values, dtype=np.float64)
    full = full_colour(numbers)
    scaled = (numbers / full if full else numbers).clip(-1, 1)
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
    draw.rectangle((*first, *last), outline=(20, 200, 180), width=3)
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
