"""The look of all figures: colours, fonts, margins and axes.

Grounds are white or nearly black. No colour is readable as small text on both, so texts keep the page's own colour
(Streamlit's, or the ``ink`` that a figure is given); lines and marks have at least 3:1 on either.
"""

import importlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from matplotlib.colors import LinearSegmentedColormap

# Where pandas is there, plotly asks it for its classes, and fails while another thread is still importing it.
with suppress(ImportError):
    importlib.import_module("pandas")

ACCENT = "#14a08f"
ORANGE = "#e07a1f"
MUTED = "#788790"
FAINT = "rgba(128,140,140,0.5)"
"""Frames and contours."""

CATEGORICAL = (ACCENT, ORANGE, "#8888ec", "#9c38b0", "#748860", "#604cec", "#9c6024", "#9c74b0")
"""Told apart with every kind of colour vision: CIEDE2000 of 15 or more between neighbours. Their lightness can't be, if
each is to be seen on both grounds: lines have names, marks and dashes too."""

SIGNED = LinearSegmentedColormap.from_list("signed", ["#6b2c00", ORANGE, "#f7f8f8", ACCENT, "#003f38"])
"""Signed numbers as pixels: orange below zero, teal above."""
SIGNED_CELLS = ((0.0, "#f0a25c"), (0.5, "#e9eef0"), (1.0, "#4fc4b4"))
"""The same for cells with numbers: light on either ground, so that ``ON_CELLS`` is readable on each."""
ON_CELLS = "#17222a"

UNSIGNED = matplotlib.colormaps["magma"]
"""Numbers from zero on as pixels."""
UNSIGNED_CELLS = ((0, "rgba(20,160,143,0.03)"), (0.1, "rgba(20,160,143,0.2)"), (1, "rgba(20,160,143,0.7)"))
"""The same for cells and areas: the page shines through, and its own colour of text is readable on each."""

FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
"""For texts in pictures: Pillow's own font has no ×."""
TICKS, NUMBERS, TITLE = 13, 14, 15
"""Font sizes, in pixels."""

AXIS: Mapping[str, Any] = {
    "fixedrange": True, "zeroline": False, "showgrid": False, "automargin": True, "tickfont": {"size": TICKS},
}  # fmt: skip
FRAMED: Mapping[str, Any] = {"ticks": "", "showline": True, "mirror": True, "linecolor": FAINT}
"""An axis that is one side of a frame."""
STAR: Mapping[str, Any] = {"symbol": "star", "size": 17, "color": ACCENT, "line": {"width": 1.5, "color": "white"}}
"""The marker of the point that matters most."""


def make_figure(
    data: Sequence[Mapping[str, Any]],
    *,
    height: int,
    x: Mapping[str, Any] | None = None,
    y: Mapping[str, Any] | None = None,
    title: str = "",
    names: tuple[str, str] = ("", ""),
    **layout: Any,
) -> go.Figure:
    """Traces in the lab's look; ``x`` and ``y`` are what their axes have beyond ``AXIS``.

    ``names`` are what the axes are called on paper where the page leaves them without a title.

    All at once: plotly checks a figure anew at each update, and some are drawn live.
    """
    look: dict[str, Any] = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 36 if title else 8, "b": 8},
        "xaxis": {**AXIS, **(x or {})},
        "yaxis": {**AXIS, **(y or {})},
        "hovermode": "closest",
        "dragmode": False,  # a finger that moves over it scrolls the page
        "showlegend": False,
        "meta": {"names": names},
        "template": {},  # plotly's own look would come to the browser with each figure, for the lab to set aside
    }
    if title:
        look["title"] = {
            "text": title,
            "font": {"size": TITLE},
            "x": 0,
            "xref": "container",
            "y": 0.98,
            "yanchor": "top",
        }
    return go.Figure(data=data, layout=look | layout)


def named_places(names: Sequence[str]) -> dict[str, Any]:
    """An axis of cells or bars 0, 1, 2, ... with their names; without any text where there are none."""
    ticks = {"tickvals": list(range(len(names))), "ticktext": list(names)} if names else {"showticklabels": False}
    return {"ticks": "", **ticks}


def square_axes(
    names: tuple[str, str], across: npt.NDArray[np.float64], up: npt.NDArray[np.float64]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The axes x and y of a plane over the ranges ``across`` and ``up``; one unit is as long up as across."""
    first, second = (
        {"title": {"text": name}, "range": [values[0], values[-1]], "constrain": "domain", "nticks": 7}
        for name, values in zip(names, (across, up), strict=True)
    )
    return first, {**second, "scaleanchor": "x"}


def cell_frame(row: float, column: float, colour: str = ORANGE) -> dict[str, Any]:
    """A frame around a cell of a heat map."""
    corners = {"x0": column - 0.48, "x1": column + 0.48, "y0": row - 0.47, "y1": row + 0.47}
    return {"type": "rect", **corners, "line": {"color": colour, "width": 3}}
