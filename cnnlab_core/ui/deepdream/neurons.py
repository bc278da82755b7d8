"""Neurons: what excites a channel or a single unit most, drawn from noise, beside what excites it in photos."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import streamlit as st
import torch
from PIL import Image

from cnnlab_core.dream import Objective, channel, diversity, layer, unit, visualise
from cnnlab_core.dream.feature_visualisation import PARAMETRISATIONS
from cnnlab_core.models import load_model
from cnnlab_core.models.layers import Layer
from cnnlab_core.recipes.deepdream import neurons as recipe
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.deepdream.film import film_files, show_film
from cnnlab_core.ui.deepdream.gallery import show_patches
from cnnlab_core.ui.deepdream.layer import choose_channel, choose_layer
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.subject import Subject
from cnnlab_core.ui.take_away import take_away

CONTROLS = Controls("neuron")

MAXIMISED = ("a channel", "a unit", "the whole layer")
SIDES = (96, 128, 192, 256)
DEPTH = 0.6
"""The depth of the first look's layer, from 0 to 1."""

_DIVERSITY = 10.0
"""The weight at which the pictures' mean cosine falls from nearly 1 to about 0.3, and the channel's activation by 15 %
(measured)."""


@dataclass(frozen=True)
class _Question:
    node: str
    maximised: str
    channel: int
    count: int
    side: int
    steps: int
    parametrisation: str
    robust: bool
    seed: int

    @property
    def objective(self) -> Objective:
        one = {
            MAXIMISED[0]: lambda: channel(self.node, self.channel),
            MAXIMISED[1]: lambda: unit(self.node, self.channel),
            MAXIMISED[2]: lambda: layer(self.node),
        }[self.maximised]()
        return one + _DIVERSITY * diversity(self.node) if self.count > 1 else one

    @property
    def code(self) -> str:
        """The objective as Python."""
        one = {
            MAXIMISED[0]: f'channel("{self.node}", {self.channel})',
            MAXIMISED[1]: f'unit("{self.node}", {self.channel})',
            MAXIMISED[2]: f'layer("{self.node}")',
        }[self.maximised]
        return f'{one} + {_DIVERSITY} * diversity("{self.node}")' if self.count > 1 else one

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of ``visualise`` by name."""
        given = {
            "size": self.side,
            "count": self.count,
            "steps": self.steps,
            "parametrisation": self.parametrisation,
        }
        return given if self.robust else {**given, "transforms": ()}


def show(subject: Subject) -> None:
    """The layer and the question, the picture that answers it, and the photos' patches that excite the channel."""
    st.caption(
        "Starting from nothing but noise, this draws what a part of the network responds to most. Move from left to "
        "right: edges, textures, parts, objects. Compare with the patches of photos that excite the same channel."
    )
    chosen = choose_layer(subject.spec, CONTROLS, depth=DEPTH)
    left, right = st.columns([1.2, 1], gap="large")
    with right:
        question = _ask(chosen)
        if question.maximised != MAXIMISED[2]:
            show_patches(subject, chosen, question.channel)
    with left:
        _answer(subject, question)


def _ask(chosen: Layer) -> _Question:
    maximised = CONTROLS.one_of("ask", "Maximise", MAXIMISED, MAXIMISED[0])
    channel = 0 if maximised == MAXIMISED[2] else choose_channel(chosen, CONTROLS, 7)
    one, two = st.columns(2, gap="medium")
    with one:
        count = CONTROLS.slider("answers", "Different pictures", 1, 4, 1, 1)
        steps = CONTROLS.slider("steps", "Steps", 16, 256, 64, 16)
        robust = CONTROLS.toggle(
            "robust",
            "Transforms",
            True,
            help="Before each step, the picture is shifted, scaled and rotated a little. Without this, fine grain "
            "appears that means nothing to anyone but this network.",
        )
    with two:
        side = CONTROLS.select("side", "Side (pixels)", SIDES, SIDES[1])
        parametrisation = CONTROLS.select(
            "made_of",
            "Parametrisation",
            PARAMETRISATIONS,
            PARAMETRISATIONS[0],
            help="Fourier coefficients in decorrelated colours, or plain pixels.",
        )
        seed = CONTROLS.number("seed", "Seed", 0, 99_999, 0, 1)
    return _Question(chosen.name, maximised, channel, count, side, steps, parametrisation, robust, seed)


def _answer(subject: Subject, question: _Question) -> None:
    def job() -> Generator[Any, None, Any]:
        model = load_model(*subject.network)
        generator = torch.Generator().manual_seed(question.seed)
        return visualise(model, question.objective, generator=generator, **question.arguments)

    cheap = question.steps * question.count * question.side**2 <= 64 * 128**2
    film = show_film(
        "neuron",
        digest("neuron", subject.network, question),
        job,
        label="Drawing",
        before=Image.new("RGB", (question.side * question.count, question.side), (128, 128, 128)),
        start="" if cheap else "Draw",
        total=question.steps,
        for_everybody=cheap,
        labels=("Noise", "What excites it"),
        from_noise=True,
    )
    if film:
        code = recipe.code(*subject.network, question.code, question.arguments, question.seed)
        take_away(code, *film_files(film, "cnnlab_neuron"))
