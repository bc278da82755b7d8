"""One number of a network: what comes in, what it is multiplied by, and how it adds up; and the same backwards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.network.nodes import Call, convolution_of, pair, pool_settings, read_node
from cnnlab_core.network.stages import POINTWISE, words_of
from cnnlab_core.network.values import Array, answer_of, as_maps, maps_shape, values_of, with_gradients
from cnnlab_core.runtime.short_repr import short_repr

SOFTMAX = "(softmax)"
"""Stands for the node behind the logits: what turns them into probabilities."""


@short_repr
@dataclass(frozen=True)
class Cell:
    """One number of a layer, worked out in float64 from the float32 numbers and weights of the network.

    ``x`` and ``w`` (sources, rows, columns) are the numbers in its window and what each is multiplied by. Their
    products and ``bias`` add up to ``total``; ``made`` is the ``function`` of that, or the total itself where the
    layer has none. ``said`` is the network's own number. Its derivative for ``x`` is ``w`` times ``slope``: that of the
    function, or of a layer norm what its mean and variance, which hold ``x`` too, leave of it.

    ``sources`` are the layer and channel that each plane of ``x`` is from, ``rows`` and ``cols`` the places in them;
    where they aren't ``inside`` the map is padding, and ``x`` is 0.

    In a changed network ``made`` is multiplied by ``factor`` in the end: that is the ``value``. ``note`` says what the
    numbers don't: where a norm's come from, or why there are no products at all.
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
    made: float
    said: float
    function: str = ""
    slope: float = 1.0
    factor: float = 1.0
    note: str = ""

    @property
    def products(self) -> Array:
        return self.x * self.w

    @property
    def total(self) -> float:
        return float(self.products.sum() + self.bias)

    @property
    def value(self) -> float:
        return self.made * self.factor

    @property
    def has_weights(self) -> bool:
        """Whether what the numbers are multiplied by was learned."""
        return self.operation in ("convolution", "linear layer", "batch norm")


