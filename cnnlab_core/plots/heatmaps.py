"""Matrices of numbers with a sign as coloured cells: a table, a convolution as a matrix, a map with other borders."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cnnlab_core.plots.labels import short_number
from cnnlab_core.plots.theme import (
    FRAMED,
    NUMBERS,
    ON_CELLS,
    SIGNED_CELLS,
    TICKS,
    cell_frame,
    make_figure,
    named_places,
)

Array = npt.NDArray[np.float64]

MOST_NUMBERS = 13 * 13
"""Cells of a map that still shows its numbers."""

MOST_WRITTEN = 9
"""Rows and columns of a matrix that still shows its numbers, and the names of its rows and columns."""


def number_grid(
    values: npt.ArrayLike,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    limit: float = 0.0,
    decimals: int = 2,
    framed: Collection[tuple[int, int]] = (),
    row_height: int = 38,
) -> go.Figure:
    """A small table (H, W) of coloured cells with their numbers in them, the first row on top.

    ``limit`` is the value of full colour (0: the largest there is), so that several tables can share one scale.
    ``framed`` cells get a frame.
    """
    table = np.asarray(values, dtype=np.float64)
    height, width = table.shape
    heat = _cells(table, limit or _largest(table), gap=3, size=NUMBERS, decimals=decimals) | {"hoverinfo": "skip"}
    return make_figure(
        [heat],
        height=row_height * height + (30 if columns else 8),
        margin={"l": 4, "r": 4, "t": 26 if columns else 4, "b": 4},
        x={**named_places(columns), "side": "top", "range": [-0.5, width - 0.5]},
        y={**named_places(rows), "range": [height - 0.5, -0.5]},
        names=("column", "row"),
        shapes=[cell_frame(row, column, "#0f766e") for row, column in framed],
    )


def matrix_map(matrix: Array, *, rows: Sequence[str], columns: Sequence[str], row_title: str, title: str) -> go.Figure:
    """A matrix as a heat map, a small one with its numbers; pointing at an entry names its row and its column."""
    is_written = max(matrix.shape) <= MOST_WRITTEN
    heat = _cells(matrix, _largest(matrix), gap=2 * is_written, size=NUMBERS * is_written) | {
        "hovertext": [
            [f"{row}, {column}: {value:.6g}" for column, value in zip(columns, line, strict=True)]
            for row, line in zip(rows, matrix.tolist(), strict=True)
        ],
        "hoverinfo": "text",
        "showscale": not is_written,
        "colorbar": {"thickness": 10, "outlinewidth": 0, "tickfont": {"size": TICKS}},
    }
    x, y = (named_places(names if is_written else ()) for names in (columns, rows))
    return make_figure(
        [heat],
        height=90 + 44 * len(rows) if is_written else 420,
        x={**FRAMED, **x, "title": {"text": title}, "constrain": "domain"},
        y={**FRAMED, **y, "title": {"text": row_title}, "autorange": "reversed"},
    )


def maps_by_case(cases: Mapping[str, Mapping[str, Array]]) -> go.Figure:
    """For each case a column, for each of its maps (H, W) a row; every row has one scale. Numbers where they fit."""
    names = list(next(iter(cases.values())))
    shapes = [np.max([maps[name].shape for maps in cases.values()], axis=0) for name in names]
    widest = max(int(shape[1]) for shape in shapes)
    figure = make_subplots(
        rows=len(names),
        cols=len(cases),
        row_heights=[float(shape[0]) + 0.6 for shape in shapes],
        horizontal_spacing=0.025,
        vertical_spacing=0.07 if len(names) > 1 else 0,
        column_titles=list(cases),
        row_titles=names,
    )
    for row, name in enumerate(names, 1):
        limit = max(_largest(maps[name]) for maps in cases.values())
        for column, maps in enumerate(cases.values(), 1):
            plane, place = maps[name], {"row": row, "col": column}
            heat = _cells(plane, limit, gap=1, size=12 if plane.size <= MOST_NUMBERS else 0, decimals=1)
            figure.add_trace(heat | {"hovertemplate": "[%{y}, %{x}] = %{z:.6g}<extra></extra>"}, **place)
            figure.update_xaxes(visible=False, fixedrange=True, range=[-0.5, widest - 0.5], **place)
            figure.update_yaxes(visible=False, fixedrange=True, range=[len(plane) - 0.5, -0.5], **place)
    tallest = sum(float(shape[0]) for shape in shapes)
    cell = max(10.0, min(34.0, 230 / widest))
    figure.update_layout(
        height=int(tallest * cell + 60 * len(names) + 20), margin={"l": 4, "r": 24, "t": 30, "b": 4}, showlegend=False
    )
    return figure


def _largest(values: Array) -> float:
    return float(np.abs(values).max()) or 1.0


def _cells(values: Array, limit: float, *, gap: int, size: int = 0, decimals: int = 2) -> dict[str, Any]:
    """Cells in full colour at ``-limit`` and ``limit``, with numbers of font ``size`` (0: without)."""
    heat = {
        "type": "heatmap", "z": values, "zmin": -limit, "zmax": limit, "colorscale": SIGNED_CELLS,
        "showscale": False, "xgap": gap, "ygap": gap,
    }  # fmt: skip
    if size:
        heat |= {
            "text": [[short_number(value, decimals) for value in line] for line in values.tolist()],
            "texttemplate": "%{text}",
            "textfont": {"size": size, "color": ON_CELLS},
        }
    return heat
