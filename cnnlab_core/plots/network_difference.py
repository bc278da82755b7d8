"""Where in a network the difference between two pictures grows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from PIL import Image

from cnnlab_core.plots.theme import SIGNED, make_figure

TILE, GAP = 96, 6


def network_difference(places: Sequence[str], ratios: Sequence[float]) -> go.Figure:
    """The relative difference by layer, in forward order; ``places`` name them."""
    line = {
        "type": "scatter",
        "x": list(range(1, len(ratios) + 1)),
        "y": list(ratios),
        "mode": "lines+markers",
        "marker": {"size": 4},
        "text": list(places),
        "hovertemplate": "%{text}<br>%{y:.1%} of its size<extra></extra>",
    }
    return make_figure(
        [line],
        height=240,
        x={"title": "layer, in forward order"},
        y={"title": "difference / size", "tickformat": ".0%", "rangemode": "tozero"},
    )


def signed_tiles(maps: npt.NDArray[np.int8]) -> Image.Image:
    """Maps (tiles, rows, columns) from -127 to 127 below one another, with nothing between them (RGBA)."""
    column = Image.new("RGBA", (TILE, len(maps) * (TILE + GAP) - GAP))
    for place, levels in enumerate(maps):
        colours = (SIGNED((levels.astype(float) / 127 + 1) / 2)[..., :3] * 255).round().astype(np.uint8)
        column.paste(Image.fromarray(colours).resize((TILE, TILE), Image.Resampling.NEAREST), (0, place * (TILE + GAP)))
    return column


def picture_tiles(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures below one another, as large as the tiles."""
    column = Image.new("RGBA", (TILE, len(pictures) * (TILE + GAP) - GAP))
    for place, picture in enumerate(pictures):
        column.paste(picture.convert("RGB").resize((TILE, TILE)), (0, place * (TILE + GAP)))
    return column
