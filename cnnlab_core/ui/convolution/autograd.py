"""Autograd warm-up: a line, its loss over a table, and a linear model that can't do XOR."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from cnnlab_core.checks import Array
from cnnlab_core.convolution import latex, read_planes, write_planes
from cnnlab_core.errors import InputError, LabError
from cnnlab_core.from_scratch.linear_regression import (
    XOR_INPUTS,
    XOR_TARGETS,
    DescentStep,
    descend,
    loss_surface,
    mse,
    mse_gradients,
    optimum,
    predict,
)
from cnnlab_core.from_scratch.torch_gradients import line_gradients, loss_gradients
from cnnlab_core.plots.descent import descent_map, loss_line
from cnnlab_core.plots.labels import short_number
from cnnlab_core.ui.convolution.pieces import show_formulas
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.show import sentences, show_problem
from cnnlab_core.ui.take_away import File, take_away

FIGURE = {"displayModeBar": False}
ROWS = "conv_auto_rows"
FIRST_ROWS = "1 1; 2 3; 3 4; 4 6"
MOST_ROWS = 12
NAMES = ("w₁", "w₂", "b")
PAIRS = {"w1 and w2": (0, 1), "w1 and b": (0, 2), "w2 and b": (1, 2)}
STEPS = 60


def show() -> None:
    """The tab."""
    st.markdown(
        "Training needs to know how the loss changes when a weight changes a little. Here it is by hand and by "
        "PyTorch's autograd, side by side: change any number and see both columns stay the same."
    )
    w, b = line()
    st.divider()
    points = None
    with sentences():
        points = squared_error(w, b)
    st.divider()
    walk, path = xor()
    code = (mse_code(points, w, b) if points is not None else "") + xor_code(walk)
    take_away(code, File("The walk on XOR (CSV)", walk_table(path), "cnnlab_xor_descent.csv", "text/csv"))


# --- a line ---------------------------------------------------------------------------------------------------


def line() -> tuple[float, float]:
    """y = w x + b at a point, and its three partial derivatives."""
    st.header("One neuron, one input")
    with st.container(horizontal=True, gap="medium"):
        w, x, b = (
            st.number_input(name, -100.0, 100.0, start, 0.5, key=f"conv_auto_{name}", bind="query-params", width=150)
            for name, start in (("w", 1.5), ("x", 2.0), ("b", -0.5))
        )
    torch = line_gradients(w, x, b)
    formula, table = st.columns(2, gap="large", vertical_alignment="center")
    with formula:
        y, nudged = w * x + b, (w + 0.01) * x + b
        numbers = rf"{latex.factor(w)} \cdot {latex.factor(x)} + {latex.factor(b)}"
        st.latex(rf"y = w \cdot x + b = {numbers} = {latex.number(y)}")
        st.caption(
            f"Try it: raise w by 0.01 and y goes from {short_number(y, 4)} to {short_number(nudged, 4)}, "
            f"{short_number(x, 4)} times as far.",
            text_alignment="center",
        )
    with table:
        derivatives_table(
            (r"y", r"w \cdot x + b", y, torch.y),
            (r"\partial y / \partial w", "x", x, torch.dw),
            (r"\partial y / \partial x", "w", w, torch.dx),
            (r"\partial y / \partial b", "1", 1.0, torch.db),
        )
    return w, b


def derivatives_table(*rows: tuple[str, str, float, float]) -> None:
    """Symbol, rule, value by hand, value by torch."""
    table = {
        "quantity": [f"${symbol}$" for symbol, _, _, _ in rows],
        "rule": [f"${rule}$" if rule else "" for _, rule, _, _ in rows],
        "by hand": [_shown(hand) for _, _, hand, _ in rows],
        "by autograd": [_shown(torch) for _, _, _, torch in rows],
    }
    st.table(table, hide_index=True, border="horizontal", width="content")
    farthest = max(abs(hand - torch) for _, _, hand, torch in rows)
    st.badge(f"largest difference {short_number(farthest)}", icon=":material/check:", color="green")


# --- mean squared error ---------------------------------------------------------------------------------------


def squared_error(w: float, b: float) -> Array:
    """The loss of the same line over an editable table, which it gives back."""
    st.header("Its mean squared error over a table")
    st.markdown("The same w and b as above, now judged on several points. Edit the points, add or delete rows.")
    left, right = st.columns([1, 2], gap="large")
    with left:
        points = editable_points()
    xs, targets = points[:, 0], points[:, 1]
    y = predict(xs[:, None], [w], b)
    gradients = mse_gradients(xs[:, None], targets, [w], b)
    torch = loss_gradients(xs.tolist(), targets.tolist(), w, b)
    with right:
        table = {
            "$x$": [_shown(x) for x in xs],
            "target $t$": [_shown(t) for t in targets],
            "$y = wx + b$": [_shown(value) for value in y],
            "error $y - t$": [_shown(e) for e in y - targets],
            "$(y - t)^2$": [_shown(e**2) for e in y - targets],
            r"$2 (y - t)\, x$": [_shown(2 * e * x) for e, x in zip(y - targets, xs, strict=True)],
        }
        st.table(table, hide_index=True, border="horizontal")
    derivatives_table(
        (r"L", r"\frac{1}{n} \sum (y - t)^2", mse(xs[:, None], targets, [w], b), torch.loss),
        (r"\partial L / \partial w", r"\frac{1}{n} \sum 2 (y - t)\, x", float(gradients.dw[0]), torch.dw),
        (r"\partial L / \partial b", r"\frac{1}{n} \sum 2 (y - t)", gradients.db, torch.db),
    )
    best = optimum(xs[:, None], targets)
    st.caption(
        f"No line does better here than w = {_shown(round(best.w[0], 9))}, b = {_shown(round(best.b, 9))}, with a "
        f"loss of {_shown(round(best.loss, 9))}: put them in above, and both derivatives vanish."
    )
    return points


def editable_points() -> Array:
    """The table of x and t; its rows are kept in the address."""
    if "conv_auto_editor" not in st.session_state:  # drawn for the first time, or again: begin with what the link says
        st.session_state["conv_auto_points"] = _points_from_address()
    rows = [{"x": x, "t": t} for x, t in st.session_state["conv_auto_points"].tolist()]
    number = st.column_config.NumberColumn(required=True, min_value=-1000, max_value=1000)
    edited = st.data_editor(
        rows,
        num_rows="dynamic",
        hide_index=True,
        key="conv_auto_editor",
        column_config={"x": number, "t": number},
        alt="The points: x and target t",
    )
    cells = [[row.get("x"), row.get("t")] for row in edited]
    whole = [row for row in cells if None not in row]
    if len(whole) < len(cells):
        st.caption("A row counts once both of its cells are filled.")
    points = _checked(np.array(whole, dtype=np.float64).reshape(-1, 2))
    st.query_params[ROWS] = write_planes(points[None])
    return points


def _points_from_address() -> Array:
    try:
        return _checked(read_planes("points", st.query_params.get(ROWS, FIRST_ROWS))[0])
    except LabError as error:
        show_problem(error)
        return read_planes("points", FIRST_ROWS)[0]


def _checked(points: Array) -> Array:
    if points.shape[1] != 2:
        raise InputError("Each point has two numbers, x and t: write them as 1 1; 2 3; 3 4.")
    if not 1 <= len(points) <= MOST_ROWS:
        raise InputError(f"The table has {len(points)} whole rows: make it 1 to {MOST_ROWS}.")
    if np.abs(points).max() > 1000:
        raise InputError("A number of the table is beyond 1000: keep all between -1000 and 1000.")
    return points


# --- XOR ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Walk:
    """How the descent is set up and looked at."""

    start: tuple[float, float, float]
    eta: float
    pair: tuple[int, int]
    index: int


def xor() -> tuple[Walk, list[DescentStep]]:
    """The descent of a linear model on XOR: how it was set up, and the whole of it."""
    st.header("A linear model tries XOR")
    st.markdown(
        "Four points, a plane $y = w_1 x_1 + w_2 x_2 + b$. Move the step slider: every step goes straight down, "
        "in the direction of the arrow, and the model ends up saying ½ to everything."
    )
    walk = walk_controls()
    path = descend(XOR_INPUTS, XOR_TARGETS, walk.start[:2], walk.start[2], eta=walk.eta, steps=STEPS)
    here, best = path[walk.index], optimum(XOR_INPUTS, XOR_TARGETS)
    left, right = st.columns([1.2, 1], gap="large")
    with left:
        surface(path, walk)
    with right:
        standing(here, walk)
        losses = [step.loss for step in path]
        st.plotly_chart(loss_line(losses, walk.index, best.loss), key="xor losses", config=FIGURE, alt="Loss by step")
        st.caption(f"The dotted line is the least loss there is, {short_number(best.loss)}.")
    closed_form()
    return walk, path


def walk_controls() -> Walk:
    """Step, learning rate, start, and which two parameters are drawn."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        index = st.slider("Step", 0, STEPS, 3, key="conv_auto_step", bind="query-params", width=320)
        eta = st.slider("Learning rate η", 0.02, 0.8, 0.2, 0.02, key="conv_auto_eta", bind="query-params", width=220)
        pair = segmented(st, "Drawn over", list(PAIRS), default="w1 and w2", key="conv_auto_pair", bind="query-params")
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        start = [
            st.number_input(
                f"Start {name}", -2.0, 2.0, value, 0.1, key=f"conv_auto_start_{key}", bind="query-params", width=150
            )
            for name, key, value in (("w₁", "w1", 1.4), ("w₂", "w2", -1.0), ("b", "b", 0.6))
        ]
    return Walk((start[0], start[1], start[2]), eta, PAIRS[pair], index)


