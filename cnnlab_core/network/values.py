"""The values of layers as maps, whatever their layout, and their gradients, all from one pass through the graph."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from cnnlab_core.errors import InputError
from cnnlab_core.images import check_pixels
from cnnlab_core.models.cuts import cut_behind
from cnnlab_core.models.layers import Layer
from cnnlab_core.models.loaded import LoadedModel

Array = npt.NDArray[np.float64]


def as_maps(values: torch.Tensor) -> torch.Tensor:
    """One picture's values without the batch as maps (channels, rows, columns).

    A vector is that many maps of one number. Channels that come last, (rows, rows, channels), are brought to the front.
    """
    if values.ndim == 1:
        return values[:, None, None]
    if values.ndim == 2:
        return values[None]
    last = values.shape[0] == values.shape[1] and values.shape[1] != values.shape[2]
    return values.permute(2, 0, 1) if last else values


def check_one(x: torch.Tensor) -> None:
    """Refuse what isn't the pixels of one picture (1, 3, H, W)."""
    check_pixels(x)
    if len(x) != 1:
        raise InputError(f"This looks at one picture at a time, but x holds {len(x)}: give it x[:1].")


def maps_shape(layer: Layer) -> tuple[int, int, int]:
    """How many maps of how many rows and columns ``as_maps`` gives of a layer."""
    shape = as_maps(torch.empty(layer.shape, device="meta")).shape
    return shape[0], shape[1], shape[2]


def answer_of(model: LoadedModel) -> str:
    """The node whose values are the logits."""
    return model.nodes()[-1].name


def values_of(model: LoadedModel, x: torch.Tensor, nodes: Sequence[str]) -> list[torch.Tensor]:
    """The values of nodes for one picture (1, 3, H, W); of the picture's own node, normalised pixels."""
    check_one(x)
    with torch.no_grad(), model.refusing_small(x):
        return [value[0] for value in cut_behind(model, tuple(nodes))(model.normalise(x))]


def with_gradients(
    model: LoadedModel, x: torch.Tensor, nodes: Sequence[str], asked: int | None = None
) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor, torch.Tensor, int]:
    """One forward and one backward pass: what every node says, and how the logit of a class changes with it.

    Args:
        asked: the class; by default the most probable one.

    Returns:
        The values of ``nodes`` and the logit's gradients for them, without the batch (zeros where the logit doesn't
        depend on a node), its gradient for the pixels (3, H, W), all logits, and the class.
    """
    check_one(x)
    if asked is not None and not 0 <= asked < len(model.categories):
        raise InputError(f"{model.spec.title} has classes 0 to {len(model.categories) - 1}, but {asked} was asked for.")
    names = dict.fromkeys([*nodes, answer_of(model)])
    with torch.enable_grad(), model.refusing_small(x):
        pixels = x.detach().clone().requires_grad_()
        values = dict(zip(names, cut_behind(model, tuple(names))(model.normalise(pixels)), strict=True))
        logits = values[answer_of(model)][0]
        asked = int(logits.argmax()) if asked is None else asked
        found = [values[name] for name in nodes]
        gradients = torch.autograd.grad(logits[asked], [pixels, *found], allow_unused=True, materialize_grads=True)
    return [v.detach()[0] for v in found], [g[0] for g in gradients[1:]], gradients[0][0], logits.detach(), asked
