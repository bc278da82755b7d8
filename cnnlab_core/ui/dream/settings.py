"""The settings of a dream, as controls: presets, surprises, and each trick left out at a click."""

import random
import secrets
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from cnnlab_core.dream.gradients import NORMALISATIONS
from cnnlab_core.models.layers import Layer
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.ui.dream.choice import block_at
from cnnlab_core.ui.segmented import segmented

SIDES = (224, 336, 448, 672, 1000, 2000, 5000)
TRICKS = ("every trick", "without octaves", "without jitter", "without normalisation")
ASKED = ("the whole layer", "one channel")
DEPTH = 0.5


@dataclass(frozen=True)
class Settings:
    """Everything a dream depends on but its network and picture. ``step_size`` is in 255ths."""

    node: str
    channel: int | None
    octaves: int = 4
    octave_scale: float = 1.4
    steps: int = 10
    step_size: float = 2.5
    jitter: int = 16
    normalise: str = "mean-abs"
    laplacian: int = 0
    side: int = 448
    seed: int = 0

    def without(self, trick: str) -> "Settings":
        """The same with one trick left out; without octaves, all steps are made at the picture's own size."""
        return {
            TRICKS[0]: self,
            TRICKS[1]: replace(self, octaves=1, steps=self.steps * self.octaves),
            TRICKS[2]: replace(self, jitter=0),
            TRICKS[3]: replace(self, normalise="none", laplacian=0),
        }[trick]

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of ``dream`` by name."""
        return {
            "octaves": self.octaves,
            "octave_scale": self.octave_scale,
            "steps": self.steps,
            "step_size": self.step_size / 255,
            "jitter": self.jitter,
            "normalise": self.normalise,
            "laplacian": self.laplacian,
        }

    @property
    def objective(self) -> str:
        """The objective as Python."""
        return f'layer("{self.node}")' if self.channel is None else f'channel("{self.node}", {self.channel})'


@dataclass(frozen=True)
class Preset:
    """A look: how deep in the network (0 to 1), and settings by the names of their controls; all else as at first."""

    title: str
    depth: float
    settings: dict[str, Any]


PRESETS = (
    Preset("Eyes and scales", DEPTH, {}),
    Preset("Woven", 0.18, {"octaves": 3, "seed": 3}),
    Preset("Engraved", 0.33, {"octaves": 5, "jitter": 8, "seed": 5}),
    Preset("Creatures", 0.68, {"octaves": 5, "steps": 16, "laplacian": 3, "seed": 7}),
    Preset("Fur and feathers", 0.8, {"octaves": 3, "steps": 20, "step_size": 2.0, "seed": 11}),
    Preset("Vision", 0.94, {"octaves": 6, "scale": 1.3, "steps": 14, "laplacian": 4, "seed": 13}),
)

_FIRST: dict[str, Any] = {
    "octaves": 4,
    "scale": 1.4,
    "steps": 10,
    "step_size": 2.5,
    "jitter": 16,
    "normalise": NORMALISATIONS[0],
    "laplacian": 0,
    "seed": 0,
}


def presets(spec: ModelSpec) -> None:
    """A row of looks to choose from, and a surprise."""
    with st.container(horizontal=True, gap="small"):
        for preset in PRESETS:
            st.button(preset.title, key=f"preset {preset.title}", on_click=_take, args=(spec, preset))
        st.button("Surprise me", key="dream_surprise", icon=":material/casino:", on_click=_surprise, args=(spec,))


def _take(spec: ModelSpec, preset: Preset) -> None:
    _put({**_FIRST, **preset.settings})
    st.session_state["dream_layer"] = block_at(spec, preset.depth)
    st.session_state["dream_ask"], st.session_state["dream_trick"] = ASKED[0], TRICKS[0]
    st.session_state["dream_now"] = True


def _surprise(spec: ModelSpec) -> None:
    """Settings drawn from a seed, which is then the dream's own and in the address."""
    seed = secrets.randbelow(100_000)
    draw = random.Random(seed)
    depth = draw.uniform(0.15, 1)
    _put(
        {
            "octaves": draw.randint(3, 6),
            "scale": draw.choice([1.3, 1.4, 1.5]),
            "steps": draw.randint(8, 20),
            "step_size": draw.choice([1.5, 2.0, 2.5, 3.0]),
            "jitter": draw.choice([8, 16, 32]),
            "normalise": draw.choice(NORMALISATIONS[:3]),
            "laplacian": draw.choice([0, 0, 2, 4]),
            "seed": seed,
        }
    )
    st.session_state["dream_layer"] = block_at(spec, depth)
    st.session_state["dream_ask"], st.session_state["dream_trick"] = ASKED[0], TRICKS[0]
    st.session_state["dream_now"] = True


def _put(values: dict[str, Any]) -> None:
    for name, value in values.items():
        st.session_state[f"dream_{name}"] = value


def at_once() -> None:
    """What has just been clicked is to run without a further click."""
    st.session_state["dream_now"] = True


def choose_settings(layer: Layer) -> Settings:
    """The controls; gives the settings before any trick is left out."""
    ask = segmented(st, "Ask", ASKED, default=ASKED[0], key="dream_ask", bind="query-params")
    channel = None
    if ask == ASKED[1]:
        most = layer.shape[0] - 1
        if not 0 <= st.session_state.get("dream_channel", 0) <= most:
            st.session_state["dream_channel"] = most
        channel = int(st.number_input(f"Channel (0 to {most})", 0, most, 0, key="dream_channel", bind="query-params"))
    left, right = st.columns(2, gap="medium")
    with left:
        octaves = st.slider("Octaves", 1, 8, _FIRST["octaves"], key="dream_octaves", bind="query-params")
        steps = st.slider("Steps in each", 1, 40, _FIRST["steps"], key="dream_steps", bind="query-params")
        jitter = st.slider("Jitter (pixels)", 0, 64, _FIRST["jitter"], key="dream_jitter", bind="query-params")
        normalise = st.selectbox("Gradient divided by", NORMALISATIONS, key="dream_normalise", bind="query-params")
    with right:
        scale = st.slider("Between octaves ×", 1.1, 2.0, _FIRST["scale"], 0.05, key="dream_scale", bind="query-params")
        size = st.slider(
            "Step size (of 255)", 0.25, 12.0, _FIRST["step_size"], 0.25, key="dream_step_size", bind="query-params"
        )
        levels = st.slider("Laplacian levels", 0, 6, _FIRST["laplacian"], key="dream_laplacian", bind="query-params")
        side = st.selectbox("Longer side, at most", SIDES, index=2, key="dream_side", bind="query-params")
    seed = st.number_input("Seed", 0, 99_999, _FIRST["seed"], key="dream_seed", bind="query-params")
    numbers = {"octaves": octaves, "steps": steps, "jitter": jitter, "laplacian": levels}
    whole = {name: int(value) for name, value in numbers.items()}
    return Settings(
        layer.name,
        channel,
        octave_scale=float(scale),
        step_size=float(size),
        normalise=normalise,
        side=int(side),
        seed=int(seed),
        **whole,
    )
