"""A small change in l1 by Adam: the box-constrained L-BFGS attack of a homework, with the optimiser of today."""

from collections.abc import Collection

import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, check_positive, problem
from cnnlab_core.attacks.loop import Attack, AttackStep, Course, Update, attack
from cnnlab_core.attacks.objective import Classifier
from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import plainly


@by_annotation
def l1_adam_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    target: Classes | None = None,
    alpha: float = 0.03,
    learning_rate: float = 0.01,
    steps: int = 200,
    early_stop: bool = True,
    keep_best: bool = False,
    trace: Collection[int] = (),
) -> Attack:
    """min over r of alpha * ||r||_1 + CE(f(x + r), target) by Adam (Kingma & Ba 2014, arXiv:1412.6980).

    Without a target it is -CE(f(x + r), y). x + r stays in [0, 1] (Szegedy et al. 2013, arXiv:1312.6199, section 4.1,
    with Adam for L-BFGS). ``alpha`` weighs the sum of all changes in pixel units: below 0.001 it does little, and from
    about 1 on a photo hardly changes. With ``early_stop`` each sample
    stops as soon as its class has switched. The other arguments, units and errors are those of ``pgd``.
    """
    course = Course(steps, 1, early_stop, keep_best, trace)
    given = problem(model, x, y, target, starts_here=True)
    x = given.x
    check_positive(learning_rate, "learning rate")
    if not 0 <= alpha < float("inf"):
        raise InputError(f"Alpha weighs the change and must be a number from 0 up, but is {alpha}.")

    def begin() -> tuple[Tensor, Update]:
        change = torch.zeros_like(x)
        adam = torch.optim.Adam([change], lr=learning_rate)

        def step(at: AttackStep, gradient: Tensor) -> Tensor:
            change.grad = alpha * change.sign() - gradient
            adam.step()
            change.copy_((x + change).clamp(0, 1) - x)
            return x + change

        return x, step

    return (yield from attack(model, given, course, begin))


l1_adam = plainly(l1_adam_steps)
