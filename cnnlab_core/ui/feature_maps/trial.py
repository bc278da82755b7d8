"""What the views of the trial share: the class, the methods that are on trial, and how long that takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.methods import METHODS, Method, Request, passes, usual
from cnnlab_core.models import ModelSpec, layer_table
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject, choose_class
from cnnlab_core.ui.show import form, main_answer, main_picture
from cnnlab_core.ui.subject import classify_picture

GRADIENTS: tuple[Method, ...] = ("Saliency", "SmoothGrad", "Integrated gradients", "Grad-CAM", "Grad-CAM++")
AT_ONCE_SECONDS = 4.0
"""What is thought to take longer waits for its button."""
_RATE, _OVERHEAD = 12e9, 0.001
"""Multiply-adds a second of one core, about, and the seconds that a small network takes at least for an answer."""


@dataclass(frozen=True)
class Trial:
    """What a view asks, at the cost of so many ``answers`` of the network, and where its picture, its words and further
    settings go."""

    target: int
    methods: tuple[Method, ...]
    requests: tuple[Request, ...]
    answers: float
    picture: Any
    words: Any
    more: Any


def choose_trial(subject: LayerSubject, name: str, start: Sequence[Method], *, beside: bool = False) -> Trial | None:
    """The class and the methods (the control ``name``); None, with its reason on the page, without an answer.

    The words stand below the picture, or ``beside`` it.

    Raises ``InputError`` if no method is chosen.
    """
    answer = classify_picture(subject.spec, subject.weights, subject.picture, place="maps")
    if answer is None:
        return None
    place = form()
    left, right = st.columns([2.5, 1], gap="medium") if beside else (st.container(), st.container())
    with left:
        picture = main_picture()
    with right:
        words = main_answer()
    first, second, more = place.columns([1, 2, 0.5], gap="medium", vertical_alignment="bottom")
    target = choose_class(subject, answer.best[0].index, place=first)
    chosen = CONTROLS.some_of(name, "Methods", METHODS, start, place=second)
    if not chosen:
        raise InputError("No method is chosen. Choose at least one.")
    methods = tuple(method for method in METHODS if method in chosen)  # in one order
    requests = tuple(usual(subject.spec, method, target) for method in methods)
    answers = sum(passes(request, subject.spec.preprocessing.crop) for request in requests)
    return Trial(target, methods, requests, answers, picture, words, more)


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
