"""The photo, with a grey patch to drag over it: how sure each network is without what lies under it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnnlab_core.classification.batch import Classified
from cnnlab_core.classification.softmax import softmax, top_k
from cnnlab_core.errors import InputError
from cnnlab_core.images import jpeg
from cnnlab_core.models import load_model
from cnnlab_core.network.covered import Patch, logits_without
from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.ui import live
from cnnlab_core.ui.component import Component
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.show import data_address
from cnnlab_core.ui.subject import Subject

KEY = "cover_wire"

_component = Component(
    "cnnlab_cover",
    html=read_asset("cover", "cover.html"),
    css=read_asset("cover", "cover.css"),
    js=read_asset("cover", "cover.js"),
)


@dataclass(frozen=True)
class Said:
    """A network and what it says of the whole photo."""

    subject: Subject
    answer: Classified


def show_photo(subject: Subject, said: Sequence[Said], temperature: float) -> None:
    """The photo as ``subject``'s network sees it, and under it how sure each is of its answer without the patch."""
    scene = digest("cover", *(part for one in said for part in one.subject.key), temperature)
    rows = []
    for one in said:
        best = top_k(one.answer.logits, one.subject.labels, 1, temperature)[0]
        rows.append({"network": one.subject.spec.title, "label": best.label, "share": best.probability})
    photo = data_address(jpeg(subject.seen), "jpeg")
    _component(key="cover", data={"scene": scene, "photo": photo, "title": subject.picture.title, "rows": rows})
    _answer(subject, list(said), temperature, scene)


@st.fragment
def _answer(subject: Subject, said: list[Said], temperature: float, scene: str) -> None:
    """Answer to a place of the patch, if one has come. Draws nothing."""

    def answer(frame: dict[str, Any]) -> dict[str, Any]:
        return {"rows": [_without(subject, one, temperature, frame.get("patch")) for one in said]}

    live.wire(KEY, scene, heard(), answer)


def heard() -> object:
    """The frame that the browser has just sent."""
    return live.heard(KEY)


def _without(seen: Subject, said: Said, temperature: float, place: object) -> dict[str, Any]:
    """How sure the network is of its answer under a patch, [top, left, side], and what it says then."""
    if not (isinstance(place, list) and len(place) == 3 and all(isinstance(n, int | float) for n in place)):
        raise InputError("A patch has a top, a left and a side.")
    model = load_model(*said.subject.network)
    x = model.prepare(said.subject.picture.image)
    logits = logits_without(model, x, Patch(*map(float, place)), seen.spec.preprocessing)
    best = top_k(logits, said.subject.labels, 1, temperature)[0]
    own = int(said.answer.logits.argmax())
    return {"share": float(softmax(logits, temperature)[own]), "best": best.label, "bestShare": best.probability}
