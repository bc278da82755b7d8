"""Autograd warm-up: derivatives by hand beside those of autograd, for a neuron, its loss, and a descent on XOR."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import streamlit as st

from cnnlab_core.checks import Array
from cnnlab_core.convolution import latex, read_planes, resize, write_planes
from cnnlab_core.errors import InputError, LabError
from cnnlab_core.from_scratch.linear_regression import mse, mse_gradients, optimum, predict, squared_error
from cnnlab_core.from_scratch.torch_gradients import loss_gradients, neuron_gradients, prediction_gradients
from cnnlab_core.plots.labels import short_number
from cnnlab_core.recipes.convolution import linear_regression as recipe
from cnnlab_core.ui.address import in_address
from cnnlab_core.ui.controls import Controls, held
from cnnlab_core.ui.convolution.gradient_descent import STEPS, path_table, xor
from cnnlab_core.ui.convolution.pieces import show_formulas
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import form, main_picture, sentences, show_problem
from cnnlab_core.ui.take_away import File, show_code, take_away

CONTROLS = Controls("conv_auto")
FIRST_ROWS = "1 1; 2 3; 3 4; 4 6"
FIRST_PAIRS = "2.5 3; 0 -0.5; 2 2; 8 7"
MOST_ROWS = 16
MOST_INPUTS = 4
MOST_SUMMED = 8  # squares that a sum writes out
LARGEST = 1000  # of a number that is typed
POINTS, PAIRS = "inputs and targets", "predictions and targets"


def show() -> None:
    """A neuron and its derivatives, its loss over a table, and a linear model that can't do XOR."""
    st.markdown(
        "Training needs to know how the loss changes when a weight changes a little. Here it is by hand and by "
        "PyTorch's autograd, side by side: change any number, and both columns still agree."
    )
    w, x, b = neuron()
    st.divider()
    table = ""
    with sentences():
        table = mean_squared_error(w, b)
    st.divider()
    descent, path = xor(CONTROLS)
    learned(
        "a derivative says how far the loss goes when one number moves a little. Autograd finds all of them by "
        "the chain rule."
    )
    code = recipe.code(
        recipe.neuron(w.tolist(), x.tolist(), b),
        table,
        start=descent.start,
        eta=descent.eta,
        steps=STEPS,
        at=descent.index,
    )
    take_away(code, File("The descent on XOR (CSV)", path_table(path), "cnnlab_xor_descent.csv", "text/csv"))


def neuron() -> tuple[Array, Array, float]:
    """y = w · x + b at a point, and its partial derivatives. Gives w, x and b."""
    st.header("One neuron")
    with form(horizontal=True, gap="medium"):
        w, x = (typed_vector(name, start) for name, start in (("w", "1.5"), ("x", "2.0")))
        b = CONTROLS.number("b", "b", -100.0, 100.0, -0.5, 0.5, width=150)
    if len(x) != len(w):
        show_problem(f"w has {len(w)} numbers and x has {len(x)}: give each input one weight. Here x is made to fit w.")
        x = resize(x, w.shape)
    torch = neuron_gradients(w, x, b)
    ws, xs = names("w", len(w)), names("x", len(w))
    y = float(predict(x[None], w, b)[0])
    formula, table = main_picture().columns(2, gap="large", vertical_alignment="center")
    with formula:
        symbols = " + ".join(rf"{weight} \cdot {cell}" for weight, cell in zip(ws, xs, strict=True))
        values = " + ".join(rf"{latex.factor(a)} \cdot {latex.factor(c)}" for a, c in zip(w, x, strict=True))
        by_parts = (
            rf"\frac{{\partial y}}{{\partial w}} = x = {_row(x)}",
            rf"\frac{{\partial y}}{{\partial x}} = w = {_row(w)}",
            r"\frac{\partial y}{\partial b} = 1",
        )
        show_formulas(
            rf"y = {symbols} + b = {values} + {latex.factor(b)} = {latex.number(y)}", *by_parts[: 3 * (len(w) > 1)]
        )
        st.caption(
            rf"Only one term holds ${ws[0]}$, and it is ${ws[0]} \cdot {xs[0]}$: raise ${ws[0]}$ by 0.01, and y goes "
            f"from {_shown(y)} to {_shown(y + 0.01 * float(x[0]))}, {_shown(x[0])} times as far.",
        )
    with table:
        derivatives_table(
            ("y", r"w \cdot x + b", y, torch.y),
            *((partial("y", a), c, value, dw) for a, c, value, dw in zip(ws, xs, x, torch.dw, strict=True)),
            *((partial("y", c), a, value, dx) for a, c, value, dx in zip(ws, xs, w, torch.dx, strict=True)),
            (partial("y", "b"), "1", 1.0, torch.db),
        )
    return w, x, b


