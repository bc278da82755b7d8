"""One change that fools the network on many pictures (Moosavi-Dezfooli et al. 2016, arXiv:1610.08401)."""

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, check_positive, problem
from cnnlab_core.attacks.objective import Classifier, Climb, Loss, look
from cnnlab_core.attacks.result import Measured, in_eight_bits
from cnnlab_core.attacks.threat import Threat
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import plainly


@dataclass(frozen=True, eq=False)
class UniversalStep:
    """Step ``index`` of ``total``, before it is taken: the ``delta`` (1, C, H, W) as it is, the mean ``loss`` (the
    objective, which rises) and the share of this batch that is ``fooled``."""

    index: int
    total: int
    delta: Tensor
    loss: float
    fooled: float


@dataclass(frozen=True, eq=False)
class Universal:
    """The change ``delta`` (1, C, H, W), and the pictures before, with it, and with it in 8 bits."""

    delta: Tensor
    clean: Measured
    exact: Measured
    rounded: Measured


def universal_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    eps: float,
    step_size: float | None = None,
    epochs: int = 20,
    batch: int = 8,
    norm: str = "linf",
    target: Classes | None = None,
    loss: Loss = "margin",
    generator: torch.Generator | None = None,
) -> Generator[UniversalStep, None, Universal]:
    """delta <- project(delta + step_size * normalise(mean gradient of a batch)), ``epochs`` times through all.

    Gradient steps on one change for all (Shafahi et al. 2018, arXiv:1811.11304, algorithm 2) in batches that
    ``generator`` shuffles. ``x`` (N, C, H, W) are the pictures to be fooled, ``step_size`` eps / 4 if not given, the
    loss the margin, of which one picture that is long fooled doesn't drown the others. The other arguments, units and
    errors are those of ``pgd``.
    """
    if min(epochs, batch) < 1:
        raise InputError(f"It takes at least one epoch and one picture in a batch, not {epochs} and {batch}.")
    x, goal, _ = problem(model, x, y, target, loss)
    length = eps / 4 if step_size is None else step_size
    check_positive(length, "step size")
    ball = Threat.around(x[:1], norm, eps)
    delta = torch.zeros_like(x[:1])
    per_epoch = -(-len(x) // batch)
    for epoch in range(epochs):
        home = generator.device if generator else x.device
        order = torch.randperm(len(x), generator=generator, device=home).to(x.device)
        for index, rows in enumerate(order.split(batch), epoch * per_epoch):
            some = goal.rows(rows)
            here = Climb(model, some, (x[rows] + delta).clamp(0, 1))
            fooled = some.reached(here.logits).double().mean().item()
            yield UniversalStep(index, epochs * per_epoch, delta, here.value.mean().item(), fooled)
            step = ball.norm.normalise(here.gradient().mean(0, keepdim=True))
            delta = ball.norm.project(delta + length * step, ball.eps)
    views = [x, (x + delta).clamp(0, 1), in_eight_bits((x + delta).clamp(0, 1))]
    parts = torch.arange(len(x), device=x.device).split(batch)
    answers = [torch.cat([look(model, goal.rows(rows), view[rows])[0] for rows in parts]) for view in views]
    clean, exact, rounded = (
        Measured(x, view, logits, goal.reached(logits)) for view, logits in zip(views, answers, strict=True)
    )
    return Universal(delta, clean, exact, rounded)


universal = plainly(universal_steps)
