"""What the views of the trial share: which methods are on trial, and how long that takes."""

import math
from collections.abc import Sequence
from typing import Any

from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.methods import METHODS, Method, Request, passes, usual
from cnnlab_core.models import ModelSpec, layer_table
from cnnlab_core.ui.feature_maps.layer import CONTROLS

GRADIENTS: tuple[Method, ...] = ("Saliency", "SmoothGrad", "Integrated gradients", "Grad-CAM", "Grad-CAM++")
AT_ONCE_SECONDS = 4.0
"""What is thought to take longer waits for its button."""
_RATE, _OVERHEAD = 12e9, 0.001
"""Multiply-adds a second of one core, about, and the seconds that a small network takes at least for an answer."""


def choose_methods(name: str, start: Sequence[Method], **more: Any) -> tuple[Method, ...]:
    """The methods that are compared, in one order. Raises ``InputError`` if none is chosen."""
    chosen = CONTROLS.some_of(name, "Methods", METHODS, start, **more)
    if not chosen:
        raise InputError("No method is chosen. Choose at least one.")
    return tuple(method for method in METHODS if method in chosen)


def requests_of(spec: ModelSpec, methods: Sequence[Method], target: int) -> list[Request]:
    """What is asked of each."""
    return [usual(spec, method, target) for method in methods]


def cost(spec: ModelSpec, requests: Sequence[Request]) -> float:
    """What requests cost, in answers of the network."""
    return sum(passes(request, spec.preprocessing.crop) for request in requests)


def start_label(spec: ModelSpec, answers: float, until: str = "") -> str:
    """What stands on the button of a job that takes so many answers, computed up to the layer ``until`` (all of them).

    It says how long that takes; "" if it isn't worth a button.
    """
    layers = layer_table(spec.name)
    last = next((place for place, layer in enumerate(layers, 1) if layer.name == until), len(layers))
    seconds = answers * (sum(layer.multiply_adds for layer in layers[:last]) / _RATE + _OVERHEAD)
    if seconds <= AT_ONCE_SECONDS:
        return ""
    rounded = math.ceil(seconds / 5) * 5
    return f"Run (about {rounded} s)" if rounded < 120 else f"Run (about {math.ceil(seconds / 60)} min)"
