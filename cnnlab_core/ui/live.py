"""Live frames: the browser sends what changes a few times a second, and Python answers, without running the page again.

The browser sends a frame only when the one before is answered, and then the latest; each answer says when the next is
welcome. A frame runs nothing of the page but the fragment that calls this, and draws nothing (``assets/live/wire.js``).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import streamlit as st

from cnnlab_core.errors import LabError
from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.runtime.device import available_cores, pick_device
from cnnlab_core.runtime.gate import gate
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.runtime.limits import QUEUE
from cnnlab_core.runtime.pace import Pace
from cnnlab_core.ui.runner import once
from cnnlab_core.ui.show import without_paths
from cnnlab_core.ui.visitor import visitor

MOST_A_SECOND = 5
"""Frames of a visitor."""
SHARE = 0.4
"""Of the device, for all visitors' frames together."""
EARLY_SECONDS = 0.05
"""A frame may come so much before its time: clocks differ."""

_component = st.components.v2.component("cnnlab_live_wire", js=read_asset("live", "wire.js"))


@dataclass
class _Turn:
    """When this visitor's next frame is welcome, and how long the last one took."""

    at: float = 0.0
    cost: float = 0.05


def heard(key: str) -> object:
    """The frame that the browser has just sent over the wire ``key``."""
    return (st.session_state.get(key) or {}).get("frame")


def wire(key: str, scene: str, frame: object, work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer to a ``frame`` of the ``scene``, if one has come, by what ``work`` makes of it. Draws nothing.

    ``work`` runs on the device, in its turn: it calls no Streamlit.
    """
    data: dict[str, Any] = {"scene": scene}
    if isinstance(frame, dict) and frame.get("scene") == scene:
        data["answer"] = {"n": frame.get("n"), **_in_turn(f"{key} turn", lambda: work(frame))}
    _component(key=key, data=data, on_frame_change=lambda: None)


def _in_turn(name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer, with a ``pause``: milliseconds until the next frame. With nothing else in it, it came too early."""
    turn: _Turn = st.session_state.setdefault(name, _Turn())
    now = time.monotonic()
    if (early := turn.at - now) > EARLY_SECONDS:
        return {"pause": round(1000 * early)}
    device = pick_device().type
    queue = gate(device)

    def timed() -> dict[str, Any]:
        began = time.monotonic()
        answer = work()
        turn.cost = time.monotonic() - began
        return answer

    try:
        if queue.waiting >= QUEUE.now():
            return {"pause": 2000}
        answer = finish(queue.drive(once(timed), who=visitor(), aside=True))
    except LabError as error:
        answer = {"said": without_paths(str(error))}
    turn.at = now + max(1 / MOST_A_SECOND, _pace(device).book(turn.cost))
    return {**answer, "pause": max(0, round(1000 * (turn.at - time.monotonic())))}


@cache
def _pace(device: str) -> Pace:
    return Pace(SHARE * (available_cores() if device == "cpu" else 1))
