"""Exercises on attacking a single neuron, f(x) = sigmoid(w.x + b), with numbers for pen and paper.

The answers are those of :mod:`cnnlab_core.attacks.exact.neuron`.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlab_core.attacks.exact.ball import Ball, length
from cnnlab_core.attacks.exact.neuron import Neuron, fgsm, minimal_epsilon, optimum, pgd
from cnnlab_core.checks import Array
from cnnlab_core.convolution import latex
from cnnlab_core.exercises.exercise import Choice, Numbers, Part, Task
from cnnlab_core.exercises.looks import Look, in_the_plane

PYTHAGOREAN = ((3, 4), (4, 3), (6, 8), (8, 6))
"""Weights whose 2-norm is a whole number, and whose direction has one decimal."""
TRIPLES = ((1, 2, 2), (2, 4, 4))
PLACES = ("inside", "on the edge", "outside")
SHAPES = {"linf": "square", "l2": "disc"}
NAMES = {"linf": "L∞", "l2": "L2", "l1": "L1"}
_SIGMOID = (
    r"$\sigma(0.5) \approx 0.62$, $\sigma(1) \approx 0.73$, $\sigma(1.5) \approx 0.82$, $\sigma(2) \approx 0.88$, "
    r"$\sigma(3) \approx 0.95$, and $\sigma(-z) = 1 - \sigma(z)$."
)
_UPHILL = (
    r"The loss has the gradient $(f(x) - y) \, w$. So it rises along $-w$ if the label is 1, and along $w$ if it is 0; "
    "its length plays no part in a normalised step."
)


@dataclass(frozen=True, eq=False)
class Case:
    """A neuron and a point that it classifies correctly."""

    neuron: Neuron
    x: Array
    y: int

    @property
    def story(self) -> str:
        return (
            r"A neuron gives the probability $f(x) = \sigma(w \cdot x + b)$ of class 1, with "
            f"$w = {vector(self.neuron.w)}$ and $b = {latex.number(self.neuron.b)}$. The input is "
            f"$x = {vector(self.x)}$, its label is $y = {self.y}$."
        )

    @property
    def givens(self) -> dict[str, Any]:
        return {"w": self.neuron.w, "b": self.neuron.b, "x": self.x, "y": self.y}

    def look(self, **attack: Any) -> Look | None:
        """The same in the plane, with an attack as :func:`in_the_plane` takes it."""
        return in_the_plane(self.neuron, self.x, self.y, **attack)

    @property
    def margin(self) -> float:
        return _neat(self.neuron.margin(self.x, self.y))

    def score(self, at: Array, name: str = "x") -> str:
        """The logit there as a formula with its numbers."""
        terms = " + ".join(
            rf"{latex.factor(w)} \cdot {latex.factor(_neat(v))}" for w, v in zip(self.neuron.w, at, strict=True)
        )
        bias = _plus(self.neuron.b)
        return rf"w \cdot {name} + b = {terms}{bias} = {latex.number(_neat(float(self.neuron.score(at))))}"


def linear_score(generator: np.random.Generator, level: int) -> Task:
    """The logit, the probability, the class, and the way uphill."""
    case = _case(generator, 3 if level == 3 else 2)
    neuron, x, y = case.neuron, case.x, case.y
    logit, probability = _neat(float(neuron.score(x))), float(neuron.probability(x))
    gradient = neuron.gradient(x, y)
    parts: list[Part] = [
        Numbers(r"The logit $w \cdot x + b$", np.array([logit])),
        Numbers("The probability $f(x)$, to two decimals", np.array([probability]), 0.0051),
        Choice("Which class does the neuron predict?", ("class 0", "class 1"), f"class {int(logit > 0)}"),
        Numbers(r"The sign of the gradient of the loss with respect to $x$ (1, −1 or 0 for each)", _sign(gradient)),
    ]
    steps = [
        f"${case.score(x)}$",
        rf"$f(x) = \sigma({latex.number(logit)}) \approx {probability:.2f}$, so it predicts class {int(logit > 0)}.",
        rf"$\frac{{\partial L}}{{\partial x}} = (f(x) - y) \, w \approx ({probability:.2f} - {y}) \, "
        f"{vector(neuron.w)}$: its sign is ${vector(_sign(gradient))}$.",
    ]
    if level > 1:
        question = "The gradient itself, to one decimal"
        parts.append(Numbers(question, gradient, 0.051 + 0.005 * float(np.abs(neuron.w).max())))
        steps.append(f"With {probability:.2f} for $f(x)$, the gradient is ${vector(gradient.round(2))}$.")
    prompt = f"{case.story}\n\nThe loss $L$ is the cross-entropy of the label $y$. {_SIGMOID}"
    hint = r"Add up the products, then $b$. The loss has the gradient $(f(x) - y) \, w$, and $f(x)$ is between 0 and 1."
    return Task(prompt, tuple(parts), hint, tuple(steps), case.givens, case.look())


def fgsm_step(generator: np.random.Generator, level: int) -> Task:
    """A single step, where it leads, and what projection makes of it. Level 2: in l2; 3: three inputs in a box."""
    norm, box = ("l2" if level == 2 else "linf"), ((0.0, 1.0) if level == 3 else None)
    case = _case(generator, 3 if level == 3 else 2, boxed=level == 3, pythagorean=level == 2)
    unit = 0.5 if norm == "l2" else 0.1
    eps, size = (_neat(unit * int(n)) for n in generator.integers(1, 7, 2))
    ball = Ball(case.x, eps, norm, box)
    step = fgsm(case.neuron, ball, case.y, size)
    before, after = _neat_all(step.before), _neat_all(step.after)
    shape = "cube" if level == 3 else SHAPES[norm]
    prompt = (
        f"{case.story}\n\nThe attack may go anywhere {_allowed(ball)}. It takes one step "
        f"of length ${latex.number(size)}$ from $x$, {_in_norm(norm)}."
    )
    parts = (
        Numbers("Where does the step lead, before any projection?", before),
        Choice(f"Where is that point, relative to the {shape}{' and the box' if box else ''}?", PLACES, step.place),
        Numbers("Where is it after projection onto the allowed region?", after),
        Numbers("What is the logit there?", np.array([_neat(float(case.neuron.score(after)))])),
    )
    steps = (
        f"Uphill: ${vector(_direction(case, norm))}$. {_uphill_because(case)}",
        f"The step: ${vector(case.x)} + {latex.number(size)} \\cdot {vector(_direction(case, norm))} "
        f"= {vector(before)}$.",
        f"{_distance(ball, before)} So it is {step.place}.",
        _projected(ball, before, after),
        f"${case.score(after)}$",
    )
    hint = f"{_UPHILL} {_norm_rule(norm)}"
    attack: dict[str, Any] = {"eps": eps, "norm": norm, "box": box, "step_size": size}
    return Task(prompt, parts, hint, steps, {**case.givens, **attack}, case.look(**attack))


def best_point(generator: np.random.Generator, level: int) -> Task:
    """The corners and the optimum. Level 2: of the disc beside the square; 3: of a square cut by a box."""
    boxed = level == 3
    logit = 0.0
    while logit == 0:  # on the boundary, the answer is neither right nor wrong
        case = _case(generator, 2, boxed=boxed, pythagorean=level == 2)
        eps = _neat((0.5 if level == 2 else 0.1) * int(generator.integers(1, 6)))
        square = Ball(case.x, eps, "linf", (0.0, 1.0) if boxed else None)
        best = _neat_all(optimum(case.neuron, square, case.y))
        logit = _neat(float(case.neuron.score(best)))
    corners = _neat_all(square.corners()[[2, 0]])  # lower left and upper right
    fooled = "yes" if case.neuron.fooled(best, case.y) else "no"
    prompt = f"{case.story}\n\nThe attack may go anywhere {_allowed(square)}."
    parts: list[Part] = [
        Numbers("The lower left and the upper right corner of the allowed region (a row for each)", corners),
        Numbers("The allowed point with the highest loss", best),
        Numbers("Its logit", np.array([logit])),
        Choice("Is there an allowed point that the neuron misclassifies?", ("yes", "no"), fooled),
    ]
    cut = ", and no coordinate leaves 0 to 1" if boxed else ""
    steps = [
        f"Every coordinate may move by ${latex.number(eps)}$ either way{cut}: from ${vector(corners[0])}$ to "
        f"${vector(corners[1])}$.",
        f"Uphill: ${vector(_direction(case, 'linf'))}$. {_uphill_because(case)} So each coordinate goes as far as it "
        f"may: ${vector(best)}$.",
        f"${case.score(best)}$",
        f"The label is {case.y}, so a misclassified point has a logit {'below' if case.y else 'above'} 0: {fooled}.",
    ]
    if level == 2:
        disc = Ball(case.x, eps, "l2")
        farthest = _neat_all(optimum(case.neuron, disc, case.y))
        logit = _neat(float(case.neuron.score(farthest)))
        question = "The point with the highest loss in the disc of the same epsilon (L2)"
        parts += [Numbers(question, farthest), Numbers("Its logit", np.array([logit]))]
        steps += [
            f"In the disc, straight uphill: ${vector(case.x)} + {latex.number(eps)} \\cdot "
            f"{vector(_direction(case, 'l2'))} = {vector(farthest)}$.",
            f"${case.score(farthest)}$",
        ]
    hint = f"{_UPHILL} In the square each coordinate goes to its own limit."
    attack: dict[str, Any] = {"eps": eps, "box": square.box}
    return Task(prompt, tuple(parts), hint, tuple(steps), {**case.givens, **attack}, case.look(**attack))


def pgd_walk(generator: np.random.Generator, level: int) -> Task:
    """Three steps of PGD. Level 2: in l2; 3: from another start, three inputs, in a box."""
    norm, box = ("l2" if level == 2 else "linf"), ((0.0, 1.0) if level == 3 else None)
    case = _case(generator, 3 if level == 3 else 2, boxed=level == 3, pythagorean=level == 2)
    unit = 0.5 if norm == "l2" else 0.1
    small = int(generator.integers(2, 5))
    large = int(generator.integers(small + 1, 3 * small))
    size, eps = _neat(unit * small), _neat(unit * large)
    ball = Ball(case.x, eps, norm, box)
    start = case.x
    if level == 3:
        start = _neat_all((case.x + 0.1 * generator.integers(-large, large + 1, 3)).clip(0, 1))
    walk = pgd(case.neuron, ball, case.y, step_size=size, steps=3, start=start)
    points = np.stack([_neat_all(step.after) for step in walk])
    begins = f"at $x_0 = {vector(start)}$" if level == 3 else "at $x$"
    prompt = (
        f"{case.story}\n\nThe attack may go anywhere {_allowed(ball)}. PGD begins {begins}, takes "
        f"steps of length ${latex.number(size)}$, {_in_norm(norm)}, and projects after each."
    )
    parts: list[Part] = [Numbers("Where is it after 1, 2 and 3 steps? (A row for each)", points)]
    steps = [f"Uphill, everywhere: ${vector(_direction(case, norm))}$. {_uphill_because(case)}"]
    for step, after in zip(walk, points, strict=True):
        before = _neat_all(step.before)
        steps.append(
            f"Step {step.index}: ${vector(_neat_all(step.start))} \\to {vector(before)}$, {step.place}"
            + (f", projected: ${vector(after)}$." if step.place == "outside" else ".")
        )
    if level < 3:
        needed = math.ceil(large / small)
        question = "After how many steps does the point stay where it is?"
        parts.append(Numbers(question, np.array([float(needed)])))
        steps.append(
            f"After $n$ steps it has moved ${latex.number(size)} \\, n$, and the edge is ${latex.number(eps)}$ away: "
            f"it is reached after {needed}."
        )
    logit = _neat(float(case.neuron.score(points[-1])))
    parts.append(Numbers("What is the logit after 3 steps?", np.array([logit])))
    steps.append(f"${case.score(points[-1], 'x_3')}$")
    attack: dict[str, Any] = {"eps": eps, "norm": norm, "box": box, "step_size": size}
    givens = {**case.givens, **attack, "start": start}
    return Task(prompt, tuple(parts), f"{_UPHILL} {_norm_rule(norm)}", tuple(steps), givens, case.look(**attack))


def smallest_epsilon(generator: np.random.Generator, level: int) -> Task:
    """How far it is to the boundary, in linf; level 2: also in l2; level 3: three inputs, and l1 as well."""
    if level == 1:
        w = _signed(generator, generator.integers(1, 5, 2))
        margin = float(np.abs(w).sum()) * 0.1 * int(generator.integers(1, 10))
    else:
        choices, unit, most = (TRIPLES, 0.1, 2) if level == 3 else (PYTHAGOREAN, 0.05, 4)
        w = _signed(generator, generator.permutation(choices[int(generator.integers(len(choices)))]))
        margin = length(w, "l1") * length(w, "l2") * unit * int(generator.integers(1, most + 1))
    case = _case(generator, w.size, w=w, margin=_neat(margin))
    norms = ("linf", "l2", "l1")[:level]
    parts: list[Part] = [Numbers("The margin: the logit, counted towards the label", np.array([case.margin]))]
    steps = [f"${case.score(case.x)}$; the label is {case.y}, so the margin is ${latex.number(case.margin)}$."]
    duals = {"linf": (r"\|w\|_1", "l1"), "l2": (r"\|w\|_2", "l2"), "l1": (r"\|w\|_\infty", "linf")}
    for norm in norms:
        found = minimal_epsilon(case.neuron, case.x, case.y, norm=norm)
        assert found.point is not None
        point, eps = _neat_all(found.point), _neat(found.eps)
        symbol, dual = duals[norm]
        parts.append(Numbers(f"The smallest epsilon in {NAMES[norm]} that reaches the boundary", np.array([eps])))
        steps.append(
            rf"{NAMES[norm]}: $\varepsilon = m / {symbol} = {latex.number(case.margin)} / "
            f"{latex.number(_neat(length(w, dual)))} = {latex.number(eps)}$."
        )
        if norm == "linf" or level == 2:
            parts.append(Numbers(f"The point where it reaches the boundary ({NAMES[norm]})", point))
            steps.append(
                f"Going ${latex.number(eps)}$ along ${vector(_direction(case, norm))}$ leads to ${vector(point)}$, "
                "whose logit is 0."
            )
    prompt = (
        f"{case.story}\n\nThe neuron's answer changes at the boundary, where the logit is 0. "
        "What is the smallest epsilon for which the ball around $x$ reaches it?"
    )
    hint = (
        r"Going $\varepsilon$ uphill lowers the margin by $\varepsilon$ times the dual norm of $w$: in L∞ the sum of "
        r"the $|w_i|$, in L2 the root of the sum of their squares, in L1 the largest of them."
    )
    return Task(prompt, tuple(parts), hint, tuple(steps), {**case.givens, "norms": norms}, case.look())


# --- numbers --------------------------------------------------------------------------------------------------


def _case(
    generator: np.random.Generator,
    inputs: int,
    *,
    boxed: bool = False,
    pythagorean: bool = False,
    w: Array | None = None,
    margin: float | None = None,
) -> Case:
    """Small weights, a point of halves (in a box: of tenths), and the bias that makes the margin a plain number."""
    if w is None:
        pair = PYTHAGOREAN[int(generator.integers(len(PYTHAGOREAN)))]
        w = _signed(generator, pair if pythagorean else generator.integers(1, 5, inputs))
    x = 0.1 * generator.integers(1, 10, inputs) if boxed else 0.5 * generator.integers(-4, 5, inputs)
    if margin is None:
        margin = float(generator.choice((0.5, 1, 1.5, 2, 3))) * (5 if pythagorean else 1)
    y = int(generator.integers(2))
    logit = margin if y else -margin
    x = _neat_all(x)
    return Case(Neuron(w, _neat(logit - float(w @ x))), x, y)


def _signed(generator: np.random.Generator, sizes: npt.ArrayLike) -> Array:
    return generator.choice((-1.0, 1.0), np.size(sizes)) * np.asarray(sizes)


def _neat(value: float) -> float:
    """As by hand: 0.4, not 0.40000000000000013; and 0, not -0."""
    return round(value, 9) + 0.0


def _neat_all(values: npt.ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float64).round(9) + 0.0


def _sign(values: Array) -> Array:
    return np.sign(values) + 0.0


def _direction(case: Case, norm: str) -> Array:
    """The step of length 1, uphill."""
    uphill = case.neuron.uphill(case.y)
    return _sign(uphill) if norm == "linf" else _neat_all(uphill / np.linalg.norm(uphill))


# --- words ----------------------------------------------------------------------------------------------------


def vector(values: Array) -> str:
    """Numbers in round brackets, in LaTeX."""
    return "(" + r",\; ".join(latex.number(_neat(value)) for value in values.tolist()) + ")"


def _plus(value: float) -> str:
    return f" + {latex.number(value)}" if value > 0 else f" - {latex.number(-value)}" if value < 0 else ""


def _allowed(ball: Ball) -> str:
    within = f"within $\\varepsilon = {latex.number(ball.eps)}$ of $x$ in {NAMES[ball.norm]}"
    return within + (", and no input may leave 0 to 1" if ball.box else "")


def _in_norm(norm: str) -> str:
    return "along the sign of the gradient" if norm == "linf" else "along the gradient, normalised in L2"


def _norm_rule(norm: str) -> str:
    if norm == "linf":
        return "A step in L∞ moves every coordinate equally far. Projection clips each coordinate on its own."
    return (
        "A step in L2 goes along the gradient divided by its length. Projection shortens the way from $x$ to "
        r"a length of $\varepsilon$."
    )


def _uphill_because(case: Case) -> str:
    return f"The label is {case.y}, so the loss rises along ${'-w' if case.y else 'w'}$."


def _distance(ball: Ball, at: Array) -> str:
    far = latex.number(_neat(ball.distance(at)))
    text = f"It is ${far}$ away from $x$ in {NAMES[ball.norm]}, and $\\varepsilon = {latex.number(ball.eps)}$."
    if ball.box and ((at < ball.box[0]).any() or (at > ball.box[1]).any()):
        text += " It is outside 0 to 1."
    return text


def _projected(ball: Ball, before: Array, after: Array) -> str:
    if np.allclose(before, after):
        return f"Projection leaves it where it is: ${vector(after)}$."
    if ball.norm == "l2":
        return f"Projection shortens the way from $x$ to a length of $\\varepsilon$: ${vector(after)}$."
    limits = [
        f"[{latex.number(_neat(low))}, {latex.number(_neat(high))}]"
        for low, high in zip(
            *(np.clip(ball.centre + side * ball.eps, *(ball.box or (None, None))) for side in (-1, 1)), strict=True
        )
    ]
    return f"Projection clips each coordinate to ${', '.join(limits)}$: ${vector(after)}$."
