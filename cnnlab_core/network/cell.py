"""One number of a network: what comes in, what it is multiplied by, and how it adds up; and the same backwards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import fx
from torch.nn import functional as F

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.network.nodes import Call, convolution_of, operands_of, pair, pool_settings, read_node
from cnnlab_core.network.values import Array, answer_of, as_maps, maps_shape, values_of, with_gradients

SOFTMAX = "softmax"
"""Stands for the node behind the logits: what turns them into probabilities."""


@dataclass(frozen=True)
class Cell:
    """One number of a layer, worked out in float64 from the float32 numbers and weights of the network.

    ``x`` and ``w`` (sources, rows, columns) are the numbers in its window and what each is multiplied by. Their
    products and ``bias`` add up to ``total``; ``value`` is the ``function`` of that, or the total itself where the
    layer has none. ``said`` is the network's own number. Its derivative for ``x`` is ``w`` times ``slope``: that of the
    function, or of a layer norm what its mean and variance, which hold ``x`` too, leave of it.

    ``sources`` are the layer and channel that each plane of ``x`` is from, ``rows`` and ``cols`` the places in them;
    where they aren't ``inside`` the map is padding, and ``x`` is 0.
    """

    node: str
    channel: int
    row: int
    col: int
    operation: str
    x: Array
    w: Array
    sources: tuple[tuple[str, int], ...]
    rows: tuple[int, ...]
    cols: tuple[int, ...]
    inside: npt.NDArray[np.bool_]
    bias: float
    value: float
    said: float
    function: str = ""
    slope: float = 1.0

    @property
    def products(self) -> Array:
        return self.x * self.w

    @property
    def total(self) -> float:
        return float(self.products.sum() + self.bias)

    @property
    def has_weights(self) -> bool:
        """Whether what the numbers are multiplied by was learned."""
        return self.operation in ("convolution", "linear layer", "batch norm")


@dataclass(frozen=True)
class Backward:
    """How the logit of the class ``asked`` changes with a cell, its window and its weights.

    ``upstream`` is the slope at the cell itself. Through this cell alone ``dx`` goes on to each number of its window,
    and ``dw`` to each of its weights (None where nothing was learned); ``dx_all`` and ``dw_all`` are the whole
    gradients there, with all cells that use the number, or the weight.
    """

    asked: int
    upstream: float
    dx: Array
    dx_all: Array
    dw: Array | None
    dw_all: Array | None


@by_annotation
def explain_cell(model: LoadedModel, x: torch.Tensor, node: str, channel: int, row: int = 0, col: int = 0) -> Cell:
    """The number at (channel, row, col) of a layer, for one picture (1, 3, H, W), with all that makes it.

    Paddings in front of a convolution are part of it. Vectors have one row and one column; ``node`` may be
    ``SOFTMAX``, whose channels are the classes.

    Raises ``InputError`` for a layer or cell that the network doesn't have, and for operations without a rule here.
    """
    if node == SOFTMAX:
        return _softmax(model, x, channel)
    call = read_node(model, node)
    _check_cell(model, node, channel, row, col)
    *values, said = values_of(model, x, [*call.inputs, node])
    return _cell(call.given(dict(zip(call.inputs, values, strict=True))), channel, row, col, as_maps(said))


@by_annotation
def explain_backward(
    model: LoadedModel, x: torch.Tensor, node: str, channel: int, row: int = 0, col: int = 0, asked: int | None = None
) -> Backward:
    """The same cell backwards, for the logit of the class ``asked``: by default the most probable one.

    Gradients of layers are autograd's. Those of weights are worked out from the layer's input and its gradient, so that
    the shared network isn't touched.
    """
    call = read_node(model, node)
    _check_cell(model, node, channel, row, col)
    values, gradients, _, _, asked = with_gradients(model, x, [*call.inputs, node], asked)
    call = call.given(dict(zip(call.inputs, values, strict=False)))
    cell = _cell(call, channel, row, col, as_maps(values[-1]))
    slopes = as_maps(gradients[-1]).double()
    upstream = float(slopes[channel, row, col])
    coming = {name: as_maps(g).double() for name, g in zip(call.inputs, gradients, strict=False)}
    dx_all = np.stack([_window(coming[name][[c]], cell.rows, cell.cols)[0] for name, c in cell.sources])
    dw = upstream * cell.x if cell.has_weights else None
    channels = [source for _, source in cell.sources]
    dw_all = weights_gradient(call, channel, channels, slopes[channel]) if cell.has_weights else None
    return Backward(asked, upstream, upstream * cell.slope * cell.w, dx_all, dw, dw_all)


def _check_cell(model: LoadedModel, node: str, channel: int, row: int, col: int) -> None:
    shape = maps_shape(next(layer for layer in model.nodes() if layer.name == node))
    for what, index, length in zip(("channel", "row", "column"), (channel, row, col), shape, strict=True):
        if not 0 <= index < length:
            raise InputError(f"{node} has {what}s 0 to {length - 1}, but {what} {index} was asked for.")


# --- what each kind of layer does -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sum:
    """What a cell adds up: the channels ``planes`` of its sources at ``rows`` and ``cols``, times ``w``."""

    operation: str
    sources: list[tuple[str, int]]
    rows: list[int]
    cols: list[int]
    w: Array
    bias: float = 0.0
    function: Callable[[torch.Tensor], torch.Tensor] | None = None
    slope: float = 1.0


def _cell(call: Call, channel: int, row: int, col: int, out: torch.Tensor) -> Cell:
    rule = _RULES.get(call.kind)
    if rule is None:
        raise InputError(f"There is no rule here for {call.kind}, so its numbers can't be taken apart.")
    found = rule(call, channel, row, col)
    x = np.zeros((len(found.sources), len(found.rows), len(found.cols)))
    for name in {name for name, _ in found.sources}:  # all channels of a source at once
        planes = [plane for plane, (source, _) in enumerate(found.sources) if source == name]
        x[planes] = _window(call.maps(name)[[found.sources[plane][1] for plane in planes]], found.rows, found.cols)
    height, width = call.maps(found.sources[0][0]).shape[1:]
    inside = np.outer([0 <= r < height for r in found.rows], [0 <= c < width for c in found.cols])
    if found.operation == "max pool":
        best = int(np.where(inside[None], x, -np.inf).argmax())
        found.w.reshape(-1)[best] = 1.0
    total = float((x * found.w).sum() + found.bias)
    value, slope, name = total, found.slope, ""
    if found.function is not None:
        point = torch.tensor([total], dtype=torch.float64, requires_grad=True)
        with torch.enable_grad():
            answer = found.function(point * 1)
            (gradient,) = torch.autograd.grad(answer.sum(), point)
        value, slope, name = float(answer.detach()), float(gradient), found.operation
    said = float(out[channel, row, col])
    return Cell(
        call.name, channel, row, col, found.operation, x, found.w, tuple(found.sources), tuple(found.rows),
        tuple(found.cols), inside, found.bias, value, said, name, slope,
    )  # fmt: skip


def _window(maps: torch.Tensor, rows: Any, cols: Any) -> Array:
    """The cells of maps (channels, height, width) at rows and columns, 0 outside."""
    height, width = maps.shape[1:]
    r, c = torch.as_tensor(rows), torch.as_tensor(cols)
    found = maps[:, r.clamp(0, height - 1)][:, :, c.clamp(0, width - 1)].double().cpu().numpy()
    inside = np.outer((r >= 0) & (r < height), (c >= 0) & (c < width))
    return found * inside


def _numbers(tensor: torch.Tensor) -> Array:
    return tensor.detach().double().cpu().numpy()


def _conv(call: Call, channel: int, row: int, col: int) -> _Sum:
    layer = convolution_of(call)
    inside = layer.weight.shape[1]
    first = channel // (layer.weight.shape[0] // layer.groups) * inside
    tall, wide = layer.weight.shape[2:]
    rows = [row * layer.stride[0] - layer.padding[2] + layer.dilation[0] * i for i in range(tall)]
    cols = [col * layer.stride[1] - layer.padding[0] + layer.dilation[1] * j for j in range(wide)]
    bias = float(layer.bias[channel]) if layer.bias is not None else 0.0
    sources = [(call.inputs[0], first + plane) for plane in range(inside)]
    return _Sum("convolution", sources, rows, cols, _numbers(layer.weight[channel]), bias)


def _linear(call: Call, channel: int, row: int, col: int) -> _Sum:
    weight = call.module.weight if call.module is not None else call.argument(1, "weight")
    bias = call.module.bias if call.module is not None else call.argument(2, "bias")
    sources = [(call.inputs[0], plane) for plane in range(weight.shape[1])]
    added = float(bias[channel]) if bias is not None else 0.0
    return _Sum("linear layer", sources, [row], [col], _numbers(weight[channel])[:, None, None], added)


def _max_pool(call: Call, channel: int, row: int, col: int) -> _Sum:
    size, stride, padding, dilation = pool_settings(call, "kernel_size", "stride", "padding", "dilation")
    k, s, p, d = pair(size), pair(stride or size), pair(padding), pair(dilation)
    rows, cols = ([i * s[a] - p[a] + d[a] * t for t in range(k[a])] for a, i in ((0, row), (1, col)))
    return _Sum("max pool", [(call.inputs[0], channel)], rows, cols, np.zeros((1, *k)))


def _average_pool(call: Call, channel: int, row: int, col: int) -> _Sum:
    size, stride, padding, _, counted, divisor = pool_settings(
        call, "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"
    )
    k, s, p = pair(size), pair(stride or size), pair(padding)
    shape = call.maps(call.inputs[0]).shape[1:]
    ends = [min(i * s[a] - p[a] + k[a], shape[a] + p[a]) for a, i in ((0, row), (1, col))]
    rows, cols = (list(range(i * s[a] - p[a], ends[a])) for a, i in ((0, row), (1, col)))
    if divisor is None:
        lengths = [
            len(places) if counted else sum(0 <= place < length for place in places)
            for places, length in zip((rows, cols), shape, strict=True)
        ]
        divisor = lengths[0] * lengths[1]
    return _Sum(
        "average pool", [(call.inputs[0], channel)], rows, cols, np.full((1, len(rows), len(cols)), 1 / divisor)
    )


def _adaptive_pool(call: Call, channel: int, row: int, col: int) -> _Sum:
    shape = call.maps(call.inputs[0]).shape[1:]
    wanted = call.module.output_size if call.module is not None else call.argument(1, "output_size")
    out = [length if n is None else n for n, length in zip(_pair_or_none(wanted), shape, strict=True)]
    rows, cols = (
        list(range(i * shape[a] // out[a], -(-(i + 1) * shape[a] // out[a]))) for a, i in ((0, row), (1, col))
    )
    w = np.full((1, len(rows), len(cols)), 1 / (len(rows) * len(cols)))
    return _Sum("average pool", [(call.inputs[0], channel)], rows, cols, w)


def _pair_or_none(value: Any) -> tuple[int | None, int | None]:
    return (value[0], value[1]) if isinstance(value, tuple | list) else (value, value)


def _batch_norm(call: Call, channel: int, row: int, col: int) -> _Sum:
    m = call.module
    mean, var = float(m.running_mean[channel]), float(m.running_var[channel])
    gamma, beta = (float(m.weight[channel]), float(m.bias[channel])) if m.affine else (1.0, 0.0)
    scale = gamma / np.sqrt(var + m.eps)
    return _Sum("batch norm", [(call.inputs[0], channel)], [row], [col], np.full((1, 1, 1), scale), beta - mean * scale)


def _layer_norm(call: Call, channel: int, row: int, col: int) -> _Sum:
    m = call.module
    weight, bias, eps = (
        (m.weight, m.bias, m.eps)
        if m is not None
        else (call.argument(2, "weight"), call.argument(3, "bias"), call.argument(4, "eps", 1e-5))
    )
    across = call.maps(call.inputs[0])[:, row, col].cpu().numpy()
    share = 1 / len(across)
    deviation = (across[channel] - across.mean()) / np.sqrt(across.var() + eps)
    gamma = 1.0 if weight is None else float(weight[channel])
    scale = gamma / np.sqrt(across.var() + eps)
    shift = (0.0 if bias is None else float(bias[channel])) - across.mean() * scale
    return _Sum("layer norm", [(call.inputs[0], channel)], [row], [col], np.full((1, 1, 1), scale), shift,
                slope=1 - share - share * deviation**2)  # fmt: skip


def _function(call: Call, channel: int, row: int, col: int) -> _Sum:
    node, module = call.node, call.module

    def apply(x: torch.Tensor) -> torch.Tensor:
        if module is not None:
            return module(x)
        target: Any = getattr(torch.Tensor, str(node.target)) if node.op == "call_method" else node.target
        return cast(Any, target)(x, *node.args[1:], **node.kwargs)

    name = _FUNCTIONS[call.kind]
    return _Sum(name, [(call.inputs[0], channel)], [row], [col], np.ones((1, 1, 1)), function=apply)


def _constant_at(constant: Any, channel: int, row: int, col: int) -> float:
    if not isinstance(constant, torch.Tensor):
        return float(constant)
    maps = constant.reshape((1,) * (3 - constant.ndim) + tuple(constant.shape[-3:]))
    return float(maps[tuple(min(i, n - 1) for i, n in zip((channel, row, col), maps.shape, strict=True))])


def _addition(call: Call, channel: int, row: int, col: int) -> _Sum:
    operands = operands_of(call)
    names = [operand for operand in operands if isinstance(operand, str)]
    added = sum(_constant_at(operand, channel, row, col) for operand in operands if not isinstance(operand, str))
    _same_size(call, names)
    return _Sum("sum", [(name, channel) for name in names], [row], [col], np.ones((len(names), 1, 1)), added)


def _product(call: Call, channel: int, row: int, col: int) -> _Sum:
    """The operand with the larger maps is what comes in; the other is what it is multiplied by."""
    operands = operands_of(call)
    names = sorted((o for o in operands if isinstance(o, str)), key=lambda name: -call.values[name].numel())
    if len(names) == 2:
        maps = call.maps(names[1])
        factor = float(maps[tuple(min(i, n - 1) for i, n in zip((channel, row, col), maps.shape, strict=True))])
    else:
        factor = next(_constant_at(o, channel, row, col) for o in operands if not isinstance(o, str))
    return _Sum("product", [(names[0], channel)], [row], [col], np.full((1, 1, 1), factor))


def _same_size(call: Call, names: list[str]) -> None:
    if len({tuple(call.maps(name).shape) for name in names}) > 1:
        raise InputError(f"{call.name} adds maps of different sizes, which can't be taken apart here.")


def _move(call: Call, channel: int, row: int, col: int) -> _Sum:
    """Layers that only put numbers elsewhere are run on the numbers' own places."""
    shapes = [call.values[name].shape for name in call.inputs]
    counts = np.cumsum([0, *(shape.numel() for shape in shapes)])
    places = {
        name: torch.arange(counts[i] + 1, counts[i + 1] + 1, dtype=torch.float64).reshape(1, *shapes[i])
        for i, name in enumerate(call.inputs)
    }

    def look_up(node: fx.Node) -> Any:
        if node.op == "placeholder" and call.names[node] not in places:
            return torch.empty(1, 1, 1, 1)  # it is only asked for the size of its batch
        if node in call.names:
            return places[call.names[node]]
        args, kwargs = fx.map_arg(node.args, look_up), fx.map_arg(node.kwargs, look_up)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        return cast(Any, node.target)(*args, **kwargs) if callable(node.target) else call.constant(node)

    args, kwargs = fx.map_arg(call.node.args, look_up), fx.map_arg(call.node.kwargs, look_up)
    if call.module is not None:
        moved = call.module(*args, **kwargs)
    elif call.node.op == "call_method":
        moved = getattr(args[0], str(call.node.target))(*args[1:], **kwargs)
    else:
        moved = cast(Any, call.node.target)(*args, **kwargs)
    flat = int(as_maps(moved[0])[channel, row, col]) - 1
    if flat < 0:  # a padding's own cell
        return _Sum("padding", [(call.inputs[0], 0)], [-1], [-1], np.ones((1, 1, 1)))
    source = int(np.searchsorted(counts, flat, side="right")) - 1
    name = call.inputs[source]
    own = torch.zeros(shapes[source].numel(), dtype=torch.bool)
    own[flat - int(counts[source])] = True
    plane, r, c = (int(i) for i in as_maps(own.reshape(shapes[source])).nonzero()[0])
    words = {"cat": "concatenation", "zeropad2d": "padding"}.get(call.kind, "passed on")
    return _Sum(words, [(name, plane)], [r], [c], np.ones((1, 1, 1)))


