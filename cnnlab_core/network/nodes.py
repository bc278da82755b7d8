"""A node of a network's graph, read: its kind, its inputs and its settings, whether it is a module or a function."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import fx, nn
from torch.func import functional_call

from cnnlab_core.errors import InputError
from cnnlab_core.models.cuts import graph_of
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.network.values import as_maps
from cnnlab_core.runtime.short_repr import short_repr


@short_repr
@dataclass(frozen=True)
class Call:
    """A node of the graph: its kind, its module if it has one, and its arguments as the graph has them."""

    node: fx.Node
    name: str
    kind: str
    module: Any
    inputs: tuple[str, ...]
    names: Mapping[fx.Node, str]
    whole: fx.GraphModule
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)  # left, right, top, bottom: of a padding node before it
    factors: Mapping[int, float] = field(default_factory=dict)  # by channel, what somebody multiplies its map by
    values: Mapping[str, torch.Tensor] = field(default_factory=dict)
    constants: Set[fx.Node] = frozenset()  # parameters, and what is computed of them alone

    def given(self, values: Mapping[str, torch.Tensor]) -> "Call":
        """The same with the values of its inputs, without the batch."""
        return replace(self, values=values)

    def maps(self, name: str) -> torch.Tensor:
        return as_maps(self.values[name]).double()

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        """An argument of a function, of which parameters are looked up."""
        given = self.node.args[place] if len(self.node.args) > place else self.node.kwargs.get(name, default)
        return self.constant(given) if isinstance(given, fx.Node) and given in self.constants else given

    def run(self, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The layer in float64, on values of its inputs, without the batch."""

        def look_up(node: fx.Node) -> Any:
            if node in self.names and self.names[node] in values:
                return values[self.names[node]][None]
            if node.op == "placeholder":
                return torch.empty(1, 1, 1, 1)  # it is only asked for the size of its batch
            if node.op == "get_attr":
                constant = self.constant(node)
                return constant.double() if constant.is_floating_point() else constant
            return call(node)

        def call(node: fx.Node) -> Any:
            args, kwargs = fx.map_arg(node.args, look_up), fx.map_arg(node.kwargs, look_up)
            if node.op == "call_module":
                module = self.whole.get_submodule(str(node.target))
                state = {k: v.double() if v.is_floating_point() else v for k, v in module.state_dict().items()}
                return functional_call(module, state, args, kwargs)
            if node.op == "call_method":
                return getattr(args[0], str(node.target))(*args[1:], **kwargs)
            target: Any = node.target
            return target(*args, **kwargs)

        answer: torch.Tensor = call(self.node)[0]
        return answer

    def constant(self, node: fx.Node) -> torch.Tensor:
        if node.op == "call_function":
            function: Any = node.target
            return function(*fx.map_arg(node.args, self.constant), **fx.map_arg(node.kwargs, self.constant))
        if node.op == "call_method":
            itself, *args = fx.map_arg(node.args, self.constant)
            return getattr(itself, str(node.target))(*args, **fx.map_arg(node.kwargs, self.constant))
        found: Any = self.whole
        for part in str(node.target).split("."):
            found = getattr(found, part)
        return found.detach()


def scaled(values: torch.Tensor, factors: tuple[tuple[int, float], ...]) -> torch.Tensor:
    """Values with a batch, of which channels are multiplied: (channel, factor) each."""
    times = torch.ones_like(values[0])
    for channel, factor in factors:
        as_maps(times)[channel] = factor
    return values * times


def read_node(model: LoadedModel, name: str) -> Call:
    """A layer of the network. Raises ``InputError`` if there is none of that name."""
    whole, nodes = graph_of(model)
    if name not in {layer.name for layer in model.nodes()}:
        raise InputError(f"{model.spec.title} has no layer called “{name}”. model.nodes() lists them all.")
    node = nodes[name]
    known = {layer.name for layer in model.nodes()}
    names = {found: key for key, found in nodes.items() if key in known or found.op == "placeholder"}
    factors: Mapping[int, float] = {}
    if node.target is scaled:
        node, factors = node.args[0], dict(node.args[1])  # type: ignore[assignment, arg-type]
    module = whole.get_submodule(str(node.target)) if node.op == "call_module" else None
    kind = type(module).__name__ if module is not None else getattr(node.target, "__name__", str(node.target))
    constants = _constants(whole.graph)
    sources = [source for source in node.all_input_nodes if source in names and source not in constants]
    padding = (0, 0, 0, 0)
    if not sources:  # parts of a tensor that was split
        sources = [source for part in node.all_input_nodes for source in part.all_input_nodes if source in names]
    if kind.lower() == "conv2d" and sources[0].op == "call_module":
        before = whole.get_submodule(str(sources[0].target))
        if isinstance(before, nn.ZeroPad2d):
            left, right, top, bottom = before.padding
            padding = (left, right, top, bottom)
            sources = [sources[0].all_input_nodes[0]]
    inputs = tuple(dict.fromkeys(names[source] for source in sources))
    return Call(node, name, kind.lower(), module, inputs, names, whole, padding, factors, constants=constants)


def _constants(graph: fx.Graph) -> Set[fx.Node]:
    found: set[fx.Node] = set()
    for node in graph.nodes:
        read = node.all_input_nodes
        if node.op == "get_attr" or (node.op in ("call_function", "call_method") and read and found.issuperset(read)):
            found.add(node)
    return found


@short_repr
@dataclass(frozen=True)
class Convolution:
    """A convolution's weights and settings."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]  # left, right, top, bottom
    dilation: tuple[int, int]
    groups: int


def convolution_of(call: Call) -> Convolution:
    """The settings of a convolution, with the padding of a node before it."""
    if call.module is not None:
        m = call.module
        if m.padding_mode != "zeros":
            raise InputError(f"{call.name} pads with something else than zeros, which can't be taken apart here.")
        weight, bias, stride, padding, dilation, groups = m.weight, m.bias, m.stride, m.padding, m.dilation, m.groups
    else:
        weight, bias = call.argument(1, "weight"), call.argument(2, "bias")
        stride, padding = call.argument(3, "stride", 1), call.argument(4, "padding", 0)
        dilation, groups = call.argument(5, "dilation", 1), call.argument(6, "groups", 1)
    dilation = pair(dilation)
    if padding == "same":
        around = [dilation[axis] * (weight.shape[2 + axis] - 1) for axis in (0, 1)]
        sides = (around[1] // 2, around[1] - around[1] // 2, around[0] // 2, around[0] - around[0] // 2)
    else:
        tall, wide = (0, 0) if padding == "valid" else pair(padding)
        sides = (wide, wide, tall, tall)
    left, right, top, bottom = (own + before for own, before in zip(sides, call.padding, strict=True))
    return Convolution(weight, bias, pair(stride), (left, right, top, bottom), dilation, int(groups))


def pool_settings(call: Call, *names: str) -> list[Any]:
    """Settings of a pooling layer, by their names in the order of the function's arguments."""
    defaults = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False, "count_include_pad": True,
                "divisor_override": None}  # fmt: skip
    if call.module is not None:
        return [getattr(call.module, name) for name in names]
    return [call.argument(1 + place, name, defaults.get(name)) for place, name in enumerate(names)]


def pair(value: Any) -> tuple[int, int]:
    """A setting for rows and columns."""
    return (int(value[0]), int(value[-1])) if isinstance(value, tuple | list) else (int(value), int(value))
