"""The trial with a planted mark in one figure: pictures, every method's heat under them, and its share on the mark."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from cnnlab_core.plots.mosaic import colour
from cnnlab_core.plots.overlays import EDGE, in_full_colour
from cnnlab_core.plots.theme import ACCENT, MUTED

_TILE, _GAP, _NAMES, _FOOT, _LINE = 0.56, 0.06, 1.64, 0.34, 0.16
"""Inches: a picture, between two, the methods' names, below all, a line of the key."""
_WIDE, _NARROW = (8.6, 3, 1.75), (4.2, 1, 0.7)
"""The figure for a page or a phone: its width, its pictures, and the room of the notes at its right edge."""
_GROWTH = 3
"""Pixels of the figure for each of a picture's."""
_SIZE = 9.5
"""Of texts, in points."""


def shortcut_figure(
    pictures: npt.NDArray[np.uint8],
    heats: npt.NDArray[np.floating],
    mask: npt.NDArray[np.bool_],
    methods: Sequence[str],
    shares: npt.NDArray[np.float64],
    control: npt.NDArray[np.float64],
    notes: Sequence[str],
    *,
    ink: str = "black",
    paper: str = "white",
    narrow: bool = False,
) -> Figure:
    """A row for the first ``pictures`` (n, H, W, 3), and one for each method: its ``heats`` (methods, n, H, W), and a
    bar. A ``narrow`` figure, for a phone, has one picture, and notes of two lines.

    The bar is the mean of its ``shares`` (methods, pictures), with the range of the middle four fifths of them; a
    hollow mark is that of the ``control`` (methods, pictures), the dotted line what an even heat would have. The
    ``mask`` (n, H, W) is outlined, and a note stands at each row's end.
    """
    width, most, noted = _NARROW if narrow else _WIDE
    rows, count, head = len(methods) + 1, min(most, len(pictures)), 0.3 + 2 * _LINE * narrow
    height = head + rows * (_TILE + _GAP) + _FOOT
    figure = Figure(figsize=(width, height), facecolor=paper)
    text: dict[str, Any] = {"color": ink, "fontsize": _SIZE, "va": "center", "parse_math": False}

    def middle(row: int) -> float:
        return 1 - (head + row * (_TILE + _GAP) + _TILE / 2) / height

    wide = count * (_TILE + _GAP)
    for row in range(rows):
        for column in range(count):
            tile = pictures[column] if row == 0 else colour(in_full_colour(heats[row - 1, column]), signed=False)
            left, bottom = _NAMES + column * (_TILE + _GAP), height * middle(row) - _TILE / 2
            axes = figure.add_axes((left / width, bottom / height, _TILE / width, _TILE / height))
            axes.imshow(_outlined(tile, mask[column]), interpolation="nearest", aspect="auto")
            axes.set_axis_off()
    for row, name in enumerate(["what it sees", *methods]):
        figure.text((_NAMES - 0.1) / width, middle(row), name, ha="right", **text)
    left, right = _NAMES + wide + 0.15, width - noted
    bottom, top = height * middle(rows - 1) - _TILE / 2, height * middle(1) + _TILE / 2
    bars = figure.add_axes(
        (left / width, bottom / height, (right - left) / width, (top - bottom) / height), facecolor="none"
    )
    places, mean = np.arange(len(methods)), shares.mean(1)
    low, high = np.quantile(shares, [0.1, 0.9], axis=1)
    bars.barh(places, mean, 0.55, color=ACCENT, label="learned with the mark")
    bars.hlines(places, low, high, color=ink, linewidth=1.2)
    bars.plot(control.mean(1), places, "D", color="none", markeredgecolor=ink, label="control: learned without it")
    even = float(mask[0].mean())
    bars.axvline(even, color=MUTED, linestyle=":", label=f"the mark's area, {even:.1%}")
    bars.set(xlim=(0, 1), ylim=(len(methods) - 0.5, -0.5), yticks=[], xticks=[0, 0.5, 1])
    bars.set_xticklabels(["0 %", "50 %", "100 %"], color=ink, fontsize=_SIZE - 1)
    bars.tick_params(color=ink)
    for side, spine in bars.spines.items():
        spine.set(visible=side == "bottom", color=ink)
    said = "share of the heat\non the mark" if narrow else "share of the heat on the mark"
    figure.text(left / width, middle(0) + 0.14 * (not narrow) / height, said, ha="left", **text)
    key = bars.legend(
        loc="upper left" if narrow else "lower left",
        bbox_to_anchor=(0.1 / width, 1 - 0.06 / height) if narrow else (0, 1 + 0.14 / (top - bottom)),
        bbox_transform=figure.transFigure if narrow else bars.transAxes, ncols=1 if narrow else 3, frameon=False,
        fontsize=_SIZE - 1.5, labelcolor=ink, borderpad=0, handlelength=1.2, columnspacing=0.8, borderaxespad=0,
        labelspacing=0.2,
    )  # fmt: skip
    key.set_zorder(3)
    for row, note in enumerate(notes, 1):
        figure.text((right + 0.12) / width, middle(row), note, ha="left", **text)
    return figure


def _outlined(tile: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The tile enlarged, the mark's border drawn."""
    large = tile.repeat(_GROWTH, 0).repeat(_GROWTH, 1)
    inside = mask.repeat(_GROWTH, 0).repeat(_GROWTH, 1)
    around = np.pad(inside, 1)
    whole = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    return np.where((inside & ~whole)[..., None], np.array(EDGE, np.uint8), large)
