"""One map of a layer: the maps that come in, what each adds, their sum, and what is done to it afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models.layers import Layer
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.network.cell import sources_of, weights_gradient
from cnnlab_core.network.nodes import Call, convolution_of, pair, pool_settings, read_node
from cnnlab_core.network.stages import POINTWISE, words_of
from cnnlab_core.network.strongest import Small, small
from cnnlab_core.network.values import Array, as_maps, maps_shape, values_of, with_gradients
from cnnlab_core.runtime.short_repr import short_repr

MOST_PARTS = 5
"""Maps that come in and are shown one by one; what the others add is shown together."""


@dataclass(frozen=True)
class Part:
    """A map that comes in: its layer and channel, its kernel (rows, columns), and the map that it adds.

    ``added`` is the mean of what it adds. ``kernel``, ``added`` and ``result`` are None where nothing is multiplied.
    Backwards there are ``slope``, the gradient for the map, and ``kernel_slope``, that for the kernel.
    """

    node: str
    channel: int
    kernel: Array | None
    added: float | None
    map: Small
    result: Small | None
    slope: Small | None
    kernel_slope: Array | None


@dataclass(frozen=True)
class Step:
    """What is done, number by number: its layer, what it is, the map that it gives, and, backwards, the gradient.

    In a changed network the map was multiplied by ``factor`` in the end.
    """

    node: str
    operation: str
    map: Small
    slope: Small | None
    factor: float = 1.0


@short_repr
@dataclass(frozen=True)
class MapView:
    """How the map ``channel`` of the layer ``node`` comes to be.

    The layer ``mixing`` reads the ``parts``; what it gives is the first of the ``steps``, and the map itself the last.
    ``others`` is what the ``hidden`` parts that aren't listed add together, on average ``others_added``. ``shape`` is
    the map's (rows, columns), ``shape_in`` that of what comes in, ``window`` how the window lies: its rows and columns,
    the strides, and the first row and column that it sees.
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
    steps: tuple[Step, ...]
    shape: tuple[int, int]
    shape_in: tuple[int, int]
    window: tuple[int, ...]


def chain_of(model: LoadedModel, node: str) -> tuple[str, ...]:
    """The layers from the one that mixes maps to ``node``: norms and activations go number by number."""
    known, chain = _layers(model), [node]
    while True:
        call = read_node(model, chain[0])
        if call.kind not in POINTWISE or len(call.inputs) != 1 or call.inputs[0] not in known:
            return tuple(chain)
        chain.insert(0, call.inputs[0])


