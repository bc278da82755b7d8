"""Pictures that change all the time: what the network says of one, in the places of a picture that is there already."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from PIL import Image

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import ImageError, InputError
from cnnlab_core.images import to_tensor
from cnnlab_core.images.headers import scans_of
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.network.intervene import Changes, logits_with
from cnnlab_core.network.strongest import Column, Small, small
from cnnlab_core.network.values import Array, answer_of, as_maps, values_of
from cnnlab_core.runtime.short_repr import short_repr

SIDE = 28
"""Rows and columns of a small map, at most: a few frames are sent each second."""
GREY = 0.5
"""What a patch covers pixels with, as in the occlusion of the attribution page."""
MOST_BYTES = 60_000
"""Of a frame that comes from outside: about four times a JPEG of 224 × 224 pixels."""
_MOST_SCANS = 3
"""Of a plain JPEG: one for all colours, or one for each. Thousands cost minutes."""


@short_repr
@dataclass(frozen=True)
class Look:
    """The logits (classes,), and for each column the maps of its channels, on the scale that they have in it."""

    logits: Array
    maps: tuple[Small, ...]


@by_annotation
def look(
    model: LoadedModel,
    x: torch.Tensor,
    columns: Sequence[Column],
    changes: Changes = MappingProxyType({}),
) -> Look:
    """What the network says of pixels (1, 3, H, W), by one forward pass, in the columns of another picture's overview.

    With ``changes``, as ``logits_with`` takes them, a second pass gives the logits of the changed network.
    """
    *values, logits = values_of(model, x, [*(column.stage.last.name for column in columns), answer_of(model)])
    if changes:
        logits = logits_with(model, x, changes)[0]
    maps = tuple(
        small(as_maps(value)[list(column.channels)], SIDE, column.maps.scale)
        for value, column in zip(values, columns, strict=True)
    )
    return Look(logits.double().cpu().numpy(), maps)


@by_annotation
def covered(x: torch.Tensor, top: int, left: int, side: int) -> torch.Tensor:
    """A copy of pixels (1, 3, H, W) with a grey square of ``side`` rows laid over them, as far as it lies on them."""
    if side < 1 or top < 0 or left < 0:
        raise InputError(f"A patch has a side of at least 1 and begins within the picture, not {side}, {top}, {left}.")
    x = x.clone()
    x[..., top : top + side, left : left + side] = GREY
    return x


@by_annotation
def frame_pixels(content: bytes, side: int) -> torch.Tensor:
    """The pixels (1, 3, side, side) of a frame: a plain JPEG of just this size, which the browser has made.

    Raises ``ImageError`` for anything else, before it is decoded.
    """
    try:
        if len(content) > MOST_BYTES:
            raise ValueError
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as picture:
            if picture.size != (side, side) or picture.info.get("progressive") or scans_of(content) > _MOST_SCANS:
                raise ValueError
            return to_tensor(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise ImageError(f"The camera's frame isn't a plain JPEG of {side} × {side} pixels.") from None
