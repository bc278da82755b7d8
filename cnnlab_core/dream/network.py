"""The dream's own copy of a network: cut after the nodes that are measured, batch-norm folded, channels last.

The shared network is only read. A dream makes thousands of passes, and the copy pays for itself after a few.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from cnnlab_core.models.cuts import cut_behind
from cnnlab_core.models.loaded import LoadedModel

Values = dict[str, torch.Tensor]
Look = Callable[[torch.Tensor], Values]
"""From pixels (N, 3, H, W) to the values of graph nodes by name."""

_MOST_COPIES = 3
"""Copies kept per network, the latest; they go when the network goes."""

_Key = tuple[tuple[str, ...], tuple[str, ...]]
_copies: "weakref.WeakKeyDictionary[nn.Module, OrderedDict[_Key, fx.GraphModule]]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def values_at(model: LoadedModel, nodes: tuple[str, ...], before_activation: tuple[str, ...] = ()) -> Look:
    """A function from pixels (N, 3, H, W) in [0, 1] to the values of the graph nodes, differentiable in the pixels.

    Its numbers are those of ``capture`` but for float rounding; of the nodes in ``before_activation``, those they
    would have if the last activations on the way to them weren't there. The normalisation stays a step of
    its own: a mean folded into a zero-padded convolution would be wrong at the borders.
    """
    part = _copy(model, nodes, before_activation)

    def values(x: torch.Tensor) -> Values:
        with model.refusing_small(x):
            found = part(model.normalise(x).contiguous(memory_format=torch.channels_last))
        return dict(zip(nodes, found, strict=True))

    return values


def has_activation_before(model: LoadedModel, node: str) -> bool:
    """Whether the node is an activation that can be silent, or only pools and joins what such ones give."""
    part = cut_behind(model, (node,))
    return bool(_activations(part, _output(part)[0]))


def _copy(model: LoadedModel, nodes: tuple[str, ...], before_activation: tuple[str, ...]) -> fx.GraphModule:
    key = nodes, before_activation
    with _lock:
        known = _copies.setdefault(model.network, OrderedDict())
        if key in known:
            known.move_to_end(key)
            return known[key]
    with torch.inference_mode(False), torch.no_grad():
        part = cut_behind(model, nodes)
        if before_activation:
            part = _without_activations(part, [node in before_activation for node in nodes])
        made = folded(part)
    with _lock:
        known[key] = made
        while len(known) > _MOST_COPIES:
            known.popitem(last=False)
    return made


# --- values before a silent activation ------------------------------------------------------------------------

_ACTIVATIONS = ("relu", "relu6", "hardswish", "hardsigmoid", "hardtanh")
_WITHOUT_WEIGHTS = ("cat", "dropout", "max_pool2d", "maxpool2d", "avg_pool2d", "avgpool2d")


def _kind(part: fx.GraphModule, node: fx.Node) -> str:
    if node.op == "call_module":
        return type(part.get_submodule(str(node.target))).__name__.lower()
    return getattr(node.target, "__name__", str(node.target)).lower()


def _activations(part: fx.GraphModule, node: fx.Node) -> set[fx.Node]:
    """The last activations on the ways to a node, if only pooling and joining come between."""
    if _kind(part, node) in _ACTIVATIONS:
        return {node}
    if _kind(part, node) not in _WITHOUT_WEIGHTS:
        return set()
    return {found for before in node.all_input_nodes for found in _activations(part, before)}


def _output(part: fx.GraphModule) -> tuple[fx.Node, ...]:
    (result,) = next(node for node in part.graph.nodes if node.op == "output").args
    return result


def _without_activations(part: fx.GraphModule, silent: list[bool]) -> fx.GraphModule:
    """The same part, in which the marked outputs are computed past the last activations on the way to them."""
    graph: fx.Graph = fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    for node in part.graph.nodes:
        if node.op != "output":
            copied[node] = graph.node_copy(node, copied.__getitem__)

    def past(node: fx.Node) -> fx.Node:
        if _kind(part, node) in _ACTIVATIONS:
            return copied[node.all_input_nodes[0]]
        if _kind(part, node) in _WITHOUT_WEIGHTS:
            return graph.node_copy(node, past)
        return copied[node]

    graph.output(tuple(past(node) if skip else copied[node] for node, skip in zip(_output(part), silent, strict=True)))
    return _module(part, graph, {})


# --- fewer steps ----------------------------------------------------------------------------------------------


def folded(part: fx.GraphModule) -> fx.GraphModule:
    """A module with the same values as ``part`` in fewer steps: batch-norm and even padding go into the convolutions.

    It shares with ``part`` whatever stays as it is; ``part`` itself is only read.
    """
    graph: fx.Graph = fx.Graph()
    holds: dict[str, object] = {}
    copied: dict[fx.Node, fx.Node] = {}
    for node in part.graph.nodes:
        if node in copied:  # a batch-norm that went into the convolution before it
            continue
        convolution = _read(part, node)
        if convolution is None:
            copied[node] = graph.node_copy(node, copied.__getitem__)
            continue
        norm = _norm_behind(part, node)
        if norm is not None:
            convolution = convolution.with_norm(part.get_submodule(str(norm.target)))  # type: ignore[arg-type]
        convolution = _with_padding_before(part, convolution)
        copied[node] = convolution.write(graph, holds, copied[convolution.source], node.name)
        if norm is not None:
            copied[norm] = copied[node]
    return _module(part, graph, holds)


def _module(part: fx.GraphModule, graph: fx.Graph, holds: dict[str, object]) -> fx.GraphModule:
    """The graph as a module: its tensors from ``holds`` by name, the rest from ``part``, and no unused nodes."""
    for node in reversed(graph.nodes):
        if not node.users and node.op not in ("placeholder", "output"):
            graph.erase_node(node)
    held: dict[str, object] = {}
    for node in graph.nodes:
        if node.op == "call_module":
            held[node.target] = part.get_submodule(node.target)
        elif node.op == "get_attr":
            held[node.target] = holds[node.target] if node.target in holds else _attribute(part, node)
    return fx.GraphModule(held, graph)


@dataclass(frozen=True)
class _Convolution:
    """A 2-D convolution with zero padding, whether the network wrote it as a layer or as a call of the function."""

    source: fx.Node
    weight: torch.Tensor
    bias: torch.Tensor | None
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    def with_norm(self, norm: nn.BatchNorm2d) -> "_Convolution":
        """The same with a batch-norm behind it (Jacob et al. 2017, arXiv:1712.05877, eq. 14)."""
        assert norm.running_mean is not None
        assert norm.running_var is not None
        statistics = norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        weight, bias = fuse_conv_bn_weights(self.weight, self.bias, *statistics)
        return replace(self, weight=weight.detach(), bias=bias.detach())

    def write(self, graph: fx.Graph, holds: dict[str, object], source: fx.Node, name: str) -> fx.Node:
        """Add it to a graph; its weights go into ``holds`` by name."""
        tensors: list[fx.Node | None] = []
        for part, tensor in (("weight", self.weight), ("bias", self.bias)):
            if tensor is not None:
                holds[f"{name}_{part}"] = tensor
            tensors.append(None if tensor is None else graph.create_node("get_attr", f"{name}_{part}"))
        options = (self.stride, self.padding, self.dilation, self.groups)
        return graph.call_function(torch.conv2d, (source, *tensors, *options))


def _read(part: fx.GraphModule, node: fx.Node) -> _Convolution | None:
    """The convolution that a node is, if it is one of the plain kind."""
    if node.op == "call_module":
        layer = part.get_submodule(str(node.target))
        if not isinstance(layer, nn.Conv2d) or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
            return None
        options = (layer.stride, layer.padding, layer.dilation, layer.groups)
        return _Convolution(node.args[0], layer.weight, layer.bias, *options)  # type: ignore[arg-type]
    if node.op == "call_function" and node.target is torch.conv2d and len(node.args) == 7:
        arguments: Any = node.args
        source, weight, bias, stride, padding, dilation, groups = arguments
        if not isinstance(padding, str):
            tensors = _attribute(part, weight), None if bias is None else _attribute(part, bias)
            return _Convolution(source, *tensors, tuple(stride), tuple(padding), tuple(dilation), groups)
    return None


def _attribute(part: fx.GraphModule, node: fx.Node) -> torch.Tensor:
    module, _, name = str(node.target).rpartition(".")
    return getattr(part.get_submodule(module), name)


def _norm_behind(part: fx.GraphModule, node: fx.Node) -> fx.Node | None:
    """The batch-norm that alone reads what ``node`` gives."""
    (user, *others) = node.users
    alone = not others and user.op == "call_module"
    return user if alone and isinstance(part.get_submodule(str(user.target)), nn.BatchNorm2d) else None


def _with_padding_before(part: fx.GraphModule, convolution: _Convolution) -> _Convolution:
    """The convolution with the padding layer before it taken over as its own, if both sides are padded alike."""
    before = convolution.source
    layer = part.get_submodule(str(before.target)) if before.op == "call_module" else None
    if not isinstance(layer, nn.ZeroPad2d):
        return convolution
    left, right, top, bottom = layer.padding
    if left != right or top != bottom:
        return convolution
    padding = (convolution.padding[0] + top, convolution.padding[1] + left)
    return replace(convolution, source=before.args[0], padding=padding)  # type: ignore[arg-type]