@short_repr
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

    A number that isn't a sum of products has none, and its ``note`` says so.

    Raises ``InputError`` for a layer or cell that the network doesn't have.
    """
    return explain_cells(model, x, [(node, channel, row, col)])[0]


@by_annotation
def explain_cells(model: LoadedModel, x: torch.Tensor, places: Sequence[tuple[str, int, int, int]]) -> list[Cell]:
    """Several numbers, each at a layer, channel, row and column, from one pass: see ``explain_cell``."""
    calls = [None if place[0] == SOFTMAX else read_node(model, place[0]) for place in places]
    for place, call in zip(places, calls, strict=True):
        if call is not None:
            _check_cell(model, *place)
    names = dict.fromkeys(name for call in calls if call is not None for name in (*call.inputs, call.name))
    values = dict(zip(names, values_of(model, x, list(names)), strict=True)) if names else {}
    return [
        _softmax(model, x, place[1])
        if call is None
        else _cell(call.given(values), *place[1:], as_maps(values[call.name]))
        for place, call in zip(places, calls, strict=True)
    ]


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
    slopes = as_maps(gradients[-1]).double() * call.factors.get(channel, 1.0)
    upstream = float(slopes[channel, row, col])
    coming = {name: as_maps(g).double() for name, g in zip(call.inputs, gradients, strict=False)}
    dx_all = np.zeros_like(cell.x)
    for plane, (name, source) in enumerate(cell.sources):
        dx_all[plane] = _window(coming[name][[source]], cell.rows, cell.cols)[0]
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


@short_repr
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
    note: str = ""


def _cell(call: Call, channel: int, row: int, col: int, out: torch.Tensor) -> Cell:
    said, factor = float(out[channel, row, col]), call.factors.get(channel, 1.0)
    try:
        found = _RULES.get(call.kind, _by_slopes)(call, channel, row, col)
    except (InputError, RuntimeError) as error:
        note = str(error) if isinstance(error, InputError) else _whole(call, "can't be followed back to what comes in")
        nothing = np.zeros((0, 1, 1))
        return Cell(call.name, channel, row, col, words_of(call.kind), nothing, nothing, (), (row,), (col,),
                    np.ones((1, 1), bool), said, said, said, note=note)  # fmt: skip
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
    return Cell(
        call.name, channel, row, col, found.operation, x, found.w, tuple(found.sources), tuple(found.rows),
        tuple(found.cols), inside, found.bias, value, said, name, slope, factor, found.note,
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
    deviation = float(np.sqrt(var + m.eps))
    note = _norm_words(f"the mean {mean:.4g} in training", f"the deviation {deviation:.4g} there", gamma, beta)
    scale = gamma / deviation
    return _Sum("batch norm", [(call.inputs[0], channel)], [row], [col], np.full((1, 1, 1), scale), beta - mean * scale,
                note=note)  # fmt: skip


def _norm(call: Call, channel: int, row: int, col: int) -> _Sum:
    """A norm by the mean and the variance of the picture's own numbers: of a place, a group of maps, or one map."""
    values, maps, m = call.values[call.inputs[0]].double(), call.maps(call.inputs[0]), call.module
    words, weight, bias, eps = _NORMS[call.kind], *_norm_settings(call)
    if words == "layer norm":
        length = len(m.normalized_shape) if m is not None else len(call.argument(1, "normalized_shape"))
        own = torch.zeros(values.shape, dtype=torch.bool)
        as_maps(own)[channel, row, col] = True
        place = own.nonzero()[0].tolist()
        across, at = values[tuple(place[: values.ndim - length])], tuple(place[values.ndim - length :])
    else:
        groups = len(maps)
        if words == "group norm":
            groups = m.num_groups if m is not None else call.argument(1, "num_groups")
        each = len(maps) // groups
        first = channel // each * each
        across, at = maps[first : first + each], (channel,)
    numbers = across.cpu().numpy()
    mean, root = float(numbers.mean()), float(np.sqrt(numbers.var() + eps))
    gamma, beta = (float(default if given is None else given[at]) for given, default in ((weight, 1.0), (bias, 0.0)))
    share, deviation = 1 / numbers.size, (float(maps[channel, row, col]) - mean) / root
    note = _norm_words(
        f"the mean {mean:.4g} of {numbers.size} numbers of this picture", f"their deviation {root:.4g}", gamma, beta
    )
    return _Sum(words, [(call.inputs[0], channel)], [row], [col], np.full((1, 1, 1), gamma / root),
                beta - mean * gamma / root, slope=1 - share - share * deviation**2, note=note)  # fmt: skip


def _norm_words(mean: str, deviation: str, gamma: float, beta: float) -> str:
    return f"A norm: subtract {mean}, divide by {deviation}; then × {gamma:.4g} and + {beta:.4g}, both learned."


def _norm_settings(call: Call) -> tuple[Any, Any, float]:
    if call.module is not None:
        return call.module.weight, call.module.bias, call.module.eps
    return call.argument(2, "weight"), call.argument(3, "bias"), call.argument(4, "eps", 1e-5)


def _function(call: Call, channel: int, row: int, col: int) -> _Sum:
    node, module = call.node, call.module

    def apply(x: torch.Tensor) -> torch.Tensor:
        if module is not None:
            return module(x)
        target: Any = getattr(torch.Tensor, str(node.target)) if node.op == "call_method" else node.target
        return cast(Any, target)(x, *node.args[1:], **node.kwargs)

    name = _FUNCTIONS[call.kind]
    return _Sum(name, [(call.inputs[0], channel)], [row], [col], np.ones((1, 1, 1)), function=apply)


def _softmax_rule(call: Call, channel: int, row: int, col: int) -> _Sum:
    """Over the channels of a place: with the others held, the sigmoid of what its logit has more than they."""
    maps = call.maps(call.inputs[0])
    dim = call.module.dim if call.module is not None else call.argument(1, "dim")
    values = call.values[call.inputs[0]]
    if dim % (values.ndim + 1) != 1 or (values.ndim > 1 and values.shape != maps.shape):
        raise InputError(_whole(call, "over something else than channels has no rule here"))
    logits = maps[:, row, col]
    others = torch.cat([logits[:channel], logits[channel + 1 :]]).logsumexp(0)
    w = np.zeros((len(maps), 1, 1))
    w[channel] = 1.0
    sources = [(call.inputs[0], plane) for plane in range(len(maps))]
    return _Sum("softmax", sources, [row], [col], w, function=lambda x: torch.sigmoid(x - others))


