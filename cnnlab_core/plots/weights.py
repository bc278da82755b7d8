"""How a layer's weights are spread over time."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.theme import ACCENT, TICKS, UNSIGNED_CELLS, make_figure


def weights_over_time(
    steps: Sequence[int],
    edges: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    means: Sequence[float],
    deviations: Sequence[float],
    *,
    height: int = 360,
) -> go.Figure:
    """A column for each of the ``steps`` (S,): how many of the weights (B, S) lie between two ``edges`` (B + 1,).

    Colour is the share of all weights, by its square root, so that few are seen too. The lines are the mean, and one
    standard deviation to each side. The columns are equally wide, however far apart their steps are.
    """
    shares = counts / np.maximum(counts.sum(0), 1)
    names = [f"{step:,}" for step in steps]
    heat = {
        "type": "heatmap",
        "x": np.arange(len(steps)),
        "y": (edges[:-1] + edges[1:]) / 2,
        "z": np.sqrt(shares),
        "customdata": np.dstack([shares, np.broadcast_to(np.asarray(steps), shares.shape)]),
        "colorscale": UNSIGNED_CELLS,
        "showscale": False,
        "hovertemplate": "before step %{customdata[1]:,}, about %{y:.3g}: %{customdata[0]:.2%} of the weights"
        "<extra></extra>",
    }
    middle, off = np.asarray(means), np.asarray(deviations)
    lines = [
        {
            "type": "scatter", "x": np.arange(len(steps)), "y": values, "mode": "lines", "hoverinfo": "skip",
            "line": {"color": ACCENT, "width": 2, "dash": dash},
        }
        for values, dash in ((middle, "solid"), (middle - off, "dot"), (middle + off, "dot"))
    ]  # fmt: skip
    shown = np.unique(np.linspace(0, len(steps) - 1, 8).round().astype(int))
    return make_figure(
        [heat, *lines],
        height=height,
        x={"title": {"text": "before step"}, "tickvals": shown, "ticktext": [names[index] for index in shown]},
        y={"title": {"text": "weight"}, "tickfont": {"size": TICKS}},
        names=("step", "weight"),
    )
