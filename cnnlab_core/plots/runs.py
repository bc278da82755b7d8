"""Training runs as figures: lines over steps or epochs, one or many runs in one; a confusion matrix."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.bars import ACCENT, MUTED
from cnnlab_core.plots.texts import as_text

PALETTE = (ACCENT, "#e08214", "#5e7fd1", "#b3589a", MUTED, "#b5a017", "#5b3fa0", "#c2452d")
"""Runs in one figure, told apart by colour-blind people too."""
MOST_POINTS = 1000
"""Of a longer line, evenly chosen points are drawn."""


@dataclass(frozen=True)
class Line:
    """A line of a figure: ``y`` over ``x``. ``faint`` is what a smoothed line was made of, ``marked`` has points."""

    name: str
    x: npt.ArrayLike
    y: npt.ArrayLike
    colour: str = ACCENT
    faint: bool = False
    marked: bool = False
    dash: str = "solid"


def run_lines(
    lines: Sequence[Line],
    *,
    title: str,
    x_title: str,
    end: float = 0,
    log: bool = False,
    percent: bool = False,
    height: int = 300,
) -> go.Figure:
    """Lines over steps or epochs up to ``end`` (0: as far as they go); NaN leaves a gap. ``percent``: y in [0, 1]."""
    y_axis: dict[str, Any] = {"fixedrange": True, "automargin": True, "nticks": 7, "zeroline": False}
    if percent:
        y_axis |= {"tickformat": ".0%"}
    if log:
        y_axis |= {"type": "log", "tickformat": ".2~g", "nticks": 6, "minor": {"showgrid": False}, "dtick": "D2"}
    x_axis: dict[str, Any] = {
        "title": {"text": x_title, "standoff": 4},
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
    }
    if end:
        x_axis |= {"range": [-0.01 * end, 1.01 * end]}
    layout: dict[str, Any] = {
        "title": {"text": title, "font": {"size": 15}, "x": 0, "xref": "container"},
        "height": height,
        "margin": {"l": 4, "r": 8, "t": 34, "b": 4},
        "legend": {"orientation": "h", "y": -0.22, "x": 0, "font": {"size": 12}},
        "showlegend": sum(not line.faint for line in lines) > 1,
        "hovermode": "closest",
        "xaxis": x_axis,
        "yaxis": y_axis,
    }
    # All at once: plotly checks a figure anew at each update, and these are drawn live.
    return go.Figure(data=[_trace(line, x_title, log, percent) for line in lines], layout=layout)


def _trace(line: Line, x_title: str, log: bool, percent: bool) -> dict[str, Any]:
    x, y = thinned(line.x, line.y)
    trace: dict[str, Any] = {
        "type": "scatter",
        "x": x,
        "y": np.where(y > 0, y, np.nan) if log else y,
        "name": as_text(line.name),
        "mode": "lines+markers" if line.marked else "lines",
        "opacity": 0.28 if line.faint else 1,
        "line": {"color": line.colour, "width": 1 if line.faint else 2.2, "dash": line.dash},
        "marker": {"size": 7},
        "showlegend": not line.faint,
    }
    if line.faint:
        return trace | {"hoverinfo": "skip"}
    return trace | {"hovertemplate": f"{x_title} %{{x:.4~g}}: %{{y:{'.2%' if percent else '.4g'}}}"}


def thinned(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """At most ``MOST_POINTS`` of a line's points, the first and the last among them."""
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(xs) <= MOST_POINTS:
        return xs, ys
    chosen = np.linspace(0, len(xs) - 1, MOST_POINTS).round().astype(int)
    return xs[chosen], ys[chosen]


def confusion_map(counts: npt.ArrayLike, labels: Sequence[str], *, ink: str) -> go.Figure:
    """Counts (classes, classes), row = true class: coloured by the row's share, numbers in ``ink`` where they fit."""
    numbers = np.asarray(counts)
    shares = numbers / np.maximum(numbers.sum(1, keepdims=True), 1)
    names = [as_text(label if len(label) <= 18 else f"{label[:17]}…") for label in labels]
    few = len(labels) <= 20
    places = list(range(len(labels)))
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=places,
            y=places,
            text=[
                [
                    as_text(f"{labels[row]} taken for {labels[col]}: {numbers[row, col]} ({shares[row, col]:.1%})")
                    for col in places
                ]
                for row in places
            ],
            hoverinfo="text",
            zmin=0,
            zmax=1,
            colorscale=[[0, "rgba(20,160,143,0.04)"], [0.1, "rgba(20,160,143,0.25)"], [1, "rgba(20,160,143,0.7)"]],
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    if few:
        for row in places:
            for col in places:
                if numbers[row, col]:
                    font = {"size": 12, "color": ink}
                    figure.add_annotation(x=col, y=row, text=str(numbers[row, col]), showarrow=False, font=font)
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True, "ticks": ""}
    if few:
        axis |= {"tickvals": places, "ticktext": names}
    else:
        axis |= {"showticklabels": False}
    figure.update_layout(
        height=max(380, 34 * len(labels) + 120) if few else 560,
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
        xaxis={**axis, "title": {"text": "taken for", "standoff": 6}, "automargin": True, "tickangle": -40},
        yaxis={**axis, "title": {"text": "true class", "standoff": 6}, "automargin": True, "autorange": "reversed"},
    )
    return figure
