"""The loop that all gradient attacks share: look, record, let what is done rest, step."""

from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnlab_core.attacks.eot import Expectation
from cnnlab_core.attacks.inputs import Problem
from cnnlab_core.attacks.objective import Classifier, Climb, Goal, look
from cnnlab_core.attacks.result import AttackResult, History, Measured, in_eight_bits
from cnnlab_core.attacks.threat import L2
from cnnlab_core.errors import InputError

Update = Callable[[Tensor, Tensor, Tensor], Tensor]
"""An attack's rule: some pictures, the objective's gradient there, which samples they are -> the next pictures."""


@dataclass(frozen=True, eq=False)
class AttackStep:
    """A look of the attack at its pictures ``x_adv`` (N, C, H, W), before it steps on from them.

    ``index`` counts from 0 over at most ``total`` looks, through ``restart`` after restart. ``logits`` (N, classes);
    ``loss`` (N,) is the objective, which the attack climbs; ``gradient_norm`` (N,) the l2 norm of its gradient, 0 in
    a look that needs none, such as the last; ``success`` (N,) says which pictures fool the network as floats.
    Samples that rest keep the values with which they stopped.
    """

    index: int
    total: int
    restart: int
    x_adv: Tensor
    logits: Tensor
    loss: Tensor
    gradient_norm: Tensor
    success: Tensor


Attack = Generator[AttackStep, None, AttackResult]


@dataclass(frozen=True)
class Course:
    """How an attack goes: ``steps`` steps from the start, ``restarts`` times.

    With ``early_stop`` a sample rests as soon as its float picture and its 8-bit picture both fool the network; from
    then on it costs nothing. With ``keep_best`` the best picture on the way counts (one that succeeds before one that
    doesn't, then the highest objective), else the last one; of several restarts the best one always counts.
    ``trace`` names the looks whose pictures are kept. Raises ``InputError`` for numbers that make no sense.
    """

    steps: int
    restarts: int = 1
    early_stop: bool = False
    keep_best: bool = False
    trace: Collection[int] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.steps, int) or self.steps < 0:
            raise InputError(f"An attack takes a whole number of steps from 0 up, not {self.steps}.")
        if not isinstance(self.restarts, int) or self.restarts < 1:
            raise InputError(f"An attack starts at least once, not {self.restarts} times.")


def attack(model: Classifier, problem: Problem, course: Course, begin: Callable[[], tuple[Tensor, Update]]) -> Attack:
    """Follow the rule that ``begin`` gives, from the pictures it gives, anew for each restart."""
    plain = model.model if isinstance(model, Expectation) else model
    x, goal, clean = problem
    best, now, history, trace = _Points(clean), _Points(clean), History(goal), {}
    resting = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    rounded = clean.logits  # of the 8-bit picture, for samples that rest
    row = 0
    for restart in range(course.restarts):
        start, update = begin()
        now.x_adv = torch.where(_beside(resting, x), best.x_adv, start)
        for index in range(course.steps + 1):
            rows, last = (~resting).nonzero().flatten(), index == course.steps
            if not len(rows):
                break
            here = now.look_at(model, goal, rows, climbing=not last)
            stopping = resting & False
            if course.early_stop:
                stopping, rounded = _solid(plain, goal, now, rows, rounded)
            going = ~stopping[rows]
            gradient = here.gradient() if here and going.any() else None
            now.note_gradient(rows, gradient)
            history.add(now.logits, now.loss, now.gradient_norm)
            if row in course.trace:
                trace[row] = now.x_adv
            yield AttackStep(
                row,
                course.restarts * (course.steps + 1),
                restart,
                now.x_adv,
                now.logits,
                now.loss,
                now.gradient_norm,
                goal.reached(now.logits),
            )
            row += 1
            best.take_better(now, goal, rows if course.keep_best or last else stopping.nonzero().flatten(), stopping)
            resting = resting | stopping
            if gradient is not None:
                moved = update(now.x_adv[rows[going]], gradient[going], rows[going])
                now.x_adv = now.x_adv.index_copy(0, rows[going], moved)
    eight_bit, open_rows = in_eight_bits(best.x_adv), (~resting).nonzero().flatten()
    if len(open_rows):
        logits, _ = look(plain, goal.rows(open_rows), eight_bit[open_rows])
        rounded = rounded.index_copy(0, open_rows, logits)
    return AttackResult(
        goal,
        clean,
        # The last look at each picture was the model's answer to just that picture; an expectation's wasn't.
        exact=_measure(plain, goal, x, best.x_adv)
        if plain is not model
        else Measured(x, best.x_adv, best.logits, goal.reached(best.logits)),
        rounded=Measured(x, eight_bit, rounded, goal.reached(rounded)),
        history=history,
        trace=trace,
    )


