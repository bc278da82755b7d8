"""The tab Pooling: forward and backward at once, ties and routes shown."""

from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.checks import Array
from cnnlab_core.convolution import (
    EXAMPLES,
    OutputSize,
    PoolProblem,
    output_size,
    pool_geometry,
    resize,
    write_planes,
)
from cnnlab_core.from_scratch.torch_check import pool_difference
from cnnlab_core.recipes.convolution.pooling import code
from cnnlab_core.ui.convolution.grid import show_grid
from cnnlab_core.ui.convolution.pieces import show_badge, show_notes, show_output_size, show_sum, show_take_away
from cnnlab_core.ui.convolution.presets import (
    MOST_CELLS,
    MOST_CHANNELS,
    OWN,
    RANDOM,
    choose,
    random_input,
    seed_field,
    size,
)
from cnnlab_core.ui.convolution.state import Field, Kept, limit_drawn, pattern

KEPT = Kept("conv_pool")
KINDS = {"Maximum": "max", "Average": "avg"}
OWN_STRIDE = "the window"
MOST_DRAWN = (MOST_CHANNELS, *MOST_CELLS[2])
INPUTS = {
    EXAMPLES[name].title: np.array([EXAMPLES[name].givens["x"]], dtype=float) for name in ("pool_stride_1", "seven")
}
FIELDS = [
    Field("x", "Input x", write_planes(next(iter(INPUTS.values()))), 2),
    Field("dy", "Gradient of the output dy (empty: a pattern)", "", 2),
]


def show() -> None:
    """A window that keeps the maximum or the mean, forwards and backwards; the pinned cell as a sum."""
    problem = _setup()
    numbers = problem.numbers
    cell = KEPT.pinned({name: numbers[name] for name in ("y", "dx", "x", "dy")}, "y")
    show_grid(
        problem.board(),
        key=KEPT.key("grid"),
        columns=_columns(problem),
        editable=["x", "dy"],
        pinned=cell and (cell[0], problem.board_index(*cell)),
        on_edit=lambda edits: KEPT.write_edits(
            {"x": problem.planes("x", problem.x), "dy": problem.planes("dy", problem.dy)}, edits, 2
        ),
        on_pin=lambda pinned: KEPT.pin(pinned and (pinned[0], problem.own_index(*pinned))),
    )
    sum_, sizes = st.columns([1.25, 1], gap="large")
    with sum_:
        show_sum(problem.explain(*cell) if cell and cell[0] in ("y", "dx") else None)
        show_badge(pool_difference(problem))
    with sizes:
        show_output_size(_output_sizes(problem))
    show_notes(NOTES)
    show_take_away(problem, code(problem))


def _columns(problem: PoolProblem) -> list[list[str]]:
    """Forwards and back in one row where that fits."""
    across = problem.x.shape[-1] + problem.y.shape[-1]
    return [["x"], ["y"], ["dy"], ["dx"]] if across <= 12 else [["x", "dx"], ["y", "dy"]]


def _output_sizes(problem: PoolProblem) -> dict[str, OutputSize]:
    options = {"stride": problem.window[0]} | problem.options
    options.pop("count_include_pad", None)
    return {
        f"{axis.name}s": output_size(axis.size, axis.kernel, name=axis.name, **options)
        for axis in problem.geometry.axes
    }


def _setup() -> PoolProblem:
    """Draw the controls and give what they say. Raises ``InputError`` if there is no such pooling."""
    example, sizes, typed = st.columns([1.6, 0.8, 1], vertical_alignment="bottom")
    x, typed_dy = (KEPT.numbers(field) for field in FIELDS)
    with typed.popover("Type the numbers", icon=":material/keyboard:", width="stretch", key="conv_pool_typed"):
        KEPT.typing(FIELDS)
    kind, window, options = _settings()
    with sizes.popover("Sizes", icon=":material/straighten:", width="stretch", key="conv_pool_sizes"):
        _sizes(x)
    _presets(example, x)
    limit_drawn("x", x.shape, MOST_DRAWN)
    where = {name: value for name, value in options.items() if name != "count_include_pad"}
    shape = (len(x), *pool_geometry(x.shape[1:], window, **where).out_shape)
    dy = resize(typed_dy, shape) if KEPT.get("dy") else pattern(shape)
    if len(x) == 1:
        x, dy = x[0], dy[0]
    return PoolProblem(kind, (window, window), x, dy, options)


def _settings() -> tuple[str, int, dict[str, Any]]:
    """Maximum or average, the window, and the options of the core."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        kind = KINDS[KEPT.one_of("kind", "Keep from each window", list(KINDS), "Maximum")]
        window = KEPT.slider("window", "Window", 1, 5, 2, 1, width=130)
        stride = KEPT.select("stride", "Stride", ["1", "2", "3", "4", OWN_STRIDE], "1", width=140)
        options: dict[str, Any] = {} if stride == OWN_STRIDE else {"stride": int(stride)}
        options["padding"] = KEPT.number("padding", "Padding", 0, 2, 0, 1, width=130)
        if kind == "max":
            options["dilation"] = KEPT.slider("dilation", "Dilation", 1, 3, 1, 1, width=130)
        options["ceil_mode"] = KEPT.toggle("ceil", "Ceil mode", help=CEIL)
        if kind == "avg":
            options["count_include_pad"] = KEPT.toggle("count", "Count padding", True)
    return kind, window, options


def _presets(place: DeltaGenerator, x: Array) -> None:
    known = INPUTS | {RANDOM: _random(x)}
    now = next((title for title, planes in known.items() if np.array_equal(x, planes)), OWN)
    with place:
        choose("Example", [*known, OWN], now, KEPT, lambda title: _load(x, title))


def _random(x: Array) -> Array:
    return random_input(int(KEPT.get("seed") or 0), x.shape)


def _load(x: Array, title: str) -> None:
    if title == RANDOM:
        KEPT.put_planes("x", _random(x))
    elif title in INPUTS:
        KEPT.put_planes("x", INPUTS[title])
        KEPT.put("dy", "")
        KEPT.put("cell", "")


def _sizes(x: Array) -> None:
    for axis, (label, most) in enumerate(zip(("Channels", "Height", "Width"), MOST_DRAWN, strict=True)):
        size(label, x.shape[axis], most, KEPT, str(axis), lambda **sizes: _resize(x, sizes))
    seed_field(KEPT, lambda: _load(x, RANDOM))


def _resize(x: Array, sizes: dict[str, int]) -> None:
    KEPT.put_planes("x", resize(x, tuple(sizes.get(str(axis), now) for axis, now in enumerate(x.shape))))


CEIL = "Keep a last window that hangs over the end, as long as it starts on a real cell."
NOTES = {
    "Why pool, and not convolve?": "Pooling has no weights to learn, and a maximum says that a feature was there, "
    "wherever in the window: small shifts stop mattering, and with stride 2 a quarter of the numbers is left.",
    "When not?": "Where the place itself is the answer (segmentation, detection, making images) it throws away what "
    "is asked for; a convolution with stride 2 also halves the map, and learns how.",
    "Backward": "a maximum hands dy to the one cell that won (the first, if several tie), so all the others learn "
    "nothing; an average gives every cell the same share. Where windows overlap, the shares add up.",
    "Padding": "never wins a maximum (it counts as minus infinity); for an average it is zeros, counted or not.",
}
