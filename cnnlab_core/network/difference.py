"""Two pictures through one network: where does their difference grow?"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models.layers import Layer
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.network.stages import Stage
from cnnlab_core.network.strongest import Small, small
from cnnlab_core.network.values import as_maps, values_of
from cnnlab_core.runtime.short_repr import short_repr


@short_repr
@dataclass(frozen=True)
class StageDifference:
    """Of a stage the ``channel`` whose map changes most from one picture to another.

    ``maps`` (3, rows, columns) are those of the first and of the second picture, and the second less the first, all on
    one scale. ``ratio`` is that of the whole stage, as in ``differences``.
    """

    stage: Stage
    channel: int
    maps: Small
    ratio: float


@by_annotation
def differences(model: LoadedModel, before: torch.Tensor, after: torch.Tensor) -> list[tuple[Layer, float]]:
    """For every layer, in forward order, ‖after − before‖ / ‖before‖ of its values, in the L2 norm.

    Args:
        before: the pixels of a picture (1, 3, H, W).
        after: those of another one, of the same shape: an adversarial one, say.

    Returns:
        A layer and its ratio for each; inf where the values of the first picture are all 0 and those of the other
        aren't, 0 where both are.

    Raises:
        InputError: for what isn't one picture each, and for two of different shapes.
    """
    layers = model.nodes()
    pairs = _both(model, before, after, [layer.name for layer in layers])
    return [(layer, _ratio(x, y)) for layer, (x, y) in zip(layers, pairs, strict=True)]


@by_annotation
def stage_differences(
    model: LoadedModel, before: torch.Tensor, after: torch.Tensor, stages: tuple[Stage, ...]
) -> list[StageDifference]:
    """For each stage the map that changes most from one picture (1, 3, H, W) to another, in the L2 norm.

    Raises ``InputError`` as ``differences`` does.
    """
    found = []
    pairs = _both(model, before, after, [stage.last.name for stage in stages])
    for stage, (x, y) in zip(stages, pairs, strict=True):
        maps, changes = as_maps(x), as_maps(y - x)
        channel = int(torch.linalg.vector_norm(changes, dim=(1, 2)).argmax())
        three = torch.stack([maps[channel], as_maps(y)[channel], changes[channel]])
        found.append(StageDifference(stage, channel, small(three), _ratio(x, y)))
    return found


def _both(
    model: LoadedModel, before: torch.Tensor, after: torch.Tensor, names: Sequence[str]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    if before.shape != after.shape:
        raise InputError(f"The pictures must have one shape, but they have {before.shape} and {after.shape}.")
    return list(zip(values_of(model, before, names), values_of(model, after, names), strict=True))


def _ratio(x: torch.Tensor, y: torch.Tensor) -> float:
    size, change = (float(torch.linalg.vector_norm(values.double())) for values in (x, y.double() - x.double()))
    return change / size if size else (float("inf") if change else 0.0)
