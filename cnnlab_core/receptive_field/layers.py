"""From a node of the graph to what it reads: windows along rows and columns, or the whole image.

A value in the graph is a tensor somewhere in which rows and columns of a map may still be found (``Place``). Each
rule below says what a layer reads from its input and where rows and columns lie afterwards. A layer without a rule
is taken to mix positions: it sees the whole image, and is given as the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from cnnlab_core.receptive_field.windows import SAME, Adaptive, Axis, Nearest, Transposed, Window

Place = tuple[int, int]
"""The dimensions of a tensor that are the rows and the columns of its map."""


@dataclass(frozen=True)
class Reads:
    """A layer reads its inputs through ``rows`` and ``cols``; its map's rows and columns then lie at ``place``."""

    rows: Axis
    cols: Axis
    place: Place


@dataclass(frozen=True)
class Whole:
    """A layer that sees the whole image, and why."""

    why: str


@dataclass(frozen=True)
class Call:
    """A node as a rule sees it: its arguments with tensors in place of nodes, and the shape of what it gives."""

    module: nn.Module | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    x: torch.Tensor
    place: Place
    out: torch.Tensor

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument of a function, or the attribute of that name of a module."""
        if self.module is not None:
            return getattr(self.module, name, default)
        return self.args[position] if len(self.args) > position else self.kwargs.get(name, default)

    @property
    def sizes(self) -> tuple[int, int]:
        return self.x.shape[self.place[0]], self.x.shape[self.place[1]]

    @property
    def moved(self) -> bool:
        """Whether rows and columns aren't the last two dimensions, where layers for images expect them."""
        return self.place != (self.x.ndim - 2, self.x.ndim - 1)

    def dimension(self, dim: int) -> int:
        return dim % self.x.ndim


Rule = Callable[[Call], Reads | Whole]


def rule_for(node: fx.Node, module: nn.Module | None) -> Rule:
    """The rule of a node; the last resort says that it sees the whole image."""
    if module is not None:
        found = next((rule for kinds, rule in _MODULES if isinstance(module, kinds)), None)
        name = type(module).__name__
    else:
        name = getattr(node.target, "__name__", str(node.target))
        found = _FUNCTIONS.get(name)
    return found or (lambda call: Whole(f"{name} sees every position"))


def _pair(value: Any) -> tuple[int, int]:
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def _pointwise(call: Call) -> Reads | Whole:
    if call.out.ndim != call.x.ndim or any(call.out.shape[d] != call.x.shape[d] for d in call.place):
        return Whole("it is spread over every position")
    return Reads(SAME, SAME, call.place)


def _convolution(call: Call) -> Reads | Whole:
    if call.moved:
        return Whole("a convolution over other axes than rows and columns")
    kernel = tuple(call.argument(1, "weight").shape[-2:])
    stride, dilation = _pair(call.argument(3, "stride", 1)), _pair(call.argument(5, "dilation", 1))
    padding = call.argument(4, "padding", 0)
    if padding == "same":
        before = tuple(d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True))
    else:
        before = (0, 0) if padding == "valid" else _pair(padding)
    mode = getattr(call.module, "padding_mode", "zeros")
    rows, cols = (Window(*axis, mode) for axis in zip(kernel, stride, before, dilation, strict=True))
    return Reads(rows, cols, call.place)


def _transposed(call: Call) -> Reads | Whole:
    kernel = tuple(call.argument(1, "weight").shape[-2:])
    stride, padding = _pair(call.argument(3, "stride", 1)), _pair(call.argument(4, "padding", 0))
    dilation = _pair(call.argument(7, "dilation", 1))
    rows, cols = (Transposed(*axis) for axis in zip(kernel, stride, padding, dilation, strict=True))
    return Reads(rows, cols, call.place)


def _pooling(call: Call) -> Reads | Whole:
    kernel = _pair(call.argument(1, "kernel_size"))
    stride = _pair(call.argument(2, "stride") or kernel)
    padding = _pair(call.argument(3, "padding", 0))
    dilation = _pair(getattr(call.module, "dilation", call.kwargs.get("dilation", 1)))
    rows, cols = (Window(*axis) for axis in zip(kernel, stride, padding, dilation, strict=True))
    return Reads(rows, cols, call.place)


