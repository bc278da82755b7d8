"""The picture on the page: the component whose front end is in ``assets/network``.

Python sends the scene; pointing and flying happen in the browser. It says where it goes (``at``), and asks for what
feeds what (``want``) once it has painted. A network of glass is computed there.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.ui.component import Component

KEY = "inside_network"
"""The component's on the page. It doesn't begin like the controls: a story's step forgets those."""

_SCRIPTS = (
    "colours.js", "pieces.js", "overview.js", "layer.js", "cell.js", "forward.js", "drawing.js", "glass.js", "desk.js",
    "live.js", "main.js",
)  # fmt: skip

_component = Component(
    "cnnlab_network",
    html=read_asset("network", "network.html"),
    css=read_asset("network", "network.css"),
    js="\n".join(read_asset("network", name) for name in _SCRIPTS),
)


def asked_for(key: str) -> str:
    """The scene of which the browser wants to know what feeds what."""
    want = (st.session_state.get(key) or {}).get("want")
    return want if isinstance(want, str) else ""


def heard(key: str) -> tuple[int, str]:
    """The number of the browser's last move, and the scene that it had then, with what feeds what."""
    at = (st.session_state.get(key) or {}).get("at")
    turn, has = (at.get("turn"), at.get("has")) if isinstance(at, dict) else (0, "")
    return turn if isinstance(turn, int) else 0, has if isinstance(has, str) else ""


def show_network(data: dict[str, Any], *, key: str, on_go: Callable[[object], None]) -> dict[str, Any] | None:
    """Draw a scene; ``on_go`` gets where the browser wants to be, before the page's next run.

    Gives the layer and the channel that somebody wants to open elsewhere.
    """

    def gone() -> None:
        on_go(st.session_state[key].get("at"))

    said = _component(key=key, data=data, on_at_change=gone, on_want_change=lambda: None, on_open_change=lambda: None)
    wanted: dict[str, Any] | None = said.open
    return wanted
