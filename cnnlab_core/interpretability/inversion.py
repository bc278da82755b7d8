"""Feature inversion: a picture that a layer takes for the photo, made from nothing but the layer's activations.

Mahendran & Vedaldi, "Understanding deep image representations by inverting them", CVPR 2015, arXiv:1412.0035.
"""

from collections.abc import Generator

import torch

from cnnlab_core.checks import by_annotation
from cnnlab_core.dream.feature_visualisation import Visualised, VisualiseStep, visualise_steps
from cnnlab_core.dream.objectives import match, total_variation
from cnnlab_core.errors import InputError
from cnnlab_core.images import check_pixels
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import plainly

SMOOTHNESS = 0.2
"""The weight of the total variation."""
RATE = 0.15
"""Adam's: three times that of feature visualisation, since no random shift makes the gradient jump."""


@by_annotation
def inversion_steps(
    model: LoadedModel,
    x: torch.Tensor,
    node: str,
    *,
    steps: int = 96,
    smoothness: float = SMOOTHNESS,
    learning_rate: float = RATE,
    generator: torch.Generator | int = 0,
) -> Generator[VisualiseStep, None, Visualised]:
    """A picture from noise whose activations at ``node`` come close to those of ``x``.

    It maximises ``match`` less ``smoothness`` times the total variation, as ``dream.visualise`` does, in Fourier
    coefficients and without moving the picture.

    Args:
        model: the network.
        x: the photo, square: (1, 3, H, H) in [0, 1].
        node: a layer with maps.
        steps: of Adam.
        smoothness: how much noise costs, from 0 on.
        learning_rate: Adam's.
        generator: draws the noise that it starts from, or a seed.

    Raises:
        InputError: for several pictures, one that isn't square, a node without maps, and numbers out of range.
    """
    check_pixels(x)
    if len(x) != 1 or x.shape[2] != x.shape[3]:
        raise InputError(f"One square picture (1, 3, H, H) is inverted, but this is {tuple(x.shape)}.")
    if not 0 <= smoothness <= 100:
        raise InputError(f"Smoothness is a weight from 0 to 100, but is {smoothness:g}.")
    with torch.no_grad():
        values = capture(model, x, [node])[node]
    goal = match(node, values[0]) - smoothness * total_variation()
    return visualise_steps(
        model, goal, size=x.shape[2], steps=steps, learning_rate=learning_rate, transforms=(), generator=generator
    )


inversion = plainly(inversion_steps)


@by_annotation
def distance_at(model: LoadedModel, x: torch.Tensor, other: torch.Tensor, node: str) -> float:
    """How far apart two pictures are at a layer: the distance of their activations, as a share of those of ``x``."""
    if x.shape != other.shape:
        raise InputError(f"Two pictures of one size are compared, not {tuple(x.shape)} and {tuple(other.shape)}.")
    with torch.no_grad():
        one, two = (capture(model, pixels, [node])[node].double() for pixels in (x, other))
    return float(torch.linalg.vector_norm(one - two) / torch.linalg.vector_norm(one).clamp(min=1e-300))
