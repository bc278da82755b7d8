"""Carlini & Wagner's l2 attack (2016, arXiv:1608.04644, section VI.A): the smallest change, weighed against success."""

from collections.abc import Collection

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, check_positive, problem
from cnnlab_core.attacks.loop import Attack, AttackStep, Course, Update, attack
from cnnlab_core.attacks.objective import Classifier
from cnnlab_core.attacks.threat import L2
from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import plainly

_INSIDE = 0.999999
"""Keeps black and white a little within the box, where tanh reaches them (the authors' code)."""


@by_annotation
def carlini_wagner_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    target: Classes | None = None,
    kappa: float = 0.0,
    c: float = 1.0,
    searches: int = 5,
    steps: int = 100,
    learning_rate: float = 0.01,
    trace: Collection[int] = (),
) -> Attack:
    """min over w of ||x' - x||^2 + c max(-margin(x'), -kappa) with x' = (tanh(w) + 1) / 2, by Adam.

    The margin of logits is that of ``pgd``; a picture counts with a margin of at least ``kappa``, and of those the
    nearest in l2 does. The weight ``c`` is searched for each picture in ``searches`` rounds of ``steps`` steps: ten
    times as much while none succeeded, then the middle between the largest that failed and the smallest that succeeded.
    A picture for which no round succeeds is returned as it was. So small a change may not outlive 8 bits, as
    ``rounded`` says. The other arguments, units and errors are those of ``pgd``.
    """
    course = Course(steps, searches, keep_best=True, trace=trace)
    check_positive(c, "weight c")
    check_positive(learning_rate, "learning rate")
    if not 0 <= kappa < float("inf"):
        raise InputError(f"Kappa is a margin of logits and must be a number from 0 up, but is {kappa}.")
    given = problem(model, x, y, target, "margin", starts_here=True)
    x = given.x
    low, high = torch.zeros_like(x[:, 0, 0, 0]), torch.full_like(x[:, 0, 0, 0], torch.inf)
    weight, hit = torch.full_like(low, c), torch.zeros_like(given.clean.success)
    begun = False

    def begin() -> tuple[Tensor, Update]:
        nonlocal low, high, weight, hit, begun
        if begun:
            low, high = torch.where(hit, low, weight), torch.where(hit, weight, high)
            weight = torch.where(high.isinf(), 10 * weight, (low + high) / 2)
        begun, hit = True, torch.zeros_like(hit)
        w = torch.atanh((2 * x - 1) * _INSIDE)
        adam = torch.optim.Adam([w], lr=learning_rate)

        def step(at: AttackStep, gradient: Tensor) -> Tensor:
            nonlocal hit
            hit = hit | (at.success & (at.loss >= kappa))
            pull = (weight * (at.loss < kappa)).view(-1, 1, 1, 1)
            w.grad = (2 * (at.x_adv - x) - pull * gradient) * (1 - w.tanh().square()) / 2
            adam.step()
            return (w.tanh() + 1) / 2

        return x, step

    def nearness(at: AttackStep) -> Tensor:
        return torch.where(at.success & (at.loss < kappa), -torch.inf, -L2().size(at.x_adv - x))

    return (yield from attack(model, given, course, begin, worth=nearness))


carlini_wagner = plainly(carlini_wagner_steps)
