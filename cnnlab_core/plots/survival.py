"""How probable a class stays while a transform grows stronger."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from cnnlab_core.plots.bars import ACCENT, MUTED
from cnnlab_core.plots.texts import as_text

COLOURS = (MUTED, ACCENT, "#e07a1f")
"""The clean picture, the plain attack, the attack through transforms."""


@dataclass(frozen=True)
class Line:
    """Probabilities along the strengths: of which ``picture`` (its place in ``COLOURS``), dotted for the true class."""

    name: str
    values: Sequence[float]
    picture: int
    dotted: bool


def survival_lines(
    strengths: Sequence[float], lines: Sequence[Line], *, here: float, title: str, height: int = 380
) -> go.Figure:
    """The lines over the strengths, with a mark at the strength ``here``; ``title`` is the axis's."""
    figure = go.Figure()
    for line in lines:
        figure.add_scatter(
            x=list(strengths),
            y=list(line.values),
            name=as_text(line.name),
            mode="lines+markers",
            line={"color": COLOURS[line.picture], "width": 2.5, "dash": "dot" if line.dotted else "solid"},
            marker={"size": 5},
            hovertemplate="%{x:g}: %{y:.1%}",
        )
    figure.add_vline(here, line={"color": MUTED, "width": 1.5, "dash": "dash"}, layer="below")
    figure.update_xaxes(title={"text": title, "font": {"size": 14}}, fixedrange=True, showgrid=False, zeroline=False)
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%", fixedrange=True, automargin=True, nticks=6)
    figure.update_layout(
        height=height,
        margin={"l": 4, "r": 4, "t": 8, "b": 4},
        legend={"orientation": "h", "y": -0.2, "x": 0, "font": {"size": 13}},
        hovermode="closest",
    )
    return figure
