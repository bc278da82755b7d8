"""Gradient descent on a loss surface, and the loss on the way."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.theme import FAINT, MUTED, ORANGE, STAR, UNSIGNED_CELLS, make_figure, square_axes

Array = npt.NDArray[np.float64]
Point = tuple[float, float]


def descent_map(
    across: Array,
    up: Array,
    losses: Array,
    *,
    names: tuple[str, str],
    path: Sequence[Point],
    arrow: Point,
    best: Point,
    height: int = 460,
) -> go.Figure:
    """The loss (len(up), len(across)) as contours, the way walked so far, the steepest way down, and the optimum.

    ``path`` ends where the descent stands; of ``arrow`` only the direction is drawn. Stronger is higher.
    """
    surface = {
        "type": "contour",
        "x": across,
        "y": up,
        "z": np.sqrt(losses),  # levels that don't crowd at the rim
        "customdata": losses,
        "colorscale": UNSIGNED_CELLS,
        "ncontours": 18,
        "line": {"width": 1, "color": FAINT},
        "showscale": False,
        "hovertemplate": f"{names[0]} %{{x:.2f}}, {names[1]} %{{y:.2f}}: loss %{{customdata:.3f}}<extra></extra>",
    }
    xs, ys = zip(*path, strict=True)
    here = path[-1]
    walked = {
        "type": "scatter", "x": xs, "y": ys, "mode": "lines+markers", "line": {"color": MUTED, "width": 2},
        "marker": {"size": 5}, "hoverinfo": "skip",
    }  # fmt: skip
    optimum, stand = (
        {
            "type": "scatter", "x": [point[0]], "y": [point[1]], "mode": "markers", "marker": marker,
            "hovertemplate": f"{name} (%{{x:.3f}}, %{{y:.3f}})<extra></extra>",
        }
        for point, marker, name in ((best, STAR, "optimum"), (here, {"size": 12, "color": ORANGE}, "here"))
    )  # fmt: skip
    steepness, arrows = float(np.hypot(*arrow)), []
    if steepness > 1e-9:
        length = 0.14 * float(across[-1] - across[0]) / steepness
        tip = {"x": here[0] + length * arrow[0], "y": here[1] + length * arrow[1], "ax": here[0], "ay": here[1]}
        refs = {"xref": "x", "yref": "y", "axref": "x", "ayref": "y"}
        look = {"arrowhead": 2, "arrowsize": 1, "arrowwidth": 3, "arrowcolor": ORANGE}
        arrows = [{**tip, **refs, **look, "showarrow": True, "text": ""}]
    # One unit is as long up as across: so the steepest way stands at right angles to the contours.
    x, y = square_axes(names, across, up)
    return make_figure([surface, walked, optimum, stand], height=height, x=x, y=y, annotations=arrows)


def loss_line(losses: Sequence[float], here: int, floor: float, *, height: int = 200) -> go.Figure:
    """The loss at every step, a dot at step ``here``, and a dotted line at the least loss there is."""
    highest = max(min(max(losses), 4 * losses[0]), 2 * floor)
    return line_figure(
        [Line("loss", range(len(losses)), losses, ORANGE, dot=here)],
        x_title="step",
        y_title="loss",
        y_range=(0, 1.08 * highest),
        level=floor,
        height=height,
    )
