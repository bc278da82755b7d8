"""The one way to show a figure: on the page, and beside it as a file for paper."""

import re
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from cnnlab_core.plots.paper import figure_file
from cnnlab_core.plots.theme import TICKS
from cnnlab_core.ui.projector import LARGER, is_projected
from cnnlab_core.ui.take_away import File, offer, paper_files


def show_chart(
    figure: go.Figure,
    key: str,
    title: str,
    caption: str = "",
    *,
    alt: str = "",
    place: Any = st,
    live: bool = False,
    still: bool = False,
    **more: Any,
) -> None:
    """A figure in its ``place``, with PNG, SVG and PDF in its upper right corner, made when they are asked for.

    Args:
        title, caption: What the files say besides the figure: plain text. The caption names what the page says around
            the figure: network, picture, settings.
        alt: What the figure shows, for those who don't see it (default: the title).
        live: It will soon be painted over by another one, so there is nothing to take away yet.
        still: It doesn't answer to the pointer.
        more: What else ``st.plotly_chart`` takes.
    """
    shown = _larger(figure) if is_projected() else figure
    look = {"config": {"displayModeBar": False, "staticPlot": still}, "alt": alt or title, **more}
    if live:  # never the same key twice: a job may paint again before it has another step
        paintings = st.session_state["paintings"] = st.session_state.get("paintings", 0) + 1
        place.plotly_chart(shown, key=f"{key} {paintings}", **look)
        return
    name = re.sub(r"\W+", "_", key.lower()).strip("_")
    with place.container(key=f"chart_{name}", gap=None):
        st.plotly_chart(shown, key=key, **look)
        with st.popover("Figure", icon=":material/download:", type="tertiary", help="This figure as a file, for paper"):
            offer(*figure_files(figure, name, title, caption), place="figure", width="stretch")


def _larger(figure: go.Figure) -> go.Figure:
    """The figure with its texts and its height as large as projector mode shows all else."""
    plain = figure.to_dict()
    _enlarge_texts(plain)
    larger = go.Figure(plain)
    larger.update_layout(font_size=LARGER * (figure.layout.font.size or TICKS))
    return larger.update_layout(height=LARGER * figure.layout.height) if figure.layout.height else larger


def _enlarge_texts(part: Any) -> None:
    if isinstance(part, dict):
        for name, value in part.items():
            if name.endswith("font") and isinstance(value, dict) and isinstance(value.get("size"), int | float):
                value["size"] = LARGER * value["size"]
            else:
                _enlarge_texts(value)
    elif isinstance(part, list | tuple):
        for one in part:
            if isinstance(one, dict):
                _enlarge_texts(one)


def figure_files(figure: go.Figure, name: str, title: str, caption: str, *, label: str = "{}") -> list[File]:
    """The figure as PNG, SVG and PDF; ``label`` with the kind in it is what their buttons say."""
    return paper_files(lambda kind: figure_file(figure, kind, title=title, caption=caption), name, label)
