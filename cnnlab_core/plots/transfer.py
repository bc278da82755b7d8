"""Figures of a classifier: what is taken for what, accuracy against pictures, and the features as a map."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.colors import qualitative

from cnnlab_core.plots.bars import ACCENT, MUTED
from cnnlab_core.plots.texts import as_text

_COLOURS = qualitative.D3
_SYMBOLS = ("circle", "diamond", "square", "triangle-up")
MOST_NUMBERS = 12
"""Classes of a confusion matrix that still shows its numbers and names."""


def confusion_map(counts: npt.ArrayLike, classes: Sequence[str], *, ink: str) -> go.Figure:
    """Counts (classes, classes), a row for each true class, coloured by their share of the row; numbers in ``ink``."""
    table = np.asarray(counts)
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    few = len(classes) <= MOST_NUMBERS
    places, names = list(range(len(classes))), [_short(name) for name in classes]
    said = [
        [f"{true}, taken for {taken}: {count} of {sum(row)}" for taken, count in zip(names, row, strict=True)]
        for true, row in zip(names, table.tolist(), strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            customdata=said,
            hovertemplate="%{customdata}<extra></extra>",
            zmin=0,
            zmax=1,
            colorscale=[[0, "rgba(20,160,143,0)"], [1, "rgba(20,160,143,0.7)"]],  # so that ink can be read on all
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    if few:  # by a scatter: a heatmap takes its colours for opaque and would write dark on dark
        rows, columns = np.nonzero(table)
        figure.add_scatter(
            x=columns,
            y=rows,
            text=table[rows, columns].astype(str),
            mode="text",
            textfont={"size": 14, "color": ink},
            hoverinfo="skip",
            showlegend=False,
        )
    axis = {
        "tickvals": places,
        "ticktext": names,
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "ticks": "",
    }
    axis |= {"automargin": True, "tickfont": {"size": 13 if few else 9}}
    axis |= {"showline": True, "mirror": True, "linecolor": "rgba(128,140,140,0.5)"}
    figure.update_layout(
        height=440 if few else min(900, 200 + 14 * len(classes)),
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={**axis, "title": {"text": "taken for", "font": {"size": 14}}, "tickangle": -45},
        yaxis={**axis, "title": {"text": "true class", "font": {"size": 14}}, "autorange": "reversed"},
    )
    return figure


def accuracy_curves(
    lines: Mapping[str, tuple[Sequence[int], Sequence[Sequence[float]]]], *, chance: float
) -> go.Figure:
    """Accuracies in [0, 1] against pictures of each class: for each line the counts and the draws of each count.

    The line runs through the means, the bars from the worst to the best draw; ``chance`` is dotted.
    """
    figure = go.Figure()
    for (name, (each, draws)), colour in zip(lines.items(), (ACCENT, MUTED), strict=False):
        means = [float(np.mean(found)) for found in draws]
        figure.add_scatter(
            x=list(each),
            y=means,
            name=as_text(name),
            mode="lines+markers",
            line={"color": colour, "width": 2.5},
            marker={"size": 8},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [max(found) - mean for found, mean in zip(draws, means, strict=True)],
                "arrayminus": [mean - min(found) for found, mean in zip(draws, means, strict=True)],
                "thickness": 1.5,
            },
            hovertemplate=f"{name}, %{{x}} of each class: %{{y:.1%}}<extra></extra>",
        )
    figure.add_hline(chance, line={"color": MUTED, "width": 1.5, "dash": "dot"}, annotation_text="chance")
    counts = sorted({count for each, _ in lines.values() for count in each})
    axis = {"fixedrange": True, "tickfont": {"size": 14}, "zeroline": False}
    figure.update_layout(
        height=380,
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        xaxis={
            **axis,
            "type": "log",
            "tickvals": counts,
            "title": {"text": "pictures of each class"},
            "showgrid": False,
        },
        yaxis={**axis, "range": [-0.02, 1.02], "tickformat": ".0%", "nticks": 6, "automargin": True},
        legend={"orientation": "h", "y": 1.02, "x": 0, "yanchor": "bottom", "font": {"size": 14}},
    )
    return figure


def features_map(
    points: npt.ArrayLike,
    labels: npt.ArrayLike,
    filled: npt.ArrayLike,
    classes: Sequence[str],
    *,
    explained: tuple[float, float],
    own: tuple[float, float] | None = None,
) -> go.Figure:
    """Points (N, 2) in the colours of their classes; those that aren't ``filled`` are rings. ``own`` is a star."""
    places, numbers, whole = np.asarray(points), np.asarray(labels), np.asarray(filled)
    figure = go.Figure()
    for index, name in enumerate(classes):
        colour = _COLOURS[index % len(_COLOURS)]
        symbol = _SYMBOLS[index // len(_COLOURS) % len(_SYMBOLS)]
        chosen = numbers == index
        figure.add_scatter(
            x=places[chosen, 0],
            y=places[chosen, 1],
            name=_short(name),
            mode="markers",
            marker={
                "color": colour,
                "size": 9,
                "symbol": [symbol if one else f"{symbol}-open" for one in whole[chosen]],
                "line": {"width": 1.5},
            },
            hovertemplate=f"{_short(name)}<extra></extra>",
        )
    if own:
        figure.add_scatter(
            x=[own[0]],
            y=[own[1]],
            name="your picture",
            mode="markers",
            marker={"symbol": "star", "size": 18, "color": ACCENT, "line": {"width": 1.5, "color": "white"}},
            hovertemplate="your picture<extra></extra>",
        )
    axis = {"fixedrange": True, "zeroline": False, "showticklabels": False, "showgrid": False, "ticks": ""}
    axis |= {"showline": True, "mirror": True, "linecolor": "rgba(128,140,140,0.5)"}
    first, second = (
        f"{name} ({share:.0%} of the variance)" for name, share in zip(("first", "second"), explained, strict=True)
    )
    figure.update_layout(
        height=560,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={**axis, "title": {"text": first}},
        yaxis={**axis, "title": {"text": second}},
        legend={"orientation": "h", "y": -0.12, "yanchor": "top", "font": {"size": 13}},
    )
    return figure


def _short(name: str, longest: int = 24) -> str:
    """A class's name, which people choose freely, without what plotly would read as markup."""
    shown = name if len(name) <= longest else f"{name[: longest - 1]}…"
    return as_text(shown)
