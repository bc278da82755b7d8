"""Success and loss over step size and number of steps: one PGD run for each step size fills a row of the map."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from torch import Tensor

from cnnlab_core.attacks.inputs import Classes, problem
from cnnlab_core.attacks.objective import Classifier, Loss, look
from cnnlab_core.attacks.pgd import pgd_steps
from cnnlab_core.errors import InputError
from cnnlab_core.images import to_uint8
from cnnlab_core.runtime.jobs import plainly


@dataclass(frozen=True, eq=False)
class Cell:
    """PGD with one ``step_size`` after so many ``steps``, on N pictures.

    ``picture`` uint8 (N, C, H, W) with its ``logits`` (N, classes); ``loss`` (the objective, which rises) and
    ``success`` are of that 8-bit picture, the mean over the pictures.
    """

    step_size: float
    steps: int
    picture: Tensor
    logits: Tensor
    loss: float
    success: float


@dataclass(frozen=True)
class MapStep:
    """Progress: the share ``done``, and the ``cells`` that are known."""

    done: float
    cells: tuple[Cell, ...]


def step_map_steps(
    model: Classifier,
    x: Tensor,
    y: Classes | None = None,
    *,
    eps: float,
    step_sizes: Sequence[float],
    steps: Sequence[int],
    norm: str = "linf",
    target: Classes | None = None,
    loss: Loss = "cross_entropy",
) -> Generator[MapStep, None, tuple[Cell, ...]]:
    """PGD from the picture itself for each of the ``step_sizes``, looked at after each of ``steps``.

    Arguments and errors are those of ``pgd``.
    """
    if not step_sizes or not steps:
        raise InputError("The map needs at least one step size and one number of steps.")
    x, goal, _ = problem(model, x, y, target, loss)
    cells: tuple[Cell, ...] = ()
    for row, size in enumerate(step_sizes):
        run = pgd_steps(
            model,
            x,
            goal.y,
            target=goal.target,
            eps=eps,
            step_size=size,
            steps=max(steps),
            norm=norm,
            loss=loss,
        )
        for step in run:
            if step.index in steps:
                picture = to_uint8(step.x_adv)
                logits, value = look(model, goal, picture.to(x.dtype) / 255)
                success = goal.reached(logits).double().mean().item()
                cells += (Cell(size, step.index, picture, logits, value.mean().item(), success),)
            yield MapStep((row + step.index / max(steps)) / len(step_sizes), cells)
    return cells


step_map = plainly(step_map_steps)
