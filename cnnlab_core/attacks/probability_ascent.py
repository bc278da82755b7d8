"""Raising the probability of a wrong class, by the probability's own gradient: the first attack of a homework."""

from collections.abc import Collection

from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, check_positive, problem
from cnnlab_core.attacks.loop import Attack, AttackStep, Course, attack
from cnnlab_core.attacks.objective import Classifier
from cnnlab_core.attacks.threat import Radius, Threat
from cnnlab_core.checks import by_annotation
from cnnlab_core.runtime.jobs import plainly


@by_annotation
def probability_ascent_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    target: Classes,
    eps: Radius,
    step_size: float,
    steps: int = 50,
    early_stop: bool = False,
    keep_best: bool = False,
    mask: Tensor | None = None,
    trace: Collection[int] = (),
) -> Attack:
    """x <- x + step_size * dP(target|x)/dx, clipped to +-eps around the picture and to [0, 1].

    The gradient is taken as it is. dP = P (dz_target - sum_k P_k dz_k) is P times the gradient of log P: where the
    target is improbable there is nearly no gradient (see ``history.gradient_norm``), and the picture stays as it is
    unless ``step_size`` (in pixel units per gradient unit) is enormous. ``log_probability_ascent`` has no such trouble.
    The other arguments, units and errors are those of ``pgd``.
    """
    course = Course(steps, 1, early_stop, keep_best, trace)
    given = problem(model, x, y, target, "probability", starts_here=True)
    x = given.x
    threat = Threat.around(x, "linf", eps, mask)
    check_positive(step_size, "step size")

    def step(at: AttackStep, gradient: Tensor) -> Tensor:
        return threat.project(at.x_adv + step_size * gradient)

    return (yield from attack(model, given, course, lambda: (x, step), threat))


probability_ascent = plainly(probability_ascent_steps)
