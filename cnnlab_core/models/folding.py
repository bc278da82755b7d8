"""Networks in fewer steps: batch norms and even padding go into the convolutions, for the same numbers."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from cnnlab_core.errors import InputError
from cnnlab_core.models.cuts import whole_graph


@torch.inference_mode(False)  # whoever asks first: the copy is also that of those who need gradients
@torch.no_grad()
def quick_copy(network: nn.Module) -> nn.Module | None:
    """A network in eval mode with the same logits and input gradients but for rounding, in less time.

    All but the convolutions is shared with ``network``, which stays as it is. None for one without batch norms behind
    convolutions, or that torch.fx can't trace: only the order in memory could be better there, and that would double
    AlexNet's 240 MB.
    """
    if not any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
        return None
    try:
        return nn.Sequential(_InChannelsLast(), folded(whole_graph(network)))
    except InputError:
        return None


class _InChannelsLast(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _ChannelsLast.apply(x)


class _ChannelsLast(torch.autograd.Function):
    """Pictures (N, C, H, W) in channels last; their gradient laid out as ever, so that ``view`` works."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        """Nothing is needed for the way back."""

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return gradients[0].contiguous()


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
    return module_of(part, graph, holds)


def module_of(part: fx.GraphModule, graph: fx.Graph, holds: dict[str, object]) -> fx.GraphModule:
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
        return replace(self, weight=weight.detach().contiguous(memory_format=torch.channels_last), bias=bias.detach())

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
        plain = isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
        if not plain or _hooked(layer):
            return None
        options = (layer.stride, layer.padding, layer.dilation, layer.groups)
        return _Convolution(node.args[0], layer.weight, layer.bias, *options)  # type: ignore[arg-type]
    if node.op == "call_function" and node.target is torch.conv2d and len(node.args) == 7:
        arguments: Any = node.args
        source, weight, bias, stride, padding, dilation, groups = arguments
        held = all(tensor is None or tensor.op == "get_attr" for tensor in (weight, bias))  # and not computed
        if held and not isinstance(padding, str):
            tensors = _attribute(part, weight), None if bias is None else _attribute(part, bias)
            return _Convolution(source, *tensors, tuple(stride), tuple(padding), tuple(dilation), groups)
    return None


def _attribute(part: fx.GraphModule, node: fx.Node) -> torch.Tensor:
    module, _, name = str(node.target).rpartition(".")
    return getattr(part.get_submodule(module), name)


def _norm_behind(part: fx.GraphModule, node: fx.Node) -> fx.Node | None:
    """The batch-norm that alone reads what ``node`` gives."""
    user, *others = node.users or [None]
    if others or user is None or user.op != "call_module":
        return None
    layer = part.get_submodule(str(user.target))
    return user if isinstance(layer, nn.BatchNorm2d) and not _hooked(layer) else None


def _hooked(layer: nn.Module) -> bool:
    """Whether somebody has hung something on the layer, which may change what it gives."""
    return bool(layer._forward_hooks or layer._forward_pre_hooks)


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
