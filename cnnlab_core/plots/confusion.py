"""The confusion matrix."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.labels import as_text, shortened
from cnnlab_core.plots.theme import FRAMED, TICKS, UNSIGNED_CELLS, make_figure, named_places

MOST_NUMBERS = 20
"""Classes of a matrix that still shows its counts."""
MOST_NAMES = 60
"""Classes of a matrix that still names them."""


def confusion_matrix(counts: npt.ArrayLike, classes: Sequence[str], *, ink: str) -> go.Figure:
    """Counts (classes, classes), a row for each true class, coloured by their share of the row; counts in ``ink``."""
    table = np.asarray(counts)
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    number, few = len(classes), len(classes) <= MOST_NUMBERS
    heat = {
        "type": "heatmap",
        "z": shares,
        "zmin": 0,
        "zmax": 1,
        "colorscale": UNSIGNED_CELLS,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "customdata": [
            [
                as_text(f"{true}, predicted as {other}: {count} of {sum(row)} ({count / max(sum(row), 1):.1%})")
                for other, count in zip(classes, row, strict=True)
            ]
            for true, row in zip(classes, table.tolist(), strict=True)
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    if few:
        heat |= {
            "text": [[str(count) if count else "" for count in row] for row in table.tolist()],
            "texttemplate": "%{text}",
            "textfont": {"size": TICKS, "color": ink},
        }
    names = [shortened(name, 18) for name in classes] if number <= MOST_NAMES else []
    axis = {**FRAMED, **named_places(names), "tickfont": {"size": TICKS if few else 9}}
    return make_figure(
        [heat],
        height=max(380, 34 * number + 120) if few else min(900, 200 + 14 * number),
        x={**axis, "title": {"text": "predicted class", "standoff": 6}, "tickangle": -45},
        y={**axis, "title": {"text": "true class", "standoff": 6}, "autorange": "reversed"},
    )
