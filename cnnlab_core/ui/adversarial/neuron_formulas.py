"""The formulas of the attack on a single neuron, with its numbers, as LaTeX."""

from cnnlab_core.attacks.exact.ball import length, steepest
from cnnlab_core.attacks.exact.neuron import DUAL, Neuron
from cnnlab_core.checks import Array
from cnnlab_core.convolution import latex
from cnnlab_core.ui.adversarial.neuron_setting import Setting


def answer_formula(neuron: Neuron, x: Array) -> str:
    """f(x) = sigma(w.x + b) with its numbers."""
    terms = " + ".join(rf"{latex.factor(w)} \cdot {latex.factor(v)}" for w, v in zip(neuron.w, x, strict=True))
    score, probability = float(neuron.score(x)), float(neuron.probability(x))
    return (
        rf"f(x) = \sigma({terms} + {latex.factor(neuron.b)}) = "
        rf"\sigma({latex.number(round(score, 6))}) = {latex.number(round(probability, 4))}"
    )


def gradient_formula(neuron: Neuron, x: Array, y: int) -> str:
    """The gradient of the loss with respect to x, with its numbers."""
    probability = latex.number(round(float(neuron.probability(x)), 4))
    return (
        rf"\frac{{\partial L}}{{\partial x}} = (f(x) - y) \, w = ({probability} - {y}) {_column(neuron.w)} = "
        rf"{_column(neuron.gradient(x, y))}"
    )


def best_formula(setting: Setting, best: Array) -> str:
    """The optimum with its numbers; where a box cuts the ball, how it is found and the result."""
    ball, sign = setting.ball, "-" if setting.y == 1 else "+"
    point = _column(best)
    if not setting.neuron.w.any() or ball.eps == 0:
        return rf"x^* = x = {point}"
    if ball.box is not None:
        return {
            "linf": rf"x^* = \mathrm{{clip}}(x {sign} \varepsilon \, \mathrm{{sign}}(w)) = {point}",
            "l2": rf"x^* = \mathrm{{clip}}(x {sign} t w) = {point}",
            "l1": rf"x^* = x {sign} \textstyle\sum_i \varepsilon_i \, \mathrm{{sign}}(w_i) \, e_i = {point}",
        }[ball.norm]
    way = {
        "linf": r"\mathrm{sign}(w)",
        "l2": r"\frac{w}{\lVert w \rVert_2}",
        "l1": r"\mathrm{sign}(w_i) \, e_i",
    }[ball.norm]
    unit = steepest(setting.neuron.w, ball.norm)
    numbers = rf"{_column(ball.centre)} {sign} {latex.factor(ball.eps)} {_column(unit)}"
    return rf"x^* = x {sign} \varepsilon \, {way} = {numbers} = {point}"


def smallest_formula(neuron: Neuron, x: Array, norm: str) -> str:
    """|w.x + b| / ||w|| with its numbers."""
    names = {"linf": r"\infty", "l2": "2", "l1": "1"}
    a, b = (latex.number(abs(value)) for value in neuron.w)
    squares = rf"\sqrt{{{a}^2 + {b}^2}}"
    worked = {"l1": rf"{a} + {b}", "l2": squares, "linf": rf"\max({a}, {b})"}[DUAL[norm]]
    score = abs(float(neuron.score(x)))
    size = length(neuron.w, DUAL[norm])
    return (
        rf"\varepsilon_{{{names[norm]}}} = \frac{{|w \cdot x + b|}}{{\lVert w \rVert_{{{names[DUAL[norm]]}}}}} = "
        rf"\frac{{{latex.number(round(score, 6))}}}{{{worked}}} = {latex.number(round(score / size, 4))}"
    )


def _column(values: Array) -> str:
    return r"\begin{bmatrix} " + r" \\ ".join(latex.number(round(float(v), 4)) for v in values) + r" \end{bmatrix}"
