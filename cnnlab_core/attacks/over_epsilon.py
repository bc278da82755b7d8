"""An attack as a function of epsilon alone: what minimal epsilons and sweeps over epsilon are made of."""

from collections.abc import Generator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cnnlab_core.attacks.eot import Expectation
from cnnlab_core.attacks.loop import AttackStep, said_stuck
from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.objective import Classifier, Forward, Goal
from cnnlab_core.attacks.threat import Threat
from cnnlab_core.runtime.short_repr import short_repr


@short_repr
@dataclass(frozen=True, eq=False)
class OverEpsilon:
    """A planned attack on the pictures ``x`` (N, C, H, W) for any epsilon.

    The ``direction`` of a straight attack doesn't depend on epsilon: its gradient is taken once, and no epsilon costs a
    backward pass.
    """

    model: Classifier
    x: Tensor
    goal: Goal
    plan: Plan
    stuck: Tensor
    direction: Tensor | None = None

    @staticmethod
    def of(model: Classifier, x: Tensor, goal: Goal, plan: Plan) -> "OverEpsilon":
        """The attack, with its direction if it is straight. Raises ``InputError`` for unknown names."""
        threat = Threat.around(x, plan.norm, 0.0)
        stuck, direction = torch.zeros(len(x), dtype=torch.bool, device=x.device), None
        if plan.entry.straight or not (plan.draws or isinstance(model, Expectation)):
            here = Forward(model, x)
            gradient = here.gradient(goal)
            stuck = said_stuck(~gradient.flatten(1).any(1) & ~goal.reached(here.logits))
            direction = threat.normalise(gradient, x) if plan.entry.straight else None
        return OverEpsilon(model, x, goal, plan, stuck, direction)

    def repeated(self, times: int) -> "OverEpsilon":
        """The same on every picture ``times`` times, the whole batch after itself."""
        direction = None if self.direction is None else self.direction.repeat(times, 1, 1, 1)
        x, stuck = self.x.repeat(times, 1, 1, 1), self.stuck.repeat(times)
        return replace(self, x=x, goal=self.goal.repeated(times), stuck=stuck, direction=direction)

    def in_eight_bits(self, x_adv: Tensor, eps: Tensor) -> Tensor:
        """The pictures for the epsilons (N,), k / 255 and still within epsilon."""
        return Threat.around(self.x, self.plan.ball_norm, eps).in_eight_bits(x_adv)

    def at(self, eps: Tensor) -> Generator[AttackStep, None, Tensor]:
        """The pictures (N, C, H, W) for the epsilons (N,); yields the attack's steps, if it takes any."""
        if not eps.any():
            return self.x
        if self.direction is not None:
            threat = Threat.around(self.x, self.plan.norm, eps)
            return threat.project(self.x + threat.eps * self.direction)
        attack = self.plan.start(self.model, self.x, self.goal.y, target=self.goal.target, eps=eps)
        return (yield from attack).x_adv
