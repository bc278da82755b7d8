"""Where in a network the difference between two pictures grows."""

from collections.abc import Sequence

import plotly.graph_objects as go

from cnnlab_core.plots.theme import make_figure


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
