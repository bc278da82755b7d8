"""The line figure: numbers over steps, epochs, epsilons, strengths or pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.labels import as_text
from cnnlab_core.plots.theme import ACCENT, CATEGORICAL, MUTED, ORANGE, TICKS, make_figure

MOST_POINTS = 1000
"""Of a longer line, evenly chosen points are drawn."""
MOST_MARKED = 60
"""Points of a line over steps that are still marked one by one."""
LEAST = 1e-40
"""What a logarithmic axis shows for a probability of 0."""


@dataclass(frozen=True, eq=False)
class Line:
    """A line of a figure: ``y`` over ``x``; NaN leaves a gap.

    ``faint`` is what a smoothed line was made of, ``marked`` has points, and those alone if it isn't ``joined``. Bars
    reach from the lowest to the highest of ``spread``. The point at x = ``dot`` is drawn large, that at ``ring`` in a
    ring, with a dotted line to the axis.
    """

    name: str
    x: npt.ArrayLike
    y: npt.ArrayLike
    colour: str = ACCENT
    faint: bool = False
    marked: bool = False
    joined: bool = True
    dash: str = "solid"
    spread: tuple[npt.ArrayLike, npt.ArrayLike] | None = None
    dot: float | None = None
    ring: float | None = None


def line_figure(
    lines: Sequence[Line],
    *,
    title: str = "",
    x_title: str = "",
    y_title: str = "",
    y_name: str = "",
    hover: str = "",
    end: float = 0,
    x_axis: Mapping[str, Any] | None = None,
    y_range: tuple[float, float] | None = None,
    log: bool = False,
    percent: bool = False,
    full: bool = False,
    at: Sequence[float] = (),
    level: float | None = None,
    level_name: str = "",
    height: int = 300,
) -> go.Figure:
    """Lines in one figure, with a legend where there are several.

    Args:
        y_name: what y is called on paper where the page has no ``y_title``; default ``title``.
        hover: how x is written at the pointer, in plotly's way; default ``x_title`` and the number.
        end: where x ends when it begins at 0 (0: as far as the lines go).
        x_axis: what else the axis of x needs.
        log: a logarithmic y, on which what isn't positive is a gap.
        percent: y is a share in [0, 1]; ``full`` shows all of that range.
        at: where dashed lines cross the figure.
        level: where a dotted line runs along it, called ``level_name``.
    """
    percent = percent or full
    x: dict[str, Any] = {"title": {"text": as_text(x_title), "standoff": 4}} if x_title else {}
    if end:
        x["range"] = [-0.01 * end, 1.01 * end]
    y: dict[str, Any] = {"showgrid": True, "nticks": 6}
    if y_title:
        y |= {"title": {"text": as_text(y_title)}}
    if percent:
        y |= {"tickformat": ".0%"}
    if log:
        y |= {"type": "log", "minor": {"showgrid": False}} | _log_ticks(lines)
    if full or y_range:
        y |= {"range": y_range or (-0.03, 1.03)}
    where = hover or f"{as_text(x_title) or 'step'} %{{x:.4~g}}"
    form = f"{where}: %{{y:{'.4~p' if percent else '.4g'}}}"
    rings = [(line.ring, line.colour, "dot") for line in lines if line.ring is not None and _known(line, line.ring)]
    shapes = [_vertical(*each) for each in (*((place, MUTED, "dash") for place in at), *rings)]
    notes = []
    if level is not None:
        along = {"xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level}
        shapes.append({"type": "line", **along, "line": {"color": MUTED, "width": 1.5, "dash": "dot"}})
        if level_name:
            where_up = np.log10(level) if log else level  # plotly places notes on a logarithmic axis by the exponent
            spot = {"xref": "paper", "x": 1, "xanchor": "right", "y": where_up, "yanchor": "bottom"}
            notes.append({"text": level_name, "showarrow": False, **spot})
    return make_figure(
        [trace for line in lines for trace in _traces(line, form, log)],
        height=height,
        title=as_text(title),
        x=x | dict(x_axis or {}),
        y=y,
        names=(x_title or "step", y_name or title),
        shapes=shapes,
        annotations=notes,
        showlegend=sum(not line.faint for line in lines) > 1,
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "font": {"size": TICKS}},
    )


def _traces(line: Line, form: str, log: bool) -> list[dict[str, Any]]:
    x, y = thinned(line.x, line.y)
    trace: dict[str, Any] = {
        "type": "scatter",
        "x": x,
        "y": np.where(y > 0, y, np.nan) if log else y,
        "name": as_text(line.name),
        "mode": "+".join(["lines"] * line.joined + ["markers"] * line.marked),
        "opacity": 0.28 if line.faint else 1,
        "line": {"color": line.colour, "width": 1 if line.faint else 2.4, "dash": line.dash},
        "marker": {"size": 6 if line.joined else 10},
        "showlegend": not line.faint,
    }
    trace |= {"hoverinfo": "skip"} if line.faint else {"hovertemplate": form}
    if line.spread is not None:
        low, high = (np.asarray(values, dtype=float) for values in line.spread)
        trace["error_y"] = {
            "type": "data", "symmetric": False, "array": high - y, "arrayminus": y - low, "thickness": 1.5,
        }  # fmt: skip
    dot = {"size": 11, "color": line.colour}
    ring = {"size": 17, "color": "rgba(0,0,0,0)", "line": {"color": line.colour, "width": 3}}
    marks = [
        {"type": "scatter", "x": [place], "y": [np.asarray(line.y)[np.asarray(line.x) == place][0]], "mode": "markers",
         "marker": marker, "hoverinfo": "skip", "showlegend": False}
        for place, marker in ((line.dot, dot), (line.ring, ring))
        if _known(line, place)
    ]  # fmt: skip
    return [trace, *marks]


def _known(line: Line, place: float | None) -> bool:
    """Whether the line has a point at x = ``place`` yet."""
    return place is not None and place in np.asarray(line.x)


def _vertical(x: float, colour: str, dash: str) -> dict[str, Any]:
    ends = {"x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1}
    return {"type": "line", **ends, "line": {"color": colour, "width": 1.5, "dash": dash}, "layer": "below"}


def _log_ticks(lines: Sequence[Line]) -> dict[str, Any]:
    """Powers of ten over many decades; over few also 2 and 5 times them."""
    values = np.concatenate([np.asarray(line.y, dtype=float) for line in lines])
    values = values[values > 0]
    decades = np.log10(values.max() / values.min()) if values.size else 0
    return {"exponentformat": "power"} if decades > 4 else {"tickformat": ".2~g", "dtick": "D2"}


def thinned(x: npt.ArrayLike, y: npt.ArrayLike, most: int = MOST_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most so many of a line's points, the first and the last among them."""
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(xs) <= most:
        return xs, ys
    chosen = np.linspace(0, len(xs) - 1, most).round().astype(int)
    return xs[chosen], ys[chosen]


