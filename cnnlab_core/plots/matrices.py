"""Matrices and maps side by side: a convolution as a matrix, and the same map with different borders."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cnnlab_core.plots.signed import CELLS, INK, short_number

Array = npt.NDArray[np.float64]

MOST_NUMBERS = 13 * 13  # cells of a map that still show their numbers


def matrix_map(matrix: Array, *, rows: Sequence[str], columns: Sequence[str], row_title: str, title: str) -> go.Figure:
    """A matrix as a heatmap; pointing at an entry names its row and its column."""
    limit = float(np.abs(matrix).max()) or 1.0
    figure = go.Figure(
        go.Heatmap(
            z=matrix,
            x=list(range(len(columns))),
            y=list(range(len(rows))),
            text=[[f"{row}, {column}: {value:.6g}" for column, value in zip(columns, line, strict=True)]
                  for row, line in zip(rows, matrix.tolist(), strict=True)],
            hoverinfo="text",
            zmin=-limit,
            zmax=limit,
            colorscale=CELLS,
            colorbar={"thickness": 10, "outlinewidth": 0, "tickfont": {"size": 13}},
        )
    )  # fmt: skip
    axis = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "", "fixedrange": True}
    axis |= {"showline": True, "mirror": True, "linecolor": "rgba(128,140,140,0.5)"}
    figure.update_layout(
        height=420,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={**axis, "title": {"text": title, "font": {"size": 14}}, "constrain": "domain"},
        yaxis={**axis, "title": {"text": row_title, "font": {"size": 14}}, "autorange": "reversed"},
    )
    return figure


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
        limit = max(float(np.abs(maps[name]).max()) for maps in cases.values()) or 1.0
        for column, maps in enumerate(cases.values(), 1):
            _add_map(figure, maps[name], limit, row, column, widest)
    tallest = sum(float(shape[0]) for shape in shapes)
    cell = max(10.0, min(34.0, 230 / widest))
    figure.update_layout(
        height=int(tallest * cell + 60 * len(names) + 20), margin={"l": 4, "r": 24, "t": 30, "b": 4}, showlegend=False
    )
    return figure


def _add_map(figure: go.Figure, plane: Array, limit: float, row: int, column: int, widest: int) -> None:
    place = {"row": row, "col": column}
    has_numbers = plane.size <= MOST_NUMBERS
    heat = go.Heatmap(
        z=plane, zmin=-limit, zmax=limit, colorscale=CELLS, showscale=False, xgap=1, ygap=1,
        hovertemplate="[%{y}, %{x}] = %{z:.6g}<extra></extra>",
        text=[[short_number(value, 1) for value in line] for line in plane.tolist()] if has_numbers else None,
        texttemplate="%{text}" if has_numbers else None,
        textfont={"size": 12, "color": INK},
    )  # fmt: skip
    figure.add_trace(heat, **place)
    axis = {"visible": False, "fixedrange": True}
    figure.update_xaxes(**axis, range=[-0.5, widest - 0.5], **place)
    figure.update_yaxes(**axis, range=[len(plane) - 0.5, -0.5], **place)
