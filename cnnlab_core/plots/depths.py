"""Maps of several layers in one picture: a row for each layer, with its title above."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from cnnlab_core.plots.mosaic import one_map
from cnnlab_core.plots.theme import FONT

_TILE, _GAP, _TITLE, _NOTE = 224, 16, 72, 38


@dataclass(frozen=True)
class Row:
    """A layer: the line above it, its scaled maps (n, h, w), a note under each, and whether their sign is coloured."""

    title: str
    scaled: npt.NDArray[np.float64]
    notes: Sequence[str]
    signed: bool


def rows_of_maps(rows: Sequence[Row], *, ink: str = "black", paper: str = "white") -> Image.Image:
    """The rows below one another, as a picture, written in ``ink`` on ``paper``."""
    most = max(len(row.scaled) for row in rows)
    height = _TITLE + _TILE + _NOTE
    canvas = Image.new("RGB", (most * (_TILE + _GAP) + _GAP, len(rows) * height + _GAP), paper)
    draw = ImageDraw.Draw(canvas)
    heading, small = (ImageFont.truetype(str(FONT), size) for size in (30, 22))
    for number, row in enumerate(rows):
        top = number * height
        draw.text((_GAP, top + _TITLE - 12), row.title, ink, heading, anchor="ls")
        for index, (values, note) in enumerate(zip(row.scaled, row.notes, strict=True)):
            left = _GAP + index * (_TILE + _GAP)
            tile = one_map(values, signed=row.signed).resize((_TILE, _TILE), Image.Resampling.NEAREST)
            canvas.paste(tile, (left, top + _TITLE))
            draw.text((left, top + _TITLE + _TILE + 6), note, ink, small, anchor="la")
    return canvas
