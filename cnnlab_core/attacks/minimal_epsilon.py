"""The smallest epsilon that fools the network, by bisection, for a whole batch at once."""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, check_positive, problem
from cnnlab_core.attacks.loop import AttackStep
from cnnlab_core.attacks.objective import Classifier, Loss, look
from cnnlab_core.attacks.reach import Method, Reach
from cnnlab_core.attacks.result import in_eight_bits
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import plainly, relay

_FULL_RANGE = {"linf": lambda x: 1.0, "l2": lambda x: x[0].numel() ** 0.5, "l1": lambda x: float(x[0].numel())}
"""The distance from black to white."""

_FIRST = 256
"""The first epsilon that is tried is this part of the highest."""


@dataclass(frozen=True, eq=False)
class EpsilonStep:
    """Progress: the share ``done``; the smallest epsilon lies in ``low`` to ``high``, (N,) each, inf if unknown."""

    done: float
    low: Tensor
    high: Tensor


@dataclass(frozen=True, eq=False)
class MinimalEpsilon:
    """``eps`` (N,): the smallest that was seen to fool the network with ``x_adv`` (N, C, H, W), floats.

    It is inf where even the highest one didn't (``x_adv`` is that attack then), and 0 where the picture was wrong
    before (``wrong_before``) or the target already. At ``eps - precision`` the attack failed. ``rounded`` (N,) says
    whether ``x_adv`` still fools the network once it is rounded to 8 bits.
    """

    eps: Tensor
    x_adv: Tensor
    precision: Tensor
    wrong_before: Tensor
    rounded: Tensor


def minimal_epsilon_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    method: Method = "fgsm",
    norm: str = "linf",
    highest: float | None = None,
    iterations: int = 18,
    steps: int = 10,
    target: Classes | None = None,
    loss: Loss = "cross_entropy",
) -> Generator[EpsilonStep, None, MinimalEpsilon]:
    """Look for the smallest epsilon up to ``highest`` (from black to white if not given), for each sample.

    From highest / 256 it doubles until the attack succeeds, then bisects; that makes ``iterations`` attacks. ``method``
    is ``fgsm``, or ``pgd`` with so many ``steps``. A larger epsilon usually fools more, but need not: what is found is
    a place where failure turns into success, *the* smallest epsilon if there is only one such place. The other
    arguments, units and errors are those of ``pgd``.
    """
    if not isinstance(iterations, int) or iterations < 9:
        raise InputError(f"The search takes at least 9 iterations, the doublings from 1/256 to 1, not {iterations}.")
    x, goal, clean = problem(model, x, y, target, loss)
    reach = Reach.of(model, x, goal, norm=norm, method=method, steps=steps)
    top = _FULL_RANGE[norm](x) if highest is None else highest
    check_positive(top, "highest epsilon")
    before = clean.success
    low = torch.zeros_like(x[:, 0, 0, 0])
    high = torch.where(before, 0.0, torch.inf).to(low)
    found, tried = x, torch.full_like(low, top / _FIRST)
    for index in range(iterations):
        x_adv = yield from relay(reach.at(tried), partial(_step, index, iterations, low, high))
        success = goal.reached(look(model, goal, x_adv)[0])
        keep = (success | torch.isinf(high)) & ~before
        found = torch.where(keep.view(-1, 1, 1, 1), x_adv, found)
        high, low = torch.where(success & ~before, tried, high), torch.where(success | before, low, tried)
        yield EpsilonStep((index + 1) / iterations, low, high)
        tried = torch.where(torch.isinf(high), (2 * tried).clamp(max=top), (low + high) / 2)
    rounded = goal.reached(look(model, goal, in_eight_bits(found))[0])
    return MinimalEpsilon(high, found, high - low, clean.predicted != goal.y, rounded)


def _step(index: int, rounds: int, low: Tensor, high: Tensor, inner: AttackStep) -> EpsilonStep:
    return EpsilonStep((index + inner.index / inner.total) / rounds, low, high)


minimal_epsilon = plainly(minimal_epsilon_steps)
