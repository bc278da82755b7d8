"""The one way to show a figure: on the page, and beside it as a file for paper."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from cnnlab_core.plots.paper import figure_file
from cnnlab_core.plots.theme import TICKS
from cnnlab_core.runtime.assets import asset, read_asset
from cnnlab_core.ui.component import Component
from cnnlab_core.ui.projector import LARGER, is_projected
from cnnlab_core.ui.show import repainted, served
from cnnlab_core.ui.take_away import File, offer, paper_files

_component = Component(
    "cnnlab_chart",
    html=read_asset("chart", "chart.html"),
    css=read_asset("chart", "chart.css"),
    js=read_asset("chart", "chart.js"),
    apart=False,  # print, projector and forced colours are the page's
)
_LIBRARY = asset("chart", "plotly-cartesian.min.js").read_bytes()


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
    on_press: Callable[[], object] | None = None,
) -> None:
    """A figure in its ``place``, with PNG, SVG and PDF in its upper right corner, made when they are asked for.

    Drawn by plotly's own build for two dimensions (``assets/chart``) and not by ``st.plotly_chart``, which brings three
    times as much to the browser and keeps it busy for as many times as long.

    Args:
        title, caption: What the files say besides the figure: plain text. The caption names what the page says around
            the figure: network, picture, settings.
        alt: What the figure shows, for those who don't see it (default: the title).
        live: It will soon be painted over by another one, so there is nothing to take away yet.
        still: It doesn't answer to the pointer.
        on_press: Called when one of its points is pressed; where, is in ``pressed_point(key)``.
    """
    shown = _larger(figure) if is_projected() else figure
    data = {
        "library": served(_LIBRARY, "text/javascript", "plotly", always=True),
        "figure": json.loads(shown.to_json()),
        "still": still,
        "alt": alt or title,
        "pressed": on_press is not None,
    }
    look: dict[str, Any] = {"data": data, "height": round(shown.layout.height)}
    listens: dict[str, Any] = {"on_pressed_change": on_press} if on_press else {}
    name = re.sub(r"\W+", "_", key.lower()).strip("_")
    if live:
        with repainted(), place.container(key=f"chart_{name}", gap=None):
            _component(key=key, **look)
        return
    with place.container(key=f"chart_{name}", gap=None):
        _component(key=key, **look, **listens)
        with st.popover("Figure", icon=":material/download:", type="tertiary", help="This figure as a file, for paper"):
            offer(*figure_files(figure, name, title, caption), place="figure", width="stretch")


def pressed_point(key: str) -> tuple[float, float] | None:
    """Where the figure ``key`` was just pressed, x and y in the units of its axes; None if a browser says no place."""
    try:
        point = st.session_state[key]["pressed"]
        x, y = float(point["x"]), float(point["y"])
    except (KeyError, TypeError, ValueError):
        return None
    return (x, y) if math.isfinite(x) and math.isfinite(y) else None


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
