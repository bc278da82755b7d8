"""Auto-PGD (Croce & Hein 2020, arXiv:2003.01690, algorithm 1): gradient steps that choose their length themselves."""

from collections.abc import Collection, Sequence
from typing import Literal

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, problem
from cnnlab_core.attacks.loop import Attack, AttackStep, Course, Update, attack, choose
from cnnlab_core.attacks.objective import Classifier, Goal, Loss
from cnnlab_core.attacks.threat import Radius, Threat
from cnnlab_core.checks import by_annotation, seeded
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import plainly

_MOVES_ON = 0.75
"""The share of a move that is new; the rest goes on as the last move did (alpha in the paper)."""

_IMPROVES = 0.75
"""A step length with which fewer of the steps than this share get higher is halved (rho in the paper)."""


@by_annotation
def apgd_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    eps: Radius,
    steps: int = 100,
    norm: Literal["linf", "l2"] = "linf",
    target: Classes | None = None,
    loss: Loss = "cross_entropy",
    towards: Sequence[int] = (),
    random_start: bool = True,
    restarts: int = 1,
    generator: torch.Generator | int | None = None,
    early_stop: bool = True,
    keep_best: bool = True,
    mask: Tensor | None = None,
    trace: Collection[int] = (),
) -> Attack:
    """Steps of length 2 eps at first, halved where they no longer help, each with a quarter of the last move in it.

    z = project(x + length * normalise(gradient)), then x <- project(x + 0.75 (z - x) + 0.25 (x - x before)). After 22 %
    of the steps, and then ever sooner, each picture asks: did at least three steps in four raise the objective, and did
    its best value rise since the last time if the length is still the same? If not, it halves the length and goes on
    from its best point.

    With ``towards`` it is APGD-T: one run after another, each climbs the targeted ``dlr`` towards one of the other
    classes, by their place in what the network says of x (1 is the best of them), and any wrong class is a success; it
    takes ``restarts`` runs each, and the best of all counts. All else is as for ``pgd``. Raises ``InputError`` too for
    places that there aren't.
    """
    aims = [place for place in towards for _ in range(restarts)]
    course = Course(steps, len(aims) or restarts, early_stop, keep_best, trace)
    generator, random_start = seeded(generator), random_start or course.restarts > 1
    if aims and target is not None:
        raise InputError("Without a target the attack goes towards several classes in turn; with one only towards it.")
    given = problem(model, x, y, target, loss, starts_here=not random_start)
    x, goal, clean, _ = given
    classes = clean.logits.shape[1]
    if aims and classes < 4:
        raise InputError(f"The targeted ratio of logits compares four classes, but this model has {classes}.")
    if not all(1 <= place < classes for place in aims):
        raise InputError(f"There are {classes - 1} other classes: give towards places from 1 to {classes - 1}.")
    others = clean.logits.scatter(1, goal.y[:, None], -torch.inf).argsort(dim=1, descending=True, stable=True)
    threat = Threat.around(x, norm, eps, mask)

    def begin() -> tuple[Tensor, Update]:
        start = threat.random_start(generator) if random_start else x
        length, before, taken = 2 * threat.eps.expand(len(x), 1, 1, 1), start, 0
        # The best so far: picture, gradient, objective.
        best: tuple[Tensor, ...] = (start, torch.zeros_like(x), torch.full_like(x[:, 0, 0, 0], -torch.inf))
        last, checked = torch.full_like(best[2], torch.inf), best[2]
        rises, halved = torch.zeros_like(last), torch.ones_like(clean.success)
        window, shorter, least = (max(int(share * steps), 1) for share in (0.22, 0.03, 0.06))
        check = window

        def step(at: AttackStep, gradient: Tensor) -> Tensor:
            nonlocal length, before, taken, best, last, checked, rises, halved, window, check
            here, rises, last = at.x_adv, rises + (at.loss > last), at.loss
            now = (here, gradient, at.loss)
            best = tuple(choose(at.loss > best[2], new, old) for new, old in zip(now, best, strict=True))
            if taken == 0:
                checked = at.loss
            if taken == check:
                halved = (rises <= _IMPROVES * window) | (~halved & (best[2] <= checked))
                length = choose(halved, length / 2, length)
                here, gradient = choose(halved, best[0], here), choose(halved, best[1], gradient)
                checked, rises, window = best[2], torch.zeros_like(rises), max(window - shorter, least)
                check += window
            ahead = threat.project(here + length * threat.normalise(gradient))
            share = _MOVES_ON if taken else 1.0
            move = share * (ahead - here) + (1 - share) * (here - before)
            before, taken = here, taken + 1
            return threat.project(here + move)

        return start, step

    goals = [Goal(goal.y, others[:, place - 1], "dlr") for place in aims]
    return (yield from attack(model, given, course, begin, threat, aims=goals))


apgd = plainly(apgd_steps)
