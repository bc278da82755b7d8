"""The loop that all gradient attacks share: ask the network, record, keep what is better, step."""

import warnings
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from cnnlab_core.attacks.eot import bare
from cnnlab_core.attacks.inputs import Problem
from cnnlab_core.attacks.objective import Classifier, Forward, Goal, logits_of
from cnnlab_core.attacks.result import AttackResult, History, Measured, View
from cnnlab_core.attacks.threat import L2, Threat
from cnnlab_core.errors import InputError, LabWarning
from cnnlab_core.images import in_eight_bits
from cnnlab_core.runtime.short_repr import short_repr


@short_repr
@dataclass(frozen=True, eq=False)
class AttackStep:
    """The attack at its pictures ``x_adv`` (N, C, H, W), before it steps on from them.

    ``index`` counts from 0 to ``total`` - 1 at most, through ``restart`` after restart. ``logits`` (N, classes);
    ``loss`` (N,) is the objective, which the attack climbs; ``gradient_norm`` (N,) the l2 norm of its gradient, 0
    where none is needed, as in the last step; ``success`` (N,) says which pictures fool the network as floats.
    """

    index: int
    total: int
    restart: int
    x_adv: Tensor
    logits: Tensor
    loss: Tensor
    gradient_norm: Tensor
    success: Tensor

    @property
    def share(self) -> float:
        """How much of the attack is done, 0 to 1."""
        return self.index / max(1, self.total - 1)

    def view(self, sample: int = 0) -> View:
        """One of the pictures in 8 bits, with the network's answer to the float one."""
        return View.of(self.x_adv[sample], self.logits[sample])


Update = Callable[[AttackStep, Tensor], Tensor]
"""An attack's rule: where it stands and the objective's gradient there (N, C, H, W) -> the next pictures."""

_NOISE = 8
"""A gradient of so many roundings, relative to the steepest on the way, says nothing."""

Attack = Generator[AttackStep, None, AttackResult]


@dataclass(frozen=True)
class Course:
    """How an attack goes: ``steps`` steps from the start, ``restarts`` times.

    With ``early_stop`` a sample rests as soon as its float picture and its 8-bit picture both fool the network. With
    ``keep_best`` the best picture on the way counts (one that succeeds before one that doesn't, then the highest
    objective), else the last one; of several restarts the best one always counts. ``trace`` names the steps whose
    pictures are kept; if it names any, the last one's is kept too. Raises ``InputError`` for impossible numbers.

    An attack whose rule needs no ``gradient`` gets zeros. One that seeks the smallest change stops ``in_floats``,
    whatever becomes of it in 8 bits.
    """

    steps: int
    restarts: int = 1
    early_stop: bool = False
    keep_best: bool = False
    trace: Collection[int] = ()
    gradient: bool = True
    in_floats: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.steps, int) or self.steps < 0:
            raise InputError(f"An attack takes a whole number of steps from 0 up, not {self.steps}.")
        if not isinstance(self.restarts, int) or self.restarts < 1:
            raise InputError(f"An attack starts at least once, not {self.restarts} times.")