def _by_slopes(call: Call, channel: int, row: int, col: int) -> _Sum:
    """Whatever is linear in all that comes in, or in one of its inputs while the others are held: factors are slopes.

    Sums, products, means, differences, concatenations, layers that only put numbers elsewhere, and many more.
    """
    values = {name: call.values[name].double() for name in call.inputs}
    largest_first = sorted(values, key=lambda name: -values[name].numel())
    for moving in (call.inputs, *((name,) for name in largest_first)):
        with torch.enable_grad():
            inputs = {name: values[name].detach().requires_grad_() for name in moving}
            answer = as_maps(call.run({**values, **inputs}))[channel, row, col]
            slopes = torch.autograd.grad(answer, list(inputs.values()), allow_unused=True, materialize_grads=True)
        held = call.run({**values, **{name: torch.zeros_like(values[name]) for name in moving}})
        rest = float(as_maps(held)[channel, row, col])
        added = sum(float((slope * values[name]).sum()) for name, slope in zip(moving, slopes, strict=True))
        if not abs(added + rest - float(answer.detach())) <= 1e-9 * (1 + abs(added) + abs(rest)):
            continue
        found = {name: as_maps(slope) for name, slope in zip(moving, slopes, strict=True)}
        places = {
            name: [torch.unique(axis).tolist() for axis in slope.nonzero(as_tuple=True)]
            for name, slope in found.items()
        }
        places = {name: axes for name, axes in places.items() if axes[0]}
        same = [name for name, slope in found.items() if slope.shape == as_maps(held).shape]
        if not places:  # times 0
            places = {name: [[channel], [row], [col]] for name in same}
        if not places:  # a padding's own cell
            return _Sum("padding", [(call.inputs[0], 0)], [-1], [-1], np.ones((1, 1, 1)), rest)
        _, rows, cols = next(iter(places.values()))
        if all(axes[1:] == [rows, cols] for axes in places.values()):
            sources = [(name, plane) for name, axes in places.items() for plane in axes[0]]
            w = np.stack([_window(found[name][[plane]], rows, cols)[0] for name, plane in sources])
            return _Sum(words_of(call.kind), sources, rows, cols, w, rest)
    raise InputError(
        f"“{words_of(call.kind)}” isn't a sum of products of what comes in, so this number isn't taken apart."
    )


def _whole(call: Call, why: str) -> str:
    return f"“{words_of(call.kind)}” {why}, so this number isn't taken apart."


_FUNCTIONS = {
    **{kind: words for kind, words in POINTWISE.items() if kind not in ("batchnorm2d", "dropout", "stochastic_depth")},
    "leaky_relu": "leaky ReLU", "elu": "ELU", "selu": "SELU", "celu": "CELU", "softplus": "softplus", "mish": "Mish",
    "hardtanh": "hard tanh", "softsign": "softsign", "sqrt": "square root", "rsqrt": "1 / square root", "exp": "exp",
    "log": "log", "pow": "power", "clamp": "clamp",
}  # fmt: skip

_NORMS = {
    "layernorm": "layer norm", "layer_norm": "layer norm", "groupnorm": "group norm", "group_norm": "group norm",
    "instancenorm2d": "instance norm",
}  # fmt: skip

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
    "softmax": _softmax_rule,
    **dict.fromkeys(_NORMS, _norm),
    **dict.fromkeys(_FUNCTIONS, _function),
}


def sources_of(call: Call, channel: int, row: int, col: int) -> list[tuple[str, int]]:
    """The layer and channel of each map that a cell reads; none if that isn't known."""
    try:
        return _RULES.get(call.kind, _by_slopes)(call, channel, row, col).sources
    except (InputError, RuntimeError):
        return []


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
