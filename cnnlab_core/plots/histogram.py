"""How often values occur."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.bars import ACCENT


def histogram(values: npt.ArrayLike | Sequence[float], *, bins: int = 40, height: int = 150) -> go.Figure:
    """A histogram with ``bins`` equal bins, counted here so that the browser gets only the counts."""
    counts, edges = np.histogram(np.asarray(values, dtype=np.float64), bins=bins)
    middles, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    figure = go.Figure(go.Bar(x=middles, y=counts, width=width, marker_color=ACCENT, hoverinfo="x+y"))
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 4, "b": 4},
        xaxis={"fixedrange": True, "showgrid": False},
        yaxis={"visible": False, "fixedrange": True},
        bargap=0,
        showlegend=False,
    )
    return figure
