"""The tab Backward: dy comes in, dx, dw and db come out, and every cell of them is a sum that can be read."""

from collections.abc import Callable
from functools import partial
from math import prod

import numpy as np
import streamlit as st

from cnnlab_core.checks import Array
from cnnlab_core.convolution import ConvProblem, jacobian_weights, latex, sgd_update, toeplitz
from cnnlab_core.convolution.options import PADDING_MODES
from cnnlab_core.convolution.windows import Index
from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch.torch_check import conv_difference
from cnnlab_core.plots.heatmaps import maps_by_case, matrix_map
from cnnlab_core.recipes.convolution.sliding import code
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.convolution.pieces import show_badge, show_formulas, show_sum, show_take_away, sum_header
from cnnlab_core.ui.convolution.setup import convolution_setup
from cnnlab_core.ui.convolution.sliding import convolution_grid
from cnnlab_core.ui.convolution.state import Kept, name_cell
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import form, main_picture, plain, sentences

CONTROLS = Controls("conv")
COLUMNS = {1: [["x", "dx", "dy"], ["w", "dw", "db"]], 2: [["x", "dx"], ["w", "dw"], ["dy", "db"]]}
IN_A_ROW = [["x"], ["w", "dw", "db"], ["dy"], ["dx"]]
MOST_IN_A_ROW = 28
"""Cells beside one another with which everything is on the first screen."""
MOST_ENTRIES = 128 * 128  # of a matrix that is drawn
MOST_WRITTEN = 50  # weights that a gradient step writes out
ETAS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]


def show() -> None:
    """The gradients of the numbers in the tab 1-D or 2-D, one of their cells as a sum, and a closer look at them."""
    tabs = ("1-D", "2-D")
    dims = 1 + tabs.index(CONTROLS.one_of("back", "Take the numbers from", tabs, "2-D", place=form("back")))
    problem = convolution_setup(dims)
    grid, shown = main_picture(), ["dw", "dx", "db", "x", "w", "dy"]
    first = sum_header()
    with grid:
        cell = convolution_grid(problem, shown, _columns(problem), default="dw", first=first, backward=True)
    is_result = cell is not None and cell[0] in ("dx", "dw", "db")
    show_sum(problem.explain(*cell, first=first) if cell and is_result else None)
    show_badge(conv_difference(problem))
    views: dict[str, Callable[[ConvProblem], None]] = {
        "As a matrix": partial(_matrices, first=first),
        "One gradient step": _step,
        "Borders compared": _borders,
    }
    view = CONTROLS.one_of("view", "Look closer", list(views), "As a matrix")
    with sentences():
        views[view](problem)
    learned(
        "each gradient is a sum of products, as the output is: a weight's over all places where it was used, a "
        "pixel's over all outputs that it went into."
    )
    show_take_away(problem, code(problem))


def _columns(problem: ConvProblem) -> list[list[str]]:
    """Which arrays stand under each other: of small pictures as few as possible."""
    where = problem.geometry
    across = where.padded_shape[-1] + problem.w.shape[-1] + where.out_shape[-1] + problem.x.shape[-1]
    return IN_A_ROW if problem.dims == 2 and across <= MOST_IN_A_ROW else COLUMNS[problem.dims]


def _matrices(problem: ConvProblem, first: int) -> None:
    """The Toeplitz matrix and the Jacobian with respect to the weights; small ones with their numbers."""
    y_names = _names("y", problem.y.shape, first)
    entries = len(y_names) * max(problem.x.size, problem.w.size)
    if entries > MOST_ENTRIES:
        raise InputError(
            f"The matrix would have {entries} entries, more than can be looked at: make the input or the kernel "
            f"smaller, or the stride larger, until there are {MOST_ENTRIES} or fewer."
        )
    by_x = toeplitz(problem.w, problem.x.shape, **problem.options)
    by_w = jacobian_weights(problem.x, problem.w.shape, **problem.options)
    left, right = st.columns(2, gap="large")
    for place, name, given, matrix, gradient, words in (
        (left, "x", problem.x, by_x, problem.gradients.dx, TOEPLITZ),
        (right, "w", problem.w, by_w, problem.gradients.dw, JACOBIAN),
    ):
        with place:
            figure = matrix_map(
                matrix,
                rows=y_names,
                columns=_names(name, given.shape, first),
                row_title="cells of y",
                title=f"cells of {name}",
            )
            show_chart(figure, f"matrix {name}", f"dy/d{name}", "One row for each cell of y, in reading order.")
            st.markdown(words)
            gap = float(np.abs(matrix.T @ problem.dy.ravel() - gradient.ravel()).max())
            exact = "exactly" if gap == 0 else f"to {gap:.0e}"
            st.caption(f"Its transpose times dy is d{name}, {exact}: the gradient above, by another way.")


