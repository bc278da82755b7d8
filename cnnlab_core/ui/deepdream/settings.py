"""The settings of a dream, as controls: presets, surprises, and each trick left out at a click."""

import random
import secrets
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from cnnlab_core.dream.atlas import preset_picture
from cnnlab_core.dream.gradients import NORMALISATIONS
from cnnlab_core.models.layers import Layer
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.deepdream.layer import block_at, choose_channel
from cnnlab_core.ui.show import picture_address

CONTROLS = Controls("dream")

SIDES = (224, 336, 448, 672, 1000, 2000, 5000)
TRICKS = ("every trick", "without octaves", "without jitter", "without normalisation")
MAXIMISED = ("the whole layer", "one channel")
MEASURES = {"rms": "root mean square", "l2": "l2 norm", "mean": "mean"}
"""What is maximised of a layer's activations."""
DIVISORS = {"mean-abs": "mean size, mean |g|", "std": "standard deviation", "l2": "root mean square", "none": "nothing"}
DEPTH = 0.5
"""The depth of the first look's layer, from 0 to 1."""


@dataclass(frozen=True)
class Settings:
    """Everything a dream depends on besides its network and picture. ``step_size`` is in 255ths."""

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
    norm: str = "rms"

    def without(self, trick: str) -> "Settings":
        """The same with one trick left out; without octaves, all steps are made at full size."""
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
        if self.channel is not None:
            return f'channel("{self.node}", {self.channel})'
        return f'layer("{self.node}")' if self.norm == "rms" else f'layer("{self.node}", "{self.norm}")'


@dataclass(frozen=True)
class Preset:
    """A look: a depth in the network (0 to 1), and settings by their controls' names where they differ from the first
    look's."""

    title: str
    depth: float
    settings: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of its picture's file."""
        return "preset_" + self.title.lower().replace(" ", "_")


PRESETS = (
    Preset("Eyes and scales", DEPTH, {}),
    Preset("Woven", 0.18, {"octaves": 3, "seed": 3}),
    Preset("Engraved", 0.33, {"octaves": 5, "jitter": 8, "seed": 5}),
    Preset("Creatures", 0.68, {"octaves": 5, "steps": 16, "laplacian": 3, "seed": 7}),
    Preset("Fur and feathers", 0.8, {"octaves": 3, "steps": 20, "step_size": 2.0, "seed": 11}),
    Preset("Vision", 0.94, {"octaves": 6, "scale": 1.3, "steps": 14, "laplacian": 4, "seed": 13}),
)

_FIRST: dict[str, Any] = {
    "scale" if name == "octave_scale" else name: value
    for name, value in vars(Settings("", None)).items()
    if name not in ("node", "channel", "side", "norm")
}
"""The settings that presets set, by their controls' names, as the page opens."""


def preset_settings(preset: Preset, node: str) -> Settings:
    """The settings of a preset at a layer."""
    given = {**_FIRST, **preset.settings}
    return Settings(node, None, octave_scale=given.pop("scale"), **given)


def presets(spec: ModelSpec) -> None:
    """Looks to choose from, each with a picture of what it does to the cat, and a surprise."""
    look = []
    with st.container(horizontal=True, gap="small", key="presets"):
        for preset in PRESETS:
            key = preset.name
            st.button(preset.title, key=key, on_click=_take, args=(spec, preset))
            address = picture_address(preset_picture(preset.name), "webp", key)
            look.append(f".st-key-{key} button {{ background-image: url({address}); }}")
        st.html(f"<style>{' '.join(look)}</style>")
        st.button("Surprise me", key="dream_surprise", icon=":material/casino:", on_click=_surprise, args=(spec,))


def _take(spec: ModelSpec, preset: Preset) -> None:
    _put(block_at(spec, preset.depth), {**_FIRST, **preset.settings})


def _surprise(spec: ModelSpec) -> None:
    """Settings drawn from a seed, which is then the dream's seed too and in the address."""
    seed = secrets.randbelow(100_000)
    draw = random.Random(seed)
    layer = block_at(spec, draw.uniform(0.15, 1))
    settings = {
        "octaves": draw.randint(3, 6),
        "scale": draw.choice([1.3, 1.4, 1.5]),
        "steps": draw.randint(8, 20),
        "step_size": draw.choice([1.5, 2.0, 2.5, 3.0]),
        "jitter": draw.choice([8, 16, 32]),
        "normalise": draw.choice(NORMALISATIONS[:3]),
        "laplacian": draw.choice([0, 0, 2, 4]),
        "seed": seed,
    }
    _put(layer, settings)


def _put(layer: str, settings: dict[str, Any]) -> None:
    """Set the controls, for a dream of the whole layer with every trick, and run it."""
    CONTROLS.write(layer=layer, normalise=settings["normalise"])
    for name, value in {**settings, "ask": MAXIMISED[0], "trick": TRICKS[0]}.items():
        st.session_state[CONTROLS.key(name)] = value
    at_once()


def at_once() -> None:
    """Run the dream of the settings just clicked without another click."""
    st.session_state["dream_now"] = True


def choose_settings(layer: Layer) -> Settings:
    """The controls; gives the settings with every trick."""
    maximised = CONTROLS.one_of("ask", "Maximise", MAXIMISED, MAXIMISED[0])
    channel = choose_channel(layer, CONTROLS, 0) if maximised == MAXIMISED[1] else None
    norm = CONTROLS.one_of_named(
        "norm",
        "Of its activations, the",
        MEASURES,
        "rms",
        disabled=channel is not None,
        help="The l2 norm is √Σa²; the root mean square is that divided by √n, so that layers of different sizes "
        "compare. Both have one gradient direction: with a normalised gradient the dream is the same, and only the "
        "number differs.",
    )
    left, right = st.columns(2, gap="medium")
    with left:
        octaves = CONTROLS.slider("octaves", "Octaves", 1, 8, _FIRST["octaves"], 1)
        steps = CONTROLS.slider("steps", "Steps per octave", 1, 40, _FIRST["steps"], 1)
        jitter = CONTROLS.slider("jitter", "Jitter (pixels)", 0, 64, _FIRST["jitter"], 1)
        divide = "Divide the gradient by its"
        normalise = CONTROLS.named("normalise", divide, NORMALISATIONS, NORMALISATIONS[0], DIVISORS.__getitem__)
    with right:
        scale = CONTROLS.slider("scale", "Between octaves (×)", 1.1, 2.0, _FIRST["scale"], 0.05)
        step_size = CONTROLS.slider("step_size", "Step size (/255)", 0.25, 12.0, _FIRST["step_size"], 0.25)
        laplacian = CONTROLS.slider("laplacian", "Laplacian levels", 0, 6, _FIRST["laplacian"], 1)
        side = CONTROLS.select("side", "Longest side (pixels)", SIDES, 448)
    seed = CONTROLS.number("seed", "Seed", 0, 99_999, _FIRST["seed"], 1)
    numbers = octaves, scale, steps, step_size, jitter, normalise, laplacian, side, seed
    return Settings(layer.name, channel, *numbers, norm if channel is None else "rms")
