"""How large a picture this machine has memory for, checked before the work starts."""

import math
from collections.abc import Iterable

import torch

from cnnlab_core.errors import InputError
from cnnlab_core.models.layers import layer_table
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.runtime.device import available_memory

_SHARE = 0.5
"""The part of the free memory that one dream may take; others dream too."""

_COPIES = 12
"""Floats per colour value of a pixel that a dream keeps: picture, base, detail, gradient, pyramid, temporaries."""

_PASSES = 1.0
"""What a pass keeps, as a multiple of all the layers' values (measured: 0.6 to 0.8, since folded layers keep none)."""

TILE = 512
"""Pixels of a tile's side, where a picture doesn't fit into memory as a whole."""


def bytes_per_pixel(spec: ModelSpec, nodes: Iterable[str]) -> float:
    """Bytes that a forward and backward pass to ``nodes`` keeps per pixel, from the sizes of the layers on the way."""
    layers = layer_table(spec.name)
    names = [layer.name for layer in layers]
    last = max((names.index(node) for node in nodes if node in names), default=0)
    numbers = sum(math.prod(layer.shape) for layer in layers[: last + 1])
    return 4 * _PASSES * numbers / spec.preprocessing.crop**2


def largest_area(spec: ModelSpec, nodes: Iterable[str], device: torch.device) -> int:
    """The most pixels that a dream in tiles can have, with half of the memory that is free now."""
    free = _SHARE * available_memory(device) - bytes_per_pixel(spec, nodes) * TILE**2
    return max(0, int(free / (4 * 3 * _COPIES)))


def tile_for(spec: ModelSpec, nodes: Iterable[str], size: tuple[int, int], device: torch.device) -> int:
    """The tiles' side for a picture of ``size`` (height, width): its own where it fits as a whole, else ``TILE``.

    Raises ``InputError``, which names a size that fits, for a picture that doesn't fit even in tiles.
    """
    nodes = tuple(nodes)
    most = largest_area(spec, nodes, device)
    pixels = size[0] * size[1]
    if pixels > most:
        scale = math.sqrt(most / pixels)
        fits = f"at most {int(size[0] * scale)} × {int(size[1] * scale)}"
        advice = f"Make it {fits}." if most > 64**2 else "Close other programs."
        raise InputError(
            f"A dream of {size[0]} × {size[1]} pixels needs more memory than this machine has free. {advice}"
        )
    left = _SHARE * available_memory(device) - pixels * 4 * 3 * _COPIES
    return max(size) if pixels * bytes_per_pixel(spec, nodes) <= left else TILE
