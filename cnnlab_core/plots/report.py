"""The report of an attack as one figure for paper: a row each, original, noise and adversarial picture.

Matplotlib by its objects alone: pyplot keeps a list of figures that all sessions would share.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import ImageFont

from cnnlab_core.plots.noise import noise_picture
from cnnlab_core.plots.paper import Format as Format
from cnnlab_core.plots.paper import rendered as rendered
from cnnlab_core.plots.theme import FONT

_SIDE, _GAP, _TITLE, _HEAD, _LINE = 2.1, 0.2, 0.52, 0.5, 0.17
"""Inches: a picture, the way to the next one, the titles above it, the heading, a line of the caption."""

_SMALL = 8.5
"""The size of titles, in points."""


@dataclass(frozen=True)
class ReportRow:
    """Two pictures uint8 (H, W, 3), each with a title of one or two lines, and a ``note`` under the noise's own."""

    before: np.ndarray
    after: np.ndarray
    before_title: str
    after_title: str
    note: str = ""


def report_figure(
    rows: Sequence[ReportRow], heading: str, caption: str, *, ink: str = "black", paper: str = "white"
) -> Figure:
    """The rows below each other under a ``heading``, above a ``caption`` that is broken into lines."""
    noises = [noise_picture(row.before, row.after) for row in rows]
    cells = [
        (
            (row.before, row.before_title),
            (np.asarray(noise), f"noise × {scale:.3g}\n{row.note}".strip()),
            (row.after, row.after_title),
        )
        for row, (noise, scale) in zip(rows, noises, strict=True)
    ]
    return cells_figure(cells, heading, caption, ink=ink, paper=paper)


def cells_figure(
    rows: Sequence[Sequence[tuple[np.ndarray, str]]],
    heading: str,
    caption: str,
    *,
    lines: int = 2,
    ink: str = "black",
    paper: str = "white",
) -> Figure:
    """Rows of equally many pictures uint8 (H, W, 3), each under a title of up to so many ``lines``."""
    width, over = max(map(len, rows)) * (_SIDE + _GAP) + 0.1, _TITLE + 0.14 * (lines - 2)
    below = [line for part in caption.splitlines() for line in textwrap.wrap(part, round(118 * width / 7))]
    foot = _LINE * len(below) + 0.25
    height = _HEAD + len(rows) * (_SIDE + over) + foot
    figure = Figure(figsize=(width, height), facecolor=paper)
    text: dict[str, Any] = {"color": ink, "parse_math": False}
    figure.text(0.5, 1 - 0.28 / height, heading, ha="center", va="center", fontsize=12, weight="bold", **text)
    for number, row in enumerate(rows):
        bottom = height - _HEAD - (number + 1) * (_SIDE + over)
        for column, (pixels, title) in enumerate(row):
            left = 0.15 + column * (_SIDE + _GAP)
            axes = figure.add_axes((left / width, bottom / height, _SIDE / width, _SIDE / height))
            axes.imshow(pixels, interpolation="nearest" if max(pixels.shape) < 100 else "auto", aspect="auto")
            axes.set_axis_off()
            axes.set_title(_first_lines(title, lines), fontsize=_SMALL, pad=4, **text)
    for number, line in enumerate(below):
        above = foot - 0.2 - number * _LINE
        figure.text(0.15 / width, above / height, line, ha="left", va="center", fontsize=7.5, **text)
    return figure


def _first_lines(title: str, lines: int) -> str:
    """The first lines of a title, each cut to what fits above its picture."""
    font = ImageFont.truetype(str(FONT), _SMALL)
    return "\n".join(_cut(line, font) for line in title.splitlines()[:lines])


def _cut(line: str, font: ImageFont.FreeTypeFont) -> str:
    room = (_SIDE + _GAP) * 72  # a font of so many pixels is as wide in pixels as the same in points is in points
    if font.getlength(line) <= room:
        return line
    while line and font.getlength(f"{line}…") > room:
        line = line[:-1]
    return f"{line}…"