def surface(path: Sequence[DescentStep], walk: Walk) -> None:
    """The loss over two parameters, the third where it is now, with the walk so far."""
    here = path[walk.index]
    point = _parameters(here)
    (first, second), third = walk.pair, 3 - sum(walk.pair)
    span = np.linspace(-2.2, 2.2, 89)
    losses = loss_surface(XOR_INPUTS, XOR_TARGETS, point, walk.pair, span, span)
    downhill = -np.array([*here.gradient.dw, here.gradient.db])
    best = optimum(XOR_INPUTS, XOR_TARGETS)
    best_point = [*best.w, best.b]
    figure = descent_map(
        span,
        span,
        losses,
        names=(NAMES[first], NAMES[second]),
        path=[(float(p[first]), float(p[second])) for p in map(_parameters, path[: walk.index + 1])],
        arrow=(float(downhill[first]), float(downhill[second])),
        best=(float(best_point[first]), float(best_point[second])),
    )
    st.plotly_chart(figure, key="xor map", config=FIGURE, alt="The loss surface with the walk on it")
    st.caption(
        f"The loss where {NAMES[third]} = {short_number(point[third], 3)}; stronger colour is higher. Orange: here, "
        "and the steepest way down, against the gradient. Star: the optimum. The contours are ellipses: the steepest "
        "way is not the straight one."
    )


