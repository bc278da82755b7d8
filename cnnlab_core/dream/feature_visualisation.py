"""Feature visualisation: what would excite this layer, channel, unit or class most? Found by Adam, from noise.

Olah, Mordvintsev & Schubert, "Feature visualization", Distill 2017, doi.org/10.23915/distill.00007: a picture in
Fourier coefficients and decorrelated colours, moved at random before the network sees it.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image

from cnnlab_core.checks import by_annotation, seeded
from cnnlab_core.dream.dream import SMALLEST_SIDE, as_shown
from cnnlab_core.dream.goal import Goal, awake, bind, value
from cnnlab_core.dream.objectives import Objective
from cnnlab_core.dream.parametrisation import Fourier, Parametrisation, Pixels
from cnnlab_core.dream.transforms import STANDARD, Middle, Transform, apply
from cnnlab_core.errors import InputError
from cnnlab_core.images import check_pixels, to_picture
from cnnlab_core.models.layers import layer_table
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import plainly
from cnnlab_core.runtime.short_repr import short_repr

PARAMETRISATIONS = ("fourier", "pixels")

RATE = 0.05
"""Adam's learning rate, as in Lucid."""

LARGEST_SIDE = 1024
"""Pixels of the longer side, at most."""


@short_repr
@dataclass(frozen=True)
class VisualiseStep:
    """After ``step`` (from 0) of ``steps``: the pictures (N, 3, H, W) in (0, 1).

    ``objective`` is the mean over the pictures before the step, as the network saw them, transformed.
    """

    step: int
    steps: int
    objective: float
    image: torch.Tensor
    silent: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """How much of the work is done."""
        return (self.step + 1) / self.steps

    def _pictures(self) -> list[Image.Image]:
        return [to_picture(self.image[:1])]


@short_repr
@dataclass(frozen=True)
class Visualised:
    """The pictures (N, 3, H, W) in (0, 1), the ``start`` they came from, and the objective of both, untransformed.

    ``after`` is measured on the pictures rounded to bytes. ``silent``: see ``Dreamt``.
    """

    image: torch.Tensor
    start: torch.Tensor
    before: float
    after: float
    silent: tuple[str, ...] = ()

    def _pictures(self) -> list[Image.Image]:
        return [to_picture(self.image[:1])]


@by_annotation
def visualise_steps(
    model: LoadedModel,
    objective: Objective,
    *,
    start: torch.Tensor | None = None,
    size: int = 128,
    count: int = 1,
    steps: int = 128,
    learning_rate: float = RATE,
    parametrisation: str = "fourier",
    transforms: Sequence[Transform] = STANDARD,
    generator: torch.Generator | int | None = None,
) -> Generator[VisualiseStep, None, Visualised]:
    """Maximise ``objective`` with Adam (Kingma & Ba 2014, arXiv:1412.6980) from noise, or from given pictures.

    Checks its arguments at once; then yields ``VisualiseStep``s and returns ``Visualised``. May be closed at any step.

    Args:
        start: Pictures (N, 3, H, W), float32 in [0, 1], to start from; black and white are moved inwards by 1/512.
            None starts from noise: ``count`` squares of ``size`` pixels, all at once.
        learning_rate: Adam's, in units of the parametrisation.
        parametrisation: What Adam moves: "fourier" coefficients or "pixels".
        transforms: Applied to the pictures before each step, in order.
        generator: The same state or seed (default: 0) gives the same bytes on one machine.

    Raises:
        InputError: A setting out of its range, or an objective that the network doesn't have.
    """
    if parametrisation not in PARAMETRISATIONS:
        raise InputError(f"Pictures are made of {' or '.join(PARAMETRISATIONS)}, not of “{parametrisation}”.")
    if not 0 <= steps <= 100_000:
        raise InputError(f"A visualisation takes 0 to 100000 steps, not {steps}.")
    if not 0 < learning_rate <= 10:  # written so that NaN fails too
        raise InputError(f"The learning rate lies above 0 and up to 10, but is {learning_rate}.")
    if start is not None:
        check_pixels(start)
        height, width = start.shape[2:]
    else:
        height = width = size
        if not 1 <= count <= 64:
            raise InputError(f"1 to 64 pictures are made at once, not {count}.")
    if not SMALLEST_SIDE <= min(height, width) <= max(height, width) <= LARGEST_SIDE:
        raise InputError(
            f"Sides of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels can be visualised, not {height} × {width}. "
            "Larger pictures can be dreamt of, octave by octave."
        )
    generator = seeded(0 if generator is None else generator)
    goal = bind(model, objective, (height, width))
    if _takes_one_size(model):
        transforms = (*transforms, Middle(height, width))
    kind = Fourier if parametrisation == "fourier" else Pixels
    with torch.inference_mode(False), torch.no_grad():
        if start is None:
            made: Parametrisation = kind.noise((count, height, width), generator)
        else:
            made = kind.of(start.clone())
        made.to(model.device)
    return _visualise(goal, made, tuple(transforms), steps, learning_rate, generator)


visualise = plainly(visualise_steps)


def _takes_one_size(model: LoadedModel) -> bool:
    """Whether a network of somebody's own can't take pictures of any other size; the lab's own all can."""
    other = 2 * model.spec.preprocessing.crop  # a pixel more is often lost on the way, and says nothing
    try:
        return model.spec.weights.held and not layer_table(model.spec.name, (other, other))
    except InputError:
        return True


def _visualise(
    goal: Goal,
    made: Parametrisation,
    transforms: tuple[Transform, ...],
    steps: int,
    learning_rate: float,
    generator: torch.Generator,
) -> Generator[VisualiseStep, None, Visualised]:
    first = _image(made)
    if steps:
        goal = awake(goal, first)
    optimiser = torch.optim.Adam(made.parameters, lr=learning_rate, maximize=True)
    image = first
    for step in range(steps):
        with torch.inference_mode(False), torch.enable_grad():
            for parameter in made.parameters:
                parameter.requires_grad_(True)
            values = goal(apply(transforms, made.image(), generator))
            slopes = torch.autograd.grad(values.sum(), made.parameters)
            for parameter, slope in zip(made.parameters, slopes, strict=True):
                parameter.grad = slope
            optimiser.step()
            objective = values.mean().item()
        image = _image(made)
        yield VisualiseStep(step, steps, objective, image, goal.silent)
    return Visualised(image, first, value(goal, first), value(goal, as_shown(image)), goal.silent)


def _image(made: Parametrisation) -> torch.Tensor:
    with torch.inference_mode(False), torch.no_grad():
        return made.image()
