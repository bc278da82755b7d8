"""The trial with a planted mark in one figure: pictures, every method's heat under them, and its share on the mark."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from cnnlab_core.plots.mosaic import colour
from cnnlab_core.plots.overlays import EDGE, in_full_colour
from cnnlab_core.plots.theme import ACCENT, MUTED

_WIDTH, _TILE, _GAP, _NAMES, _FOOT, _HEAD = 8.6, 0.56, 0.06, 1.64, 0.34, 0.3
"""Inches: the figure, a picture in it, between two, the methods' names, below and above all."""
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
) -> Figure:
    """A row for the ``pictures`` (n, H, W, 3), and one for each method: its ``heats`` (methods, n, H, W), and a bar.

    The bar is the mean of its ``shares`` (methods, pictures), with the range of the middle four fifths of them; a
    hollow mark is that of the ``control`` (methods, pictures), the dotted line what an even heat would have. The
    ``mask`` (n, H, W) is outlined, and a note stands at each row's end.
    """
    rows, count = len(methods) + 1, len(pictures)
    height = _HEAD + rows * (_TILE + _GAP) + _FOOT
    figure = Figure(figsize=(_WIDTH, height), facecolor=paper)
    text: dict[str, Any] = {"color": ink, "fontsize": _SIZE, "va": "center", "parse_math": False}

    def middle(row: int) -> float:
        return 1 - (_HEAD + row * (_TILE + _GAP) + _TILE / 2) / height

    wide = count * (_TILE + _GAP)
    for row in range(rows):
        for column in range(count):
            tile = pictures[column] if row == 0 else colour(in_full_colour(heats[row - 1, column]), signed=False)
            left, bottom = _NAMES + column * (_TILE + _GAP), height * middle(row) - _TILE / 2
            axes = figure.add_axes((left / _WIDTH, bottom / height, _TILE / _WIDTH, _TILE / height))
            axes.imshow(_outlined(tile, mask[column]), interpolation="nearest", aspect="auto")
            axes.set_axis_off()
    for row, name in enumerate(["what it sees", *methods]):
        figure.text((_NAMES - 0.1) / _WIDTH, middle(row), name, ha="right", **text)
    left, right = _NAMES + wide + 0.15, _WIDTH - 1.75
    bottom, top = height * middle(rows - 1) - _TILE / 2, height * middle(1) + _TILE / 2
    bars = figure.add_axes(
        (left / _WIDTH, bottom / height, (right - left) / _WIDTH, (top - bottom) / height), facecolor="none"
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
    figure.text(left / _WIDTH, middle(0) + 0.14 / height, "share of the heat on the mark", ha="left", **text)
    key = bars.legend(
        loc="lower left", bbox_to_anchor=(0, 1 + 0.14 / (top - bottom)), ncols=3, frameon=False,
        fontsize=_SIZE - 1.5, labelcolor=ink, borderpad=0, handlelength=1.2, columnspacing=0.8, borderaxespad=0,
    )  # fmt: skip
    key.set_zorder(3)
    for row, note in enumerate(notes, 1):
        figure.text((right + 0.12) / _WIDTH, middle(row), note, ha="left", **text)
    return figure


def _outlined(tile: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The tile enlarged, the mark's border drawn."""
    large = tile.repeat(_GROWTH, 0).repeat(_GROWTH, 1)
    inside = mask.repeat(_GROWTH, 0).repeat(_GROWTH, 1)
    around = np.pad(inside, 1)
    whole = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    return np.where((inside & ~whole)[..., None], np.array(EDGE, np.uint8), large)
