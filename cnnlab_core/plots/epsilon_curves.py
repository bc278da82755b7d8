"""Accuracy or a probability against epsilon, one line for each attack."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.bars import ACCENT
from cnnlab_core.plots.descent import ARROW
from cnnlab_core.plots.texts import as_text

COLOURS = (ARROW, ACCENT)


@dataclass(frozen=True)
class Line:
    """An attack: its name, its ``shares`` in [0, 1] at the first epsilons, and the epsilon to mark, if any."""

    name: str
    shares: npt.ArrayLike
    mark: float | None = None


def epsilon_curves(
    lines: Sequence[Line], eps: Sequence[float], *, title: str, unit: str, height: int = 360
) -> go.Figure:
    """``lines`` over ``eps`` (as shown, in ``unit``); an open ring and a dotted line mark a line's own epsilon."""
    figure = go.Figure()
    for line, colour in zip(lines, COLOURS, strict=False):
        shares = np.asarray(line.shares, dtype=np.float64)
        across = list(eps)[: len(shares)]
        figure.add_scatter(
            x=across,
            y=shares,
            name=as_text(line.name),
            mode="lines+markers",
            line={"color": colour, "width": 2.5},
            marker={"size": 7},
            hovertemplate=f"{line.name}, ε = %{{x:.4g}}{unit}: %{{y:.1%}}<extra></extra>",
        )
        if line.mark is not None and line.mark in across:
            figure.add_scatter(
                x=[line.mark],
                y=[shares[across.index(line.mark)]],
                mode="markers",
                marker={"size": 17, "color": "rgba(0,0,0,0)", "line": {"color": colour, "width": 3}},
                showlegend=False,
                hoverinfo="skip",
            )
            figure.add_vline(line.mark, line={"color": colour, "width": 1.5, "dash": "dot"}, layer="below")
    axis = {"fixedrange": True, "tickfont": {"size": 14}, "zeroline": False}
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
        xaxis={
            **axis,
            "range": [-0.02 * eps[-1], 1.02 * eps[-1]],
            "title": {"text": f"ε in {f'1{unit}' if unit else 'pixel units'}"},
            "showgrid": False,
            "nticks": 12,
        },
        yaxis={**axis, "range": [-0.04, 1.04], "tickformat": ".0%", "nticks": 6, "automargin": True},
        legend={"orientation": "h", "y": 1.02, "x": 1, "xanchor": "right", "yanchor": "bottom", "font": {"size": 14}},
        title={"text": title, "font": {"size": 15}, "x": 0, "xref": "container", "y": 0.97},
    )
    return figure
