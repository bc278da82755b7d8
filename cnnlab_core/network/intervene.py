"""Change the network: channels scaled or switched off, in a graph of its own that leaves the shared one alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import fx, nn

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models.cuts import graph_of, know_graph
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.network.nodes import scaled
from cnnlab_core.network.values import maps_shape

Changes = Mapping[tuple[str, int], float]
"""By layer and channel the factor that its map is multiplied by: 0 switches it off."""


@by_annotation
def changed(model: LoadedModel, changes: Changes) -> LoadedModel:
    """The network with channels scaled as ``changes`` says; without changes, ``model`` itself.

    Behind each changed layer its values are multiplied: under the layer's name, everything that looks into networks
    then finds them multiplied, and so do the layers that read it. Weights are shared, and no module is touched.

    Raises ``InputError`` for a layer or a channel that the network doesn't have.
    """
    if not changes:
        return model
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
    graph = fx.Graph()
    copied: dict[fx.Node, Any] = {}
    for node in whole.graph.nodes:
        copied[node] = graph.node_copy(node, copied.__getitem__)
        if node in factors:
            copied[node] = graph.call_function(scaled, (copied[node], tuple(factors[node].items())))
    network = _Network(fx.GraphModule(whole, graph))
    know_graph(network, network.graph_module, {name: copied[node] for name, node in nodes.items()})
    return replace(model, network=network, quick=None)


@by_annotation
def logits_with(model: LoadedModel, x: torch.Tensor, changes: Changes) -> torch.Tensor:
    """The logits (N, classes) of pixels (N, 3, H, W) with channels scaled as ``changes`` says.

    Raises ``InputError`` for a layer or a channel that the network doesn't have.
    """
    with torch.no_grad():
        return changed(model, changes)(x)


class _Network(nn.Module):
    """Holds the graph: what is known of a network goes with it, so the graph mustn't be the network itself."""

    def __init__(self, graph_module: fx.GraphModule) -> None:
        super().__init__()
        self.graph_module = graph_module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.graph_module(x)
        return answer
