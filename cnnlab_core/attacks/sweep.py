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
from cnnlab_core.errors import InputError
from cnnlab_core.images import to_uint8
from cnnlab_core.runtime.jobs import plainly, relay


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
    together: int = 1,
) -> Generator[SweepStep, None, Sweep]:
    """FGSM, or PGD with ``steps`` steps, at each of the epsilons ``eps``. Arguments and errors are those of ``pgd``.

    So many epsilons go through the network ``together``, as one batch. That is for a GPU, which a single picture leaves
    idle; on a CPU it gains nothing, and makes the steps long.
    """
    if not eps or together < 1:
        raise InputError("A sweep needs at least one epsilon, and takes at least one at a time.")
    x, goal, _ = problem(model, x, y, target, loss)
    reach = Reach.of(model, x, goal, norm=norm, method=method, steps=steps)
    pictures: list[Tensor] = []
    logits: list[Tensor] = []
    for index in range(0, len(eps), together):
        some = eps[index : index + together]
        told = partial(_step, index, len(some), tuple(eps), tuple(logits))
        batch = reach.repeated(len(some))
        x_adv = yield from relay(
            batch.at(torch.tensor(some, dtype=x.dtype, device=x.device).repeat_interleave(len(x))), told
        )
        rounded = to_uint8(x_adv)
        pictures += rounded.split(len(x))
        logits += look(model, batch.goal, rounded.to(x.dtype) / 255)[0].split(len(x))
        yield SweepStep(len(logits) / len(eps), tuple(eps[: len(logits)]), tuple(logits))
    return Sweep(tuple(eps), goal, torch.stack(pictures), torch.stack(logits), reach.direction)


def _step(index: int, count: int, eps: tuple[float, ...], logits: tuple[Tensor, ...], inner: AttackStep) -> SweepStep:
    return SweepStep((index + count * inner.index / inner.total) / len(eps), eps[:index], logits)


sweep = plainly(sweep_steps)
