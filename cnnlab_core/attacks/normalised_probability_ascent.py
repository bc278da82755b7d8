"""Raising the probability of a class by the probability's own gradient, made of one length: it moves any photo."""

from collections.abc import Collection

from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, check_positive, problem
from cnnlab_core.attacks.loop import Attack, AttackStep, Course, attack
from cnnlab_core.attacks.objective import Classifier
from cnnlab_core.attacks.threat import L2, Radius, Threat
from cnnlab_core.checks import by_annotation
from cnnlab_core.runtime.jobs import plainly


@by_annotation
def normalised_probability_ascent_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    target: Classes,
    eps: Radius,
    step_size: float = 0.5,
    steps: int = 50,
    early_stop: bool = False,
    keep_best: bool = False,
    mask: Tensor | None = None,
    trace: Collection[int] = (),
) -> Attack:
    """x <- x + step_size * g / ||g||_2 with g = dP(target|x)/dx, clipped to +-eps around the picture and to [0, 1].

    ``probability_ascent`` with steps of the length ``step_size`` (l2, in pixel units), however small the gradient is.
    It goes where the gradient of log P goes, which differs by the factor P alone. The other arguments, units and errors
    are those of ``pgd``.
    """
    course = Course(steps, 1, early_stop, keep_best, trace)
    given = problem(model, x, y, target, "probability", starts_here=True)
    threat = Threat.around(given.x, "linf", eps, mask)
    check_positive(step_size, "step size")

    def step(at: AttackStep, gradient: Tensor) -> Tensor:
        return threat.project(at.x_adv + step_size * L2().normalise(gradient))

    return (yield from attack(model, given, course, lambda: (given.x, step), threat))


normalised_probability_ascent = plainly(normalised_probability_ascent_steps)
