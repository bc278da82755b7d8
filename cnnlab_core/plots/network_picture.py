"""The whole network on paper: the photo, each stage's strongest maps, and the answer."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from cnnlab_core.plots.theme import ACCENT, FONT, SIGNED

_TILE, _GAP, _HEAD, _ANSWER, _MARGIN = 96, 10, 56, 250, 24


def network_picture(
    photo: Image.Image,
    columns: Sequence[tuple[str, str, npt.NDArray[np.int8]]],
    bars: Sequence[tuple[str, float]],
) -> Image.Image:
    """Columns of a title, a note and maps (tiles, rows, columns) from -127 to 127; bars of a class and its share."""
    tall = max(len(maps) for _, _, maps in columns)
    side, step = 2 * (_TILE + _GAP) - _GAP, _TILE + 40
    height = 2 * _MARGIN + _HEAD + tall * (_TILE + _GAP)
    width = 2 * _MARGIN + side + 40 + len(columns) * step + _ANSWER
    page = Image.new("RGB", (width, max(height, 400)), "white")
    pen = ImageDraw.Draw(page)
    bold, small = (ImageFont.truetype(str(FONT), size) for size in (16, 13))
    page.paste(photo.convert("RGB").resize((side, side), Image.Resampling.LANCZOS), (_MARGIN, _MARGIN + _HEAD))
    for place, (title, note, maps) in enumerate(columns):
        left = _MARGIN + side + 40 + place * step
        pen.text((left, _MARGIN), title, "#11181b", bold)
        pen.text((left, _MARGIN + 24), note, "#5b6468", small)
        for tile, levels in enumerate(maps):
            colours = (SIGNED((levels.astype(float) / 127 + 1) / 2)[..., :3] * 255).round().astype(np.uint8)
            picture = Image.fromarray(colours).resize((_TILE, _TILE), Image.Resampling.NEAREST)
            page.paste(picture, (left, _MARGIN + _HEAD + tile * (_TILE + _GAP)))
    left = width - _MARGIN - _ANSWER + 20
    for place, (label, share) in enumerate(bars):
        top = _MARGIN + _HEAD + place * 52
        pen.text((left, top), f"{label} {share:.1%}", "#11181b", small)
        pen.rectangle((left, top + 22, left + _ANSWER - 20, top + 34), "#e3e8ea")
        pen.rectangle((left, top + 22, left + round(share * (_ANSWER - 20)), top + 34), ACCENT)
    return page
