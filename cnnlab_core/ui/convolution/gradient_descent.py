"""A linear model on XOR: gradient descent step by step, the loss around it, and why no plane can do it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from cnnlab_core.checks import Array
from cnnlab_core.convolution import latex
from cnnlab_core.from_scratch.linear_regression import (
    XOR_INPUTS,
    XOR_TARGETS,
    DescentStep,
    descend,
    loss_surface,
    optimum,
    predict,
)
from cnnlab_core.from_scratch.torch_gradients import loss_gradients
from cnnlab_core.plots.descent import descent_map, loss_line
from cnnlab_core.plots.labels import short_number
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.convolution.pieces import show_formulas

NAMES = ("w₁", "w₂", "b")
PAIRS = {"w1 and w2": (0, 1), "w1 and b": (0, 2), "w2 and b": (1, 2)}
STEPS = 60


@dataclass(frozen=True)
class Descent:
    """How the descent is set up, and the step and the two parameters that are looked at."""

    start: tuple[float, float, float]
    eta: float
    pair: tuple[int, int]
    index: int


def xor(controls: Controls) -> tuple[Descent, list[DescentStep]]:
    """The descent of a linear model on XOR: how it was set up, and the whole of it."""
    st.header("A linear model tries XOR")
    st.markdown(
        "Four points, a plane $y = w_1 x_1 + w_2 x_2 + b$. Move the step slider: every step goes straight down, "
        "in the direction of the arrow, and the model ends up saying ½ to everything."
    )
    descent = choose(controls)
    path = descend(XOR_INPUTS, XOR_TARGETS, descent.start[:2], descent.start[2], eta=descent.eta, steps=STEPS)
    here, best = path[descent.index], optimum(XOR_INPUTS, XOR_TARGETS)
    left, right = st.columns([1.2, 1], gap="large")
    with left:
        surface(path, descent)
    with right:
        standing(here, descent)
        losses = [step.loss for step in path]
        says = f"The dotted line is the lowest possible loss, {short_number(best.loss)}."
        about = f"A linear model on XOR, step size {descent.eta:g}. The dot is step {descent.index}. {says}"
        show_chart(loss_line(losses, descent.index, best.loss), "xor losses", "Loss by step", about)
        st.caption(says)
    closed_form()
    return descent, path


def choose(controls: Controls) -> Descent:
    """Step, learning rate, start, and which two parameters are drawn."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        index = controls.slider("step", "Step", 0, STEPS, 3, 1, width=320)
        eta = controls.slider("eta", "Learning rate η", 0.02, 0.8, 0.2, 0.02, width=220)
        pair = controls.one_of("pair", "Drawn over", list(PAIRS), "w1 and w2")
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        w1, w2, b = (
            controls.number(f"start_{key}", f"Start {name}", -100.0, 100.0, value, 0.1, width=150)
            for name, key, value in zip(NAMES, ("w1", "w2", "b"), (1.4, -1.0, 0.6), strict=True)
        )
    return Descent((w1, w2, b), eta, PAIRS[pair], index)


def surface(path: Sequence[DescentStep], descent: Descent) -> None:
    """The loss over two parameters, the third where it is now, with the descent so far."""
    here = path[descent.index]
    point = _parameters(here)
    (first, second), third = descent.pair, 3 - sum(descent.pair)
    reach = max(2.2, 1.1 * max(map(abs, descent.start)))
    span = np.linspace(-reach, reach, 89)
    losses = loss_surface(XOR_INPUTS, XOR_TARGETS, point, descent.pair, span, span)
    downhill = -_gradient(here)
    best = optimum(XOR_INPUTS, XOR_TARGETS)
    best_point = [*best.w, best.b]
    figure = descent_map(
        span,
        span,
        losses,
        names=(NAMES[first], NAMES[second]),
        path=[(float(p[first]), float(p[second])) for p in map(_parameters, path[: descent.index + 1])],
        arrow=(float(downhill[first]), float(downhill[second])),
        best=(float(best_point[first]), float(best_point[second])),
    )
    says = (
        f"The loss where {NAMES[third]} = {short_number(point[third], 3)}; stronger colour is higher. Orange: here, "
        "and the steepest way down, against the gradient. Star: the optimum. The contours are ellipses: the steepest "
        "way down isn't the straight way to the optimum."
    )
    show_chart(figure, "xor map", "The loss surface with the descent on it", says)
    st.caption(says)


def standing(here: DescentStep, descent: Descent) -> None:
    """Parameters, gradient and predictions at this step."""
    point, gradient = _parameters(here), _gradient(here)
    st.markdown(f"**After {descent.index} steps the loss is {here.loss:.4f}**")
    torch = loss_gradients(XOR_INPUTS, XOR_TARGETS, here.w, here.b)
    ways = {"by hand": (here.loss, gradient), "by autograd": (torch.loss, np.array([*torch.dw, torch.db]))}
    table = {
        "": list(ways),
        "mean squared error": [short_number(loss, 4) for loss, _ in ways.values()],
        "gradient by w₁, w₂, b": [f"({', '.join(short_number(v, 4) for v in found)})" for _, found in ways.values()],
    }
    st.table(table, hide_index=True, border="horizontal")
    after = point - descent.eta * gradient
    show_formulas(
        r"\begin{bmatrix} w_1 \\ w_2 \\ b \end{bmatrix} - \eta \, \nabla L = "
        rf"{_column(point)} - {descent.eta:g} {_column(gradient)} = {_column(after)}"
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


def path_table(path: Sequence[DescentStep]) -> str:
    """The descent as CSV."""
    rows = ((step.index, *_parameters(step), step.loss, *_gradient(step)) for step in path)
    shown = ([index, *(f"{value:.12g}" for value in values)] for index, *values in rows)
    return csv_table(("step", "w1", "w2", "b", "loss", "dw1", "dw2", "db"), shown)


def _parameters(step: DescentStep) -> Array:
    return np.array([*step.w, step.b])


def _gradient(step: DescentStep) -> Array:
    return np.array([*step.gradient.dw, step.gradient.db])


def _column(values: Array) -> str:
    return r"\begin{bmatrix} " + r" \\ ".join(latex.number(round(float(v), 4)) for v in values) + r" \end{bmatrix}"


def _exact(value: float) -> str:
    """A number that is known to be a simple one: the last bits of its computation aside."""
    return latex.number(round(float(value), 12))
