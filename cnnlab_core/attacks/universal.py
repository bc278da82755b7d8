"""One change that fools the network on many pictures (Moosavi-Dezfooli et al. 2016, arXiv:1610.08401)."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, check_positive, problem
from cnnlab_core.attacks.loop import said_stuck
from cnnlab_core.attacks.objective import Classifier, Forward, Goal, Loss, logits_of
from cnnlab_core.attacks.result import Measured
from cnnlab_core.attacks.threat import Threat
from cnnlab_core.checks import by_annotation, seeded
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import plainly
from cnnlab_core.runtime.short_repr import short_repr

AT_ONCE = 4
"""Pictures whose gradients are in memory together."""


@short_repr
@dataclass(frozen=True, eq=False)
class UniversalStep:
    """Step ``index`` of ``total``, before it is taken: the ``delta`` (1, C, H, W) as it is, the mean ``loss`` (the
    objective, which rises) and the share of this batch that is ``fooled``."""

    index: int
    total: int
    delta: Tensor
    loss: float
    fooled: float

    @property
    def share(self) -> float:
        """How much of the attack is done, 0 to 1."""
        return self.index / self.total


@short_repr
@dataclass(frozen=True, eq=False)
class Universal:
    """The change ``delta`` (1, C, H, W), and the pictures before, with it, and with it in 8 bits.

    ``seen`` (N,) bool says which pictures it was made on. ``losses`` and ``fooled`` (steps,) are those of each step.
    """

    delta: Tensor
    clean: Measured
    exact: Measured
    rounded: Measured
    seen: Tensor
    losses: Tensor
    fooled: Tensor

    def count(self, *, seen: bool) -> tuple[int, int]:
        """How many 8-bit pictures fool the network, of how many: those it was made on, or the others."""
        those = self.rounded.success[self.seen == seen]
        return int(those.sum()), len(those)


@by_annotation
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
    seen: Sequence[bool] | Tensor | None = None,
    generator: torch.Generator | int | None = None,
) -> Generator[UniversalStep, None, Universal]:
    """delta <- project(delta + step_size * normalise(mean gradient of a batch)), ``epochs`` times through all.

    Gradient steps on one change for all (Shafahi et al. 2018, arXiv:1811.11304, algorithm 2) in batches that
    ``generator`` shuffles. ``x`` (N, C, H, W) are the pictures to be fooled: the change is made on those that are
    ``seen`` (N,), all of them if it isn't given, and tried on all. A target may be a picture's own class already.
    ``step_size`` is eps / 4 if not given, the loss the margin, of which one picture that is long fooled doesn't drown
    the others. The other arguments, units and errors are those of ``pgd``.
    """
    generator = seeded(generator)
    if min(epochs, batch) < 1:
        raise InputError(f"It takes at least one epoch and one picture in a batch, not {epochs} and {batch}.")
    made_on = torch.ones(len(x), dtype=torch.bool) if seen is None else torch.as_tensor(seen, dtype=torch.bool)
    if len(made_on) != len(x) or not made_on.any():
        raise InputError("Choose at least one picture that the change is made on.")
    made_on = made_on.to(x.device)
    some_y, some_target = (_rows(classes, made_on) for classes in (y, target))
    made, goal, *_ = problem(model, x[made_on], some_y, some_target, loss)
    goal = replace(goal, floor=None)  # a picture that is named as the target anyway counts, before and after
    length = eps / 4 if step_size is None else step_size
    check_positive(length, "step size")
    ball = Threat.around(made[:1], norm, eps)
    delta = torch.zeros_like(made[:1])
    per_epoch = -(-len(made) // batch)
    losses, fooled, climbed = [], [], torch.zeros(len(made), dtype=torch.bool, device=x.device)
    for epoch in range(epochs):
        home = generator.device if generator else x.device
        order = torch.randperm(len(made), generator=generator, device=home).to(x.device)
        for index, rows in enumerate(order.split(batch), epoch * per_epoch):
            gradient, objective, hits = torch.zeros_like(delta), 0.0, 0
            for few in rows.split(AT_ONCE):
                some = goal.rows(few)
                here = Forward(model, (made[few] + delta).clamp(0, 1))
                reached, objectives, each = some.reached(here.logits), here.loss(some), here.gradient(some)
                climbed[few] |= each.flatten(1).any(1) | reached
                gradient += each.sum(0, keepdim=True)
                objective, hits = objective + objectives.sum().item(), hits + int(reached.sum())
            losses.append(objective / len(rows))
            fooled.append(hits / len(rows))
            yield UniversalStep(index, epochs * per_epoch, delta, losses[-1], fooled[-1])
            step = ball.norm.normalise(gradient / len(rows))
            delta = ball.norm.project(delta + length * step, ball.eps)
    said_stuck(~climbed)
    changed = (x + delta).clamp(0, 1)
    views = [x, changed, Threat.around(x, norm, eps).in_eight_bits(changed)]
    answers = [torch.cat([logits_of(model, rows) for rows in view.split(AT_ONCE)]) for view in views]
    true = answers[0].argmax(-1) if y is None else _expanded(y, x)
    whole = Goal(true, None if target is None else _expanded(target, x), loss)
    clean, exact, rounded = (
        Measured(x, view, logits, whole.reached(logits)) for view, logits in zip(views, answers, strict=True)
    )
    return Universal(delta, clean, exact, rounded, made_on, torch.tensor(losses), torch.tensor(fooled))


def _rows(classes: Classes | None, rows: Tensor) -> Classes | None:
    """Classes (N,) of some of the pictures; one class for all, or none, is that of these too."""
    if classes is None or not (each := torch.as_tensor(classes)).ndim:
        return classes
    if each.shape != rows.shape:
        raise InputError(f"Give one class, or {len(rows)}, one for each picture, not {tuple(each.shape)}.")
    return each[rows.to(each.device)]


def _expanded(classes: Classes, x: Tensor) -> Tensor:
    return torch.as_tensor(classes, device=x.device).long().expand(len(x))


universal = plainly(universal_steps)