def standing(here: DescentStep, walk: Walk) -> None:
    """Parameters, gradient and predictions at this step."""
    point, gradient = _parameters(here), np.array([*here.gradient.dw, here.gradient.db])
    st.markdown(f"**After {walk.index} steps the loss is {here.loss:.4f}**")
    after = point - walk.eta * gradient
    show_formulas(
        r"\begin{bmatrix} w_1 \\ w_2 \\ b \end{bmatrix} - \eta \, \nabla L = "
        rf"{_column(point)} - {walk.eta:g} {_column(gradient)} = {_column(after)}"
    )
    y = predict(XOR_INPUTS, here.w, here.b)
    table = {
        "$x_1$": [str(a) for a, _ in XOR_INPUTS],
        "$x_2$": [str(b) for _, b in XOR_INPUTS],
        "XOR": [str(t) for t in XOR_TARGETS],
        "$y$": [short_number(value, 3) for value in y],
        "$(y - t)^2$": [short_number(value, 3) for value in (y - XOR_TARGETS) ** 2],
    }
    st.table(table, hide_index=True, border="horizontal")


def closed_form() -> None:
    """The optimum without a step, and why it is no good."""
    best = optimum(XOR_INPUTS, XOR_TARGETS)
    design = np.column_stack([XOR_INPUTS, np.ones(4)])
    st.markdown("**The bottom in closed form.** Where the gradient is zero, the normal equations hold:")
    show_formulas(
        r"A^\top A \begin{bmatrix} w_1 \\ w_2 \\ b \end{bmatrix} = A^\top t",
        rf"{latex.matrix(design.T @ design)} \begin{{bmatrix}} w_1 \\ w_2 \\ b \end{{bmatrix}} = "
        rf"{_column(design.T @ np.array(XOR_TARGETS, dtype=float))}"
        r"\;\Rightarrow\; "
        rf"w_1 = {_exact(best.w[0])},\; w_2 = {_exact(best.w[1])},\; b = {_exact(best.b)},\; L = {_exact(best.loss)}",
    )
    st.markdown(
        "**Why no plane can do it:** on every plane the two corners on one diagonal add up to the two on the other, "
        "$y(0,0) + y(1,1) = y(0,1) + y(1,0)$, but XOR wants $0 + 0$ on one and $1 + 1$ on the other. "
        "A hidden layer with a nonlinearity bends the plane."
    )


