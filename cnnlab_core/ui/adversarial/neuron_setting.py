"""The attack on a single neuron: what the controls say, and all that follows from it."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from cnnlab_core.attacks.exact.ball import NORMS, Ball
from cnnlab_core.attacks.exact.neuron import Crossing, Neuron, Step, fgsm, minimal_epsilon, optimum, pgd
from cnnlab_core.checks import Array
from cnnlab_core.convolution.typed import read_numbers
from cnnlab_core.errors import InputError
from cnnlab_core.images.levels import NORM_NAMES
from cnnlab_core.ui.controls import Controls

CONTROLS = Controls("adversarial_plane")
SHAPES = {"linf": "square", "l2": "disc", "l1": "diamond"}
MOST_SIZES = 6
MOST_STEPS = 40
FARTHEST = 10.0
"""Of every coordinate and weight."""
LONGEST = 100.0
"""Of every step size: gradients are small."""


@dataclass(frozen=True, eq=False)
class Setting:
    """All that the controls say."""

    neuron: Neuron
    ball: Ball
    y: int
    step_sizes: list[float]
    step_size: float
    steps: int
    seed: int | None
    raw: bool = False

    @property
    def shape(self) -> str:
        return SHAPES[self.ball.norm]


@dataclass(frozen=True, eq=False)
class Story:
    """What follows from a setting: the optimum, single steps, PGD's path, and by norm where the line is reached."""

    best: Array
    single: list[Step]
    walk: list[Step]
    smallest: dict[str, Crossing]


def work_out(setting: Setting) -> Story:
    """Everything that is shown."""
    neuron, ball, y = setting.neuron, setting.ball, setting.y
    start = None if setting.seed is None else ball.random_point(np.random.default_rng(setting.seed))
    return Story(
        optimum(neuron, ball, y),
        [fgsm(neuron, ball, y, size, raw=setting.raw) for size in setting.step_sizes],
        pgd(neuron, ball, y, step_size=setting.step_size, steps=setting.steps, start=start, raw=setting.raw),
        {norm: minimal_epsilon(neuron, ball.centre, y, norm=norm, box=ball.box) for norm in NORMS},
    )


def place_the_attack() -> tuple[Neuron, Ball, int, bool]:
    """The neuron, the point with its label, what is allowed around it, and whether steps go by the raw gradient."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        w1, w2, b = _number("w₁", "w1", 1), _number("w₂", "w2", 2), _number("b", "b", 0)
        x1, x2 = _number("x₁", "x1", 1), _number("x₂", "x2", 0.5)
        y = CONTROLS.one_of("label", "Label", (1, 0), 1)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        shape = "The shape of what is allowed: L∞ is a square, L2 a disc, L1 a diamond."
        norm = CONTROLS.one_of_named("norm", "Norm", NORM_NAMES, "linf", help=shape)
        eps = CONTROLS.slider("eps", "Epsilon", 0.0, 3.0, 0.8, 0.05, width=260)
        cut = "Pixels can't leave a box, usually from 0 to 1. It cuts off part of what the attack may do."
        boxed = CONTROLS.toggle("boxed", "Box", help=cut)
        box = None
        if boxed:
            box = (_number("Lowest", "low", 0), _number("Highest", "high", 1))
        about = "A step is its step size times the gradient of the loss: of length 1 (in L∞ its sign), or as it is."
        way = CONTROLS.one_of_named("gradient", "Gradient", ways(norm), "unit", help=about)
    return Neuron(np.array([w1, w2]), b), Ball(np.array([x1, x2]), eps, norm, box), y, way == "raw"


def ways(norm: str) -> dict[str, str]:
    """What a step follows, by its name in the address."""
    unit = {"linf": "Its sign", "l2": "Normalised", "l1": "Its largest part"}[norm]
    return {"unit": unit, "raw": "As it is"}


def choose_step_sizes() -> list[float]:
    """The lengths of the single steps. Raises ``InputError`` for what isn't such a list."""
    about = f"Up to {MOST_SIZES} numbers, separated by commas or spaces."
    text = CONTROLS.text("sizes", "Step sizes", "0.5, 0.8, 1.2", max_chars=80, help=about)
    sizes = read_numbers(text, "list of step sizes").ravel()
    if sizes.size > MOST_SIZES:
        raise InputError(f"There are {sizes.size} step sizes: write {MOST_SIZES} or fewer.")
    if sizes.max() > LONGEST or sizes.min() < 0:
        raise InputError(f"A step size is beyond 0 to {LONGEST:g}: keep them all in this range.")
    return list(dict.fromkeys(sizes.tolist()))


def choose_walk() -> tuple[float, int, int | None]:
    """PGD's step size, its number of steps, and the seed of its start; None starts at x."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        size = CONTROLS.number("step", "Step size", 0.01, LONGEST, 0.3, 0.05, width=100)
        steps = CONTROLS.number("steps", "Steps", 1, MOST_STEPS, 7, 1, width=90)
        random = CONTROLS.toggle("random", "Random start", True)
        seed = CONTROLS.number("seed", "Seed", 0, 9999, 4, 1, width=90) if random else None
    return size, steps, seed


def _number(label: str, name: str, start: float) -> float:
    return CONTROLS.number(name, label, -FARTHEST, FARTHEST, float(start), 0.1, width=130)
