"""Autograd warm-up: derivatives by hand beside those of autograd, for a line, its loss, and a descent on XOR."""

import numpy as np
import streamlit as st

from cnnlab_core.checks import Array
from cnnlab_core.convolution import latex, read_planes, write_planes
from cnnlab_core.errors import InputError, LabError
from cnnlab_core.from_scratch.linear_regression import mse, mse_gradients, optimum, predict
from cnnlab_core.from_scratch.torch_gradients import line_gradients, loss_gradients
from cnnlab_core.plots.labels import short_number
from cnnlab_core.recipes.convolution.linear_regression import code
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.convolution.gradient_descent import STEPS, path_table, xor
from cnnlab_core.ui.show import sentences, show_problem
from cnnlab_core.ui.take_away import File, take_away

CONTROLS = Controls("conv_auto")
ROWS, POINTS, EDITOR = (CONTROLS.key(name) for name in ("rows", "points", "editor"))
FIRST_ROWS = "1 1; 2 3; 3 4; 4 6"
MOST_ROWS = 12
LARGEST = 1000  # of a number in the table


def show() -> None:
    """A neuron and its derivatives, its loss over a table, and a linear model that can't do XOR."""
    st.markdown(
        "Training needs to know how the loss changes when a weight changes a little. Here it is by hand and by "
        "PyTorch's autograd, side by side: change any number, and both columns still agree."
    )
    w, b = line()
    st.divider()
    points = None
    with sentences():
        points = squared_error(w, b)
    st.divider()
    descent, path = xor(CONTROLS)
    table = None if points is None else points.tolist()
    recipe = code(table, w, b, start=descent.start, eta=descent.eta, steps=STEPS, at=descent.index)
    take_away(recipe, File("The descent on XOR (CSV)", path_table(path), "cnnlab_xor_descent.csv", "text/csv"))


def line() -> tuple[float, float]:
    """y = w x + b at a point, and its three partial derivatives."""
    st.header("One neuron, one input")
    with st.container(horizontal=True, gap="medium"):
        w, x, b = (
            CONTROLS.number(name, name, -100.0, 100.0, start, 0.5, width=150)
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
    if EDITOR not in st.session_state:  # drawn for the first time, or again: begin with what the link holds
        st.session_state[POINTS] = _points_from_address()
    rows = [{"x": x, "t": t} for x, t in st.session_state[POINTS].tolist()]
    number = st.column_config.NumberColumn(required=True, min_value=-LARGEST, max_value=LARGEST)
    edited = st.data_editor(
        rows,
        num_rows="dynamic",
        hide_index=True,
        key=EDITOR,
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
    if np.abs(points).max() > LARGEST:
        raise InputError(f"A number in the table is beyond {LARGEST}: keep them between -{LARGEST} and {LARGEST}.")
    return points


def _shown(value: float) -> str:
    return short_number(float(value), 6)