def attack(
    model: Classifier,
    problem: Problem,
    course: Course,
    begin: Callable[[], tuple[Tensor, Update]],
    threat: Threat | None = None,
    *,
    aims: Sequence[Goal] = (),
    worth: Callable[[AttackStep], Tensor] | None = None,
) -> Attack:
    """Follow the rule that ``begin`` gives, from the pictures it gives, anew for each restart.

    The 8-bit pictures keep to the ``threat``. A picture that fools the network already isn't moved by a gradient that
    is nothing but rounding: the sign of it would lead anywhere. The network isn't asked about samples that rest.

    What a restart climbs is the objective of the problem's goal, or of its own one among the ``aims``. The best picture
    is the one ``worth`` (N,) the most, by default the objective's value.
    """
    x, goal, clean, forward = problem
    to_eight_bits = in_eight_bits if threat is None else threat.in_eight_bits
    resting = torch.zeros_like(clean.success)
    logits, loss = clean.logits, torch.zeros_like(x[:, 0, 0, 0])
    steepest = torch.zeros_like(loss)
    # What counts so far: picture, logits, worth, success. Nothing does yet: whatever comes first is better.
    best: tuple[Tensor, ...] = (x, logits, torch.full_like(loss, -torch.inf), resting)
    history, trace, total, index = History(goal), {}, course.restarts * (course.steps + 1), 0
    for restart in range(course.restarts):
        start, update = begin()
        x_adv, climbed = choose(resting, best[0], start) if restart else start, aims[restart] if aims else goal
        for steps_left in range(course.steps, -1, -1):
            if resting.all():
                break
            awake = (~resting).nonzero()[:, 0] if resting.any() else None
            backward = course.gradient and steps_left > 0
            here, forward = forward or Forward(model, _rows(x_adv, awake), backward=backward), None
            asked = climbed if awake is None else climbed.rows(awake)
            logits, loss = _put(logits, awake, here.logits), _put(loss, awake, here.loss(asked))
            success = goal.reached(logits)
            stopping = _stopping(model, problem, partial(to_eight_bits, x_adv), success & ~resting, course)
            climbs = steps_left > 0 and not (resting | stopping).all()
            gradient = torch.zeros_like(x)
            if climbs and course.gradient:
                gradient = _put(gradient, awake, here.gradient(asked))
            norm = L2().size(gradient).masked_fill(resting | stopping, 0)
            steepest = torch.maximum(steepest, norm)
            noise = success & (norm <= _NOISE * torch.finfo(x.dtype).eps * steepest)
            history.add(logits, loss, norm)
            if index in course.trace:
                trace[index] = x_adv
            step = AttackStep(index, total, restart, x_adv, logits, loss, norm, success)
            yield step
            index += 1
            counts = ~resting if course.keep_best or not steps_left else stopping
            now = (x_adv, logits, loss if worth is None else worth(step), success)
            better = (success & ~best[3]) | ((success == best[3]) & (now[2] > best[2])) | stopping
            best = tuple(choose(counts & better, new, old) for new, old in zip(now, best, strict=True))
            resting = resting | stopping
            if climbs:
                x_adv = choose(resting, x_adv, update(step, choose(noise, torch.zeros_like(gradient), gradient)))
    if course.trace:
        trace[index - 1] = x_adv
    x_adv, logits = best[0], best[1]
    if bare(model) is not model:  # an expectation's answer was another one than the bare model's
        logits = logits_of(bare(model), x_adv)
    eight_bit = to_eight_bits(x_adv)
    rounded = logits_of(bare(model), eight_bit)
    return AttackResult(
        goal,
        clean,
        exact=Measured(x, x_adv, logits, goal.reached(logits)),
        rounded=Measured(x, eight_bit, rounded, goal.reached(rounded)),
        history=history,
        trace=trace,
        stuck=said_stuck((steepest == 0) & ~goal.reached(logits) & (course.gradient and course.steps > 0)),
        threat=threat,
    )


def said_stuck(stuck: Tensor) -> Tensor:
    """Pictures (N,) bool without any gradient, as they are; a warning says so if there are any."""
    if stuck.any():
        warnings.warn(
            f"The gradient is zero everywhere for {int(stuck.sum())} of {len(stuck)} pictures, so the attack had no "
            'direction to go. The network is saturated there, which doesn\'t make it robust: try loss="margin", a '
            "random start, or logits divided by a number.",
            LabWarning,
            stacklevel=3,
        )
    return stuck


def _stopping(
    model: Classifier, problem: Problem, eight_bit: Callable[[], Tensor], fooling: Tensor, course: Course
) -> Tensor:
    """Which of the samples that have just begun ``fooling`` the network, (N,) bool, do so in 8 bits too and stop."""
    if not (course.early_stop and fooling.any()):
        return torch.zeros_like(fooling)
    if course.in_floats:
        return fooling
    rows = fooling.nonzero()[:, 0]
    return fooling.index_copy(0, rows, problem.goal.rows(rows).reached(logits_of(bare(model), eight_bit()[rows])))


def choose(mask: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """``yes`` for the samples of the mask (N,), ``no`` for the others; both (N, ...)."""
    return torch.where(mask.view(-1, *[1] * (yes.ndim - 1)), yes, no)


def _rows(values: Tensor, rows: Tensor | None) -> Tensor:
    """Some of the samples, by their numbers; all of them for None."""
    return values if rows is None else values[rows]


def _put(values: Tensor, rows: Tensor | None, new: Tensor) -> Tensor:
    """``values`` with some of the samples replaced by ``new`` ones; all of them for None."""
    return new if rows is None else values.index_copy(0, rows, new)
