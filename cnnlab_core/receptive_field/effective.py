"""The effective receptive field: how much each pixel really moves a unit, by its gradient.

Luo, Li, Urtasun and Zemel, "Understanding the effective receptive field in deep convolutional neural networks", NIPS
2016, arXiv:1701.04128: it is a fraction of the theoretical one, and bell-shaped.
"""

from collections.abc import Generator, Sequence

import numpy as np
import torch

from cnnlab_core.errors import InputError
from cnnlab_core.models.cuts import cut_behind
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.receptive_field.fields import Box
from cnnlab_core.runtime.jobs import Progress, plainly


def effective_field_steps(
    model: LoadedModel, node: str, row: int, col: int, pictures: Sequence[torch.Tensor], *, channel: int | None = None
) -> Generator[Progress[np.ndarray], None, np.ndarray]:
    """The influence of each pixel on unit (row, col) of a node, averaged over ``pictures`` (each (1, 3, H, W)).

    The unit is one ``channel``, or the sum of all of them. Gives the mean |gradient|, summed over colours: (H, W)
    float64, not negative; each step holds the mean so far. Raises ``InputError`` for a unit that isn't there.
    """
    if not pictures:
        raise InputError("The effective field is a mean over pictures. Give at least one.")
    total = np.zeros(tuple(pictures[0].shape[2:]))
    for done, x in enumerate(pictures, 1):
        with torch.enable_grad():
            pixels = x.detach().clone().requires_grad_()
            with model.refusing_small(pixels):
                (maps,) = cut_behind(model, (node,))(model.normalise(pixels))
            _check_unit(node, maps, row, col, channel)
            unit = maps[0, :, row, col].sum() if channel is None else maps[0, channel, row, col]
            (gradient,) = torch.autograd.grad(unit, pixels)
        total += gradient[0].abs().sum(0).double().cpu().numpy()
        yield Progress(done, len(pictures), total / done)
    return total / len(pictures)


effective_field = plainly(effective_field_steps)


def noise_pictures(model: LoadedModel, count: int, generator: torch.Generator) -> list[torch.Tensor]:
    """``count`` pictures of even noise in [0, 1], of the model's own size."""
    side = model.spec.preprocessing.crop
    return [torch.rand(1, 3, side, side, generator=generator).to(model.device) for _ in range(count)]


def mass_radii(
    influence: np.ndarray, shares: Sequence[float] = (0.25, 0.5, 0.95)
) -> tuple[tuple[float, float], list[float]]:
    """The centre of mass (row, col) of an influence map, and the radii in pixels that hold the given shares of it."""
    mass = influence.sum()
    if not mass > 0:
        raise InputError("This unit has no gradient on these pictures (a dead ReLU), so it has no effective field.")
    rows, cols = np.indices(influence.shape)
    centre = float((rows * influence).sum() / mass), float((cols * influence).sum() / mass)
    distance = np.hypot(rows - centre[0], cols - centre[1]).ravel()
    order = np.argsort(distance, kind="stable")
    inside = np.cumsum(influence.ravel()[order]) / mass
    return centre, [float(distance[order][np.searchsorted(inside, share - 1e-12)]) for share in shares]


def share_of_box(centre: tuple[float, float], radius: float, box: Box) -> float:
    """How much of a box (in pixels) lies within ``radius`` of ``centre``: what a unit uses of what it could see."""
    rows, cols = np.arange(box.top, box.bottom + 1), np.arange(box.left, box.right + 1)
    return float((np.hypot(rows[:, None] - centre[0], cols - centre[1]) <= radius).mean())


def _check_unit(node: str, maps: torch.Tensor, row: int, col: int, channel: int | None) -> None:
    if maps.ndim != 4:
        raise InputError(
            f"{node} has no rows and columns (its shape is {tuple(maps.shape[1:])}). Choose an earlier node."
        )
    limits = {"channel": (channel, maps.shape[1]), "row": (row, maps.shape[2]), "column": (col, maps.shape[3])}
    for what, (index, length) in limits.items():
        if index is not None and not 0 <= index < length:
            raise InputError(f"{node} has {what}s 0 to {length - 1}, but {what} {index} was asked for.")
