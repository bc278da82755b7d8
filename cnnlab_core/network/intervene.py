"""Change the network: channels scaled or switched off, in a run of its own that leaves the shared one alone."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.images import check_pixels
from cnnlab_core.models.cuts import graph_of
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.network.values import as_maps, maps_shape

Changes = Mapping[tuple[str, int], float]
"""By layer and channel the factor that its map is multiplied by: 0 switches it off."""


@by_annotation
def logits_with(model: LoadedModel, x: torch.Tensor, changes: Changes) -> torch.Tensor:
    """The logits (N, classes) of pixels (N, 3, H, W) with channels scaled as ``changes`` says.

    The graph is interpreted node by node, and the values of a changed layer are multiplied on their way: no module
    is touched, so everybody else goes on with the network as it is.

    Raises ``InputError`` for a layer or a channel that the network doesn't have.
    """
    check_pixels(x)
    layers = {layer.name: layer for layer in model.nodes()}
    whole, nodes = graph_of(model)
    factors: dict[fx.Node, dict[int, float]] = {}
    for (name, channel), factor in changes.items():
        if name not in layers:
            raise InputError(f"{model.spec.title} has no layer called “{name}”. model.nodes() lists them all.")
        channels = maps_shape(layers[name])[0]
        if not 0 <= channel < channels:
            raise InputError(f"{name} has channels 0 to {channels - 1}, but {channel} was to be changed.")
        factors.setdefault(nodes[name], {})[channel] = factor
    with torch.no_grad(), model.refusing_small(x):
        return _Changed(whole, factors).run(model.normalise(x))


class _Changed(fx.Interpreter):
    def __init__(self, whole: fx.GraphModule, factors: dict[fx.Node, dict[int, float]]) -> None:
        super().__init__(whole)
        self._factors = factors

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n in self._factors:
            value = value.clone()
            for one in value:
                maps = as_maps(one)  # a view of it
                for channel, factor in self._factors[n].items():
                    maps[channel] *= factor
        return value
