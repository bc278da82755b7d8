"""The whole picture: of every stage the channels that matter most for this photo and a class, as small maps."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from cnnlab_core.checks import by_annotation
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.network.stages import Stage
from cnnlab_core.network.values import Array, as_maps, with_gradients
from cnnlab_core.runtime.short_repr import short_repr

TILES = 8
"""Channels of a stage that are shown."""
SIDE = 56
"""Rows and columns of a small map, at most."""
_HIDDEN_SHARE = 0.005
"""The share of the largest numbers that may be drawn no stronger than full colour."""


@short_repr
@dataclass(frozen=True)
class Small:
    """Signed numbers as whole ones: ``levels`` (..., rows, columns) from -127 to 127, which stands for ``scale``."""

    levels: npt.NDArray[np.int8]
    scale: float


@short_repr
@dataclass(frozen=True)
class Column:
    """A stage's strongest channels, the strongest first, each with its score, its map and its gradient.

    ``peaks`` (channels, 2) are the row and the column of the cell whose own share of the score is the largest in size.
    ``scores`` of all its channels add up to ``total``.
    """

    stage: Stage
    channels: tuple[int, ...]
    scores: Array
    total: float
    maps: Small
    gradients: Small
    peaks: npt.NDArray[np.int64]


@short_repr
@dataclass(frozen=True)
class Overview:
    """All columns for the class ``asked``, the logits (classes,), and the gradient for the pixels (rows, columns)."""

    columns: tuple[Column, ...]
    logits: Array
    asked: int
    pixels: Small


@by_annotation
def overview(
    model: LoadedModel,
    x: torch.Tensor,
    stages: tuple[Stage, ...],
    asked: int | None = None,
    *,
    tiles: int = TILES,
    like: Overview | None = None,
) -> Overview:
    """The picture of one photo (1, 3, H, W), from one forward and one backward pass.

    A channel's score is gradient × activation, added up over its positions: by how much the logit of the class
    ``asked`` (by default the most probable one) would fall, to first order, if the channel were switched off. Of every
    stage the ``tiles`` channels are shown whose score is largest in size. Colours have one symmetric scale per stage.
    With ``like``, another overview of these stages, channels, class and scales are as they are there: to compare.

    Raises ``InputError`` for inputs that aren't pixels.
    """
    asked = like.asked if like else asked
    values, gradients, pixels, logits, asked = with_gradients(model, x, [s.last.name for s in stages], asked)
    columns = []
    for place, (stage, value, gradient) in enumerate(zip(stages, values, gradients, strict=True)):
        known = like.columns[place] if like else None
        maps, slopes = as_maps(value), as_maps(gradient)
        shares = maps * slopes
        scores = shares.sum(dim=(1, 2))
        chosen = torch.tensor(known.channels) if known else scores.abs().argsort(descending=True, stable=True)[:tiles]
        peaks = shares[chosen].abs().flatten(1).argmax(1)
        columns.append(
            Column(
                stage,
                tuple(chosen.tolist()),
                scores[chosen].double().cpu().numpy(),
                float(scores.double().sum()),
                small(maps[chosen], scale=known.maps.scale if known else None),
                small(slopes[chosen], scale=known.gradients.scale if known else None),
                np.stack(np.unravel_index(peaks.cpu().numpy(), tuple(maps.shape[1:])), 1),
            )
        )
    return Overview(
        tuple(columns),
        logits.double().cpu().numpy(),
        asked,
        small(pixels.sum(0), scale=like.pixels.scale if like else None),
    )


def small(maps: torch.Tensor, side: int = SIDE, scale: float | None = None) -> Small:
    """Maps (..., rows, columns) with neighbours averaged until they have at most ``side`` rows and columns.

    Levels stand for ``scale``; by default for the largest number but for a few.
    """
    rows, cols = maps.shape[-2:]
    if max(rows, cols) > side:
        flat = maps.reshape(1, -1, rows, cols)
        maps = F.adaptive_avg_pool2d(flat, (min(rows, side), min(cols, side))).reshape(
            *maps.shape[:-2], min(rows, side), min(cols, side)
        )
    numbers = maps.cpu().numpy()
    scale = largest(numbers) if scale is None else scale
    return Small(np.rint(np.clip(numbers / scale, -1, 1) * 127).astype(np.int8), scale)


def largest(numbers: npt.NDArray[np.floating]) -> float:
    """The number that full colour stands for: the largest in size, but for a few."""
    sizes = np.abs(numbers).ravel()
    place = max(0, len(sizes) - 1 - int(_HIDDEN_SHARE * len(sizes)))
    found = float(np.partition(sizes, place)[place])
    return found or float(sizes.max()) or 1.0