@by_annotation
def explain_map(
    model: LoadedModel,
    x: torch.Tensor,
    node: str,
    channel: int,
    *,
    backward: bool = False,
    asked: int | None = None,
    most: int = MOST_PARTS,
) -> MapView:
    """The map ``channel`` of a layer for one picture (1, 3, H, W), from what its layer reads.

    Of a convolution or linear layer those parts are listed that add the most: by the sum of the sizes of what they
    add. All parts, those that are hidden, and the bias add up to the first step, exactly. With ``backward`` all have
    their gradients of the logit of the class ``asked``, by default the most probable one.

    Raises ``InputError`` for a layer or a channel that the network doesn't have.
    """
    chain = chain_of(model, node)
    call = read_node(model, chain[0])
    channels, *shape = maps_shape(_layers(model)[node])
    if not 0 <= channel < channels:
        raise InputError(f"{node} has channels 0 to {channels - 1}, but {channel} was asked for.")
    names = [*call.inputs, *chain]
    gradients: list[torch.Tensor] = []
    if backward:
        values, gradients, *_ = with_gradients(model, x, names, asked)
    else:
        values = values_of(model, x, names)
    call = call.given(dict(zip(call.inputs, values, strict=False)))
    coming = {name: as_maps(value) for name, value in call.values.items()}
    slopes = {name: as_maps(gradient) for name, gradient in zip(names, gradients, strict=False)}
    steps = tuple(
        Step(
            name, words_of(one.kind), small(as_maps(value)[channel]), _slope(slopes, name, channel),
            one.factors.get(channel, 1.0),
        )
        for name, value in zip(chain, values[len(call.inputs) :], strict=True)
        for one in [read_node(model, name)]
    )  # fmt: skip
    parts, hidden, others, others_added, bias = [], 0, None, 0.0, None
    if call.kind in ("conv2d", "linear"):
        first, weight, bias, results = _multiplied(call, coming[call.inputs[0]], channel)
        order = results.abs().sum(dim=(1, 2)).argsort(descending=True, stable=True)
        listed, rest = [int(i) for i in order[:most]], order[most:]
        back = None
        if backward:
            above = slopes[chain[0]][channel].double() * steps[0].factor
            back = weights_gradient(call, channel, [first + i for i in listed], above)
        parts = [
            Part(
                call.inputs[0], first + i, weight[i].double().cpu().numpy(), float(results[i].double().mean()),
                small(coming[call.inputs[0]][first + i]), small(results[i]), _slope(slopes, call.inputs[0], first + i),
                None if back is None else back[place],
            )
            for place, i in enumerate(listed)
        ]  # fmt: skip
        hidden = len(rest)
        if hidden:
            together = results[rest].sum(0)
            others, others_added = small(together), float(together.double().mean())
    else:
        carried = _carried(call, coming, channel, (shape[0] // 2, shape[1] // 2))
        hidden = max(0, len(carried) - most)
        for name, source in carried[:most]:
            slope = _slope(slopes, name, source)
            parts.append(Part(name, source, None, None, small(coming[name][source]), None, slope, None))
    source_shape = coming[call.inputs[0]].shape if call.inputs else (1, 1, 1)
    return MapView(
        node, channel, words_of(call.kind), chain[0], tuple(parts), hidden, others, others_added, bias, steps,
        (shape[0], shape[1]), (source_shape[1], source_shape[2]), _window(call),
    )  # fmt: skip


def _layers(model: LoadedModel) -> dict[str, Layer]:
    return {layer.name: layer for layer in model.nodes()}


def _slope(slopes: Mapping[str, torch.Tensor], name: str, channel: int) -> Small | None:
    return small(slopes[name][channel]) if name in slopes else None


def _multiplied(call: Call, coming: torch.Tensor, channel: int) -> tuple[int, torch.Tensor, float | None, torch.Tensor]:
    """The first channel that is read, the kernels, the bias, and what each channel adds."""
    if call.kind == "linear":
        module = call.module
        weight = (module.weight if module is not None else call.argument(1, "weight"))[channel][:, None, None]
        bias = module.bias if module is not None else call.argument(2, "bias")
        return 0, weight, None if bias is None else float(bias[channel]), coming * weight
    layer = convolution_of(call)
    weight = layer.weight[channel]
    first = channel // (layer.weight.shape[0] // layer.groups) * len(weight)
    padded = F.pad(coming[None, first : first + len(weight)], layer.padding)
    results = F.conv2d(padded, weight[:, None], stride=layer.stride, dilation=layer.dilation, groups=len(weight))[0]
    return first, weight, None if layer.bias is None else float(layer.bias[channel]), results


def _carried(
    call: Call, coming: Mapping[str, torch.Tensor], channel: int, cell: tuple[int, int]
) -> list[tuple[str, int]]:
    """The maps that other layers read: of sums and products each operand's, else those that the ``cell`` reads."""
    each = [(name, min(channel, len(coming[name]) - 1)) for name in call.inputs]
    if call.kind in ("add", "sub", "mul", "div", "truediv"):
        return each
    return list(dict.fromkeys(sources_of(call, channel, *cell))) or each


def _window(call: Call) -> tuple[int, ...]:
    if call.kind == "conv2d":
        layer = convolution_of(call)
        reach = [layer.dilation[axis] * (layer.weight.shape[2 + axis] - 1) + 1 for axis in (0, 1)]
        return (*reach, *layer.stride, -layer.padding[2], -layer.padding[0])
    if call.kind.startswith(("max", "avg")):
        size, stride, padding = pool_settings(call, "kernel_size", "stride", "padding")
        top, left = pair(padding)
        return (*pair(size), *pair(stride or size), -top, -left)
    return 1, 1, 1, 1, 0, 0
