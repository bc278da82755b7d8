"""How the network's answer changes with epsilon: the attack at each of several, in one job."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, problem
from cnnlab_core.attacks.methods import Plan, plan_over_epsilon
from cnnlab_core.attacks.objective import Classifier, Goal, logits_of
from cnnlab_core.attacks.over_epsilon import OverEpsilon
from cnnlab_core.attacks.result import View
from cnnlab_core.checks import by_annotation
from cnnlab_core.classification.softmax import softmax
from cnnlab_core.errors import InputError
from cnnlab_core.images import to_uint8
from cnnlab_core.runtime.jobs import Progress, part, plainly
from cnnlab_core.runtime.short_repr import short_repr


@short_repr
@dataclass(frozen=True)
class Curve:
    """One picture of a sweep as plain numpy: the ``logits`` (E, classes) float64 at each of the E epsilons.

    The attack called ``title`` leads away from class ``y``, or to the ``target``; where that is y, above the
    log-probability ``floor``.
    """

    title: str
    eps: tuple[float, ...]
    y: int
    target: int | None
    logits: np.ndarray
    floor: float = -np.inf

    @property
    def best(self) -> np.ndarray:
        """The most probable class at each epsilon, (E,)."""
        return self.logits.argmax(-1)

    @property
    def success(self) -> np.ndarray:
        """Where the network is fooled, (E,) bool; see ``Goal.reached``."""
        if self.target is None:
            return self.best != self.y
        return (self.best == self.target) & (self.probability(self.target) > np.exp(self.floor))

    @property
    def others(self) -> np.ndarray:
        """At each epsilon the most probable class but ``y`` and the target, (E,)."""
        rest = self.logits.copy()
        rest[:, [self.y] if self.target is None else [self.y, self.target]] = -np.inf
        return rest.argmax(-1)

    def probability(self, classes: int | np.ndarray) -> np.ndarray:
        """The probability of a class at each epsilon, or of a class for each, (E,)."""
        return softmax(self.logits)[np.arange(len(self.eps)), classes]

    @property
    def changes(self) -> float | None:
        """The smallest of the epsilons at which the class is another than ``y``."""
        return first_epsilon(self.eps, self.best != self.y)

    @property
    def smallest(self) -> float | None:
        """The smallest of the epsilons that fools the network."""
        return first_epsilon(self.eps, self.success)


@short_repr
@dataclass(frozen=True, eq=False)
class Sweep:
    """The attack of the ``plan`` at each of E epsilons on N pictures; everything is of the rounded 8-bit pictures.

    ``pictures`` uint8 (E, N, C, H, W), ``logits`` (E, N, classes). ``direction`` (N, C, H, W) is a straight attack's
    step of length 1, so that x + eps * direction, clipped and rounded, is the picture; None for others. ``stuck`` (N,)
    bool: see ``AttackResult``.
    """

    plan: Plan
    eps: tuple[float, ...]
    goal: Goal
    pictures: Tensor
    logits: Tensor
    stuck: Tensor
    direction: Tensor | None

    @property
    def success(self) -> Tensor:
        """Which pictures fool the network, (E, N) bool."""
        return torch.stack([self.goal.reached(logits) for logits in self.logits])

    @property
    def accuracy(self) -> Tensor:
        """The share of pictures that are still classified correctly, (E,)."""
        return (self.logits.argmax(-1) == self.goal.y).double().mean(1)

    def probability(self, classes: Tensor) -> Tensor:
        """The probability (E, N) of a class for each picture, (N,)."""
        index = classes.expand(self.logits.shape[:2])[..., None]
        return self.logits.double().softmax(-1).gather(-1, index)[..., 0]

    @property
    def smallest(self) -> list[float | None]:
        """The smallest epsilon of the sweep that fools the network, for each picture; None if none does."""
        return [first_epsilon(self.eps, row.cpu().numpy()) for row in self.success.T]

    def view(self, index: int, sample: int = 0) -> View:
        """One of the pictures at one of the epsilons, with the network's answer."""
        return View.of(self.pictures[index, sample], self.logits[index, sample])

    def curve(self, sample: int = 0) -> Curve:
        """One of the pictures, without the picture."""
        return _curve(self.plan, self.eps, self.goal, list(self.logits), sample)

    def _pictures(self) -> list[Image.Image]:
        return (
            [self.view(index).picture for index in range(min(len(self.eps), 8))] if self.pictures.shape[2] == 3 else []
        )


@by_annotation
def sweep_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    eps: Sequence[float],
    method: str | Plan = "fgsm",
    target: Classes | None = None,
    together: int | None = None,
    **settings: Any,
) -> Generator[Progress[tuple[Curve, ...]], None, Sweep]:
    """An attack at each of the epsilons ``eps``: any that has an epsilon, by name with its ``settings``, or as a plan.

    By name an attack takes ``steps`` = 10 steps in proportion to epsilon. So many epsilons go through the network
    ``together``, as one batch: all of them on a GPU, which a single picture leaves idle, and one on a CPU, which gains
    nothing by more. The progress tells the curve of each picture so far. The other arguments and errors are those of
    ``pgd``.
    """
    together = together if together is not None else 1 if x.device.type == "cpu" else max(1, len(eps))
    if not eps or together < 1:
        raise InputError("A sweep needs at least one epsilon, and takes at least one at a time.")
    plan = plan_over_epsilon(method, settings)
    x, goal, *_ = problem(model, x, y, target, plan.loss)
    attack = OverEpsilon.of(model, x, goal, plan)
    pictures: list[Tensor] = []
    logits: list[Tensor] = []
    known: tuple[Curve, ...] = ()
    for index in range(0, len(eps), together):
        some = eps[index : index + together]
        batch = attack.repeated(len(some))
        each = torch.tensor(some, dtype=x.dtype, device=x.device).repeat_interleave(len(x))
        x_adv = yield from part(batch.at(each), index, len(some), len(eps), known)
        rounded = batch.in_eight_bits(x_adv, each)
        pictures += to_uint8(rounded).cpu().split(len(x))  # kept for long: not in the device's memory
        logits += logits_of(model, rounded).split(len(x))
        known = tuple(_curve(plan, eps[: len(logits)], goal, logits, sample) for sample in range(len(x)))
        yield Progress(len(logits), len(eps), known)
    return Sweep(plan, tuple(eps), goal, torch.stack(pictures), torch.stack(logits), attack.stuck, attack.direction)


def first_epsilon(eps: Sequence[float], hits: np.ndarray) -> float | None:
    """The first of the epsilons at which something holds."""
    return next((value for value, hit in zip(eps, hits, strict=True) if hit), None)


def _curve(plan: Plan, eps: Sequence[float], goal: Goal, logits: Sequence[Tensor], sample: int) -> Curve:
    target = None if goal.target is None else int(goal.target[sample])
    floor = -np.inf if goal.floor is None else float(goal.floor[sample])
    rows = torch.stack([row[sample] for row in logits]).double().cpu().numpy()
    return Curve(plan.title, tuple(eps), int(goal.y[sample]), target, rows, floor)


sweep = plainly(sweep_steps)
