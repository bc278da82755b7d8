"""Bars for classes: how probable, or how large the logit."""

from collections.abc import Sequence

import plotly.graph_objects as go

from cnnlab_core.plots.texts import as_text

ACCENT = "#14a08f"
"""The lab's one accent, in a tone that reads on white and on black."""

MUTED = "#93a1a8"


def class_bars(
    labels: Sequence[str], values: Sequence[float], *, percent: bool, chosen: int | None = None, longest: float = 0.0
) -> go.Figure:
    """Horizontal bars, the first on top; ``percent`` for probabilities in [0, 1], else logits.

    ``chosen`` is the bar in the accent colour (default the first). ``longest`` sets the axis's end when several
    figures share one scale (0: its own).
    """
    texts = [f"{value:.1%}" if percent else f"{value:.2f}" for value in values]
    accent = 0 if chosen is None else chosen
    end = max([*values, longest, 1e-9])
    start = min(0.0, *values)
    figure = go.Figure(
        go.Bar(
            x=list(values),
            y=list(range(len(labels))),
            orientation="h",
            text=texts,
            textposition="outside",
            textfont={"size": 14},
            cliponaxis=False,
            marker_color=[ACCENT if i == accent else MUTED for i in range(len(labels))],
            hovertext=[
                as_text(f"{label}: {value:.6g}" if not percent else f"{label}: {value:.6%}")
                for label, value in zip(labels, values, strict=True)
            ],
            hoverinfo="text",
        )
    )
    figure.update_layout(
        height=34 * len(labels) + 24,
        margin={"l": 8, "r": 8, "t": 4, "b": 4},
        xaxis={"visible": False, "range": [start * 1.2, end * 1.22], "fixedrange": True},
        yaxis={
            "tickvals": list(range(len(labels))),
            "ticktext": [as_text(_short(label)) for label in labels],
            "autorange": "reversed",
            "automargin": True,
            "fixedrange": True,
            "tickfont": {"size": 14},
            "ticks": "",
            "showgrid": False,
        },
        bargap=0.3,
        font_size=14,
        showlegend=False,
    )
    return figure


def _short(label: str, longest: int = 26) -> str:
    return label if len(label) <= longest else f"{label[: longest - 1]}…"
