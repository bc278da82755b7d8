"""The objective on the way up."""

from collections.abc import Sequence

import plotly.graph_objects as go

from cnnlab_core.plots.bars import ACCENT, MUTED


def ascent_line(objectives: Sequence[float], *, every: int = 0, total: int = 0, height: int = 170) -> go.Figure:
    """The objective at each step; a thin line every ``every`` steps, where an octave ends. ``total`` fixes the axis."""
    steps = list(range(1, len(objectives) + 1))
    figure = go.Figure(
        go.Scatter(
            x=steps,
            y=list(objectives),
            mode="lines",
            line={"color": ACCENT, "width": 2.5},
            hovertemplate="step %{x}: %{y:.4g}<extra></extra>",
        )
    )
    if objectives:
        figure.add_scatter(
            x=steps[-1:], y=list(objectives[-1:]), mode="markers", marker={"size": 9, "color": ACCENT}, hoverinfo="skip"
        )
    for end in range(every, max(total, len(objectives)), every) if every else ():
        figure.add_vline(x=end + 0.5, line={"color": MUTED, "width": 1, "dash": "dot"})
    axis = {"fixedrange": True, "zeroline": False, "showgrid": False, "tickfont": {"size": 13}}
    last = max(total, len(objectives), 2)
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={**axis, "title": {"text": "step"}, "range": [0.5, last + 0.5]},
        yaxis={**axis, "title": {"text": "objective"}, "nticks": 4},
        showlegend=False,
    )
    return figure
