"""One map of a layer: the maps that come in, what each adds, their sum, and what is done to it afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from cnnlab_core.errors import InputError
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.network.cell import _convolution_of, _operands, _read
from cnnlab_core.network.strongest import Small, small
from cnnlab_core.network.values import Array, as_maps, maps_shape, values_of

MOST_PARTS = 5
"""Maps that come in and are shown one by one; what the others add is shown together."""


@dataclass(frozen=True)
class Part:
    """A map that comes in: its layer and channel, its kernel (rows, columns), and what it adds.

    ``added`` is the sum over the positions; it and ``kernel`` are None where nothing is multiplied.
    """

    node: str
    channel: int
    kernel: Array | None
    added: float | None
    map: Small
    result: Small | None


@dataclass(frozen=True)
class After:
    """A step that is done to the sum, number by number: its layer, what it is, and the map that it gives."""

    node: str
    operation: str
    map: Small


@dataclass(frozen=True)
class MapView:
    """How the map ``channel`` of the layer ``node`` comes to be.

    ``mixing`` is the layer that reads the ``parts``; what it gives is the first of ``steps``, and the map itself the
    last. ``others`` is what the ``hidden`` parts that aren't listed add together. ``shape`` is the map's (rows,
    columns), ``window`` how the window lies: rows, columns, strides, and the first row and column that it sees.
    """

    node: str
    channel: int
    operation: str
    mixing: str
    parts: tuple[Part, ...]
    hidden: int
    others: Small | None
    others_added: float
    bias: float | None
    steps: tuple[After, ...]
    shape: tuple[int, int]
    shape_in: tuple[int, int]
    window: tuple[int, int, int, int, int, int]


_POINTWISE = {
    "batchnorm2d": "batch norm", "relu": "ReLU", "relu6": "ReLU6", "silu": "SiLU", "hardswish": "hard swish",
    "hardsigmoid": "hard sigmoid", "sigmoid": "sigmoid", "gelu": "GELU", "tanh": "tanh", "leakyrelu": "leaky ReLU",
    "dropout": "dropout", "stochastic_depth": "stochastic depth",
}  # fmt: skip
_NAMES = {"conv2d": "convolution", "linear": "linear layer", "add": "sum", "mul": "product", "cat": "concatenation"}


def chain_of(model: LoadedModel, node: str) -> tuple[str, ...]:
    """The layers from the one that mixes maps to ``node``: norms and activations go number by number."""
    chain = [node]
    while True:
        call = _read(model, chain[0])
        if call.kind not in _POINTWISE or len(call.inputs) != 1 or call.inputs[0] not in _layers(model):
            return tuple(chain)
        chain.insert(0, call.inputs[0])


def explain_map(model: LoadedModel, x: torch.Tensor, node: str, channel: int, *, most: int = MOST_PARTS) -> MapView:
    """The map ``channel`` of a layer for one picture (1, 3, H, W), from what its layer reads.

    Of a convolution or linear layer the parts are listed that add the most: the sum of the sizes of their results.
    All parts, those that are hidden, and the bias add up to the first step, exactly.

    Raises ``InputError`` for a layer or a channel that the network doesn't have.
    """
    chain = chain_of(model, node)
    call = _read(model, chain[0])
    channels, *shape = maps_shape(_layers(model)[node])
    if not 0 <= channel < channels:
        raise InputError(f"{node} has channels 0 to {channels - 1}, but {channel} was asked for.")
    values = values_of(model, x, [*call.inputs, *chain])
    coming = {name: as_maps(value) for name, value in zip(call.inputs, values, strict=False)}
    call = call.given(dict(zip(call.inputs, values, strict=False)))
    steps = tuple(
        After(
            name,
            _POINTWISE.get(_read(model, name).kind, _NAMES.get(_read(model, name).kind, "")),
            small(as_maps(v)[channel]),
        )
        for name, v in zip(chain, values[len(call.inputs) :], strict=True)
    )
    parts: tuple[Part, ...] = ()
    hidden, others, others_added, bias = 0, None, 0.0, None
    window = (1, 1, 1, 1, 0, 0)
    if call.kind in ("conv2d", "linear"):
        if call.kind == "conv2d":
            layer = _convolution_of(call)
            weight, offset = layer.weight[channel], layer.bias
            first = channel // (layer.weight.shape[0] // layer.groups) * layer.weight.shape[1]
            sources = coming[call.inputs[0]][first : first + len(weight)]
            results = F.conv2d(
                F.pad(sources[None], layer.padding), weight[:, None], stride=layer.stride, dilation=layer.dilation,
                groups=len(weight),
            )[0]  # fmt: skip
            reach = [layer.dilation[axis] * (weight.shape[1 + axis] - 1) + 1 for axis in (0, 1)]
            window = (*reach, *layer.stride, -layer.padding[2], -layer.padding[0])  # type: ignore[assignment]
        else:
            first = 0
            weight = (call.module.weight if call.module is not None else call.argument(1, "weight"))[channel]
            offset = call.module.bias if call.module is not None else call.argument(2, "bias")
            sources = coming[call.inputs[0]]
            results = sources * weight[:, None, None]
            weight = weight[:, None, None]
        order = results.abs().sum(dim=(1, 2)).argsort(descending=True, stable=True)
        listed, rest = order[:most], order[most:]
        bias = float(offset[channel]) if offset is not None else None
        parts = tuple(
            Part(
                call.inputs[0], first + int(i), weight[i].double().cpu().numpy(), float(results[i].double().sum()),
                small(sources[i]), small(results[i]),
            )
            for i in listed
        )  # fmt: skip
        hidden = len(rest)
        if hidden:
            together = results[rest].sum(0)
            others, others_added = small(together), float(together.double().sum())
    else:
        parts = tuple(_carried(call, coming, channel))
        window = _pool_window(call)
    source = coming[call.inputs[0]] if call.inputs else torch.zeros(1, 1, 1)
    return MapView(
        node, channel, steps[0].operation or call.kind, chain[0], parts, hidden, others, others_added, bias, steps,
        (shape[0], shape[1]), (source.shape[1], source.shape[2]), window,
    )  # fmt: skip


def _carried(call, coming: Mapping[str, torch.Tensor], channel: int):  # type: ignore[no-untyped-def]
    """The maps that other layers read: each operand's, of a concatenation the one that the channel comes from."""
    if call.kind == "cat":
        for name in (call.names[node] for node in call.node.args[0]):
            if channel < len(coming[name]):
                yield Part(name, channel, None, None, small(coming[name][channel]), None)
                return
            channel -= len(coming[name])
    names = [o for o in _operands(call) if isinstance(o, str)] if call.kind in ("add", "mul") else call.inputs
    for name in names:
        maps = coming[name]
        if channel < len(maps):
            yield Part(name, channel, None, None, small(maps[channel]), None)


def _pool_window(call) -> tuple[int, int, int, int, int, int]:  # type: ignore[no-untyped-def]
    from cnnlab_core.network.cell import _pair, _pool_settings

    if not call.kind.startswith(("max", "avg")):
        return 1, 1, 1, 1, 0, 0
    size, stride, padding = _pool_settings(call, "kernel_size", "stride", "padding")
    k, s, p = _pair(size), _pair(stride or size), _pair(padding)
    return *k, *s, -p[0], -p[1]


def _layers(model: LoadedModel) -> dict[str, object]:
    return {layer.name: layer for layer in model.nodes()}
