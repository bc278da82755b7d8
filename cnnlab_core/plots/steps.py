"""Numbers over the steps of a long computation: one small figure, live or finished."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from cnnlab_core.plots.bars import ACCENT, MUTED
from cnnlab_core.plots.texts import as_text

_LEAST = 1e-40
"""What a logarithmic axis shows for 0."""


def step_lines(
    lines: Mapping[str, ArrayLike],
    *,
    title: str,
    total: int,
    log: bool = False,
    percent: bool = False,
    at: int | None = None,
    height: int = 250,
) -> go.Figure:
    """``lines`` by name over steps 0 to ``total`` - 1, the last line in the accent colour; NaN is left out.

    ``percent`` for probabilities in [0, 1] on a full axis, ``at`` marks a step.
    """
    figure = go.Figure()
    for index, (name, values) in enumerate(lines.items()):
        shown = np.asarray(values, dtype=float)
        shown = np.maximum(shown, _LEAST) if log else shown
        figure.add_scatter(
            y=shown,
            name=as_text(name),
            mode="lines+markers" if len(shown) <= 60 else "lines",
            marker={"size": 5},
            line={"color": ACCENT if index == len(lines) - 1 else MUTED, "width": 2.5},
            hovertemplate="step %{x}: %{y:.4g}",
        )
    if at is not None:
        figure.add_vline(at, line={"color": ACCENT, "width": 1.5, "dash": "dash"}, layer="below")
    figure.update_xaxes(range=[-0.5, max(total - 0.5, 1)], fixedrange=True, showgrid=False)
    figure.update_yaxes(fixedrange=True, automargin=True, nticks=6)
    if percent:
        figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%")
    if log:
        figure.update_yaxes(type="log", exponentformat="power")
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xref": "container"},
        height=height,
        margin={"l": 4, "r": 4, "t": 34, "b": 4},
        legend={"orientation": "h", "y": -0.16, "x": 0, "font": {"size": 12}},
        showlegend=len(lines) > 1,
        hovermode="closest",
    )
    return figure
