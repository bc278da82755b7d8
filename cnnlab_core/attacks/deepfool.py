"""DeepFool (Moosavi-Dezfooli et al. 2015, arXiv:1511.04599, algorithm 2): over the nearest border, taken as flat."""

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, problem
from cnnlab_core.attacks.loop import Attack, AttackStep, Course, attack, choose
from cnnlab_core.attacks.objective import Classifier, Forward, Goal
from cnnlab_core.attacks.threat import L2
from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import plainly

_BEYOND = 1e-4
"""Added to each distance, as in the authors' code: a float32 picture on the border itself would never leave it."""


@dataclass(frozen=True, eq=False)
class _Lead(Goal):
    """How far the target leads the class y, in logits: 0 is the border between the two."""

    def value(self, logits: Tensor) -> Tensor:
        pair = torch.stack([self.y, self.y if self.target is None else self.target], -1)
        true, other = logits.gather(-1, pair.expand(*logits.shape[:-1], 2)).unbind(-1)
        return other - true if logits.ndim == 2 else (other - true).mean(0)


@by_annotation
def deepfool_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    target: Classes | None = None,
    steps: int = 50,
    overshoot: float = 0.02,
    rivals: int = 9,
    trace: Collection[int] = (),
) -> Attack:
    """A small change in l2, without an epsilon: x <- x + (1 + overshoot) |f| w / ||w||^2, until the class switches.

    f is how far the nearest other class is behind in logits and w its gradient, as if the network were linear; nearest
    in l2, of the ``rivals`` best other classes of x. With a ``target`` f is the target's margin over all others. Each
    picture ends as soon as the float one fools the network; so small a change may not outlive 8 bits, as ``rounded``
    says. A step asks the network once for each rival. All else is as for ``pgd``.
    """
    course = Course(steps, early_stop=True, keep_best=True, trace=trace, gradient=False, in_floats=True)
    rivals = whole("The number of rivals", rivals, least=1)
    if not 0 <= overshoot <= 1:
        raise InputError(f"The overshoot is a small share between 0 and 1, but is {overshoot:g}.")
    given = problem(model, x, y, target, "margin")
    goal, logits = given.goal, given.clean.logits
    best = logits.scatter(1, goal.y[:, None], -torch.inf).argsort(dim=1, descending=True, stable=True)
    borders = [goal]
    if goal.target is None:
        borders = [_Lead(goal.y, best[:, place]) for place in range(min(rivals, best.shape[1] - 1))]

    def step(at: AttackStep, gradient: Tensor) -> Tensor:
        awake = (~at.success).nonzero()[:, 0]
        here = Forward(model, at.x_adv[awake])
        nearest, way = torch.full_like(at.loss[awake], torch.inf), torch.zeros_like(at.x_adv[awake])
        for border in borders:
            over = border.rows(awake)
            slope = here.gradient(over, again=True)
            size = L2().size(slope)
            distance = torch.where(size > 0, here.loss(over).abs() / size, torch.inf)
            closer = distance < nearest
            nearest = torch.where(closer, distance, nearest)
            way = choose(closer, (distance + _BEYOND).view(-1, 1, 1, 1) * L2().normalise(slope), way)
        return at.x_adv.index_add(0, awake, (1 + overshoot) * way).clamp(0, 1)

    return (yield from attack(model, given, course, lambda: (given.x, step)))


deepfool = plainly(deepfool_steps)
