"""How large a picture this machine has memory for, asked before the work begins."""

import math
from collections.abc import Iterable

import torch

from cnnlab_core.errors import InputError
from cnnlab_core.models.layers import layer_table
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.runtime.device import available_memory

_SHARE = 0.5
"""Of the memory that is free now; others dream too."""

_COPIES = 12
"""Floats per colour of a pixel that a dream keeps: picture, base, detail, gradient, pyramid, and their makings."""

_PASSES = 1.0
"""What a pass keeps, in units of all the layers' values (measured: 0.6 to 0.8, since folded layers keep none)."""

TILE = 512
"""A picture is computed in tiles of about this side where it doesn't fit as a whole."""


def bytes_per_pixel(spec: ModelSpec, nodes: Iterable[str]) -> float:
    """What a forward and backward pass to ``nodes`` keeps per pixel, from the sizes of the layers on the way."""
    layers = layer_table(spec.name)
    names = [layer.name for layer in layers]
    last = max((names.index(node) for node in nodes if node in names), default=0)
    numbers = sum(math.prod(layer.shape) for layer in layers[: last + 1])
    return 4 * _PASSES * numbers / spec.preprocessing.crop**2


def largest_area(spec: ModelSpec, nodes: Iterable[str], device: torch.device) -> int:
    """The most pixels that can be dreamt of in tiles with half of the memory that is free now."""
    room = _SHARE * available_memory(device) - bytes_per_pixel(spec, nodes) * TILE**2
    return max(0, int(room / (4 * 3 * _COPIES)))


def tile_for(spec: ModelSpec, nodes: Iterable[str], size: tuple[int, int], device: torch.device) -> int:
    """The tiles' side for a picture of ``size`` (height, width): all of it where it fits, else ``TILE``.

    Raises ``InputError`` that names a size that fits, if not even that does.
    """
    nodes = tuple(nodes)
    most = largest_area(spec, nodes, device)
    pixels = size[0] * size[1]
    if pixels > most:
        scale = math.sqrt(most / pixels)
        fits = (
            f"Make it at most {int(size[0] * scale)} × {int(size[1] * scale)}." if most > 64**2 else "Close something."
        )
        raise InputError(
            f"A dream of {size[0]} × {size[1]} pixels needs more memory than this machine has free for it. {fits}"
        )
    whole = _SHARE * available_memory(device) - pixels * 4 * 3 * _COPIES
    return max(size) if pixels * bytes_per_pixel(spec, nodes) <= whole else TILE