def walk_table(path: Sequence[DescentStep]) -> str:
    """The walk as CSV."""
    lines = ["step,w1,w2,b,loss,dw1,dw2,db"]
    for step in path:
        values = [*step.w, step.b, step.loss, *step.gradient.dw, step.gradient.db]
        lines.append(",".join([str(step.index), *(f"{value:.12g}" for value in values)]))
    return "\n".join(lines) + "\n"


# --- to take away ---------------------------------------------------------------------------------------------


def mse_code(points: Array, w: float, b: float) -> str:
    """Loss and derivatives by autograd and by this lab."""
    return f"""\
import torch
from cnnlab_core.from_scratch.linear_regression import mse, mse_gradients

x, t = torch.tensor({points.tolist()}, dtype=torch.float64).T
w, b = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in ({w!r}, {b!r}))
loss = torch.nn.functional.mse_loss(w * x + b, t)
loss.backward()
print(loss.item(), w.grad.item(), b.grad.item())

table = x[:, None].numpy(), t.numpy(), [{w!r}], {b!r}
print(mse(*table), mse_gradients(*table))

"""


def xor_code(walk: Walk) -> str:
    """The descent in a notebook."""
    w1, w2, b = walk.start
    return f"""\
from cnnlab_core.from_scratch.linear_regression import XOR_INPUTS, XOR_TARGETS, descend, optimum
from cnnlab_core.ui.segmented import segmented

path = descend(XOR_INPUTS, XOR_TARGETS, [{w1:g}, {w2:g}], {b:g}, eta={walk.eta:g}, steps={STEPS})
here = path[{walk.index}]
print(here.w, here.b, here.loss, here.gradient)
print(optimum(XOR_INPUTS, XOR_TARGETS))
"""


def _parameters(step: DescentStep) -> Array:
    return np.array([*step.w, step.b])


def _column(values: Array) -> str:
    return r"\begin{bmatrix} " + r" \\ ".join(latex.number(round(float(v), 4)) for v in values) + r" \end{bmatrix}"


def _exact(value: float) -> str:
    """A number that is known to be a simple one: the last bits of its computation aside."""
    return latex.number(round(float(value), 12))


def _shown(value: float) -> str:
    return short_number(float(value), 6)
