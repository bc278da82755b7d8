"""The exact story of an attack on a single neuron, f(x) = sigmoid(w.x + b), in numpy float64.

With the label y in {0, 1}, s = 2 y - 1 and the margin m = s (w.x + b), the cross-entropy loss is log(1 + e^-m) and its
gradient (f(x) - y) w = -s sigmoid(-m) w. It points the same way everywhere, so a step of any length and every step
after it go straight against s w, and the best that an attack can do has a closed form (the dual norm):

    the least margin within eps of x is m - eps ||w||_dual       dual of linf: l1, of l2: l2, of l1: linf
    so the smallest eps that reaches the line is m / ||w||_dual

Sources: Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial examples" (ICLR 2015), sections 3 to 5;
Madry et al., "Towards deep learning models resistant to adversarial attacks" (ICLR 2018), section 2.1 (PGD).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlab_core.attacks.exact.ball import Ball, length, room_in_box, steepest, when_enough
from cnnlab_core.checks import Array, numbers, whole
from cnnlab_core.errors import InputError

MOST_STEPS = 10_000
DUAL = {"linf": "l1", "l2": "l2", "l1": "linf"}


@dataclass(frozen=True, eq=False)
class Neuron:
    """f(x) = sigmoid(w.x + b) with ``w`` (n,): the probability of class 1.

    Points are (n,), or (..., n) for ``score`` and ``probability``. Labels are 0 or 1.

    Raises:
        InputError: numbers that can't be, another label, a point of another length.
    """

    w: Array
    b: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "w", numbers("w", self.w, [1]))
        object.__setattr__(self, "b", numbers("b", self.b, [0]).item())

    def score(self, x: npt.ArrayLike) -> Array:
        """w.x + b: positive on class 1's side of the line, 0 on it."""
        x = numbers("x", x)
        if x.shape[-1:] != self.w.shape:
            raise InputError(f"w has {self.w.size} numbers but x has {x.shape[-1:]}: give x one for each of them.")
        return x @ self.w + self.b

    def probability(self, x: npt.ArrayLike) -> Array:
        """f(x), in [0, 1]."""
        return np.exp(-np.logaddexp(0, -self.score(x)))

    def margin(self, x: npt.ArrayLike, y: int) -> float:
        """The score counted towards the label: positive where the answer is right, 0 on the line."""
        return _sign(y) * float(self.score(x))

    def loss(self, x: npt.ArrayLike, y: int) -> float:
        """The cross-entropy, -log of the label's probability: log(1 + e^-margin)."""
        return float(np.logaddexp(0, -self.margin(x, y)))

    def gradient(self, x: npt.ArrayLike, y: int) -> Array:
        """The gradient of the loss with respect to x, (n,)."""
        return -_sign(y) * float(np.exp(-np.logaddexp(0, self.margin(x, y)))) * self.w

    def uphill(self, y: int) -> Array:
        """The way in which the loss rises, (n,): the gradient without its positive factor.

        That factor tells how fast; far from the line it is so small that a float holds it as 0.
        """
        return -_sign(y) * self.w

    def fooled(self, x: npt.ArrayLike, y: int) -> bool:
        """Whether the answer is wrong: the margin is below 0. On the line, both answers are as probable."""
        return self.margin(x, y) < 0


@dataclass(frozen=True, eq=False)
class Step:
    """One step of an attack, each (n,): from ``start`` to ``before``, then projected onto the ball: ``after``.

    ``place`` says where ``before`` lies: inside the ball, on the edge, or outside.
    """

    index: int
    start: Array
    before: Array
    after: Array
    place: str


class Crossing(NamedTuple):
    """The smallest epsilon, and the point at which the ball of that size touches the line; None if none does."""

    eps: float
    point: Array | None


def optimum(neuron: Neuron, ball: Ball, y: int) -> Array:
    """The point (n,) of the ball with the highest loss. For linf: clip(x - eps s sign(w))."""
    return ball.farthest(neuron.uphill(y))


