"""The smallest epsilon that fools the network: by bisection on floats, or one by one on 8-bit pictures."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, check_positive, problem
from cnnlab_core.attacks.methods import Plan, plan_over_epsilon
from cnnlab_core.attacks.objective import Classifier, Goal, logits_of
from cnnlab_core.attacks.over_epsilon import OverEpsilon
from cnnlab_core.attacks.result import AttackResult
from cnnlab_core.attacks.sweep import Curve, sweep_steps
from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.images.levels import LEVELS
from cnnlab_core.runtime.jobs import Progress, finish, part, plainly
from cnnlab_core.runtime.short_repr import short_repr

_FULL_RANGE = {"linf": lambda x: 1.0, "l2": lambda x: x[0].numel() ** 0.5, "l1": lambda x: float(x[0].numel())}
"""The distance from black to white."""

UNITS = {"linf": 1 / LEVELS, "l2": 0.25, "l1": 25.0}
"""The epsilons that are tried one by one are whole multiples of this, in the norm's pixel units."""
MOST_UNITS = 32

_FIRST = 256
"""The first epsilon that is tried is this part of the highest."""


@short_repr
@dataclass(frozen=True, eq=False)
class MinimalEpsilon:
    """``eps`` (N,): the smallest seen to fool the network, with ``x_adv`` (N, C, H, W), floats, by the ``plan``.

    It is inf where even the highest one didn't (``x_adv`` is that attack then), and 0 where the picture was wrong
    before (``wrong_before``) or the target already. At ``eps - precision`` the attack failed. ``rounded`` (N,) says
    whether ``x_adv`` still fools the network once it is rounded to 8 bits; ``eps_rounded`` (N,) is the first whole
    multiple of ``UNITS`` from ``eps`` up whose 8-bit picture does, inf if that is above the highest. ``stuck``: see
    ``AttackResult``. ``attack`` makes ``x_adv`` again, at the epsilons ``tried`` (N,).
    """

    plan: Plan
    x: Tensor
    goal: Goal
    eps: Tensor
    x_adv: Tensor
    precision: Tensor
    wrong_before: Tensor
    rounded: Tensor
    eps_rounded: Tensor
    stuck: Tensor
    tried: Tensor

    @property
    def smallest(self) -> list[float | None]:
        """The epsilon of each picture; None where the search found none."""
        return [eps if eps < float("inf") else None for eps in self.eps.tolist()]

    @property
    def smallest_rounded(self) -> list[float | None]:
        """The epsilon of each 8-bit picture; None where the search found none."""
        return [eps if eps < float("inf") else None for eps in self.eps_rounded.tolist()]

    def attack(self, model: Classifier) -> AttackResult:
        """The very attack that made ``x_adv``, on the same pictures, with all that it tells of itself."""
        return finish(self.plan.start(model, self.x, self.goal.y, target=self.goal.target, eps=self.tried))


@by_annotation
def minimal_epsilon_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    method: str | Plan = "fgsm",
    highest: float | None = None,
    iterations: int = 18,
    target: Classes | None = None,
    **settings: Any,
) -> Generator[Progress[tuple[Tensor, Tensor]], None, MinimalEpsilon]:
    """Look for the smallest epsilon up to ``highest`` (from black to white if not given), for each sample.

    From highest / 256 it doubles until the attack succeeds, then bisects; that makes ``iterations`` attacks. ``method``
    is any attack that has an epsilon: by name with its ``settings`` (10 steps in proportion to epsilon, of which the
    best picture counts, if it takes steps), or as a plan. A larger epsilon usually fools more, but need not: what is
    found is a place where failure turns into success, *the* smallest epsilon if there is only one such place. The
    progress tells between which epsilons, (N,) each, it lies; the upper one is inf as long as none is known. The other
    arguments, units and errors are those of ``pgd``.
    """
    if not isinstance(iterations, int) or iterations < 9:
        raise InputError(f"The search takes at least 9 iterations, the doublings from 1/256 to 1, not {iterations}.")
    plan = plan_over_epsilon(method, settings)
    x, goal, clean, _ = problem(model, x, y, target, plan.loss)
    attack = OverEpsilon.of(model, x, goal, plan)
    top = _FULL_RANGE[plan.norm](x) if highest is None else highest
    check_positive(top, "highest epsilon")
    before = clean.success
    low = torch.zeros_like(x[:, 0, 0, 0])
    high = torch.where(before, 0.0, torch.inf).to(low)
    found, tried = x, torch.full_like(low, top / _FIRST)
    made_at = torch.zeros_like(low)
    for index in range(iterations):
        x_adv = yield from part(attack.at(tried), index, 1, iterations, (low, high))
        success = goal.reached(logits_of(model, x_adv))
        keep = (success | torch.isinf(high)) & ~before
        found, made_at = torch.where(keep.view(-1, 1, 1, 1), x_adv, found), torch.where(keep, tried, made_at)
        high, low = torch.where(success & ~before, tried, high), torch.where(success | before, low, tried)
        yield Progress(index + 1, iterations, (low, high))
        tried = torch.where(torch.isinf(high), (2 * tried).clamp(max=top), (low + high) / 2)
    rounded = goal.reached(logits_of(model, attack.in_eight_bits(found, made_at)))
    unit = UNITS[plan.ball_norm]
    tried = (high / unit - 1e-6).ceil() * unit
    in_eight_bits = torch.where(before, 0.0, torch.inf).to(low)
    while (open_still := torch.isinf(in_eight_bits) & (tried <= top * (1 + 1e-6))).any():
        eps = torch.where(open_still, tried, 0.0)
        x_adv = yield from part(attack.at(eps), iterations, 0, iterations, (low, high))
        success = goal.reached(logits_of(model, attack.in_eight_bits(x_adv, eps)))
        in_eight_bits = torch.where(open_still & success, tried, in_eight_bits)
        tried = tried + unit
    wrong = clean.predicted != goal.y
    return MinimalEpsilon(plan, x, goal, high, found, high - low, wrong, rounded, in_eight_bits, attack.stuck, made_at)


@by_annotation
def smallest_rounded_epsilon_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    method: str | Plan = "fgsm",
    target: Classes | None = None,
    **settings: Any,
) -> Generator[Progress[tuple[Curve, ...]], None, list[float | None]]:
    """The smallest epsilon of 0, 1, 2, ... ``UNITS`` (in linf k/255) at which the rounded 8-bit picture fools.

    The epsilons are tried one by one, so that there is no smaller one among them. A number for each picture; None where
    even ``MOST_UNITS`` units don't fool. The progress tells the curve of each picture so far. The arguments and errors
    are those of ``minimal_epsilon``.
    """
    plan = plan_over_epsilon(method, settings)
    eps = [UNITS[plan.norm] * count for count in range(MOST_UNITS + 1)]
    curves: tuple[Curve, ...] = ()
    for step in sweep_steps(model, x, y, eps=eps, method=plan, target=target):
        yield step
        curves = step.latest or ()
        if curves and all(curve.smallest is not None for curve in curves):
            break
    return [curve.smallest for curve in curves]


minimal_epsilon = plainly(minimal_epsilon_steps)
smallest_rounded_epsilon = plainly(smallest_rounded_epsilon_steps)
