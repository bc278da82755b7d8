"""The epsilon explorer: the component whose front end is in ``assets/epsilon_explorer``.

Python sends a sweep once (``scene``); epsilon is dragged in the browser, and only where it came to rest is told.
"""

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.attacks.sweep import Curve, Sweep
from cnnlab_core.classification.softmax import softmax
from cnnlab_core.images import png
from cnnlab_core.images.levels import LEVELS, distance
from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.ui.component import Component
from cnnlab_core.ui.show import data_address

_SCRIPTS = ("pixels.js", "chart.js", "main.js")
_TOP = 5
_HIDDEN_SHARE = 0.01
"""The share of the largest changes that may be drawn no stronger than full black or white."""

_component = Component(
    "cnnlab_epsilon_explorer",
    html=read_asset("epsilon_explorer", "explorer.html"),
    css=read_asset("epsilon_explorer", "explorer.css"),
    js="\n".join(read_asset("epsilon_explorer", name) for name in _SCRIPTS),
)


def show_explorer(scene: dict[str, Any], *, identity: str, at: int, on_rest: Callable[[int], None], key: str) -> None:
    """Draw a scene, at first at epsilon number ``at``; ``on_rest`` gets the one at which the slider came to rest.

    A scene of another ``identity`` begins anew. Where a scene began is kept: what is the same as before isn't sent
    again.
    """
    began: dict[str, int] = st.session_state.setdefault(f"{key} began", {})
    at = began.setdefault(identity, at)

    def rested() -> None:
        index = st.session_state[key].get("at")
        if isinstance(index, int) and 0 <= index < len(scene["eps"]):
            on_rest(index)

    _component(key=key, data={**scene, "id": identity, "at": at}, on_at_change=rested)


def scene(sweep: Sweep, labels: tuple[str, ...]) -> dict[str, Any]:
    """A sweep as the browser needs it: pictures, the most probable classes, curves and marks.

    A straight attack in linf at whole levels is sent as the original and the signs of the direction; everything else as
    pictures.
    """
    curve, norm = sweep.curve(), sweep.plan.norm
    pixels = np.stack([sweep.view(index).pixels for index in range(len(curve.eps))])
    rows = _rows(curve)
    shown = {index for row in rows for index, _ in row} | set(curve.others.tolist())
    return {
        "width": pixels.shape[2],
        "height": pixels.shape[1],
        "eps": [distance(eps, norm) for eps in curve.eps],
        "ticks": [distance(eps, norm).removesuffix(f"/{LEVELS}") for eps in curve.eps],
        "original": _base64(pixels[0].tobytes()),
        **_frames(sweep, pixels),
        "gain": _gain(pixels),
        "rows": rows,
        "labels": {str(index): labels[index] for index in shown},
        "success": curve.success.tolist(),
        "before": curve.y,
        "target": curve.target,
        "others": curve.others.tolist(),
        "lines": _lines(curve, labels),
        "marks": _marks(curve, labels, norm),
    }


def _rows(curve: Curve) -> list[list[tuple[int, float]]]:
    """For each epsilon the most probable classes with the class before and the target, in order."""
    rows = []
    for logits, shares in zip(curve.logits, softmax(curve.logits), strict=True):
        order = np.argsort(-logits, kind="stable").tolist()
        wanted = {*order[:_TOP], curve.y} | (set() if curve.target is None else {curve.target})
        rows.append([(index, float(shares[index])) for index in order if index in wanted])
    return rows


def _lines(curve: Curve, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    """The curves, the most important one on top."""
    lines: list[tuple[str, str, int | np.ndarray]] = [
        ("other", "strongest other class", curve.others),
        ("before", labels[curve.y], curve.y),
    ]
    if curve.target is not None:
        lines.append(("target", labels[curve.target], curve.target))
    return [
        {"kind": kind, "name": f"P({name})", "shares": curve.probability(classes).tolist()}
        for kind, name, classes in lines
    ]


def _marks(curve: Curve, labels: tuple[str, ...], norm: str) -> list[dict[str, Any]]:
    """Where the class changes first, and where the target is reached."""
    marks = []
    for eps in dict.fromkeys((curve.changes, curve.smallest)):
        if eps is not None:
            index = curve.eps.index(eps)
            first = int(curve.best[index])
            kind = "target" if first == curve.target else "other"
            marks.append({"at": index, "kind": kind, "text": f"{distance(eps, norm)}: first called {labels[first]}"})
    return marks


def _frames(sweep: Sweep, pixels: np.ndarray) -> dict[str, Any]:
    counts = LEVELS * np.asarray(sweep.eps)
    if sweep.direction is not None and sweep.plan.norm == "linf" and np.allclose(counts, np.round(counts), atol=1e-9):
        direction = sweep.direction[0].permute(1, 2, 0).cpu().numpy()
        return {"signs": _base64(_packed(direction)), "levels": np.round(counts).astype(int).tolist()}
    return {"pictures": [data_address(png(Image.fromarray(picture))) for picture in pixels]}


def _packed(direction: np.ndarray) -> bytes:
    """Signs as bytes of four: two bits each for sign + 1, the first in the lowest."""
    signs = (direction.astype(np.int8) + 1).astype(np.uint8).ravel()
    quads = np.pad(signs, (0, -len(signs) % 4)).reshape(-1, 4)
    return (quads << np.array([0, 2, 4, 6], np.uint8)).sum(1, dtype=np.uint8).tobytes()


def _gain(pixels: np.ndarray) -> int:
    """How many times stronger the noise is drawn, one number for all epsilons: so that it grows as it does."""
    change = np.abs(pixels[-1].astype(int) - pixels[0])
    return max(1, int(127 / max(1.0, float(np.quantile(change, 1 - _HIDDEN_SHARE)))))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
