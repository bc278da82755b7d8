"""What an attack is given, checked before anything is computed."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cnnlab_core.attacks.eot import bare
from cnnlab_core.attacks.objective import LOSSES, Classifier, Forward, Goal, Loss
from cnnlab_core.attacks.result import Measured
from cnnlab_core.errors import InputError, LabError
from cnnlab_core.runtime.device import is_out_of_memory

Classes = Tensor | int | Sequence[int]


class Problem(NamedTuple):
    """What an attack sets out with: pictures ``x`` (N, C, H, W), its goal, and the network's answer to the clean ones.

    ``forward`` is the pass that gave that answer, for an attack that starts from it; None where it can't.
    """

    x: Tensor
    goal: Goal
    clean: Measured
    forward: Forward | None


def problem(
    model: Classifier,
    x: Tensor,
    y: Classes | None,
    target: Classes | None = None,
    loss: Loss = "cross_entropy",
    *,
    starts_here: bool = False,
) -> Problem:
    """The pictures and the goal of an attack, and the model's answer to the pictures as they are.

    ``x`` is float (N, C, H, W) in [0, 1]; ``y`` and ``target`` are (N,) or one class for all; without ``y`` the true
    class is what the network says. An attack that ``starts_here``, at x, gets the forward pass along and needs no
    second one. Raises ``InputError`` for anything else.
    """
    if not isinstance(x, Tensor) or x.ndim != 4 or not x.numel() or not x.is_floating_point():
        shape = f"{tuple(x.shape)} {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
        raise InputError(
            f"An attack takes float pictures of shape (N, C, height, width) in [0, 1], but this is {shape}."
        )
    if x.dtype not in (torch.float32, torch.float64):
        raise InputError(f"An attack moves pixels by parts of 1/255, too fine for {x.dtype}. Give it x.float().")
    low, high = x.min().item(), x.max().item()
    if not (low >= 0 and high <= 1):  # written so that NaN fails too
        raise InputError(f"An attack takes pixels in [0, 1], but these run from {low:.4g} to {high:.4g}. Clip them.")
    if loss not in LOSSES:
        raise InputError(f"There is no loss “{loss}”. Choose one of {', '.join(LOSSES)}.")
    try:
        forward = Forward(bare(model), x, backward=starts_here and bare(model) is model)
    except LabError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise InputError(
            f"The model can't take pictures of shape {tuple(x.shape)}, {x.dtype} on {x.device}: "
            f"{str(error).strip().partition(chr(10))[0].rstrip('.')} ({type(error).__name__})."
        ) from error
    logits = forward.output.detach()
    if not logits.is_floating_point():
        raise InputError(f"A model gives logits, which aren't whole numbers, but this one gives {logits.dtype}.")
    if logits.ndim != 2 or len(logits) != len(x):
        raise InputError(f"A model gives logits ({len(x)}, classes), but this one gave {tuple(logits.shape)}.")
    if logits.shape[1] < 2:
        raise InputError(
            "An attack needs at least two classes to choose from, but this model gives a single logit. Let it give "
            "two: torch.cat([torch.zeros_like(z), z], 1) for a logit z, whose sigmoid is then the softmax."
        )
    if loss == "dlr" and logits.shape[1] < (needed := 3 if target is None else 4):
        raise InputError(
            f"The ratio of logits (dlr) compares {needed} classes{' when there is a target' * (needed > 3)}, but this "
            f'model has {logits.shape[1]}. Take loss="margin".'
        )
    if logits.isnan().any():
        raise InputError("The model's logits hold NaN (not a number) for these pictures, so nothing follows from them.")
    x = x.detach()
    true = logits.argmax(-1) if y is None else each_class(y, x, logits.shape[1], "y")
    aim = None if target is None else each_class(target, x, logits.shape[1], "target")
    goal = Goal(true, aim, loss).seen_from(logits)
    clean = Measured(x, x, logits, goal.reached(logits))
    return Problem(x, goal, clean, forward if starts_here and bare(model) is model else None)


def check_positive(value: float, what: str) -> None:
    """Raise ``InputError`` unless ``value`` is a number above 0."""
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"The {what} must be a number above 0, but is {value:g}.")


def each_class(classes: Classes, x: Tensor, count: int, what: str) -> Tensor:
    """The classes of pictures x (N, ...), one for each or one for all, of which there are ``count``: int64 (N,).

    Raises ``InputError`` for anything else.
    """
    found = torch.as_tensor(classes).to(x.device)
    if found.is_floating_point() or found.is_complex() or found.dtype == torch.bool:
        raise InputError(f"{what} holds class numbers, so it must be of whole numbers, not {found.dtype}.")
    found = found.long().expand(len(x)) if found.ndim == 0 else found.long()
    if found.shape != (len(x),):
        raise InputError(f"{what} has the shape {tuple(found.shape)}, but there are {len(x)} pictures.")
    if not ((found >= 0) & (found < count)).all():
        raise InputError(f"Classes run from 0 to {count - 1}, but {what} holds {found.min()} to {found.max()}.")
    return found
