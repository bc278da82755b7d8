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
from cnnlab_core.convolution.windows import Index
from cnnlab_core.from_scratch.torch_check import pool_difference
from cnnlab_core.recipes.convolution.pooling import code
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.convolution.grid import show_grid
from cnnlab_core.ui.convolution.pieces import (
    show_badge,
    show_notes,
    show_output_size,
    show_sum,
    show_take_away,
    sum_header,
)
from cnnlab_core.ui.convolution.presets import (
    MOST_CELLS,
    MOST_CHANNELS,
    MOST_KERNEL,
    OWN,
    RANDOM,
    choose,
    random_input,
    seed_field,
    size,
)
from cnnlab_core.ui.convolution.state import Field, Kept, limit_drawn, pattern
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import form, main_picture

PREFIXES = {1: "conv_pool1", 2: "conv_pool"}
EXAMPLE_NAMES = {1: ("pool_signal",), 2: ("pool_stride_1", "seven")}
WINDOWS = {1: 3, 2: 2}  # to begin with
KINDS = {"Maximum": "max", "Average": "avg"}
OWN_STRIDE, SQUARE, AS_DOWN = "the window", "as high", "as down"
MOST_DRAWN = {dims: (MOST_CHANNELS, *cells) for dims, cells in MOST_CELLS.items()}
AXES = {1: ("Channels", "Length"), 2: ("Channels", "Height", "Width")}


def show() -> None:
    """A window that keeps the maximum or the mean, forwards and backwards; the pinned cell as a sum."""
    problem, kept = _setup()
    numbers = problem.numbers
    cell = kept.pinned({name: numbers[name] for name in ("y", "dx", "x", "dy")}, "y")
    grid = main_picture()
    sum_, sizes = st.container(key="written").columns([1.25, 1], gap="large")
    with sum_:
        first = sum_header()
        with grid:
            show_grid(
                problem.board(),
                key=kept.key("grid"),
                columns=_columns(problem),
                editable=["x", "dy"],
                pinned=cell and (cell[0], problem.board_index(*cell)),
                first=first,
                on_edit=lambda edits: kept.write_edits(
                    {"x": problem.planes("x", problem.x), "dy": problem.planes("dy", problem.dy)}, edits, problem.dims
                ),
                on_pin=lambda pinned: kept.pin(pinned and (pinned[0], problem.own_index(*pinned))),
            )
        show_sum(problem.explain(*cell, first=first) if cell and cell[0] in ("y", "dx") else None)
        show_badge(pool_difference(problem))
    with sizes:
        show_output_size(_output_sizes(problem, first))
    learned(
        "pooling has no weights. A maximum sends all of its gradient back to the cell that won; a mean shares it out."
    )
    show_notes(NOTES)
    show_take_away(problem, code(problem))


def _columns(problem: PoolProblem) -> list[list[str]]:
    """Forwards and back in one row where that fits; a signal lies above what is made of it."""
    across = problem.x.shape[-1] + problem.y.shape[-1]
    if problem.dims == 1:
        return [["x", "y"], ["dx", "dy"]] if across <= 20 else [["x", "y", "dy", "dx"]]
    return [["x"], ["y"], ["dy"], ["dx"]] if across <= 12 else [["x", "dx"], ["y", "dy"]]


def _output_sizes(problem: PoolProblem, first: int) -> dict[str, OutputSize]:
    shared = {name: value for name, value in problem.options.items() if name not in ("stride", "count_include_pad")}
    return {
        f"{axis.name}s": output_size(axis.size, axis.kernel, name=axis.name, first=first, stride=axis.stride, **shared)
        for axis in problem.geometry.axes
    }


def _setup() -> tuple[PoolProblem, Kept]:
    """Draw the controls and give what they say, and where it is kept.

    Raises ``InputError`` if there is no such pooling.
    """
    row = form(horizontal=True, gap="small", vertical_alignment="bottom")
    kind_place, window_place, stride_place = (row.container(width=width) for width in (185, 105, 110))
    more, sizes, typed = (row.container(width="content") for _ in range(3))
    more = more.popover("Example and more", icon=":material/tune:", key="conv_pool_more")
    dims = 1 if Controls("conv_pool").one_of("dims", "Over", ("1-D", "2-D"), "2-D", place=more) == "1-D" else 2
    kept, examples = Kept(PREFIXES[dims]), _examples(dims)
    fields = [
        Field("x", "Input x", write_planes(next(iter(examples.values()))), dims),
        Field("dy", "Gradient of the output dy (empty: a pattern)", "", dims),
    ]
    x, typed_dy = (kept.numbers(field) for field in fields)
    with typed.popover("Type the numbers", icon=":material/keyboard:", key="conv_pool_typed"):
        kept.typing(fields)
    with sizes.popover("Sizes", icon=":material/straighten:", key="conv_pool_sizes"):
        across = _sizes(kept, x, examples)
    example = more.container()
    kind, window, options = _settings(kept, dims, *across, places=(kind_place, window_place, stride_place, more))
    _presets(example, kept, x, examples)
    limit_drawn("x", x.shape, MOST_DRAWN[dims])
    where = {name: value for name, value in options.items() if name != "count_include_pad"}
    shape = (len(x), *pool_geometry(x.shape[1:], window, **where).out_shape)
    dy = resize(typed_dy, shape) if kept.get("dy") else pattern(shape)
    if len(x) == 1:
        x, dy = x[0], dy[0]
    return PoolProblem(kind, window, x, dy, options), kept


