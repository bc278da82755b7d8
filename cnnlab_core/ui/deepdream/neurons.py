"""Neurons: what excites a channel or a single unit most, drawn from noise, beside what excites it in photos."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import streamlit as st
import torch
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.dream import Objective, channel, diversity, layer, unit, visualise_steps
from cnnlab_core.dream.atlas import drawing
from cnnlab_core.dream.feature_visualisation import PARAMETRISATIONS, RATE
from cnnlab_core.dream.film import Film
from cnnlab_core.models import load_model
from cnnlab_core.models.layers import Layer
from cnnlab_core.recipes.deepdream import neurons as recipe
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.deepdream.film import film_files, show_film
from cnnlab_core.ui.deepdream.gallery import show_patches
from cnnlab_core.ui.deepdream.layer import choose_channel, choose_layer, strip_place, typical
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.show import main_answer, main_picture, plain
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
    rate: float

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
        if self.rate != RATE:  # deep layers: see ``dream.atlas``
            given["learning_rate"] = self.rate
        return given if self.robust else {**given, "transforms": ()}


def show(subject: Subject) -> None:
    """The layer and the question, the picture that answers it, and the photos' patches that excite the channel."""
    strip = strip_place(subject)
    left, right = st.columns([1, 1.2], gap="large")
    with right:
        answer, asked, row = main_answer(), st.container(), st.container()
        with st.popover("More settings: any layer, steps, size …", icon=":material/tune:", key="neuron_more"):
            listed, rest = st.container(), st.container()
        with strip:
            chosen = choose_layer(subject, CONTROLS, depth=DEPTH, place=listed)
        question = _ask(subject, chosen, asked, rest)
        with answer:
            what = plain(chosen.title.split(" · ")[0])
            part = what if question.maximised == MAXIMISED[2] else f"Channel {question.channel} of {what}"
            st.markdown(
                f"**{part}** responds most to this, drawn from nothing but noise. {typical(subject, chosen)} Compare "
                "with the patches of photos below."
            )
        if question.maximised != MAXIMISED[2]:
            show_patches(subject, chosen, question.channel)
    learned("a picture made from noise holds what a channel looks for and nothing else; a photo always holds more.")
    with left, main_picture():
        picture = st.container()
    with left:
        below = st.container()
    with picture:
        film = _draw(subject, question, row, below)
    with below:
        if film:
            code = recipe.code(*subject.network, question.code, question.arguments, question.seed)
            take_away(code, *film_files(film, "cnnlab_neuron"))


def _ask(subject: Subject, chosen: Layer, place: DeltaGenerator, rest: DeltaGenerator) -> _Question:
    with place:
        maximised = CONTROLS.one_of("ask", "Maximise", MAXIMISED, MAXIMISED[0])
        channel = 0 if maximised == MAXIMISED[2] else choose_channel(chosen, CONTROLS, 7)
    one, two = rest.columns(2, gap="medium")
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
    rate = drawing(subject.spec, chosen.name)["learning_rate"]
    return _Question(chosen.name, maximised, channel, count, side, steps, parametrisation, robust, seed, rate)


def _draw(subject: Subject, question: _Question, row: DeltaGenerator, below: DeltaGenerator) -> Film | None:
    def job() -> Generator[Any, None, Any]:
        model = load_model(*subject.network)
        generator = torch.Generator().manual_seed(question.seed)
        return visualise_steps(model, question.objective, generator=generator, **question.arguments)

    cheap = question.steps * question.count * question.side**2 <= 64 * 128**2
    return show_film(
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
        at=row,
        below=below,
    )
