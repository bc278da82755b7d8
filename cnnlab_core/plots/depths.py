"""Maps of several layers or methods in one picture: a row for each, with its title above or beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from cnnlab_core.plots.mosaic import one_map
from cnnlab_core.plots.theme import FONT

_TILE, _GAP, _TITLE, _NOTE = 224, 16, 72, 38
_HEADING, _SMALL = 30, 22
"""Of texts, in pixels, where the titles stand above."""


@dataclass(frozen=True)
class Row:
    """A layer: its title, its scaled maps (n, h, w), a note under each, and whether their sign is coloured."""

    title: str
    scaled: npt.NDArray[np.float64]
    notes: Sequence[str]
    signed: bool


def rows_of_maps(rows: Sequence[Row], *, ink: str = "black", paper: str = "white", beside: bool = False) -> Image.Image:
    """The rows below one another, as a picture, written in ``ink`` on ``paper``.

    A row without a title stands close to the one before it. With ``beside`` the titles stand left of the maps, and all
    texts grow with the picture's width, which is shown in the same room.
    """
    wide = max(len(row.scaled) for row in rows) * (_TILE + _GAP) + _GAP
    heading, small = (
        ImageFont.truetype(str(FONT), max(size, wide // 45) if beside else size) for size in (_HEADING, _SMALL)
    )
    margin = int(max(heading.getlength(row.title) for row in rows)) + 2 * _GAP if beside else 0
    note = int(small.size) + _NOTE - _SMALL
    above = [_GAP if beside or not row.title else _TITLE for row in rows]
    canvas = Image.new("RGB", (margin + wide, sum(above) + len(rows) * (_TILE + note) + _GAP), paper)
    draw, top = ImageDraw.Draw(canvas), 0
    for row, space in zip(rows, above, strict=True):
        top += space
        at = (margin - _GAP, top + _TILE // 2) if beside else (_GAP, top - 12)
        draw.text(at, row.title, ink, heading, anchor="rm" if beside else "ls")
        for index, (values, said) in enumerate(zip(row.scaled, row.notes, strict=True)):
            left = margin + _GAP + index * (_TILE + _GAP)
            tile = one_map(values, signed=row.signed).resize((_TILE, _TILE), Image.Resampling.NEAREST)
            canvas.paste(tile, (left, top))
            draw.text((left, top + _TILE + 6), said, ink, small, anchor="la")
        top += _TILE + note
    return canvas


def in_lines(rows: Sequence[Row], most: int) -> list[Row]:
    """The same rows with at most so many maps in each: what is more follows in rows without a title."""
    return [
        Row("" if first else row.title, row.scaled[first : first + most], row.notes[first : first + most], row.signed)
        for row in rows
        for first in range(0, len(row.scaled), most)
    ]