def _settings(
    kept: Kept, dims: int, wide: str, across: str, *, places: tuple[DeltaGenerator, ...]
) -> tuple[str, Index, dict[str, Any]]:
    """Maximum or average, the window and the options of the core, if it is ``wide`` and goes ``across`` as said."""
    most = MOST_KERNEL[dims][0]
    first, second, third, more = places
    label = "Window" if dims == 1 else "Window height"
    kind = KINDS[kept.one_of("kind", "Keep from each window", list(KINDS), "Maximum", place=first)]
    high = kept.slider("window", label, 1, most, WINDOWS[dims], 1, place=second)
    stride = kept.select("stride", "Stride", [*_up_to(most), OWN_STRIDE], "1", place=third)
    window = (high,) if dims == 1 else (high, high if wide == SQUARE else int(wide))
    options = _strides(window, stride, across)
    with more:
        options["padding"] = kept.number("padding", "Padding", 0, most // 2, 0, 1)
        if kind == "max":
            options["dilation"] = kept.slider("dilation", "Dilation", 1, 3, 1, 1)
        options["ceil_mode"] = kept.toggle("ceil", "Ceil mode", help=CEIL)
        if kind == "avg":
            options["count_include_pad"] = kept.toggle("count", "Count padding", True)
    return kind, window, options


def _strides(window: Index, stride: str, across: str) -> dict[str, Any]:
    """The stride as the core takes it: none for that of the window, one number, or (down, across)."""
    if across == AS_DOWN:
        return {} if stride == OWN_STRIDE else {"stride": int(stride)}
    return {"stride": (window[0] if stride == OWN_STRIDE else int(stride), int(across))}


def _examples(dims: int) -> dict[str, Array]:
    """The inputs of worked examples by their titles."""
    examples = (EXAMPLES[name] for name in EXAMPLE_NAMES[dims])
    return {example.title: np.array([example.givens["x"]], dtype=float) for example in examples}


def _presets(place: DeltaGenerator, kept: Kept, x: Array, examples: dict[str, Array]) -> None:
    known = examples | {RANDOM: _random(kept, x)}
    now = next((title for title, planes in known.items() if np.array_equal(x, planes)), OWN)
    with place:
        choose("Example", [*known, OWN], now, kept, lambda title: _load(kept, x, examples, title))


def _random(kept: Kept, x: Array) -> Array:
    return random_input(int(kept.get("seed") or 0), x.shape)


def _load(kept: Kept, x: Array, examples: dict[str, Array], title: str) -> None:
    if title == RANDOM:
        kept.put_planes("x", _random(kept, x))
    elif title in examples:
        kept.put_planes("x", examples[title])
        kept.put("dy", "")
        kept.put("cell", "")


def _up_to(most: int) -> list[str]:
    return [str(n) for n in range(1, most + 1)]


def _sizes(kept: Kept, x: Array, examples: dict[str, Array]) -> tuple[str, str]:
    """The sizes of the input. Gives the width of the window and its stride from left to right, if they differ."""
    dims = x.ndim - 1
    for axis, (label, most) in enumerate(zip(AXES[dims], MOST_DRAWN[dims], strict=True)):
        size(label, x.shape[axis], most, kept, str(axis), lambda **sizes: _resize(kept, x, sizes))
    seed_field(kept, lambda: _load(kept, x, examples, RANDOM))
    if dims == 1:
        return SQUARE, AS_DOWN
    sides = _up_to(MOST_KERNEL[dims][0])
    wide = kept.select("width", "Window width", [SQUARE, *sides], SQUARE)
    return wide, kept.select("across", "Stride from left to right", [AS_DOWN, *sides], AS_DOWN)


def _resize(kept: Kept, x: Array, sizes: dict[str, int]) -> None:
    kept.put_planes("x", resize(x, tuple(sizes.get(str(axis), now) for axis, now in enumerate(x.shape))))


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