def _adaptive_pooling(call: Call) -> Reads | Whole:
    axes: list[Axis] = []
    for size, out in zip(call.sizes, call.out.shape[-2:], strict=True):
        if out == 1 and size > 1:
            return Whole("global pooling")
        axes.append(Window(size // out, size // out) if size % out == 0 else Adaptive(out))
    return Reads(axes[0], axes[1], call.place)


_PADDING_MODES: dict[type[nn.Module], str] = {
    nn.ReflectionPad2d: "reflect",
    nn.ReplicationPad2d: "replicate",
    nn.CircularPad2d: "circular",
}


def _padding(call: Call) -> Reads | Whole:
    amounts = call.argument(1, "padding", call.kwargs.get("pad"))
    if call.module is not None:
        mode = next((mode for kind, mode in _PADDING_MODES.items() if isinstance(call.module, kind)), "zeros")
    else:
        mode = call.argument(2, "mode", "constant").replace("constant", "zeros")
    before = {call.x.ndim - 1 - i // 2: amounts[i] for i in range(0, len(amounts), 2)}
    rows, cols = (Window(before=before.get(dim, 0), padding_mode=mode) for dim in call.place)
    return Reads(rows, cols, call.place)


def _upsampling(call: Call) -> Reads | Whole:
    factors = [out / size for size, out in zip(call.sizes, call.out.shape[-2:], strict=True)]
    if call.argument(3, "mode", "nearest") != "nearest" or any(f != int(f) for f in factors):
        return Whole("interpolation other than nearest by a whole factor")
    return Reads(Nearest(int(factors[0])), Nearest(int(factors[1])), call.place)


def _linear(call: Call) -> Reads | Whole:
    if call.x.ndim - 1 in call.place:
        return Whole("a linear layer over positions")
    return Reads(SAME, SAME, call.place)


def _layer_norm(call: Call) -> Reads | Whole:
    over = len(call.argument(1, "normalized_shape"))
    if any(dim >= call.x.ndim - over for dim in call.place):
        return Whole("normalisation over positions")
    return Reads(SAME, SAME, call.place)


def _over_dimension(position: int, name: str, what: str) -> Rule:
    """A layer that works along one dimension: harmless unless that is one of the map's."""

    def rule(call: Call) -> Reads | Whole:
        dim = call.argument(position, name)
        if dim is None or call.dimension(dim) in call.place:
            return Whole(what)
        return Reads(SAME, SAME, call.place)

    return rule


def _reduction(call: Call) -> Reads | Whole:
    dims = call.argument(1, "dim")
    dims = range(call.x.ndim) if dims is None else [call.dimension(d) for d in _tuple(dims)]
    if set(dims) & set(call.place):
        return Whole("the mean over positions")
    if call.out.ndim == call.x.ndim:
        return Reads(SAME, SAME, call.place)
    rows, cols = (place - sum(dim < place for dim in dims) for place in call.place)
    return Reads(SAME, SAME, (rows, cols))


def _tuple(value: Any) -> tuple:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _permute(call: Call) -> Reads | Whole:
    dims = getattr(call.module, "dims", None) or call.args[1:]
    order = [call.dimension(d) for d in (dims[0] if isinstance(dims[0], tuple | list) else dims)]
    return Reads(SAME, SAME, (order.index(call.place[0]), order.index(call.place[1])))


def _transpose(call: Call) -> Reads | Whole:
    swap = [call.dimension(d) for d in call.args[1:3]]
    exchanged = dict(zip(swap, swap[::-1], strict=True))
    rows, cols = (exchanged.get(dim, dim) for dim in call.place)
    return Reads(SAME, SAME, (rows, cols))


def _reshape(call: Call) -> Reads | Whole:
    """Maps that stay whole at the end of the shape (as in a channel shuffle) are still maps."""
    if not call.moved and call.out.ndim >= 3 and call.out.shape[-2:] == call.x.shape[-2:]:
        return Reads(SAME, SAME, (call.out.ndim - 2, call.out.ndim - 1))
    return Whole("positions are laid out in one row")


def _item(call: Call) -> Reads | Whole:
    index = call.args[1]
    if isinstance(index, int):
        return Reads(SAME, SAME, call.place) if call.out.ndim == call.x.ndim else Whole("one position is picked out")
    return Whole("positions are picked out")


_POINTWISE_MODULES = (
    nn.BatchNorm2d, nn.Dropout, nn.Dropout2d, nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU,
    nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Softplus,
)  # fmt: skip

_POINTWISE_FUNCTIONS = (
    "add", "iadd", "add_", "sub", "isub", "mul", "imul", "mul_", "truediv", "div", "neg", "pow", "exp", "sqrt", "abs",
    "relu", "relu_", "relu6", "leaky_relu", "elu", "gelu", "silu", "mish", "sigmoid", "tanh", "softplus", "hardtanh",
    "hardswish", "hardsigmoid", "clamp", "clip", "dropout", "stochastic_depth", "contiguous", "clone", "detach",
    "float", "to", "expand",
)  # fmt: skip

_MODULES: tuple[tuple[tuple[type[nn.Module], ...], Rule], ...] = (
    ((nn.ConvTranspose2d,), _transposed),
    ((nn.Conv2d,), _convolution),
    ((nn.MaxPool2d, nn.AvgPool2d, nn.LPPool2d), _pooling),
    ((nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d), _adaptive_pooling),
    ((nn.ZeroPad2d, nn.ConstantPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d, nn.CircularPad2d), _padding),
    ((nn.Upsample,), _upsampling),
    ((nn.Linear,), _linear),
    ((nn.LayerNorm,), _layer_norm),
    ((nn.Softmax, nn.LogSoftmax), _over_dimension(1, "dim", "softmax over positions")),
    ((nn.Flatten,), _reshape),
    (_POINTWISE_MODULES, _pointwise),
)

_FUNCTIONS: dict[str, Rule] = {
    **dict.fromkeys(_POINTWISE_FUNCTIONS, _pointwise),
    "conv2d": _convolution,
    "conv_transpose2d": _transposed,
    "max_pool2d": _pooling,
    "_max_pool2d": _pooling,
    "boolean_dispatch": _pooling,
    "avg_pool2d": _pooling,
    "adaptive_avg_pool2d": _adaptive_pooling,
    "adaptive_max_pool2d": _adaptive_pooling,
    "pad": _padding,
    "interpolate": _upsampling,
    "linear": _linear,
    "layer_norm": _layer_norm,
    "softmax": _over_dimension(1, "dim", "softmax over positions"),
    "log_softmax": _over_dimension(1, "dim", "softmax over positions"),
    "cat": _over_dimension(1, "dim", "positions are put side by side"),
    "concat": _over_dimension(1, "dim", "positions are put side by side"),
    "chunk": _over_dimension(2, "dim", "positions are split"),
    "split": _over_dimension(2, "dim", "positions are split"),
    "mean": _reduction,
    "sum": _reduction,
    "amax": _reduction,
    "permute": _permute,
    "transpose": _transpose,
    "swapaxes": _transpose,
    "flatten": _reshape,
    "view": _reshape,
    "reshape": _reshape,
    "getitem": _item,
}
