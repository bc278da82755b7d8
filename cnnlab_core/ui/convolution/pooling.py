"""The tab Pooling: forward and backward at once, ties and routes shown."""

from typing import Any

import numpy as np
import streamlit as st

from cnnlab_core.against_torch import pool_difference
from cnnlab_core.convolution import EXAMPLES, PoolProblem, output_size, pool_code, pool_geometry, resize, write_planes
from cnnlab_core.convolution.options import Array
from cnnlab_core.ui.convolution.grid import show_grid
from cnnlab_core.ui.convolution.pieces import show_badge, show_notes, show_output_size, show_sum, show_take_away
from cnnlab_core.ui.convolution.setup import MOST_CELLS, MOST_CHANNELS
from cnnlab_core.ui.convolution.state import Kept, limit_drawn, pattern
from cnnlab_core.ui.show import sentences

KEPT = Kept("conv_pool")
EXAMPLE = EXAMPLES["pool_stride_1"]
KINDS = {"Maximum": "max", "Average": "avg"}
OWN_STRIDE = "the window"


def show() -> None:
    """The whole tab. An impossible configuration is a sentence under the controls."""
    with sentences():
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
                {name: problem.planes(name, getattr(problem, name)) for name in ("x", "dy")}, edits, 2
            ),
            on_pin=lambda pinned: KEPT.pin(pinned and (pinned[0], problem.own_index(*pinned))),
        )
        sum_, sizes = st.columns([1.25, 1], gap="large")
        with sum_:
            show_sum(problem.explain(*cell) if cell and cell[0] in ("y", "dx") else None)
            show_badge(pool_difference(problem))
        with sizes:
            show_output_size(
                {
                    f"{axis.name}s": output_size(axis.size, axis.kernel, name=axis.name, **_size_options(problem))
                    for axis in problem.geometry.axes
                }
            )
        show_notes(NOTES)
        show_take_away(problem, pool_code(problem))


def _columns(problem: PoolProblem) -> list[list[str]]:
    """Forwards and back in one row where that fits."""
    across = problem.x.shape[-1] + problem.y.shape[-1]
    return [["x"], ["y"], ["dy"], ["dx"]] if across <= 12 else [["x", "dx"], ["y", "dy"]]


def _size_options(problem: PoolProblem) -> dict[str, Any]:
    options = {name: problem.options[name] for name in ("padding", "dilation", "ceil_mode") if name in problem.options}
    return options | {"stride": problem.options.get("stride", problem.window[0])}


def _setup() -> PoolProblem:
    bound: dict[str, Any] = {"bind": "query-params", "persist_state": "page"}
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        kind = KINDS[
            st.segmented_control(
                "Keep of each window", list(KINDS), default="Maximum", required=True, key=KEPT.key("kind"), **bound
            )
        ]
        window = st.slider("Window", 1, 5, 2, key=KEPT.key("window"), width=120, **bound)
        strides = ["1", "2", "3", "4", OWN_STRIDE]
        stride = st.selectbox("Stride", strides, key=KEPT.key("stride"), width=130, **bound)
        options: dict[str, Any] = {} if stride == OWN_STRIDE else {"stride": int(stride)}
        options["padding"] = st.number_input("Padding", 0, 2, 0, key=KEPT.key("padding"), width=130, **bound)
        if kind == "max":
            options["dilation"] = st.slider("Dilation", 1, 3, 1, key=KEPT.key("dilation"), width=110, **bound)
        options["ceil_mode"] = st.toggle("Ceil mode", key=KEPT.key("ceil"), help=CEIL, **bound)
        if kind == "avg":
            options["count_include_pad"] = st.toggle("Count padding", value=True, key=KEPT.key("count"), **bound)
        with st.popover("Type the numbers", icon=":material/keyboard:", width="content"):
            x, dy = _typed()
    limit_drawn("x", x.shape, (MOST_CHANNELS, *MOST_CELLS[2]))
    shapes = {name: value for name, value in options.items() if name != "count_include_pad"}
    shape = (len(x), *pool_geometry(x.shape[1:], window, **shapes).out_shape)
    dy = pattern(shape) if dy is None else resize(dy, shape)
    if len(x) == 1:
        x, dy = x[0], dy[0]
    return PoolProblem(kind, (window, window), x, dy, options)


def _typed() -> tuple[Array, Array | None]:
    st.caption("Spaces between cells, a semicolon after a row, a bar | after a channel.")
    x = KEPT.numbers("x", "Input x", write_planes(np.array([EXAMPLE.givens["x"]], dtype=float)), 2)
    dy = KEPT.numbers("dy", "Gradient of the output dy (empty: a pattern)", "", 2)
    KEPT.cell_field()
    return x, dy if KEPT.get("dy") else None


CEIL = "Keep a last window that hangs over the end, as long as it starts on a real cell."
NOTES = {
    "Why pool, and not convolve?": "Pooling has no weights to learn, and a maximum says that a feature was there, "
    "wherever in the window: small shifts stop mattering, and a quarter of the numbers is left.",
    "When not?": "Where the place itself is the answer (segmentation, detection, making images) it throws away what "
    "is asked for; a convolution with stride 2 also halves the map, and learns how.",
    "Backward": "a maximum hands dy to the one cell that won (of equal ones the first), so all the others learn "
    "nothing; an average hands everyone the same share. Where windows overlap, the shares add up.",
    "Padding": "never wins a maximum (it counts as minus infinity); for an average it is zeros, counted or not.",
}