_FUNCTIONS = {
    "relu": "ReLU", "relu6": "ReLU6", "silu": "SiLU", "hardswish": "hard swish", "hardsigmoid": "hard sigmoid",
    "sigmoid": "sigmoid", "gelu": "GELU", "tanh": "tanh", "leakyrelu": "leaky ReLU", "leaky_relu": "leaky ReLU",
    "elu": "ELU", "softplus": "softplus",
}  # fmt: skip

_MOVES = (
    "cat", "zeropad2d", "dropout", "dropout2d", "identity", "flatten", "view", "reshape", "permute", "transpose",
    "contiguous", "stochastic_depth", "stochasticdepth", "getitem", "unsqueeze", "squeeze", "pad",
)  # fmt: skip

_RULES: dict[str, Callable[[Call, int, int, int], _Sum]] = {
    "conv2d": _conv,
    "linear": _linear,
    "maxpool2d": _max_pool,
    "max_pool2d": _max_pool,
    "avgpool2d": _average_pool,
    "avg_pool2d": _average_pool,
    "adaptiveavgpool2d": _adaptive_pool,
    "adaptive_avg_pool2d": _adaptive_pool,
    "batchnorm2d": _batch_norm,
    "layernorm": _layer_norm,
    "layer_norm": _layer_norm,
    "add": _addition,
    "mul": _product,
    **dict.fromkeys(_FUNCTIONS, _function),
    **dict.fromkeys(_MOVES, _move),
}


