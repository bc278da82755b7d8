"""How large a picture this machine has memory for, asked before the work begins."""

import math

import torch

from cnnlab_core.device import available_memory
from cnnlab_core.dream.goal import Goal
from cnnlab_core.errors import InputError

_SHARE = 0.5
"""Of the memory that is free now; others dream too."""

_COPIES = 12
"""Floats per colour of a pixel that a dream keeps: picture, base, detail, gradient, pyramid, and their makings."""

_PASSES = 1.0
"""What a pass keeps, in units of all the layers' values (measured: 0.6 to 0.8, since folded layers keep none)."""

TILE = 512
"""A picture is computed in tiles of about this side where it doesn't fit as a whole."""


def bytes_per_pixel(goal: Goal) -> float:
    """What a forward and backward pass keeps per pixel of the picture, from the sizes of the layers on the way."""
    layers = goal.model.nodes()
    names = [layer.name for layer in layers]
    last = max((names.index(term.node) for term in goal.terms if term.node in names), default=0)
    numbers = sum(math.prod(layer.shape) for layer in layers[: last + 1])
    return 4 * _PASSES * numbers / goal.model.spec.preprocessing.crop**2


def largest_side(goal: Goal, device: torch.device) -> int:
    """The side of the largest square that can be dreamt of in tiles with half of the memory that is free now."""
    room = _SHARE * available_memory(device) - bytes_per_pixel(goal) * TILE**2
    return math.isqrt(max(0, int(room / (4 * 3 * _COPIES))))


def tile_for(goal: Goal, size: tuple[int, int], device: torch.device) -> int:
    """The tiles' side for a picture of ``size`` (height, width): all of it where it fits, else ``TILE``.

    Raises ``InputError`` that names a size that fits, if not even that does.
    """
    most = largest_side(goal, device)
    pixels = size[0] * size[1]
    if pixels > most**2:
        scale = most / math.sqrt(pixels)
        fits = f"Make it at most {int(size[0] * scale)} × {int(size[1] * scale)}." if most >= 64 else "Close something."
        raise InputError(
            f"A dream of {size[0]} × {size[1]} pixels needs more memory than this machine has free for it. {fits}"
        )
    whole = _SHARE * available_memory(device) - pixels * 4 * 3 * _COPIES
    return max(size) if pixels * bytes_per_pixel(goal) <= whole else TILE
