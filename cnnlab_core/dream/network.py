"""The dream's own copy of a network: cut after the nodes that are measured, batch-norm folded, channels last.

The shared network is only read. A dream makes thousands of passes, and the copy pays for itself after a few.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import fx, nn

from cnnlab_core.models.cuts import cut_behind
from cnnlab_core.models.folding import folded, module_of
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
    return module_of(part, graph, {})
