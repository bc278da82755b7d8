"""The figures of a report card: shares with their intervals, what attacks leave, accuracy by transform and severity."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go

from cnnlab_core.plots.labels import as_text, shortened
from cnnlab_core.plots.theme import ACCENT, MUTED, NUMBERS, ORANGE, TICKS, UNSIGNED_CELLS, make_figure, named_places

COLOURS, SYMBOLS = (ACCENT, ORANGE), ("circle", "diamond")
SOFT = ("rgba(20,160,143,0.35)", "rgba(224,122,31,0.35)")
"""Of the first network and the one beside it; bars are soft, so that their intervals are seen on them."""
_LEGEND = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "font": {"size": TICKS}}
_HOLLOW = 0.01
"""Half of a hollow mark, as a share: what is written beside it doesn't touch it."""
_FAR = 0.85
"""A share from which on its number stands before its mark: behind it there is no room on a phone."""


class Reach(NamedTuple):
    """A share, 0 to 1, with the ends of its interval."""

    value: float
    low: float
    high: float


def shares(
    rows: Sequence[str],
    networks: Mapping[str, Sequence[Reach | None]],
    flattered: Sequence[tuple[int, float] | None] = (),
    *,
    flattered_name: str = "",
    row_height: int = 56,
) -> go.Figure:
    """A row for each name with every network's share and interval in it; None where there is none.

    ``flattered`` has for each network a row and what a weaker measurement would have said there: a hollow mark.
    """
    traces: list[dict[str, Any]] = []
    for number, (name, reaches) in enumerate(networks.items()):
        colour = COLOURS[number]
        there = [(row + _aside(number, len(networks)), reach) for row, reach in enumerate(reaches) if reach]
        beside = flattered[number] if number < len(flattered) else None
        hollow = dict([beside] if beside else [])
        ends = [max(reach.high, hollow.get(row, 0) + _HOLLOW) for row, reach in enumerate(reaches) if reach]
        left = [end > _FAR for end in ends]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": as_text(name),
                "x": [reach.value for _, reach in there],
                "y": [at for at, _ in there],
                # Soft, so that on a phone an interval that is no wider than its mark is seen in it.
                "marker": {"size": 12, "color": SOFT[number], "symbol": SYMBOLS[number]},
                "error_x": {
                    "type": "data", "symmetric": False, "thickness": 2, "color": colour,
                    "array": [reach.high - reach.value for _, reach in there],
                    "arrayminus": [reach.value - reach.low for _, reach in there],
                },
                "hovertext": [f"{as_text(name)}: {reach.value:.1%} ({reach.low:.1%} to {reach.high:.1%})"
                              for _, reach in there],
                "hoverinfo": "text",
            }
        )  # fmt: skip
        traces.append(
            {
                "type": "scatter",
                "mode": "text",
                "x": [reach.low if aside else end for (_, reach), end, aside in zip(there, ends, left, strict=True)],
                "y": [at for at, _ in there],
                "text": [f"\u2002{reach.value:.1%}\u2002" for _, reach in there],  # clear of its mark
                "textposition": ["middle left" if aside else "middle right" for aside in left],
                "textfont": {"size": NUMBERS},
                "hoverinfo": "skip",
                "showlegend": False,
            }
        )
    marked = [(number, *each) for number, each in enumerate(flattered) if each]
    if marked:
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": flattered_name,
                "x": [value for *_, value in marked],
                "y": [row + _aside(number, len(networks)) for number, row, _ in marked],
                "marker": {"size": 13, "color": MUTED, "symbol": "square-open", "line": {"width": 2, "color": MUTED}},
                "hovertemplate": f"{flattered_name}: %{{x:.1%}}<extra></extra>",
            }
        )
    return make_figure(
        traces,
        height=row_height * len(rows) + 70,
        margin={"l": 8, "r": 8, "t": 26, "b": 8},  # above the rows there is room for what opens the figure's files
        x={"range": [-0.02, 1.1], "tickformat": ".0%", "showgrid": True, "tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1]},
        y={**named_places([shortened(row, 30) for row in rows]), "range": [len(rows) - 0.45, -0.55]},
        names=("share of the pictures", ""),
        showlegend=len(networks) > 1 or bool(marked),
        legend=_LEGEND,
    )


def _aside(number: int, count: int) -> float:
    """How far from the middle of its row a network's mark stands."""
    return 0.34 * (number - (count - 1) / 2)


def falling_bars(
    stages: Sequence[str], networks: Mapping[str, Sequence[Reach | None]], *, height: int = 340
) -> go.Figure:
    """For each network a row of bars that falls, one for each stage, with the interval of each; None where there is
    none."""
    width = 0.8 / len(networks)
    traces: list[dict[str, Any]] = []
    for number, (name, found) in enumerate(networks.items()):
        there = [(stage, reach) for stage, reach in enumerate(found) if reach]
        places = [stage + width * (number - (len(networks) - 1) / 2) for stage, _ in there]
        reaches = [reach for _, reach in there]
        traces.append(
            {
                "type": "bar",
                "name": as_text(name),
                "x": places,
                "y": [reach.value for reach in reaches],
                "width": 0.92 * width,
                "marker": {"color": SOFT[number]},
                "hovertext": [
                    f"{as_text(name)}, {as_text(stages[at])}: {reach.value:.1%} ({reach.low:.1%} to {reach.high:.1%})"
                    for at, reach in there
                ],
                "hoverinfo": "text",
            }
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": places,
                "y": [reach.value for reach in reaches],
                "marker": {"size": 8, "color": COLOURS[number], "symbol": SYMBOLS[number]},
                "error_y": {
                    "type": "data", "symmetric": False, "thickness": 2, "color": COLOURS[number],
                    "array": [reach.high - reach.value for reach in reaches],
                    "arrayminus": [reach.value - reach.low for reach in reaches],
                },
                "hoverinfo": "skip",
                "showlegend": False,
            }
        )  # fmt: skip
        traces.append(
            {
                "type": "scatter",
                "mode": "text",
                "x": places,
                "y": [reach.high for reach in reaches],
                "text": [f"{reach.value:.1%}" for reach in reaches],
                "textposition": "top center",
                "textfont": {"size": TICKS},
                "hoverinfo": "skip",
                "showlegend": False,
            }
        )
    return make_figure(
        traces,
        height=height,
        x={**named_places(stages), "range": [-0.55, len(stages) - 0.45]},
        y={"range": [0, 1.1], "tickformat": ".0%", "showgrid": True, "tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1]},
        names=("", "accuracy"),
        showlegend=len(networks) > 1,
        legend=_LEGEND,
    )


def severity_map(
    rows: Sequence[str], values: Sequence[Sequence[tuple[float, str]]], *, ink: str, title: str = ""
) -> go.Figure:
    """Accuracies as cells, a row for each transform and a column for each severity, each with what is said of it.

    A row may be shorter than others: an on-or-off transform has one severity.
    """
    most = max(map(len, values))
    cells = [[value for value, _ in line] + [None] * (most - len(line)) for line in values]
    heat = {
        "type": "heatmap",
        "z": [[float("nan") if cell is None else cell for cell in line] for line in cells],
        "zmin": 0,
        "zmax": 1,
        "colorscale": UNSIGNED_CELLS,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "text": [["" if cell is None else f"{cell:.0%}" for cell in line] for line in cells],
        "texttemplate": "%{text}",
        "textfont": {"size": TICKS, "color": ink},
        "hovertext": [[as_text(said) for _, said in line] + [""] * (most - len(line)) for line in values],
        "hoverinfo": "text",
        "hoverongaps": False,
    }
    return make_figure(
        [heat],
        height=27 * len(rows) + (64 if title else 40),
        title=as_text(title),
        x={**named_places([str(severity) for severity in range(1, most + 1)]), "title": {"text": "severity"}},
        y={**named_places([shortened(row, 18) for row in rows]), "autorange": "reversed"},
        names=("severity", "transform"),
    )