# --- over what the lab has to show ------------------------------------------------------------------------------------


def step_lines(
    lines: Mapping[str, npt.ArrayLike],
    *,
    title: str,
    total: int,
    log: bool = False,
    percent: bool = False,
    at: int | None = None,
    y_name: str = "",
    height: int = 250,
) -> go.Figure:
    """``lines`` by name over steps 0 to ``total`` - 1, the last line in the accent colour; ``at`` marks a step."""
    drawn = []
    for index, (name, values) in enumerate(lines.items(), 1):
        y = np.asarray(values, dtype=float)
        y = np.maximum(y, LEAST) if log else y
        colour = ACCENT if index == len(lines) else MUTED
        drawn.append(Line(name, np.arange(len(y)), y, colour, marked=len(y) <= MOST_MARKED))
    steps = {"range": [-0.5, max(total - 0.5, 1)]}
    marks = [] if at is None else [at]
    return line_figure(drawn, title=title, y_name=y_name, x_axis=steps, log=log, full=percent, at=marks, height=height)


def objective_line(objectives: Sequence[float], *, every: int = 0, total: int = 0, height: int = 170) -> go.Figure:
    """The objective at each step; a dashed line every ``every`` steps, where an octave ends; ``total`` steps in all."""
    steps = np.arange(1, len(objectives) + 1)
    last = max(total, len(objectives), 2)
    return line_figure(
        [Line("objective", steps, objectives, dot=len(objectives))],
        x_title="step",
        y_title="objective",
        x_axis={"range": [0.5, last + 0.5]},
        at=[end + 0.5 for end in range(every, last, every)] if every else (),
        height=height,
    )


def epsilon_curves(
    curves: Mapping[str, tuple[npt.ArrayLike, float | None]],
    eps: Sequence[float],
    *,
    title: str,
    unit: str,
    y_name: str = "",
    height: int = 360,
) -> go.Figure:
    """Shares in [0, 1] at the first of the epsilons, a curve for each attack, with the epsilon to mark, if any.

    ``eps`` are as they are shown, in ``unit``.
    """
    colours = (ORANGE, ACCENT, *CATEGORICAL[2:])
    lines = [
        Line(name, eps[: np.size(shares)], shares, colour, marked=True, ring=mark)
        for (name, (shares, mark)), colour in zip(curves.items(), colours, strict=False)
    ]
    return line_figure(
        lines,
        title=title,
        x_title=f"ε in {f'1{unit}' if unit else 'pixel units'}",
        hover=f"ε = %{{x:.4~g}}{unit}",
        x_axis={"range": [-0.02 * eps[-1], 1.02 * eps[-1]], "nticks": 12},
        full=True,
        y_name=y_name,
        height=height,
    )


def accuracy_curves(
    lines: Mapping[str, tuple[Sequence[int], Sequence[Sequence[float]]]], *, chance: float
) -> go.Figure:
    """Accuracies in [0, 1] against pictures per class: for each line the counts and the draws of each count.

    The line runs through the means, the bars from the worst to the best draw; ``chance`` is dotted.
    """
    drawn = [
        Line(name, each, [np.mean(found) for found in draws], colour, marked=True,
             spread=([min(found) for found in draws], [max(found) for found in draws]))
        for (name, (each, draws)), colour in zip(lines.items(), (ACCENT, ORANGE), strict=False)
    ]  # fmt: skip
    counts = sorted({count for each, _ in lines.values() for count in each})
    return line_figure(
        drawn,
        x_title="pictures per class",
        y_name="mean per-class accuracy",
        hover="%{x} per class",
        x_axis={"type": "log", "tickvals": counts},
        full=True,
        level=chance,
        level_name="chance",
        height=380,
    )