def weights_gradient(call: Call, channel: int, channels: Sequence[int], slopes: torch.Tensor) -> Array:
    """The whole gradient (channels, rows, columns) of the weights with which a layer's ``channel`` reads ``channels``.

    It is the sum over all cells of the channel: their ``slopes`` (rows, columns) times what comes in there.
    """
    maps = call.maps(call.inputs[0])[list(channels)]
    if call.kind != "conv2d":
        return (maps * slopes).sum(dim=(1, 2)).cpu().numpy()[:, None, None]
    layer = convolution_of(call)
    with torch.enable_grad():
        weight = torch.zeros(1, len(maps), *layer.weight.shape[2:], dtype=torch.float64, device=maps.device)
        weight.requires_grad_()
        answer = F.conv2d(F.pad(maps[None], layer.padding), weight, stride=layer.stride, dilation=layer.dilation)
        (gradient,) = torch.autograd.grad((answer[0, 0] * slopes).sum(), weight)
    return gradient[0].cpu().numpy()


def _softmax(model: LoadedModel, x: torch.Tensor, channel: int) -> Cell:
    if not 0 <= channel < len(model.categories):
        raise InputError(f"{model.spec.title} has classes 0 to {len(model.categories) - 1}.")
    answer = answer_of(model)
    (logits,) = values_of(model, x, [answer])
    numbers = logits.double().cpu().numpy()
    powers = np.exp(numbers - numbers.max())
    w = np.zeros((len(numbers), 1, 1))
    w[channel] = 1.0
    share = float(powers[channel] / powers.sum())
    said = float(torch.softmax(logits, 0)[channel])
    return Cell(
        SOFTMAX, channel, 0, 0, "softmax", numbers[:, None, None], w, tuple((answer, i) for i in range(len(numbers))),
        (0,), (0,), np.ones((1, 1), bool), 0.0, share, said, "softmax", share * (1 - share),
    )  # fmt: skip