def _step(problem: ConvProblem) -> None:
    """One step of gradient descent."""
    eta = CONTROLS.stops("eta", "Learning rate η", ETAS, 0.01)
    dw, db = problem.gradients.dw, problem.gradients.db.reshape(problem.b.shape)
    w, b = sgd_update(problem.w, dw, eta), sgd_update(problem.b, db, eta)
    if w.size <= MOST_WRITTEN:
        for name, old, gradient, new in (("w", problem.w, dw, w), ("b", problem.b, db, b)):
            show_formulas(
                rf"{name} \leftarrow {name} - \eta\, d{name} = {latex.matrix(old)} - "
                rf"{latex.number(eta)} \cdot {latex.matrix(gradient)} = {latex.matrix(new)}"
            )
    else:
        st.caption(f"w has {w.size} weights, too many to write out: the files below hold them all.")
    after = ConvProblem(problem.dims, problem.x, w, b, problem.dy, problem.options)
    before_loss, after_loss = (float((problem.dy * each.y).sum()) for each in (problem, after))
    before, then = st.columns(2)
    before.metric("Loss L = Σ dy · y now", f"{before_loss:.6g}")
    then.metric("after the step", f"{after_loss:.6g}", f"{after_loss - before_loss:.6g}", delta_color="inverse")
    st.caption(
        "The simplest loss whose gradient is this dy. It is linear in w and b, so the step lowers it by exactly "
        "η (‖dw‖² + ‖db‖²): as steeply downhill as a step of its length can go."
    )
    st.button("Take this step", icon=":material/south_east:", on_click=_take_step, args=(problem, w, b))


def _take_step(problem: ConvProblem, w: Array, b: Array) -> None:
    kept = Kept(f"conv_{problem.dims}")
    kept.put_planes("w", w.reshape(-1, *w.shape[-problem.dims :]))
    kept.put_planes("b", b[None])


def _borders(problem: ConvProblem) -> None:
    """How every padding mode sees the same border, and what comes back to it."""
    sides = [(axis.before, axis.after) for axis in problem.geometry.axes]
    if not any(map(sum, sides)):
        sides = [((axis.kernel - 1) * axis.dilation // 2,) * 2 for axis in problem.geometry.axes]
        st.caption("No padding is set above, so here half a kernel is added on each side.")
    cases: dict[str, dict[str, Array]] = {}
    for mode in PADDING_MODES:
        options = problem.options | {"padding": sides, "padding_mode": mode}
        try:
            same = ConvProblem(problem.dims, problem.x, problem.w, problem.b, problem.dy, options)
            shape = same.y.shape
            same = ConvProblem(problem.dims, problem.x, problem.w, problem.b, np.resize(problem.dy, shape), options)
            maps = {"padded x": same.padded, "y": same.planes("y", same.y)[0]}
            cases[mode] = maps | {"dx": same.planes("dx", same.gradients.dx)[0]}
        except InputError as error:
            st.caption(plain(f"{mode}: {error}"))
    if cases:
        show_chart(
            maps_by_case(cases), "borders", "Every padding mode compared", "Each row of maps has one scale of colours."
        )
    st.caption(BORDERS)


def _names(array: str, shape: Index, first: int) -> list[str]:
    return [name_cell(array, index, first) for index in np.ndindex(shape)] if prod(shape) else []


TOEPLITZ = (
    "**dy/dx, the Toeplitz matrix.** A convolution is a matrix whose rows hold the same few weights, one place further "
    "on each time: sparse, and shared. That is all that distinguishes it from a dense layer."
)
JACOBIAN = (
    "**dy/dw, the Jacobian of the weights.** Each row is what the window saw. So a weight learns from every place at "
    "once."
)
BORDERS = (
    "Zeros invent an edge all around. Reflect and replicate continue the picture, so cells at the border count "
    "more than once in dx. Circular lets one side see the other: right for what is periodic, wrong for photos. "
    "Channel 0 is shown."
)
