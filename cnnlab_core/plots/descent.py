"""Gradient descent on a loss surface, and the loss on the way."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.bars import ACCENT, MUTED

Array = npt.NDArray[np.float64]
Point = tuple[float, float]

ARROW = "#e07a1f"
_LEVELS = "rgba(20,160,143,{})"


def descent_map(
    across: Array,
    up: Array,
    losses: Array,
    *,
    names: tuple[str, str],
    path: Sequence[Point],
    arrow: Point,
    best: Point,
    height: int = 460,
) -> go.Figure:
    """The loss (len(up), len(across)) as contours, the way walked so far, the steepest way down, and the optimum.

    ``path`` ends where the descent stands; of ``arrow`` only the direction is drawn. Stronger is higher.
    """
    figure = go.Figure(
        go.Contour(
            x=across,
            y=up,
            z=np.sqrt(losses),  # levels that don't crowd at the rim
            customdata=losses,
            colorscale=[[0, _LEVELS.format(0)], [1, _LEVELS.format(0.6)]],
            ncontours=18,
            line={"width": 1, "color": "rgba(128,140,140,0.5)"},
            showscale=False,
            hovertemplate=f"{names[0]} %{{x:.2f}}, {names[1]} %{{y:.2f}}: loss %{{customdata:.3f}}<extra></extra>",
        )
    )
    xs, ys = zip(*path, strict=True)
    figure.add_scatter(
        x=xs, y=ys, mode="lines+markers", line={"color": MUTED, "width": 2}, marker={"size": 5}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=[best[0]], y=[best[1]], mode="markers", marker={"size": 16, "symbol": "star", "color": ACCENT},
        hovertemplate="optimum (%{x:.2f}, %{y:.2f})<extra></extra>",
    )  # fmt: skip
    here = path[-1]
    figure.add_scatter(
        x=[here[0]], y=[here[1]], mode="markers", marker={"size": 12, "color": ARROW},
        hovertemplate="here (%{x:.3f}, %{y:.3f})<extra></extra>",
    )  # fmt: skip
    steepness = float(np.hypot(*arrow))
    if steepness > 1e-9:
        length = 0.14 * float(across[-1] - across[0]) / steepness
        figure.add_annotation(
            x=here[0] + length * arrow[0], y=here[1] + length * arrow[1], ax=here[0], ay=here[1],
            xref="x", yref="y", axref="x", ayref="y",
            showarrow=True, arrowhead=2, arrowsize=1, arrowwidth=3, arrowcolor=ARROW, text="",
        )  # fmt: skip
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True, "tickfont": {"size": 13}}
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        # One unit is as long up as across: so the steepest way stands at right angles to the contours.
        xaxis={**axis, "title": {"text": names[0]}, "range": [across[0], across[-1]], "constrain": "domain"},
        yaxis={
            **axis,
            "title": {"text": names[1]},
            "range": [up[0], up[-1]],
            "constrain": "domain",
            "scaleanchor": "x",
        },
        showlegend=False,
    )
    return figure


def loss_line(losses: Sequence[float], here: int, floor: float, *, height: int = 200) -> go.Figure:
    """The loss at every step, a dot at step ``here``, and a dotted line at the least loss there is."""
    figure = go.Figure(
        go.Scatter(
            y=losses,
            mode="lines",
            line={"color": MUTED, "width": 2},
            hovertemplate="step %{x}: %{y:.4f}<extra></extra>",
        )
    )
    figure.add_scatter(
        x=[here], y=[losses[here]], mode="markers", marker={"size": 12, "color": ARROW}, hoverinfo="skip"
    )
    figure.add_hline(y=floor, line={"color": ACCENT, "width": 2, "dash": "dot"})
    axis = {"fixedrange": True, "zeroline": False, "showgrid": False, "tickfont": {"size": 13}}
    highest = max(min(max(losses), 4 * losses[0]), 2 * floor)
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={**axis, "title": {"text": "step"}},
        yaxis={**axis, "title": {"text": "loss"}, "range": [0, 1.08 * highest]},
        showlegend=False,
    )
    return figure
