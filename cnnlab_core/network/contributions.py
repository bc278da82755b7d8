"""What feeds what: how much each tile adds to the tiles of the next column, and each channel to the classes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models.cuts import cut_behind
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.network.nodes import read_node
from cnnlab_core.network.strongest import Column
from cnnlab_core.network.values import Array, answer_of, as_maps, check_one, values_of
from cnnlab_core.runtime.short_repr import short_repr


@short_repr
@dataclass(frozen=True)
class Feeds:
    """How much the tiles of one column add to those of the next, (tiles of the next, tiles of this one).

    ``whole`` (tiles of the next) is what all channels of the column add, shown or not.
    """

    weights: Array
    whole: Array


@by_annotation
def feeds(model: LoadedModel, x: torch.Tensor, columns: Sequence[Column], classes: Sequence[int]) -> Iterator[Feeds]:
    """For each column what it adds to the next one's tiles; for the last one, to the logits of ``classes``.

    The weight from map i to map j is gradient × activation: the sum over the positions of i of its number times the
    slope of map j's sum there. With one convolution between the two that is exactly the part of j's sum that i's
    kernel adds; over several layers it is exact to first order. One forward pass and a backward pass for each tile,
    each through no more than the stage between: a step for each column.
    """
    check_one(x)
    names = tuple(column.stage.last.name for column in columns)
    with torch.enable_grad():
        pixels = model.normalise(x).detach().requires_grad_()
        values = cut_behind(model, (*names, answer_of(model)))(pixels)
    for place, column in enumerate(columns):
        with torch.enable_grad():  # within a step: the job may go on in another thread
            if place + 1 < len(columns):
                maps = as_maps(values[place + 1][0])
                goals = [maps[channel].sum() for channel in columns[place + 1].channels]
            else:
                goals = [values[-1][0, index] for index in classes]
            rows = [torch.autograd.grad(goal, values[place], retain_graph=True)[0] for goal in goals]
        source = as_maps(values[place].detach()[0])
        parts = torch.stack([(source * as_maps(row[0])).sum(dim=(1, 2)) for row in rows]).double().cpu().numpy()
        yield Feeds(parts[:, list(column.channels)], parts.sum(1))


@short_repr
@dataclass(frozen=True)
class Votes:
    """What speaks for and against a class at the last linear layer: ``activations`` × ``weights``, plus ``bias``.

    All (features,) in float64; their products and the bias add up to ``logit``. ``order`` has the features whose
    product is the largest in size first.
    """

    node: str
    activations: Array
    weights: Array
    bias: float

    @property
    def products(self) -> Array:
        return self.activations * self.weights

    @property
    def logit(self) -> float:
        return float(self.products.sum() + self.bias)

    @property
    def order(self) -> list[int]:
        return np.argsort(-np.abs(self.products), kind="stable").tolist()


@by_annotation
def spread(model: LoadedModel, x: torch.Tensor, vote: Votes) -> Array:
    """Each product of a vote over the places of its map, (features, h, w): they add up to ``vote.products``.

    Summed over the features that is the class activation map of Zhou et al. (2015, arXiv:1512.04150). Raises
    ``InputError`` where the features aren't the means of maps.
    """
    names = [layer.name for layer in model.nodes() if layer.has_maps]
    maps = values_of(model, x, names[-1:])[0].double().cpu().numpy() if names else np.zeros((0, 1, 1))
    if len(maps) != len(vote.activations) or not np.allclose(maps.mean((1, 2)), vote.activations, rtol=1e-3, atol=1e-5):
        raise InputError(
            f"What enters the last layer of {model.spec.title} aren't the means of its last maps, so no map belongs to "
            "a weight. Choose a network with global average pooling, such as EfficientNet-Lite0 or ResNet-18."
        )
    return vote.weights[:, None, None] * maps / (maps.shape[1] * maps.shape[2])


@by_annotation
def votes(model: LoadedModel, x: torch.Tensor, classes: Sequence[int]) -> list[Votes]:
    """The votes of the features that enter the last linear layer, exact, for each of ``classes``.

    Behind a global average the feature is the mean of its map. A network that ends in a convolution whose maps are
    averaged (SqueezeNet) has no such layer: then there are none.

    Raises ``InputError`` for a class that the network doesn't have.
    """
    if not all(0 <= index < len(model.categories) for index in classes):
        raise InputError(f"{model.spec.title} has classes 0 to {len(model.categories) - 1}.")
    call = read_node(model, answer_of(model))
    layer, source = call.module, call.inputs[0]
    if not isinstance(layer, nn.Linear):
        return []
    (entering,) = values_of(model, x, [source])
    numbers = entering.flatten().double().cpu().numpy()
    weight = layer.weight.detach().double().cpu().numpy().copy()
    bias = layer.bias.detach().double().cpu().numpy().copy() if layer.bias is not None else np.zeros(len(weight))
    for channel, factor in call.factors.items():
        weight[channel], bias[channel] = weight[channel] * factor, bias[channel] * factor
    return [Votes(source, numbers, weight[index], float(bias[index])) for index in classes]
