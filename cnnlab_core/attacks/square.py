"""The Square attack (Andriushchenko et al. 2019, arXiv:1912.00049): random squares, kept where they help."""

import math
from collections.abc import Collection

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, problem
from cnnlab_core.attacks.loop import Attack, AttackStep, Course, Update, attack, choose
from cnnlab_core.attacks.objective import Classifier
from cnnlab_core.attacks.threat import Radius, Threat
from cnnlab_core.checks import by_annotation, seeded
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import plainly

_HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Of 10 000 tries: after how many the squares' share of the picture is halved (section 4.1 and the authors' code)."""


def share_at(tried: int, steps: int, share: float) -> float:
    """What a square covers of the picture after so many tries of ``steps``, having begun with ``share``."""
    return share / 2 ** sum(tried * 10_000 // steps > after for after in _HALVED_AFTER)


@by_annotation
def square_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    eps: Radius,
    steps: int = 1000,
    target: Classes | None = None,
    share: float = 0.8,
    generator: torch.Generator | int | None = None,
    early_stop: bool = True,
    mask: Tensor | None = None,
    trace: Collection[int] = (),
) -> Attack:
    """Begin with stripes of +-eps, then try ``steps`` squares, each channel by +-2 eps, cut to the ball (algorithm 2).

    The ball is of linf. A try stays if the margin of logits rises. A square covers ``share`` (0 to 1) of the picture at
    first, ever less later; place and signs are drawn with ``generator`` (or a seed) for each picture. It asks the
    network for answers only, so it works where the gradient says nothing. All else is as for ``pgd``.
    """
    course = Course(steps, 1, early_stop, keep_best=True, trace=trace, gradient=False)
    generator = seeded(generator)
    if not 0 < share <= 1:
        raise InputError(f"The squares' share of the picture lies between 0 and 1, but is {share:g}.")
    given = problem(model, x, y, target, "margin")
    x = given.x
    threat = Threat.around(x, "linf", eps, mask)
    count, channels, height, width = x.shape

    def drawn(*shape: int) -> Tensor:
        home = x.device if generator is None else generator.device
        return torch.rand(shape, generator=generator, device=home, dtype=x.dtype).to(x.device)

    def signs(*shape: int) -> Tensor:
        return torch.where(drawn(*shape) < 0.5, -1.0, 1.0).to(x.dtype)

    def along(size: int, side: int) -> Tensor:
        """Which of ``size`` rows or columns a square of each picture covers, (N, size)."""
        first = (drawn(count, 1) * (size - side + 1)).floor()
        return (torch.arange(size, device=x.device) >= first) & (torch.arange(size, device=x.device) < first + side)

    def begin() -> tuple[Tensor, Update]:
        start, tried = threat.project(x + threat.eps * signs(count, channels, 1, width)), 0
        best: tuple[Tensor, ...] = (start, torch.full_like(x[:, 0, 0, 0], -torch.inf))

        def step(at: AttackStep, gradient: Tensor) -> Tensor:
            nonlocal best, tried
            now = (at.x_adv, at.loss)
            best = tuple(choose(at.loss > best[1], new, old) for new, old in zip(now, best, strict=True))
            side = min(max(round(math.sqrt(share_at(tried, steps, share) * height * width)), 1), height, width)
            tried += 1
            square = along(height, side)[:, None, :, None] & along(width, side)[:, None, None, :]
            return threat.project(best[0] + square * 2 * threat.eps * signs(count, channels, 1, 1))

        return start, step

    return (yield from attack(model, given, course, begin, threat))


square = plainly(square_steps)
