"""The fast gradient sign method: one step (Goodfellow, Shlens & Szegedy 2014, arXiv:1412.6572, section 4)."""

from collections.abc import Collection

from torch import Tensor

from cnnlab_core.attacks.inputs import Classes
from cnnlab_core.attacks.loop import Attack
from cnnlab_core.attacks.objective import Classifier, Loss
from cnnlab_core.attacks.pgd import pgd_steps
from cnnlab_core.attacks.threat import Radius
from cnnlab_core.checks import by_annotation
from cnnlab_core.runtime.jobs import plainly


@by_annotation
def fgsm_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    eps: Radius,
    norm: str = "linf",
    step_size: float | None = None,
    target: Classes | None = None,
    loss: Loss = "cross_entropy",
    mask: Tensor | None = None,
    trace: Collection[int] = (),
) -> Attack:
    """One step of length ``step_size`` (``eps`` if not given) up the gradient, projected into the ball.

    In linf it goes by the gradient's sign. Arguments, units and errors are those of ``pgd``.
    """
    return pgd_steps(
        model, x, y, norm=norm, eps=eps, step_size=step_size, steps=1, target=target, loss=loss, mask=mask, trace=trace
    )


fgsm = plainly(fgsm_steps)
