"""Bars: a probability or a logit for each class, and how often values occur."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from cnnlab_core.plots.labels import as_text, shortened
from cnnlab_core.plots.theme import ACCENT, MUTED, NUMBERS, ORANGE, make_figure, named_places


def class_bars(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    percent: bool,
    chosen: int | None = None,
    longest: float = 0.0,
    what: str = "",
    height: int = 0,
    signed: bool = False,
) -> go.Figure:
    """Horizontal bars, the first on top; ``percent`` for probabilities in [0, 1], else logits.

    ``chosen`` is the bar in the accent colour (default the first). ``longest`` sets the axis's end when several
    figures share one scale (0: its own). ``what`` is the name of the values on paper. ``height`` is that of the figure,
    however many bars there are (0: as they need). ``signed`` colours all by their sign instead.
    """
    accent = 0 if chosen is None else chosen
    colours = [ACCENT if i == accent else MUTED for i in range(len(labels))]
    if signed:
        colours = [ORANGE if value < 0 else ACCENT for value in values]
    form = "{}: {:.6%}" if percent else "{}: {:.6g}"
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": list(values),
        "y": list(range(len(labels))),
        "text": [f"{value:.1%}" if percent else f"{value:.2f}" for value in values],
        "textposition": "outside",
        "textfont": {"size": NUMBERS},
        "cliponaxis": False,
        "marker": {"color": colours},
        "hovertext": [as_text(form.format(label, value)) for label, value in zip(labels, values, strict=True)],
        "hoverinfo": "text",
    }
    start, end = min(0.0, *values), max([*values, longest, 1e-9])
    return make_figure(
        [bars],
        height=height or 34 * len(labels) + 24,
        margin={"l": 8, "r": 36, "t": 4, "b": 4},  # on the right are its files, which no number runs into
        x={"visible": False, "range": [start - 0.18 * (end - start) * (start < 0), end * 1.22]},
        y={**named_places([shortened(label, 26) for label in labels]), "autorange": "reversed"},
        names=(what or ("probability" if percent else "logit"), "class"),
        bargap=max(0.3, 1 - 34 * len(labels) / height) if height else 0.3,
    )


def histogram(values: npt.ArrayLike, *, bins: int = 40, height: int = 150) -> go.Figure:
    """A histogram with ``bins`` equal bins, counted here so that the browser gets only the counts."""
    counts, edges = np.histogram(np.asarray(values, dtype=np.float64), bins=bins)
    middles, width = ((edges[:-1] + edges[1:]) / 2).astype(np.float32), float(edges[1] - edges[0])  # half the bytes
    bars = {"type": "bar", "x": middles, "y": counts, "width": width, "marker": {"color": ACCENT}, "hoverinfo": "x+y"}
    return make_figure([bars], height=height, y={"visible": False}, names=("value", "count"), bargap=0)
