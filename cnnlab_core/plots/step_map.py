"""How well an attack does over step size and number of steps, as a map of cells to choose from."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.bars import MUTED
from cnnlab_core.plots.signed import INK, short_number

_SCALE = ((0.0, "#e9eef0"), (1.0, "#4fc4b4"))
"""Light in every theme, so that the dark numbers are readable on it."""
_FRAME = "#e07a1f"


def step_map(
    objective: npt.ArrayLike,
    success: npt.ArrayLike,
    *,
    sizes: Sequence[str],
    steps: Sequence[str],
    chosen: tuple[int, int] | None = None,
) -> go.Figure:
    """The ``objective`` (step sizes, steps), stronger where it is higher, NaN where it isn't known yet.

    The first step size is at the bottom. Cells with ``success`` have a tick, the ``chosen`` (row, column) one a frame.
    Clear markers lie on the known cells, in reading order from the bottom: a heat map itself can't be clicked.
    """
    values, fooled = np.asarray(objective, dtype=np.float64), np.asarray(success, dtype=bool)
    known = [(int(row), int(column)) for row, column in np.argwhere(np.isfinite(values))]
    texts = [
        [_text(value, bool(hit)) for value, hit in zip(row, hits, strict=True)]
        for row, hits in zip(values, fooled, strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            text=texts,
            texttemplate="%{text}",
            textfont={"size": 14, "color": INK},
            colorscale=_SCALE,
            showscale=False,
            xgap=3,
            ygap=3,
            hoverinfo="skip",
        )
    )
    figure.add_scatter(
        x=[column for _, column in known],
        y=[row for row, _ in known],
        mode="markers",
        marker={"symbol": "square", "size": 44, "opacity": 0},
        hovertext=[
            f"step {sizes[row]} × {steps[column]}: {values[row, column]:.4g}" + ", fooled" * bool(fooled[row, column])
            for row, column in known
        ],
        hoverinfo="text",
    )
    if chosen is not None:
        row, column = chosen
        figure.add_shape(
            type="rect", x0=column - 0.48, x1=column + 0.48, y0=row - 0.47, y1=row + 0.47,
            line={"color": _FRAME, "width": 4},
        )  # fmt: skip
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True, "ticks": "", "tickfont": {"size": 14}}
    figure.update_layout(
        height=52 * len(sizes) + 60,
        margin={"l": 8, "r": 8, "t": 4, "b": 8},
        xaxis={**axis, **_ticks(steps), "title": {"text": "steps"}},
        yaxis={**axis, **_ticks(sizes), "title": {"text": "step size"}, "automargin": True},
        showlegend=False,
        hoverdistance=-1,  # a click anywhere in a cell is one on its marker
        plot_bgcolor="rgba(0,0,0,0)",
        hoverlabel={"bordercolor": MUTED},
    )
    return figure


def _text(value: float, fooled: bool) -> str:
    return (f"✓ {short_number(value)}" if fooled else short_number(value)) if np.isfinite(value) else ""


def _ticks(names: Sequence[str]) -> dict[str, object]:
    return {"tickvals": list(range(len(names))), "ticktext": list(names), "range": [-0.5, len(names) - 0.5]}