def typed_vector(name: str, start: str) -> Array:
    """A typed number, or several. What can't be read is said, and ``start`` takes its place."""
    text = CONTROLS.text(name, name, start, max_chars=80, width=150, help=SEVERAL)
    try:
        vector = read_planes(name, text, 1)[0]
        if len(vector) > MOST_INPUTS:
            raise InputError(f"{name} has {len(vector)} numbers: give it {MOST_INPUTS} or fewer.")
        if np.abs(vector).max() > LARGEST:
            raise InputError(f"A number of {name} is beyond {LARGEST}: keep it between -{LARGEST} and {LARGEST}.")
    except InputError as error:
        show_problem(f"{error} Here {name} is {start}.")
        return read_planes(name, start, 1)[0]
    return vector


def names(letter: str, count: int) -> list[str]:
    """A symbol for each of so many numbers: x, or x_1, x_2 and so on."""
    return [letter] if count == 1 else [f"{letter}_{n}" for n in range(1, count + 1)]


def partial(above: str, below: str) -> str:
    """A partial derivative in LaTeX."""
    return rf"\partial {above} / \partial {below}"


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


def mean_squared_error(w: Array, b: float) -> str:
    """The loss over an editable table, of the neuron or of typed predictions. Gives the Python of it."""
    st.header("The mean squared error over a table")
    kind = CONTROLS.one_of("table", "The table holds", (POINTS, PAIRS), POINTS)
    return loss_of_predictions() if kind == PAIRS else loss_of_neuron(w, b)


def loss_of_neuron(w: Array, b: float) -> str:
    """The loss of the neuron over points: an input for each weight, and a target."""
    st.markdown("The same w and b as above, now judged on several points. Edit the points, add or delete rows.")
    inputs = len(w)
    left, right = st.columns([1, 2], gap="large")
    with left:
        points = editable_rows(*first_points(inputs))
    x, t = points[:, :-1], points[:, -1]
    y = predict(x, w, b)
    torch, gradients = loss_gradients(x, t, w, b), mse_gradients(x, t, w, b)
    xs = names("x", inputs)
    with right:
        columns = error_columns(y, t, "y = w x + b")
        if inputs == 1:  # of several, those beside it must do: the table has to fit on a phone
            columns = {"$x$": x[:, 0]} | columns
        columns |= {rf"$2 (y - t)\, {name}$": 2 * (y - t) * column for name, column in zip(xs, x.T, strict=True)}
        st.table(shown_columns(columns), hide_index=True, border="horizontal")
    derivatives_table(
        ("L", r"\frac{1}{n} \sum (y - t)^2", mse(x, t, w, b), torch.loss),
        *(
            (partial("L", weight), rf"\frac{{1}}{{n}} \sum 2 (y - t)\, {name}", hand, by_torch)
            for weight, name, hand, by_torch in zip(names("w", inputs), xs, gradients.dw, torch.dw, strict=True)
        ),
        (partial("L", "b"), r"\frac{1}{n} \sum 2 (y - t)", gradients.db, torch.db),
    )
    best = optimum(x, t)
    weights = ", ".join(_shown(round(weight, 9)) for weight in best.w)
    st.caption(
        f"Nothing does better here than w = {weights if inputs == 1 else f'({weights})'}, b = "
        f"{_shown(round(best.b, 9))}, with a loss of {_shown(round(best.loss, 9))}: put them in above, and all "
        "derivatives vanish."
    )
    return recipe.loss(points.tolist(), w.tolist(), b)


