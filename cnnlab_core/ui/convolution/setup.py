"""The controls of a convolution, 1-D or 2-D: presets, sizes, typed numbers, settings.

The tabs 1-D and 2-D and Backward show the same ones, so what was set in one is there in the other.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from cnnlab_core.convolution import (
    EXAMPLES,
    KERNELS,
    KERNELS_1D,
    ConvProblem,
    geometry,
    random_kernel,
    resize,
    write_planes,
)
from cnnlab_core.convolution.options import NAMED_PADDINGS, PADDING_MODES, Array
from cnnlab_core.ui.convolution.grid import Cell
from cnnlab_core.ui.convolution.state import Kept, limit_drawn, pattern
from cnnlab_core.ui.show import show_problem

OWN, RANDOM = "Own numbers", "Random numbers"
PADDINGS = ["0", "1", "2", "3", *NAMED_PADDINGS]
SETTINGS: dict[str, Any] = {"stride": 1, "dilation": 1, "padding": "0", "mode": "zeros", "groups": 1, "flip": False}

MOST_CELLS = {1: (32,), 2: (16, 16)}
MOST_PADDED = {1: (48,), 2: (24, 24)}
MOST_KERNEL = {1: (9,), 2: (7, 7)}
MOST_CHANNELS = 4

_EXAMPLES = {
    dims: {example.title: example for example in EXAMPLES.values() if example.operation == f"conv{dims}d"}
    for dims in (1, 2)
}
_KERNELS = {
    1: {kernel.title: np.array(kernel.weights[0], dtype=float) for kernel in KERNELS_1D.values()},
    2: {kernel.title: np.array(kernel.weights, dtype=float) for kernel in KERNELS.values()},
}
_SIZES = {
    1: {"x": ["Length"], "w": ["Kernel length"]},
    2: {"x": ["Height", "Width"], "w": ["Kernel height", "Kernel width"]},
}


def convolution_setup(dims: int) -> ConvProblem:
    """Draw the controls and give what they say. Raises ``InputError`` if there is no such convolution."""
    kept = Kept(f"conv_{dims}")
    example, kernel, sizes, typed = st.columns([1.6, 1.1, 0.8, 1], vertical_alignment="bottom")
    with typed.popover("Type the numbers", icon=":material/keyboard:", width="stretch"):
        x, planes, b, dy = _typed(kept, dims)
    options = _settings(kept, _defaults(dims))
    w = _by_output(planes, len(x), options["groups"])
    b = resize(b.reshape(-1), (len(w),))
    _presets(kept, dims, example, kernel, x, w, b)
    with sizes.popover("Sizes", icon=":material/straighten:", width="stretch"):
        _sizes(kept, dims, x, w)
    return _problem(dims, x, w, b, dy, options)


def take_edits(problem: ConvProblem, edits: list[tuple[Cell, float]]) -> None:
    """Cells were edited in the grid: the text of their arrays follows."""
    kept = Kept(f"conv_{problem.dims}")
    kept.write_edits(
        {name: problem.planes(name, getattr(problem, name)) for name in ("x", "w", "b", "dy")}, edits, problem.dims
    )


# --- the numbers --------------------------------------------------------------------------------------------------


def _typed(kept: Kept, dims: int) -> tuple[Array, Array, Array, Array | None]:
    """x (C, ...), w as planes (O * C / groups, ...), b, and dy if there is one."""
    default = _default_texts(dims)
    st.caption("Spaces between cells, a semicolon after a row, a bar | after a channel. Fractions such as 1/9 will do.")
    x = kept.numbers("x", "Input x", default["x"], dims)
    w = kept.numbers("w", "Kernel w, for each output the channels that it reads", default["w"], dims)
    b = kept.numbers("b", "Bias b, one for each output channel", default["b"], 1)
    dy = kept.numbers("dy", "Gradient of the output dy (empty: a pattern)", "", dims)
    kept.cell_field()
    return x, w, b, dy if kept.get("dy") else None


def _by_output(planes: Array, channels: int, groups: int) -> Array:
    """The planes of w as (O, C / groups, ...)."""
    per_group = max(1, channels // groups)
    outputs = max(1, len(planes) // per_group)
    if len(planes) != outputs * per_group:
        show_problem(
            f"w has {len(planes)} planes and each output channel reads {per_group}: give {outputs * per_group} of them."
        )
    return resize(planes, (outputs * per_group, *planes.shape[1:])).reshape(outputs, per_group, *planes.shape[1:])


def _problem(dims: int, x: Array, w: Array, b: Array, dy: Array | None, options: dict[str, Any]) -> ConvProblem:
    limit_drawn("x", x.shape, (MOST_CHANNELS, *MOST_CELLS[dims]))
    limit_drawn("w", w.shape, (MOST_CHANNELS, MOST_CHANNELS, *MOST_KERNEL[dims]))
    spatial = {name: value for name, value in options.items() if name != "groups"}
    where = geometry(x.shape[1:], w.shape[2:], **spatial)
    limit_drawn("The padded input", where.padded_shape, MOST_PADDED[dims])
    shape = (len(w), *where.out_shape)
    dy = pattern(shape) if dy is None else resize(dy, shape)
    if len(x) == len(w) == 1:
        x, w, dy = x[0], w[0, 0], dy[0]
    problem = ConvProblem(dims, x, w, b, dy, options)
    _ = problem.y  # what can't be said from the sizes alone is said here: groups that don't divide
    return problem


def _default_texts(dims: int) -> dict[str, str]:
    first = next(iter(_EXAMPLES[dims].values()))
    return {name: write_planes(planes) for name, planes in _planes_of(first.givens, dims).items()}


def _defaults(dims: int) -> dict[str, Any]:
    return _settings_of(next(iter(_EXAMPLES[dims].values())).options)


def _planes_of(givens: dict[str, Any], dims: int) -> dict[str, Array]:
    """The arrays of an example as planes."""
    x, w = (np.array(givens[name], dtype=float) for name in ("x", "w"))
    b = np.array(givens.get("b", [0] * (len(w) if w.ndim > dims else 1)), dtype=float)
    return {"x": _planes(x, dims), "w": _planes(w, dims), "b": b[None]}


def _planes(array: Array, dims: int) -> Array:
    return array.reshape(-1, *array.shape[array.ndim - dims :])


def _settings_of(options: dict[str, Any]) -> dict[str, Any]:
    given = {"mode" if name == "padding_mode" else name: value for name, value in options.items()}
    return SETTINGS | given | {"padding": str(given.get("padding", SETTINGS["padding"]))}


# --- settings -----------------------------------------------------------------------------------------------------


def _settings(kept: Kept, defaults: dict[str, Any]) -> dict[str, Any]:
    """Stride, padding and so on, as options of the core."""
    bound: dict[str, Any] = {"bind": "query-params", "persist_state": "page"}
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        stride = st.slider("Stride", 1, 4, defaults["stride"], key=kept.key("stride"), width=130, **bound)
        dilation = st.slider("Dilation", 1, 3, defaults["dilation"], key=kept.key("dilation"), width=130, **bound)
        padding = st.selectbox(
            "Padding", PADDINGS, PADDINGS.index(defaults["padding"]), key=kept.key("padding"), width=110, **bound
        )
        mode = st.selectbox("Padding mode", PADDING_MODES, key=kept.key("mode"), width=140, **bound)
        groups = st.number_input("Groups", 1, MOST_CHANNELS, 1, key=kept.key("groups"), width=130, **bound)
        flip = st.toggle("Flip the kernel", key=kept.key("flip"), help=FLIP, **bound)
    return {
        "stride": stride,
        "padding": int(padding) if padding.isdigit() else padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": mode,
        "flip": flip,
    }


FLIP = (
    "Off: cross-correlation, which deep learning calls convolution. On: the kernel is turned around first, which is "
    "convolution in mathematics."
)


# --- presets and sizes --------------------------------------------------------------------------------------------


def _presets(kept: Kept, dims: int, left: Any, right: Any, x: Array, w: Array, b: Array) -> None:
    """Which example and which kernel these numbers are; choosing another writes its numbers."""
    seed = int(kept.get("seed", 0) or 0)
    kept.put("example", _which_example(dims, x, w, b, seed))
    left.selectbox(
        "Example",
        [*_EXAMPLES[dims], RANDOM, OWN],
        key=kept.key("example"),
        on_change=_load_example,
        args=(kept, dims, x.shape, w.shape),
    )
    kept.put("kernel", _which_kernel(dims, w, seed))
    right.selectbox(
        "Kernel",
        [*_KERNELS[dims], RANDOM, OWN],
        key=kept.key("kernel"),
        on_change=_load_kernel,
        args=(kept, dims, w.shape),
    )


def _which_example(dims: int, x: Array, w: Array, b: Array, seed: int) -> str:
    shown = {"x": x, "w": _planes(w, dims), "b": b[None]}
    for title, example in _EXAMPLES[dims].items():
        if all(np.array_equal(shown[name], planes) for name, planes in _planes_of(example.givens, dims).items()):
            return title
    return RANDOM if np.array_equal(x, _random_input(seed, x.shape)) and _is_random(w, seed) else OWN


def _which_kernel(dims: int, w: Array, seed: int) -> str:
    for title, weights in _KERNELS[dims].items():
        if w.shape[2:] == weights.shape and (w == weights).all():
            return title
    return RANDOM if _is_random(w, seed) else OWN


def _is_random(w: Array, seed: int) -> bool:
    return np.array_equal(w, random_kernel(seed, w.shape))


def _random_input(seed: int, shape: tuple[int, ...]) -> Array:
    return 2 + random_kernel(seed, shape)  # 0 to 4


def _load_example(kept: Kept, dims: int, x_shape: tuple[int, ...], w_shape: tuple[int, ...]) -> None:
    title, seed = kept.get("example"), int(kept.get("seed", 0) or 0)
    if title == RANDOM:
        kept.put_planes("x", _random_input(seed, x_shape))
        kept.put_planes("w", _planes(random_kernel(seed, w_shape), dims))
    elif title in _EXAMPLES[dims]:
        example = _EXAMPLES[dims][title]
        for name, planes in _planes_of(example.givens, dims).items():
            kept.put_planes(name, planes)
        for name, value in _settings_of(example.options).items():
            kept.put(name, value)
        kept.put("dy", "")
        kept.put("cell", "")


def _load_kernel(kept: Kept, dims: int, w_shape: tuple[int, ...]) -> None:
    title = kept.get("kernel")
    if title == RANDOM:
        kept.put_planes("w", _planes(random_kernel(int(kept.get("seed", 0) or 0), w_shape), dims))
    elif title in _KERNELS[dims]:
        weights = _KERNELS[dims][title]
        kept.put_planes("w", np.broadcast_to(weights, (w_shape[0] * w_shape[1], *weights.shape)))


def _new_seed(kept: Kept, dims: int, x_shape: tuple[int, ...], w_shape: tuple[int, ...]) -> None:
    """Another seed: what is random changes; where nothing is, all of it becomes so."""
    if kept.get("kernel") == RANDOM and kept.get("example") == OWN:
        _load_kernel(kept, dims, w_shape)
    else:
        kept.put("example", RANDOM)
        _load_example(kept, dims, x_shape, w_shape)


def _sizes(kept: Kept, dims: int, x: Array, w: Array) -> None:
    """Sizes as numbers: they are read off the arrays, and cut or continue them."""

    def size(label: str, name: str, value: int, most: int) -> None:
        kept.put(name, value)
        st.number_input(label, 1, max(most, value), key=kept.key(name), on_change=partial(_resize, kept, dims, x, w))

    left, right = st.columns(2)
    with left:
        for n, label in enumerate(_SIZES[dims]["x"]):
            size(label, f"x{n}", x.shape[1 + n], MOST_CELLS[dims][n])
        size("Channels in", "c", len(x), MOST_CHANNELS)
    with right:
        for n, label in enumerate(_SIZES[dims]["w"]):
            size(label, f"w{n}", w.shape[2 + n], MOST_KERNEL[dims][n])
        size("Channels out", "o", len(w), MOST_CHANNELS)
    remember: Callable[..., None] = partial(_new_seed, kept, dims, x.shape, w.shape)
    st.number_input(
        "Seed of random numbers",
        0,
        9999,
        0,
        key=kept.key("seed"),
        on_change=remember,
        bind="query-params",
        persist_state="page",
    )
    st.caption("What is cut off is gone; what is new repeats what is there.")


def _resize(kept: Kept, dims: int, x: Array, w: Array) -> None:
    channels, outputs = int(kept.get("c")), int(kept.get("o"))
    per_group = max(1, channels // int(kept.get("groups", 1)))
    kept.put_planes("x", resize(x, (channels, *(int(kept.get(f"x{n}")) for n in range(dims)))))
    kernels = resize(w, (outputs, per_group, *(int(kept.get(f"w{n}")) for n in range(dims))))
    kept.put_planes("w", _planes(kernels, dims))
