"""An attack as a function of epsilon alone: what minimal epsilons and sweeps over epsilon are made of."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from cnnlab_core.attacks.loop import AttackStep
from cnnlab_core.attacks.objective import Classifier, Climb, Goal
from cnnlab_core.attacks.pgd import pgd_steps
from cnnlab_core.attacks.threat import Threat
from cnnlab_core.errors import InputError

Method = Literal["fgsm", "pgd"]
METHODS: tuple[Method, ...] = ("fgsm", "pgd")


@dataclass(frozen=True, eq=False)
class Reach:
    """FGSM, or PGD with ``steps`` steps of 2.5 epsilon / steps, on the pictures ``x`` for any epsilon.

    FGSM's direction doesn't depend on epsilon: its gradient is taken once, and no epsilon costs a backward pass.
    """

    model: Classifier
    x: Tensor
    goal: Goal
    norm: str
    method: Method
    steps: int
    direction: Tensor | None = None

    @staticmethod
    def of(
        model: Classifier, x: Tensor, goal: Goal, *, norm: str = "linf", method: Method = "fgsm", steps: int = 10
    ) -> "Reach":
        """The attack called ``method``. Raises ``InputError`` for unknown names."""
        threat = Threat.around(x, norm, 0.0)
        if method not in METHODS:
            raise InputError(f"There is no attack “{method}” over epsilon. Choose one of {', '.join(METHODS)}.")
        direction = threat.normalise(Climb(model, goal, x).gradient(), x) if method == "fgsm" else None
        return Reach(model, x, goal, norm, method, steps, direction)

    def repeated(self, times: int) -> "Reach":
        """The same on every picture ``times`` times, the whole batch after itself."""
        target = self.goal.target
        goal = Goal(self.goal.y.repeat(times), None if target is None else target.repeat(times), self.goal.loss)
        direction = None if self.direction is None else self.direction.repeat(times, 1, 1, 1)
        return replace(self, x=self.x.repeat(times, 1, 1, 1), goal=goal, direction=direction)

    def at(self, eps: Tensor) -> Generator[AttackStep, None, Tensor]:
        """The pictures (N, C, H, W) for the epsilons (N,); yields the steps that PGD takes."""
        if not eps.any():
            return self.x
        if self.direction is not None:
            threat = Threat.around(self.x, self.norm, eps)
            return threat.project(self.x + threat.eps * self.direction)
        attack = pgd_steps(
            self.model,
            self.x,
            self.goal.y,
            target=self.goal.target,
            loss=self.goal.loss,
            norm=self.norm,
            eps=eps,
            steps=self.steps,
            keep_best=True,
        )
        return (yield from attack).x_adv


def as_epsilon(values: float, x: Tensor) -> Tensor:
    """One epsilon for all samples, (N,)."""
    return torch.full((len(x),), values, dtype=x.dtype, device=x.device)
