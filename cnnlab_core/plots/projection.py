"""The features of many pictures as points of a plane."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.labels import shortened
from cnnlab_core.plots.theme import CATEGORICAL, FRAMED, STAR, TICKS, make_figure

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "pentagon")


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
    traces = []
    for index, name in enumerate(classes):
        symbol = _SYMBOLS[index // len(CATEGORICAL) % len(_SYMBOLS)]
        chosen = numbers == index
        marker = {
            "color": CATEGORICAL[index % len(CATEGORICAL)],
            "size": 9,
            "symbol": [symbol if one else f"{symbol}-open" for one in whole[chosen]],
            "line": {"width": 1.5},
        }
        traces.append(_points(places[chosen], shortened(name), marker))
    if own:
        traces.append(_points(np.array([own]), "your picture", {**STAR, "size": 18}))
    first, second = (
        f"{name} ({share:.0%} of the variance)" for name, share in zip(("first", "second"), explained, strict=True)
    )
    axis = {**FRAMED, "showticklabels": False}
    return make_figure(
        traces,
        height=560,
        x={**axis, "title": {"text": first}},
        y={**axis, "title": {"text": second}},
        showlegend=True,
        legend={"orientation": "h", "y": -0.12, "yanchor": "top", "font": {"size": TICKS}},
    )


def _points(places: np.ndarray, name: str, marker: dict[str, object]) -> dict[str, object]:
    return {
        "type": "scatter", "x": places[:, 0], "y": places[:, 1], "name": name, "mode": "markers", "marker": marker,
        "hovertext": name, "hoverinfo": "text",
    }  # fmt: skip
