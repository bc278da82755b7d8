"""How well an attack does over step size and number of steps, as a map of cells to choose from."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.labels import short_number
from cnnlab_core.plots.theme import NUMBERS, UNSIGNED_CELLS, cell_frame, make_figure, named_places


def step_map(
    objective: npt.ArrayLike,
    success: npt.ArrayLike,
    *,
    sizes: Sequence[str],
    steps: Sequence[str],
    ink: str,
    chosen: tuple[int, int] | None = None,
) -> go.Figure:
    """The ``objective`` (step sizes, steps), stronger where it is higher, NaN where it isn't known yet.

    The first step size is at the bottom. Cells with ``success`` have a tick, the ``chosen`` (row, column) one a frame.
    Clear markers lie on the known cells, in reading order from the bottom: a heat map itself can't be clicked.
    """
    values, fooled = np.asarray(objective, dtype=np.float64), np.asarray(success, dtype=bool)
    known = [(int(row), int(column)) for row, column in np.argwhere(np.isfinite(values))]
    texts = np.full(values.shape, "", dtype=object)
    for place in known:
        texts[place] = "✓ " * bool(fooled[place]) + short_number(values[place])
    heat = {
        "type": "heatmap",
        "z": values,
        "text": texts.tolist(),
        "texttemplate": "%{text}",
        "textfont": {"size": NUMBERS, "color": ink},
        "colorscale": UNSIGNED_CELLS,
        "showscale": False,
        "xgap": 3,
        "ygap": 3,
        "hoverinfo": "skip",
    }
    markers = {
        "type": "scatter",
        "x": [column for _, column in known],
        "y": [row for row, _ in known],
        "mode": "markers",
        "marker": {"symbol": "square", "size": 44, "opacity": 0},
        "hovertext": [
            f"step {sizes[row]} × {steps[column]}: {values[row, column]:.4g}" + ", fooled" * bool(fooled[row, column])
            for row, column in known
        ],
        "hoverinfo": "text",
    }
    return make_figure(
        [heat, markers],
        height=52 * len(sizes) + 60,
        x={**named_places(steps), "range": [-0.5, len(steps) - 0.5], "title": {"text": "steps"}},
        y={**named_places(sizes), "range": [-0.5, len(sizes) - 0.5], "title": {"text": "step size"}},
        shapes=[cell_frame(*chosen)] if chosen else [],
        hoverdistance=-1,  # a click anywhere in a cell is one on its marker
        plot_bgcolor="rgba(0,0,0,0)",
    )
