"""Live frames of a network on the server: a patch on the photo, or a camera's pictures, a few times a second.

The browser sends a frame only when the one before is answered, and then the latest; each answer says when the next is
welcome. A frame runs nothing of the page but this fragment, which draws nothing (``assets/network/wire.js``).
"""

import base64
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import streamlit as st
import torch

from cnnlab_core.errors import InputError, LabError
from cnnlab_core.models import LoadedModel, load_model
from cnnlab_core.network.live import MOST_BYTES, Look, covered, frame_pixels, look
from cnnlab_core.network.strongest import Overview
from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.runtime.device import available_cores, pick_device
from cnnlab_core.runtime.gate import gate
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.runtime.pace import Pace
from cnnlab_core.ui.classroom import classroom
from cnnlab_core.ui.network.place import Place
from cnnlab_core.ui.network.scene import classes_of, look_data
from cnnlab_core.ui.runner import once
from cnnlab_core.ui.subject import Subject

KEY = "network_wire"
MOST_A_SECOND = 5
"""Frames of a visitor."""
SHARE = 0.4
"""Of the device, for all visitors' frames together."""
EARLY_SECONDS = 0.05
"""A frame may come so much before its time: clocks differ."""

_component = st.components.v2.component("cnnlab_network_wire", js=read_asset("network", "wire.js"))


@dataclass
class _Turn:
    """When this visitor's next frame is welcome, and how long the last one took."""

    at: float = 0.0
    cost: float = 0.05


@st.fragment
def show(subject: Subject, found: Overview, place: Place, scene: str) -> None:
    """Answer to a frame for the ``scene``, if one has come. Draws nothing."""
    frame = heard()
    data: dict[str, Any] = {"scene": scene}
    if isinstance(frame, dict) and frame.get("scene") == scene:
        data["answer"] = {"n": frame.get("n"), **_answer(subject, found, place, frame)}
    _component(key=KEY, data=data, on_frame_change=lambda: None)


def heard() -> object:
    """The frame that the browser has just sent."""
    return (st.session_state.get(KEY) or {}).get("frame")


def _answer(subject: Subject, found: Overview, place: Place, frame: dict[str, Any]) -> dict[str, Any]:
    """The maps and the bars, and ``pause``: milliseconds until the next frame. Without maps it came too early."""
    turn: _Turn = st.session_state.setdefault("network live", _Turn())
    now = time.monotonic()
    if (early := turn.at - now) > EARLY_SECONDS:
        return {"pause": round(1000 * early)}
    device = pick_device().type
    queue = gate(device)
    try:
        if queue.waiting >= classroom().queue:
            return {"pause": 2000}
        said = finish(queue.drive(once(lambda: _look(subject, found, place, frame, turn))))
        beside = [] if "photo" in frame else [bar["index"] for bar in classes_of(subject, found)]
        answer = look_data(subject, said, beside)
    except LabError as error:
        answer = {"said": str(error)}
    turn.at = now + max(1 / MOST_A_SECOND, _pace(device).book(turn.cost))
    return {**answer, "pause": max(0, round(1000 * (turn.at - time.monotonic())))}


def _look(subject: Subject, found: Overview, place: Place, frame: dict[str, Any], turn: _Turn) -> Look:
    model = load_model(*subject.network)
    began = time.monotonic()
    said = look(model, _pixels(model, subject, frame), found.columns, place.factors)
    turn.cost = time.monotonic() - began
    return said


def _pixels(model: LoadedModel, subject: Subject, frame: dict[str, Any]) -> torch.Tensor:
    """The camera's picture, or the photo with the patch on it: ``[top, left, side]`` in the network's pixels."""
    photo, patch = frame.get("photo"), frame.get("patch")
    if isinstance(photo, str):
        try:
            content = base64.b64decode(photo[: 2 * MOST_BYTES])
        except ValueError:
            content = b""
        return frame_pixels(content, subject.spec.preprocessing.crop).to(model.device)
    if not (isinstance(patch, list) and len(patch) == 3):
        raise InputError("This frame has neither a picture nor a patch.")
    return covered(model.prepare(subject.picture.image), *patch)


@cache
def _pace(device: str) -> Pace:
    return Pace(SHARE * (available_cores() if device == "cpu" else 1))
