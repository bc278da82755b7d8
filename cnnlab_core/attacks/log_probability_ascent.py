"""Raising the log-probability of a class with steps of one length: fools a photo, and draws a class out of noise."""

from collections.abc import Collection

from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, check_positive, problem
from cnnlab_core.attacks.loop import Attack, AttackStep, Course, attack
from cnnlab_core.attacks.objective import Classifier
from cnnlab_core.attacks.threat import L2
from cnnlab_core.checks import by_annotation
from cnnlab_core.runtime.jobs import plainly


@by_annotation
def log_probability_ascent_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    target: Classes,
    step_size: float = 0.5,
    steps: int = 200,
    early_stop: bool = False,
    keep_best: bool = False,
    trace: Collection[int] = (),
) -> Attack:
    """x <- clip(x + step_size * g / ||g||_2) with g = d log P(target|x) / dx, from any picture or noise ``x``.

    Every step has the length ``step_size`` (l2, in pixel units: 0.5 moves 224 x 224 pixels by 0.33/255 on average),
    however small the gradient is; after ``steps`` steps the picture is at most steps * step_size away. There is no
    ball but the box [0, 1] (Simonyan et al. 2013, arXiv:1312.6034, section 2, with log P for the logit). The other
    arguments, units and errors are those of ``pgd``.
    """
    course = Course(steps, 1, early_stop, keep_best, trace)
    given = problem(model, x, y, target, starts_here=True)
    x = given.x
    check_positive(step_size, "step size")

    def step(at: AttackStep, gradient: Tensor) -> Tensor:
        return (at.x_adv + step_size * L2().normalise(gradient)).clamp(0, 1)

    return (yield from attack(model, given, course, lambda: (x, step)))


log_probability_ascent = plainly(log_probability_ascent_steps)