def fgsm(neuron: Neuron, ball: Ball, y: int, step_size: float, *, raw: bool = False) -> Step:
    """A single step of length ``step_size`` (0 or more) from the ball's centre, in the ball's steepest direction.

    For linf that is the sign of the gradient: the fast gradient sign method. For l2 it is the gradient, normalised.
    A ``raw`` step is ``step_size`` times the gradient as it is.
    """
    step_size = _number("step size", step_size)
    if step_size < 0:
        raise InputError(f"The step size is {step_size:g}, which would go downhill: make it 0 or more.")
    return _step(neuron, ball, y, step_size, 0, ball.centre, raw)


def pgd_steps(
    neuron: Neuron,
    ball: Ball,
    y: int,
    *,
    step_size: float,
    steps: int,
    start: npt.ArrayLike | None = None,
    raw: bool = False,
) -> Iterator[Step]:
    """Projected gradient descent: ``steps`` such steps, each projected onto the ball before the next.

    From ``start`` (n,), a point of the ball; None is its centre. ``step_size`` is above 0. ``raw`` steps grow as the
    gradient does: longer where the answer is wrong. For l1 in a box it may stop short of the optimum: a step moves the
    largest coordinate alone, which the box may have stopped already (Croce and Hein, "Mind the box: l1-APGD", ICML
    2021).
    """
    step_size, steps = _number("step size", step_size), whole("steps", steps, least=1, most=MOST_STEPS)
    if step_size <= 0:
        raise InputError(f"The step size is {step_size:g}, and PGD would stay where it is: make it larger than 0.")
    point = ball.centre if start is None else numbers("start", start, [1])
    if not ball.contains(point):
        raise InputError("PGD would start outside the ball: start at x, or at a point of the ball.")
    for index in range(1, steps + 1):
        step = _step(neuron, ball, y, step_size, index, point, raw)
        yield step
        point = step.after


def pgd(
    neuron: Neuron,
    ball: Ball,
    y: int,
    *,
    step_size: float,
    steps: int,
    start: npt.ArrayLike | None = None,
    raw: bool = False,
) -> list[Step]:
    """:func:`pgd_steps` to its end."""
    return list(pgd_steps(neuron, ball, y, step_size=step_size, steps=steps, start=start, raw=raw))


def minimal_epsilon(
    neuron: Neuron, x: npt.ArrayLike, y: int, *, norm: str = "linf", box: tuple[float, float] | None = None
) -> Crossing:
    """The smallest epsilon whose ball reaches the line: any larger one, if the box lets it, holds a wrong answer.

    Without a box it is margin / ||w||_dual. With one, coordinates stop at its sides, and the others go farther. It is 0
    where the answer is wrong already, and infinite where no point of the box (or, with w = 0, at all) is on the line.
    """
    ball = Ball(np.asarray(x), 0.0, norm, box)
    margin, worth, uphill = neuron.margin(ball.centre, y), np.abs(neuron.w), neuron.uphill(y)
    if margin < 0 or (margin == 0 and worth.any()):
        return Crossing(0.0, ball.centre)
    useful = worth > 1e-100 * worth.max()  # w = 0: none
    room = np.where(useful, room_in_box(ball.centre, uphill, box), 0.0)
    if worth @ room < margin or not worth.any():
        return Crossing(np.inf, None)
    if norm == "l1":
        moved, order = np.zeros_like(worth), np.argsort(-worth, kind="stable")[: useful.sum()]
        gains = (worth * room)[order]
        missing = np.maximum(margin - (np.cumsum(gains) - gains), 0)
        moved[order] = np.minimum(missing / worth[order], room[order])
    else:
        speed = useful.astype(np.float64) if norm == "linf" else worth / worth.max()
        moved = np.minimum(when_enough(worth, speed, room, margin) * speed, room)
    return Crossing(length(moved, norm), ball.centre + np.sign(uphill) * moved)


def _step(neuron: Neuron, ball: Ball, y: int, step_size: float, index: int, start: Array, raw: bool) -> Step:
    way = neuron.gradient(start, y) if raw else steepest(neuron.uphill(y), ball.norm)
    before = start + step_size * way
    return Step(index, start, before, ball.project(before), ball.place(before))


def _sign(y: int) -> int:
    return 2 * whole("label", y, most=1) - 1


def _number(name: str, value: float) -> float:
    return numbers(name, value, [0]).item()