class _Points:
    """A picture of each sample, with what the network said of it. Its tensors are replaced, never written to: steps
    that were given away stay as they were."""

    def __init__(self, clean: Measured) -> None:
        self.x_adv, self.logits = clean.x_adv, clean.logits
        self.loss = torch.full((len(clean.x),), -torch.inf, dtype=clean.x.dtype, device=clean.x.device)
        self.gradient_norm = torch.zeros_like(self.loss)
        self.solid = torch.zeros_like(clean.success)

    def look_at(self, model: Classifier, goal: Goal, rows: Tensor, *, climbing: bool) -> Climb | None:
        """Ask the network about some of the pictures; gives the way to the gradient if it is to climb from here."""
        here = Climb(model, goal.rows(rows), self.x_adv[rows]) if climbing else None
        logits, loss = (here.logits, here.value) if here else look(model, goal.rows(rows), self.x_adv[rows])
        self.logits = self.logits.index_copy(0, rows, logits)
        self.loss = self.loss.index_copy(0, rows, loss)
        return here

    def note_gradient(self, rows: Tensor, gradient: Tensor | None) -> None:
        """Keep the gradient's l2 norm at some of the pictures; 0 if there is none."""
        norm = torch.zeros_like(self.loss[rows]) if gradient is None else L2().size(gradient)
        self.gradient_norm = self.gradient_norm.index_copy(0, rows, norm)

    def take_better(self, other: "_Points", goal: Goal, rows: Tensor, stopping: Tensor) -> None:
        """Take over those of the samples ``rows`` that succeed where ours don't, or else have the higher objective."""
        success, ours = goal.reached(other.logits) | stopping, self.solid
        better = (success & ~ours) | ((success == ours) & (other.loss > self.loss)) | stopping
        chosen = rows[better[rows]]
        self.x_adv = self.x_adv.index_copy(0, chosen, other.x_adv[chosen])
        self.logits = self.logits.index_copy(0, chosen, other.logits[chosen])
        self.loss = self.loss.index_copy(0, chosen, other.loss[chosen])
        self.solid = self.solid.index_copy(0, chosen, success[chosen])


def _solid(model: Classifier, goal: Goal, now: _Points, rows: Tensor, rounded: Tensor) -> tuple[Tensor, Tensor]:
    """Which samples (N,) have just been fooled, by their float picture and by the 8-bit one; and the logits
    ``rounded`` (N, classes) with what the network said of those 8-bit pictures."""
    fooled = rows[goal.rows(rows).reached(now.logits[rows])]
    found = torch.zeros(len(now.loss), dtype=torch.bool, device=rows.device)
    if len(fooled):
        logits, _ = look(model, goal.rows(fooled), in_eight_bits(now.x_adv[fooled]))
        found[fooled] = goal.rows(fooled).reached(logits)
        rounded = rounded.index_copy(0, fooled, logits)
    return found, rounded


def _measure(model: Classifier, goal: Goal, x: Tensor, x_adv: Tensor) -> Measured:
    logits, _ = look(model, goal, x_adv)
    return Measured(x, x_adv, logits, goal.reached(logits))


def _beside(values: Tensor, x: Tensor) -> Tensor:
    return values.view(-1, *[1] * (x.ndim - 1))
