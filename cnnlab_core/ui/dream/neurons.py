"""Neurons: what a channel or a single unit wants to see, drawn from noise, beside what excites it in photos."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import streamlit as st
import torch
from PIL import Image

from cnnlab_core.dream import Objective, channel, diversity, layer, unit, visualise
from cnnlab_core.dream.visualising import PARAMETRISATIONS
from cnnlab_core.models import load_model
from cnnlab_core.models.layers import Layer
from cnnlab_core.recipes.dream import visualise_code
from cnnlab_core.ui.dream.choice import Choice, choose_layer
from cnnlab_core.ui.dream.gallery import show_patches
from cnnlab_core.ui.dream.live import film_files, show_film
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.take_away import take_away

ASKED = ("a channel", "a unit", "the whole layer")
SIDES = (96, 128, 192, 256)
DEPTH = 0.6
_DIVERSITY = 10.0
"""With it the answers' mean cosine falls from nearly 1 to about 0.3, and the channel answers 15 % less (measured)."""


@dataclass(frozen=True)
class _Question:
    node: str
    asked: str
    channel: int
    answers: int
    side: int
    steps: int
    parametrisation: str
    robust: bool
    seed: int

    @property
    def objective(self) -> Objective:
        one = {
            ASKED[0]: lambda: channel(self.node, self.channel),
            ASKED[1]: lambda: unit(self.node, self.channel),
            ASKED[2]: lambda: layer(self.node),
        }[self.asked]()
        return one + _DIVERSITY * diversity(self.node) if self.answers > 1 else one

    @property
    def code(self) -> str:
        """The objective as Python."""
        one = {
            ASKED[0]: f'channel("{self.node}", {self.channel})',
            ASKED[1]: f'unit("{self.node}", {self.channel})',
            ASKED[2]: f'layer("{self.node}")',
        }[self.asked]
        return f'{one} + {_DIVERSITY} * diversity("{self.node}")' if self.answers > 1 else one

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of ``visualise`` by name."""
        given = {
            "size": self.side,
            "count": self.answers,
            "steps": self.steps,
            "parametrisation": self.parametrisation,
        }
        return given if self.robust else {**given, "transforms": ()}


def show(choice: Choice) -> None:
    """The tab."""
    st.caption(
        "Nothing but noise to begin with: 64 steps later there is what this part of the network answers to most. Go "
        "from left to right: edges, textures, parts, things. Compare with the patches of photos that excite the same "
        "channel."
    )
    place = choose_layer(choice.spec, key="neuron_layer", depth=DEPTH)
    left, right = st.columns([1.2, 1], gap="large")
    with right:
        question = _ask(place)
        if question.asked != ASKED[2]:
            show_patches(choice, place, question.channel)
    with left:
        _answer(choice, place, question)


def _ask(place: Layer) -> _Question:
    asked = segmented(st, "Ask", ASKED, default=ASKED[0], key="neuron_ask", bind="query-params")
    most = place.shape[0] - 1
    if not 0 <= st.session_state.get("neuron_channel", 0) <= most:
        st.session_state["neuron_channel"] = most
    number = 0
    if asked != ASKED[2]:
        number = int(st.number_input(f"Channel (0 to {most})", 0, most, 7, key="neuron_channel", bind="query-params"))
    one, two = st.columns(2, gap="medium")
    with one:
        answers = st.slider("Different answers", 1, 4, 1, key="neuron_answers", bind="query-params")
        steps = st.slider("Steps", 16, 256, 64, 16, key="neuron_steps", bind="query-params")
        robust = st.toggle(
            "Moved at random",
            value=True,
            key="neuron_robust",
            bind="query-params",
            help="Before each step the picture is shifted, scaled and turned a little. Without it: fine grain that "
            "means nothing to anybody but this network.",
        )
    with two:
        side = st.selectbox("Side (pixels)", SIDES, index=1, key="neuron_side", bind="query-params")
        kind = st.selectbox(
            "Made of",
            PARAMETRISATIONS,
            key="neuron_made_of",
            bind="query-params",
            help="Fourier coefficients in decorrelated colours, or plain pixels.",
        )
        seed = st.number_input("Seed", 0, 99_999, 0, key="neuron_seed", bind="query-params")
    return _Question(place.name, asked, number, int(answers), int(side), int(steps), kind, bool(robust), int(seed))


def _answer(choice: Choice, place: Layer, question: _Question) -> None:
    def job() -> Generator[Any, None, Any]:
        model = load_model(*choice.model)
        generator = torch.Generator().manual_seed(question.seed)
        return visualise(model, question.objective, generator=generator, **question.arguments)

    cheap = question.steps * question.answers * question.side**2 <= 64 * 128**2
    film = show_film(
        "neuron",
        digest("neuron", choice.model, question),
        job,
        label=f"Asking {place.name}",
        before=Image.new("RGB", (question.side * question.answers, question.side), (128, 128, 128)),
        start="" if cheap else "Draw",
        total=question.steps,
        for_everybody=cheap,
        labels=("Noise", "What it wants to see"),
        from_noise=True,
    )
    if film:
        code = visualise_code(*choice.model, None, question.code, question.arguments, question.seed, photo=False)
        take_away(code, *film_files(film, "cnnlab_neuron"))