def loss_of_predictions() -> str:
    """The loss of predictions that are typed, by its formula and by torch, each with its code."""
    st.markdown(
        "Predictions $y$ and true values $t$, from whatever model. Edit them, add or delete rows. By hand is the "
        "formula, by autograd is `torch.nn.functional.mse_loss`: the code of both stands below."
    )
    left, right = st.columns([1, 2], gap="large")
    with left:
        pairs = editable_rows("pairs", ["y", "t"], FIRST_PAIRS)
    y, t = pairs.T
    hand, torch = squared_error(y, t), prediction_gradients(y, t)
    with right:
        columns = error_columns(y, t, "y") | {r"$\partial L / \partial y$ by hand": hand.dy, "by autograd": torch.dy}
        st.table(shown_columns(columns), hide_index=True, border="horizontal")
    squares = " + ".join(latex.number(square) for square in ((y - t) ** 2)[:MOST_SUMMED])
    squares += r" + \cdots" if len(y) > MOST_SUMMED else ""
    show_formulas(rf"L = \frac{{1}}{{n}} \sum (y - t)^2 = \frac{{{squares}}}{{{len(y)}}} = {latex.number(hand.loss)}")
    derivatives_table(("L", r"\frac{1}{n} \sum (y - t)^2", hand.loss, torch.loss))
    code = recipe.predictions(pairs.tolist())
    show_code(code, about="By the formula and by PyTorch")
    return code


def error_columns(y: Array, t: Array, made: str) -> dict[str, Array]:
    """The columns from target to squared error; ``made`` says how y is."""
    return {"target $t$": t, f"${made}$": y, "error $y - t$": y - t, "$(y - t)^2$": (y - t) ** 2}


def shown_columns(columns: dict[str, Array]) -> dict[str, list[str]]:
    """Columns of numbers as a table shows them."""
    return {name: [_shown(value) for value in column] for name, column in columns.items()}


def first_points(inputs: int) -> tuple[str, list[str], str]:
    """How a table of so many inputs is called in the address, its columns, and its first rows.

    For several inputs these are all of 0 and 1, with 1 as the target where the number of ones is odd: XOR for two.
    """
    if inputs == 1:
        return "rows", ["x", "t"], FIRST_ROWS
    corners = product((0, 1), repeat=inputs)
    rows = "; ".join(" ".join(map(str, (*corner, sum(corner) % 2))) for corner in corners)
    return f"rows_{inputs}", [*(f"x{n}" for n in range(1, inputs + 1)), "t"], rows


def editable_rows(name: str, columns: Sequence[str], start: str) -> Array:
    """A table to edit, (rows, columns); the address keeps its rows under ``name``."""
    key = CONTROLS.key(name)
    kept = held(f"{key}_kept")
    version, table = st.session_state.get(kept, (0, None))
    if f"{key}_editor_{version}" not in st.session_state:  # never drawn, or again: begin with what the link holds
        version, table = st.session_state[kept] = version + 1, _rows_from_address(key, columns, start)
    rows = [dict(zip(columns, row, strict=True)) for row in table.tolist()]
    number = st.column_config.NumberColumn(required=True, min_value=-LARGEST, max_value=LARGEST)
    edited = st.data_editor(
        rows,
        num_rows="dynamic",
        hide_index=True,
        key=f"{key}_editor_{version}",  # of a table that begins anew the browser would show the edits of before
        column_config=dict.fromkeys(columns, number),
        alt=f"The table: {', '.join(columns)}",
    )
    cells = [[row.get(column) for column in columns] for row in edited]
    whole = [row for row in cells if None not in row]
    if len(whole) < len(cells):
        st.caption("A row counts once all of its cells are filled.")
    table = _checked(np.array(whole, dtype=np.float64).reshape(-1, len(columns)), columns)
    st.query_params[key] = write_planes(table[None])
    return table


def _rows_from_address(key: str, columns: Sequence[str], start: str) -> Array:
    try:
        return _checked(read_planes("table", in_address(key, start))[0], columns)
    except LabError as error:
        show_problem(error)
        return read_planes("table", start)[0]


def _checked(table: Array, columns: Sequence[str]) -> Array:
    if table.shape[1] != len(columns):
        *others, last = columns
        raise InputError(
            f"Each row has {len(columns)} numbers, {', '.join(others)} and {last}: write them with spaces between, and "
            "a semicolon after each row."
        )
    if not 1 <= len(table) <= MOST_ROWS:
        raise InputError(f"The table has {len(table)} whole rows: make it 1 to {MOST_ROWS}.")
    if np.abs(table).max() > LARGEST:
        raise InputError(f"A number in the table is beyond {LARGEST}: keep them between -{LARGEST} and {LARGEST}.")
    return table


def _row(values: Array) -> str:
    return f"({', '.join(latex.number(value) for value in values)})"


def _shown(value: float) -> str:
    return short_number(float(value), 6)


SEVERAL = "One number, or several with spaces between them: a weight for each input."
