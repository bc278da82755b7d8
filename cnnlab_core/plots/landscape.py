"""The loss around a network, along two directions."""

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.theme import FAINT, STAR, TICKS, UNSIGNED_CELLS, make_figure, square_axes

Array = npt.NDArray[np.float64]
NAMES = ("along the first direction", "along the second")


def loss_landscape(along: Array, losses: Array, *, height: int = 300) -> go.Figure:
    """The ``losses`` (P, P) as contours over ``along`` (P,), with the network in the middle; rows may be missing yet.

    Contours stand at even steps of the logarithm: one step is one factor.
    """
    up = along[: len(losses)]
    known = np.where(np.isfinite(losses) & (losses > 0), losses, np.nan)
    low, high = np.log10(np.nanmin(known)), np.log10(np.nanmax(known))
    ticks = np.linspace(low, high, 6)
    surface = {
        "type": "contour",
        "x": along,
        "y": up,
        "z": np.log10(known),
        "customdata": losses,
        "colorscale": UNSIGNED_CELLS,
        "contours": {"coloring": "heatmap"},  # areas would lie on each other, and darken
        "ncontours": 20,
        "line": {"width": 1, "color": FAINT},
        "colorbar": {
            "title": {"text": "loss"}, "thickness": 12, "outlinewidth": 0, "tickfont": {"size": TICKS},
            "tickvals": ticks, "ticktext": [f"{10**tick:.3g}" for tick in ticks],
        },
        "hovertemplate": "%{x:.2f}, %{y:.2f}: loss %{customdata:.4g}<extra></extra>",
    }  # fmt: skip
    centre = {
        "type": "scatter", "x": [0.0], "y": [0.0], "mode": "markers", "marker": STAR,
        "hovertemplate": "the network<extra></extra>",
    }  # fmt: skip
    x, y = square_axes(NAMES, along, along)
    return make_figure([surface, centre] if len(losses) > 1 else [centre], height=height, x=x, y=y, names=NAMES)
