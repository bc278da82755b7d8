"""Presets and sizes: controls that are read off the numbers, and write them.

What they show follows from the numbers, so it is no state of its own. Each carries its value in its key: when the
numbers change, a new control takes the place of the old one, and what a browser still says about that one is void.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.checks import Array
from cnnlab_core.convolution import EXAMPLES, KERNELS, KERNELS_1D, Example, random_kernel, resize
from cnnlab_core.ui.convolution.state import Kept

OWN, RANDOM = "Own numbers", "Random numbers"
MOST_CELLS = {1: (32,), 2: (16, 16)}
MOST_KERNEL = {1: (9,), 2: (7, 7)}
MOST_CHANNELS = 4
MOST_SEED = 9999
SETTINGS: dict[str, Any] = {"stride": 1, "dilation": 1, "padding": "0", "mode": "zeros", "groups": 1, "flip": False}

CONVOLUTIONS = {
    dims: {example.title: example for example in EXAMPLES.values() if example.operation == f"conv{dims}d"}
    for dims in (1, 2)
}
_KERNELS = {
    1: {kernel.title: np.array(kernel.weights[0], dtype=float) for kernel in KERNELS_1D.values()},
    2: {kernel.title: np.array(kernel.weights, dtype=float) for kernel in KERNELS.values()},
}
_AXES = {1: ("length",), 2: ("height", "width")}


@dataclass(frozen=True)
class Numbers:
    """The arrays of a convolution: x (C, ...), w (O, C / groups, ...) and b (O,), and where they are kept."""

    kept: Kept
    dims: int
    x: Array
    w: Array
    b: Array

    @property
    def seed(self) -> int:
        return int(self.kept.get("seed") or 0)

    @property
    def example(self) -> str:
        """The example that these are, if they are one."""
        mine = {"x": self.x, "w": flat(self.w, self.dims), "b": self.b[None]}
        for title, example in CONVOLUTIONS[self.dims].items():
            theirs = example_planes(example, self.dims)
            if all(np.array_equal(mine[name], theirs[name]) for name in mine):
                return title
        is_random = np.array_equal(self.x, random_input(self.seed, self.x.shape)) and self.kernel == RANDOM
        return RANDOM if is_random else OWN

    @property
    def kernel(self) -> str:
        """The known kernel that all of w is, if it is one."""
        for title, weights in _KERNELS[self.dims].items():
            if self.w.shape[2:] == weights.shape and (self.w == weights).all():
                return title
        return RANDOM if np.array_equal(self.w, random_kernel(self.seed, self.w.shape)) else OWN

    def load_example(self, title: str) -> None:
        if title == RANDOM:
            self.kept.put_planes("x", random_input(self.seed, self.x.shape))
            self.load_kernel(RANDOM)
        elif title != OWN:
            example = CONVOLUTIONS[self.dims][title]
            for name, planes in example_planes(example, self.dims).items():
                self.kept.put_planes(name, planes)
            for name, value in (example_settings(example) | {"dy": "", "cell": ""}).items():
                self.kept.put(name, value)

    def load_kernel(self, title: str) -> None:
        if title == RANDOM:
            self.kept.put_planes("w", flat(random_kernel(self.seed, self.w.shape), self.dims))
        elif title != OWN:
            weights = _KERNELS[self.dims][title]
            self.kept.put_planes("w", flat(np.broadcast_to(weights, self.w.shape[:2] + weights.shape), self.dims))

    def resize(self, **sizes: int) -> None:
        """Cut or continue the arrays: ``x0`` and ``x1`` along the axes of x, ``w0``, ``w1`` of w, ``c``, ``o``."""
        channels, outputs = sizes.get("c", len(self.x)), sizes.get("o", len(self.w))
        per_group = max(1, channels // sizes.get("groups", self.kept.get("groups", 1)))
        inner, kernel = (
            tuple(sizes.get(f"{name}{n}", size) for n, size in enumerate(array.shape[-self.dims :]))
            for name, array in (("x", self.x), ("w", self.w))
        )
        self.kept.put_planes("x", resize(self.x, (channels, *inner)))
        self.kept.put_planes("w", flat(resize(self.w, (outputs, per_group, *kernel)), self.dims))


def show_presets(numbers: Numbers, left: DeltaGenerator, right: DeltaGenerator) -> None:
    """Which example and which kernel the numbers are; choosing another writes its numbers."""
    names = [*CONVOLUTIONS[numbers.dims], RANDOM, OWN]
    with left:
        choose("Example", names, numbers.example, numbers.kept, numbers.load_example)
    with right:
        choose("Kernel", [*_KERNELS[numbers.dims], RANDOM, OWN], numbers.kernel, numbers.kept, numbers.load_kernel)


def show_sizes(numbers: Numbers) -> None:
    """Sizes as numbers, and the seed of what is random."""
    dims, kept = numbers.dims, numbers.kept
    left, right = st.columns(2)
    with left:
        for n, name in enumerate(_AXES[dims]):
            size(f"Input {name}", numbers.x.shape[1 + n], MOST_CELLS[dims][n], kept, f"x{n}", numbers.resize)
        size("Channels in", len(numbers.x), MOST_CHANNELS, kept, "c", numbers.resize)
    with right:
        for n, name in enumerate(_AXES[dims]):
            size(f"Kernel {name}", numbers.w.shape[2 + n], MOST_KERNEL[dims][n], kept, f"w{n}", numbers.resize)
        size("Channels out", len(numbers.w), MOST_CHANNELS, kept, "o", numbers.resize)
    seed_field(kept, lambda: numbers.load_example(RANDOM))
    st.caption("Cells that are cut off are gone; new ones repeat what is there.")


def choose(label: str, names: list[str], now: str, kept: Kept, take: Callable[[str], None]) -> None:
    """A choice that is read off the numbers."""
    key = kept.key(f"{label} is {now}")
    st.selectbox(label, names, names.index(now), key=key, on_change=_take_new, args=(key, now, take))


def size(label: str, now: int, most: int, kept: Kept, name: str, take: Callable[..., None]) -> None:
    """A size that is read off the numbers; ``take`` gets it under its ``name``."""
    key = kept.key(f"{label} is {now}")
    st.number_input(
        label, 1, max(most, now), now, key=key, on_change=_take_new, args=(key, now, lambda new: take(**{name: new}))
    )


def _take_new(key: str, now: Any, take: Callable[[Any], None]) -> None:
    """Pass on a choice, unless it is but the echo of a control that has been replaced."""
    if (new := st.session_state[key]) != now:
        take(new)


def seed_field(kept: Kept, take: Callable[[], None]) -> None:
    """The seed of random numbers; another one makes all numbers random."""
    kept.number("seed", "Seed for random numbers", 0, MOST_SEED, 0, 1, on_change=take)


def example_planes(example: Example, dims: int) -> dict[str, Array]:
    """The arrays of an example as planes."""
    x, w = (np.array(example.givens[name], dtype=float) for name in ("x", "w"))
    b = np.array(example.givens.get("b", [0] * (len(w) if w.ndim > dims else 1)), dtype=float)
    return {"x": flat(x, dims), "w": flat(w, dims), "b": b[None]}


def example_settings(example: Example) -> dict[str, Any]:
    """The settings of an example, as the controls name them."""
    given = {"mode" if name == "padding_mode" else name: value for name, value in example.options.items()}
    return SETTINGS | given | {"padding": str(given.get("padding", SETTINGS["padding"]))}


def random_input(seed: int, shape: tuple[int, ...]) -> Array:
    """Whole numbers from 0 to 4."""
    return 2 + random_kernel(seed, shape)


def flat(array: Array, dims: int) -> Array:
    """All leading axes as one: planes."""
    return array.reshape(-1, *array.shape[array.ndim - dims :])
