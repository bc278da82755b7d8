"""Success and loss over step size and number of steps: one attack for each step size fills a row of the map."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, problem
from cnnlab_core.attacks.methods import METHODS, Plan, find_method
from cnnlab_core.attacks.objective import Classifier, logits_of
from cnnlab_core.attacks.result import View
from cnnlab_core.attacks.threat import Threat
from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.images import in_eight_bits, to_uint8
from cnnlab_core.runtime.jobs import Progress, plainly
from cnnlab_core.runtime.short_repr import short_repr


@short_repr
@dataclass(frozen=True, eq=False)
class Cell:
    """The attack with one ``step_size`` after so many ``steps``, on N pictures.

    ``pictures`` uint8 (N, C, H, W) with their ``logits`` (N, classes); ``loss`` (the objective, which rises) and
    ``success``, the share that fools the network, are of these 8-bit pictures.
    """

    step_size: float
    steps: int
    pictures: Tensor
    logits: Tensor
    loss: float
    success: float

    def view(self, sample: int = 0) -> View:
        """One of the pictures, with the network's answer."""
        return View.of(self.pictures[sample], self.logits[sample])


@by_annotation
def step_map_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    step_sizes: Sequence[float],
    steps: Sequence[int],
    method: str | Plan = "pgd",
    target: Classes | None = None,
    **settings: Any,
) -> Generator[Progress[tuple[Cell, ...]], None, tuple[Cell, ...]]:
    """An attack that takes steps, by name with its ``settings`` or as a plan, from the picture itself: for each of the
    ``step_sizes``, in its own unit, and after each of ``steps``.

    Raises ``InputError`` for an attack without steps or a step size; the rest is as for ``pgd``.
    """
    if not step_sizes or not steps:
        raise InputError("The map needs at least one step size and one number of steps.")
    plan = method if isinstance(method, Plan) else find_method(method).plan(**settings)
    if not plan.entry.takes("step_size", "steps"):
        able = [entry.title for entry in METHODS.values() if entry.takes("step_size", "steps")]
        raise InputError(f"{plan.title} has no step size to choose. Choose one of {', '.join(able)}.")
    plan = replace(plan, steps=max(steps), random_start=False, restarts=1, early_stop=False)
    x, goal, *_ = problem(model, x, y, target, plan.loss)
    ball = Threat.around(x, plan.ball_norm, plan.eps) if plan.entry.takes("eps") else None
    round_off = ball.in_eight_bits if ball else in_eight_bits
    cells: tuple[Cell, ...] = ()
    for row, size in enumerate(step_sizes):
        for step in replace(plan, step_size=size).start(model, x, goal.y, target=goal.target):
            if step.index in steps:
                pictures = round_off(step.x_adv)
                logits = logits_of(model, pictures)
                loss, success = goal.value(logits).mean().item(), goal.reached(logits).double().mean().item()
                cells += (Cell(size, step.index, to_uint8(pictures), logits, loss, success),)
            yield Progress(row + step.share, len(step_sizes), cells)
    return cells


step_map = plainly(step_map_steps)
