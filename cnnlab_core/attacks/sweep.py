"""How the network's answer changes with epsilon: the attack at each of several, in one job."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, problem
from cnnlab_core.attacks.loop import AttackStep
from cnnlab_core.attacks.objective import Classifier, Goal, Loss, look
from cnnlab_core.attacks.reach import Method, Reach
from cnnlab_core.device import plainly, relay
from cnnlab_core.errors import InputError
from cnnlab_core.images import to_uint8


@dataclass(frozen=True, eq=False)
class SweepStep:
    """Progress: the share ``done``, and what is known so far: ``eps`` and the ``logits`` (N, classes) of each."""

    done: float
    eps: tuple[float, ...]
    logits: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Sweep:
    """The attack at each of E epsilons on N pictures; everything is of the rounded 8-bit pictures.

    ``pictures`` uint8 (E, N, C, H, W), ``logits`` (E, N, classes). ``direction`` (N, C, H, W) is FGSM's step of length
    1, so that x + eps * direction, clipped and rounded, is the picture; None for PGD.
    """

    eps: tuple[float, ...]
    goal: Goal
    pictures: Tensor
    logits: Tensor
    direction: Tensor | None

    @property
    def success(self) -> Tensor:
        """Which pictures fool the network, (E, N) bool."""
        return torch.stack([self.goal.reached(logits) for logits in self.logits])

    @property
    def accuracy(self) -> Tensor:
        """The share of pictures that are still named right, (E,)."""
        return (self.logits.argmax(-1) == self.goal.y).double().mean(1)

    def probability(self, classes: Tensor) -> Tensor:
        """The probability (E, N) of a class for each picture, (N,)."""
        index = classes.expand(self.logits.shape[:2])[..., None]
        return self.logits.double().softmax(-1).gather(-1, index)[..., 0]

    @property
    def smallest(self) -> list[float | None]:
        """The smallest epsilon of the sweep that fools the network, for each picture; None if none does."""
        return [next((eps for eps, hit in zip(self.eps, row, strict=True) if hit), None) for row in self.success.T]


def sweep_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    eps: Sequence[float],
    method: Method = "fgsm",
    norm: str = "linf",
    steps: int = 10,
    target: Classes | None = None,
    loss: Loss = "cross_entropy",
) -> Generator[SweepStep, None, Sweep]:
    """FGSM, or PGD with ``steps`` steps, at each of the epsilons ``eps``. Arguments and errors are those of ``pgd``."""
    if not eps:
        raise InputError("A sweep needs at least one epsilon.")
    x, goal, _ = problem(model, x, y, target, loss)
    reach = Reach.of(model, x, goal, norm=norm, method=method, steps=steps)
    pictures: list[Tensor] = []
    logits: list[Tensor] = []
    for index, radius in enumerate(eps):
        told = partial(_step, index, tuple(eps), tuple(logits))
        x_adv = yield from relay(reach.at(torch.full_like(x[:, 0, 0, 0], radius)), told)
        pictures.append(to_uint8(x_adv))
        logits.append(look(model, goal, pictures[-1].to(x.dtype) / 255)[0])
        yield SweepStep((index + 1) / len(eps), tuple(eps[: index + 1]), tuple(logits))
    return Sweep(tuple(eps), goal, torch.stack(pictures), torch.stack(logits), reach.direction)


def _step(index: int, eps: tuple[float, ...], logits: tuple[Tensor, ...], inner: AttackStep) -> SweepStep:
    return SweepStep((index + inner.index / inner.total) / len(eps), eps[:index], logits)


sweep = plainly(sweep_steps)
