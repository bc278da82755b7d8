"""Attacks in the plane: the line that decides, the ball of allowed points, and the steps through it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.labels import short_number
from cnnlab_core.plots.theme import ACCENT, FAINT, MUTED, ORANGE, STAR, TICKS, make_figure, square_axes

Array = npt.NDArray[np.float64]
Point = Sequence[float] | Array

_SIDES = [[0, "rgba(120,135,144,0.30)"], [0.5, "rgba(120,135,144,0.03)"], [1, "rgba(20,160,143,0.24)"]]

_LEVELS = tuple(math.log(share / (1 - share)) for share in (0.1, 0.3, 0.7, 0.9))
"""The scores at which thin lines are drawn, by the probability of class 1 there."""


@dataclass(frozen=True, eq=False)
class Backdrop:
    """What lies behind every figure: the axes (k,) and, over them, score and probability of class 1 (k, k), rows up.

    ``across`` and ``up`` are equally long ranges, so that a square is square.
    """

    across: Array
    up: Array
    score: Array
    probability: Array


@dataclass(frozen=True, eq=False)
class Region:
    """The allowed points: their edge as a closed line (k, 2), and the corners to name."""

    outline: Array
    corners: Array
    name: str = "the ball"


@dataclass(frozen=True, eq=False)
class Move:
    """A step from ``start`` to ``before``, projected to ``after``; ``label`` is drawn at its tip."""

    start: Point
    before: Point
    after: Point
    inside: bool
    label: str
    hover: str


def viewport(points: npt.ArrayLike, *, margin: float = 0.2, cells: int = 41) -> tuple[Array, Array]:
    """Axes (cells,), equally long, that show all ``points`` (k, 2) with a margin of that share on every side."""
    cloud = np.asarray(points, dtype=np.float64)
    low, high = cloud.min(axis=0), cloud.max(axis=0)
    half = max(float((high - low).max()) * (0.5 + margin), 0.05)
    middle = (low + high) / 2
    across, up = (np.linspace(centre - half, centre + half, cells) for centre in middle)
    return across, up


def arrows(backdrop: Backdrop, region: Region, x: Point, best: Point, moves: Sequence[Move]) -> go.Figure:
    """Single steps from ``x``: drawn through where they stay inside, dashed where they leave, with their way back."""
    figure = _plane(backdrop)
    _region(figure, region, x)
    _steps(figure, moves)
    for colour, drawn in _by_colour(moves):
        tips = [move.before for move in drawn]
        across, up = np.sum(np.array(tips) - np.array(x), axis=0)
        beside = "bottom right" if across * up > 0 else "top right" if across * up < 0 else "middle right"
        _marks(figure, tips, [move.label for move in drawn], [move.hover for move in drawn], colour, beside)
    _star(figure, best)
    _marks(figure, [x], ["x"], [f"x {pair(x)}"], MUTED, "middle left", size=11)
    return figure


def path(backdrop: Backdrop, region: Region, x: Point, best: Point, moves: Sequence[Move]) -> go.Figure:
    """Steps one after another, each drawn to where it leads; where that is outside, also its way back."""
    figure = _plane(backdrop)
    _region(figure, region, x)
    _steps(figure, moves)
    _marks(figure, [move.after for move in moves], [], [move.hover for move in moves], ACCENT, "middle right")
    if moves and _apart(moves[0].start, x) > 0:
        start = moves[0].start
        across, up = (end - begin for begin, end in zip(start, moves[0].before, strict=True))
        behind = f"{'bottom' if up > 0 else 'top'} {'left' if across > 0 else 'right'}"
        _marks(figure, [start], ["start"], [f"start {pair(start)}"], ACCENT, behind, symbol="circle-open", size=11)
    _star(figure, best)
    _marks(figure, [x], ["x"], [f"x {pair(x)}"], MUTED, "middle left", size=11)
    return figure


def touching(backdrop: Backdrop, regions: Sequence[Region], touches: Sequence[Point], x: Point) -> go.Figure:
    """Balls around ``x`` that just reach the line, and where each ``touches`` it; the first is the accented one."""
    figure = _plane(backdrop)
    named: dict[str, list[str]] = {}
    for region, touch in zip(regions, touches, strict=True):
        named.setdefault(pair(touch), []).append(region.name)
    for index, (region, touch) in reversed(list(enumerate(zip(regions, touches, strict=True)))):
        colour = ACCENT if index == 0 else MUTED
        _outline(figure, region, colour, width=3 if index == 0 else 1.5)
        if named[pair(touch)][0] != region.name:
            continue  # they meet: one mark with all their names
        names = ", ".join(named[pair(touch)])
        side = "left" if touch[0] < x[0] - 1e-9 else "right" if touch[0] > x[0] + 1e-9 else "center"
        beyond = f"{'bottom' if touch[1] <= x[1] else 'top'} {side}"
        _marks(figure, [touch], [names], [f"{names}: {pair(touch)}"], colour, beyond, size=10)
    _marks(figure, [x], ["x"], [f"x {pair(x)}"], MUTED, "middle left", size=11)
    return figure


def pair(point: Point) -> str:
    """A point as people write it: (0.2, −0.3)."""
    return f"({', '.join(short_number(round(float(value), 9), 3) for value in point)})"


def _plane(backdrop: Backdrop, height: int = 420) -> go.Figure:
    grounds: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "x": backdrop.across,
            "y": backdrop.up,
            "z": backdrop.probability.round(4),
            "zmin": 0,
            "zmax": 1,
            "zsmooth": "fast",
            "colorscale": _SIDES,
            "showscale": False,
            "hovertemplate": "(%{x:.2f}, %{y:.2f}): P(class 1) = %{z:.3f}<extra></extra>",
        }
    ]
    lowest, highest = backdrop.score.min(), backdrop.score.max()
    grounds += [_level(backdrop, level, 0.6, FAINT) for level in _LEVELS if lowest < level < highest]
    if lowest < 0 < highest:
        grounds.append(_level(backdrop, 0, 2.5, MUTED))
    x, y = square_axes(("x<sub>1</sub>", "x<sub>2</sub>"), backdrop.across, backdrop.up)
    return make_figure(grounds, height=height, margin={"l": 8, "r": 8, "t": 8, "b": 18}, x=x, y=y)


def _level(backdrop: Backdrop, level: float, width: float, colour: str) -> dict[str, Any]:
    """Where the score is ``level``: a plane over the corners alone has straight lines there, exactly."""
    return {
        "type": "contour",
        "x": backdrop.across[[0, -1]],
        "y": backdrop.up[[0, -1]],
        "z": backdrop.score[np.ix_([0, -1], [0, -1])],
        "contours": {"start": level, "end": level, "size": 1, "coloring": "none"},
        "line": {"width": width, "color": colour},
        "showscale": False,
        "hoverinfo": "skip",
    }


def _region(figure: go.Figure, region: Region, x: Point) -> None:
    _outline(figure, region, MUTED, width=2)
    for corner in region.corners:
        across, anchor = _beside(corner[0] - x[0], corner[1] - x[1])
        figure.add_annotation(
            x=corner[0], y=corner[1], text=pair(corner), showarrow=False, font={"size": 12},
            xanchor=across, yanchor=anchor, xshift=-4 if across == "right" and corner[0] <= x[0] else 0,
            yshift={"top": -3, "bottom": 3}[anchor] if corner[0] > x[0] else 0,
        )  # fmt: skip


def _beside(across: float, up: float) -> tuple[str, str]:
    """How a corner's name hangs on it, by where the corner lies from x: out of the way of steps that leave there.

    On the left there is room beside the ball; on the right, on a phone, only above and below it.
    """
    if across <= 1e-9:
        return "right", "top" if up > 1e-9 else "bottom"
    return ("right" if abs(up) > 1e-9 else "center"), "top" if up < -1e-9 else "bottom"


def _outline(figure: go.Figure, region: Region, colour: str, *, width: float) -> None:
    figure.add_scatter(
        x=region.outline[:, 0], y=region.outline[:, 1], mode="lines", line={"color": colour, "width": width},
        hoverinfo="skip",
    )  # fmt: skip


def _steps(figure: go.Figure, moves: Sequence[Move]) -> None:
    """The ways back, over them the arrows that leave, over them those that stay: one trace for each look."""
    back = [(move.before, move.after) for move in moves if not move.inside]
    if back:
        line = {"color": MUTED, "width": 2, "dash": "dot"}
        figure.add_scatter(**_pieces(back), mode="lines", line=line, hoverinfo="skip")
    for colour, drawn in _by_colour(moves):
        ways = [(move.start, move.before) for move in drawn if _apart(move.start, move.before) > 0]
        figure.add_scatter(
            **_pieces(ways), mode="lines+markers", hoverinfo="skip",
            line={"color": colour, "width": 2.5, "dash": "dash" if colour == ORANGE else "solid"},
            marker={
                "symbol": "arrow", "angleref": "previous", "size": [0, 13, 0] * len(ways), "color": colour, "opacity": 1
            },
        )  # fmt: skip


def _by_colour(moves: Sequence[Move]) -> list[tuple[str, list[Move]]]:
    """The steps that leave and those that stay, each with its colour; none that is empty."""
    split = ((ORANGE, [move for move in moves if not move.inside]), (ACCENT, [move for move in moves if move.inside]))
    return [(colour, drawn) for colour, drawn in split if drawn]


def _pieces(ways: Sequence[tuple[Point, Point]]) -> dict[str, list[float | None]]:
    """Separate straight lines as one line with gaps."""
    return {
        axis: [value for start, end in ways for value in (float(start[i]), float(end[i]), None)]
        for i, axis in enumerate("xy")
    }


def _marks(
    figure: go.Figure,
    points: Sequence[Point],
    labels: Sequence[str],
    hovers: Sequence[str],
    colour: str,
    where: str,
    *,
    symbol: str = "circle",
    size: int = 7,
) -> None:
    figure.add_scatter(
        x=[point[0] for point in points], y=[point[1] for point in points],
        mode="markers+text" if labels else "markers", text=[f" {label} " for label in labels], textposition=where,
        textfont={"size": TICKS}, marker={"size": size, "color": colour, "symbol": symbol}, hovertext=hovers,
        hoverinfo="text", cliponaxis=False,
    )  # fmt: skip


def _star(figure: go.Figure, best: Point) -> None:
    figure.add_scatter(
        x=[best[0]], y=[best[1]], mode="markers", hovertext=[f"the optimum {pair(best)}"], hoverinfo="text",
        marker=STAR,
    )  # fmt: skip


def _apart(one: Point, other: Point) -> float:
    return float(np.hypot(one[0] - other[0], one[1] - other[1]))
