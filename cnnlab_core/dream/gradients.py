"""Normalising a gradient before a step: as a whole, or in each band of frequencies."""

from typing import Literal

import torch
import torch.nn.functional as F

from cnnlab_core.dream.objectives import binomial_kernel
from cnnlab_core.errors import InputError

Normalisation = Literal["mean-abs", "std", "l2", "none"]
NORMALISATIONS: tuple[Normalisation, ...] = ("mean-abs", "std", "l2", "none")

MOST_LEVELS = 8
"""Levels of a Laplacian pyramid, at most."""

_TINY = 1e-20
"""Below every gradient that isn't zero; a gradient of zero stays zero."""


def check_normalisation(name: str, levels: int) -> None:
    """Raise ``InputError`` for an unknown normalisation or too many levels."""
    if name not in NORMALISATIONS:
        raise InputError(f"Gradients are normalised by {', '.join(NORMALISATIONS)}; not by “{name}”.")
    if not 0 <= levels <= MOST_LEVELS:
        raise InputError(f"A Laplacian pyramid has 0 (none) to {MOST_LEVELS} levels here, not {levels}.")


def normalised(gradient: torch.Tensor, how: Normalisation) -> torch.Tensor:
    """Each picture's gradient (N, 3, H, W) divided by its size, so that one step size fits every layer.

    "mean-abs" is the mean |g| (Mordvintsev, Olah & Tyka 2015), "std" the standard deviation, "l2" the root mean
    square ‖g‖/√n; "none" leaves it alone.
    """
    if how == "mean-abs":
        size = gradient.abs().mean((1, 2, 3), keepdim=True)
    elif how == "std":
        size = gradient.std((1, 2, 3), keepdim=True)
    elif how == "l2":
        size = gradient.square().mean((1, 2, 3), keepdim=True).sqrt()
    else:
        return gradient
    return gradient / size.clamp(min=_TINY)


def laplacian_normalised(gradient: torch.Tensor, levels: int) -> torch.Tensor:
    """Each band of a Laplacian pyramid scaled to a standard deviation of 1, and all added up again.

    Coarse patterns are then drawn as strongly as fine ones (``lap_normalize`` of Mordvintsev's DeepDream notebook in
    TensorFlow's examples, 2016; the pyramid is Burt & Adelson's of 1983). ``levels`` bands, then the coarse rest.
    """
    bands, rest = [], gradient
    for _ in range(levels):
        if min(rest.shape[2:]) < 4:
            break
        coarse = _halved(rest)
        bands.append(rest - _doubled(coarse, rest))
        rest = coarse
    total = normalised(rest, "std")
    for band in reversed(bands):
        total = _doubled(total, band) + normalised(band, "std")
    return total


def _halved(x: torch.Tensor) -> torch.Tensor:
    return F.conv2d(x, binomial_kernel(x.shape[1], x), stride=2, padding=2, groups=x.shape[1])


def _doubled(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Twice as large, to the size of ``like``; the kernel counts four times, since three in four cells are new."""
    channels = x.shape[1]
    odd = [(length + 1) % 2 for length in like.shape[2:]]
    return F.conv_transpose2d(
        x, 4 * binomial_kernel(channels, x), stride=2, padding=2, output_padding=odd, groups=channels
    )
