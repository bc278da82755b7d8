"""Live frames of a network on the server: a patch on the photo, or a camera's pictures, a few times a second."""

import base64
from typing import Any

import streamlit as st
import torch

from cnnlab_core.errors import InputError
from cnnlab_core.models import LoadedModel, load_model
from cnnlab_core.network.live import MOST_BYTES, covered, frame_pixels, look
from cnnlab_core.network.strongest import Overview
from cnnlab_core.ui import live
from cnnlab_core.ui.network.place import Place
from cnnlab_core.ui.network.scene import classes_of, look_data
from cnnlab_core.ui.subject import Subject

KEY = "network_wire"


@st.fragment
def show(subject: Subject, found: Overview, place: Place, scene: str) -> None:
    """Answer to a frame for the ``scene``, if one has come. Draws nothing."""

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        model = load_model(*subject.network)
        said = look(model, _pixels(model, subject, frame), found.columns, place.factors)
        beside = [] if "photo" in frame else [bar["index"] for bar in classes_of(subject, found)]
        return look_data(subject, said, beside)

    live.wire(KEY, scene, heard(), answer)


def heard() -> object:
    """The frame that the browser has just sent."""
    return live.heard(KEY)


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
