"""The features of many pictures as points of a plane: as marks, or as the pictures themselves."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from PIL import Image

from cnnlab_core.plots.labels import shortened
from cnnlab_core.plots.theme import CATEGORICAL, FRAMED, MUTED, STAR, TICKS, make_figure

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


PHOTO = 40
"""Pixels of a picture's side in a map of pictures."""
MOST_PHOTOS = 240
_FRAME = 4
_FRAMES = (*CATEGORICAL, "#d6336c", MUTED)


def photo_map(
    points: npt.ArrayLike, pictures: Sequence[Image.Image], labels: Sequence[int], *, size: tuple[int, int] = (760, 500)
) -> npt.NDArray[np.uint8]:
    """Small pictures at their points (N, 2), in frames of their classes' colours, on nothing: RGBA (height, width, 4).

    The map is as wide and high as ``size`` says; the second coordinate goes up.
    """
    places = np.asarray(points, dtype=np.float64)
    low, extent = places.min(0), np.ptp(places, axis=0)
    shares = (places - low) / np.where(extent > 0, extent, 1)
    room = np.array(size) - PHOTO - 2 * _FRAME
    ground = Image.new("RGBA", size)
    for (across, up), picture, label in zip(shares, pictures, labels, strict=True):
        framed = Image.new("RGBA", (PHOTO + 2 * _FRAME,) * 2, _FRAMES[label % len(_FRAMES)])
        framed.paste(picture.resize((PHOTO, PHOTO)), (_FRAME, _FRAME))
        ground.paste(framed, (round(across * room[0]), round((1 - up) * room[1])))
    return np.asarray(ground)


def _points(places: np.ndarray, name: str, marker: dict[str, object]) -> dict[str, object]:
    return {
        "type": "scatter", "x": places[:, 0], "y": places[:, 1], "name": name, "mode": "markers", "marker": marker,
        "hovertext": name, "hoverinfo": "text",
    }  # fmt: skip
