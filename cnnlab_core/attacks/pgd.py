"""Projected gradient descent (Madry et al. 2017, arXiv:1706.06083): steps up the gradient, each one projected."""

from collections.abc import Collection

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, check_positive, problem
from cnnlab_core.attacks.loop import Attack, AttackStep, Course, Update, attack
from cnnlab_core.attacks.objective import Classifier, Loss
from cnnlab_core.attacks.threat import Radius, Threat, warn_of_levels
from cnnlab_core.checks import by_annotation, seeded
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import plainly


@by_annotation
def pgd_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    eps: Radius,
    step_size: float | None = None,
    steps: int,
    norm: str = "linf",
    target: Classes | None = None,
    loss: Loss = "cross_entropy",
    momentum: float = 0.0,
    random_start: bool = False,
    restarts: int = 1,
    generator: torch.Generator | int | None = None,
    early_stop: bool = False,
    keep_best: bool = False,
    mask: Tensor | None = None,
    trace: Collection[int] = (),
) -> Attack:
    """x <- project(x + step_size * normalise(gradient of the objective)), ``steps`` times.

    ``x`` (N, C, H, W) holds pixels in [0, 1]. ``y`` (N,) are the true classes (without it, the network's own answers),
    ``target`` (N,) the classes to reach; without one, any class but y will do. ``eps``, one number or one for each
    sample, and ``step_size`` are lengths in ``norm`` (linf, l2, l1), in pixel units; if it is not given, a step is
    2.5 eps / steps long (Madry's), and a single one eps. Only pixels at which ``mask`` is 1 change. ``random_start``
    begins at a random point of the ball, drawn with ``generator`` (or a seed); with more than one of the ``restarts``
    each begins so, and the best counts. For the rest see ``loop.Course``.

    With ``momentum`` (0 to 1; Dong et al. 2017, arXiv:1710.06081, algorithm 1) each step follows the sum of all
    gradients so far, each by its mean absolute value, the older ones fading by that factor: fewer steps to a target.

    Raises ``InputError`` for input that makes no sense and for models without a gradient.
    """
    course = Course(steps, restarts, early_stop, keep_best, trace)
    generator, random_start = seeded(generator), random_start or restarts > 1
    given = problem(model, x, y, target, loss, starts_here=not random_start)
    threat = Threat.around(given.x, norm, eps, mask)
    if step_size is not None:
        check_positive(step_size, "step size")
        if norm == "linf" and step_size > 1:
            warn_of_levels("The step size", step_size)
    length = threat.eps * (2.5 / steps if steps > 1 else 1.0) if step_size is None else step_size
    if not 0 <= momentum <= 1:
        raise InputError(f"Momentum lies between 0 (none) and 1, but is {momentum}.")

    def begin() -> tuple[Tensor, Update]:
        velocity = torch.zeros_like(given.x)

        def step(at: AttackStep, gradient: Tensor) -> Tensor:
            nonlocal velocity
            if momentum:
                size = gradient.abs().mean((1, 2, 3), keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)
                velocity = gradient = momentum * velocity + gradient / size
            return threat.project(at.x_adv + length * threat.normalise(gradient, at.x_adv))

        return threat.random_start(generator) if random_start else given.x, step

    return (yield from attack(model, given, course, begin, threat))


pgd = plainly(pgd_steps)
