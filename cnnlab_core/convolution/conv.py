"""Convolution and its gradients: for each cell of the kernel, one line of arithmetic.

Kernel cell ``w[o, c, a]`` meets, as the window slides, one padded input cell for each output: a strided slice. So

    y           is the sum over kernel cells of  w[:, :, a] @ slice        what the slice shows, weighted
    dw[:, :, a]    =  dy @ slice.T                                         what the weight multiplied
    d slice        +=  w[:, :, a].T @ dy                                   where the weight sent it

and padding is a linear map whose gradient is its transpose. The same loop serves any number of axes.
Sources: Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 9.5, equations 9.7 to 9.13; conventions and
limits as in ``torch.nn.functional.conv1d`` and ``conv2d``.
"""

from dataclasses import dataclass
from math import gcd
from typing import NamedTuple, Unpack

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import Array, limit_cells, numbers, per_axis, whole
from cnnlab_core.convolution.options import (
    AXIS_NAMES,
    MAX_WORK,
    ConvOptions,
    Ints,
    MatrixOptions,
    Padding,
    WindowOptions,
    parse_padding,
)
from cnnlab_core.convolution.windows import Axes, Axis, Index, conv_axes, out_shape, pad, taps, unpad
from cnnlab_core.errors import InputError


class Gradients(NamedTuple):
    """The gradient of a loss with respect to each argument of a convolution, each shaped like its argument."""

    dx: Array
    dw: Array
    db: Array


def conv1d(x: npt.ArrayLike, w: npt.ArrayLike, b: npt.ArrayLike | None = None, **options: Unpack[ConvOptions]) -> Array:
    """One-dimensional convolution (cross-correlation, unless ``flip``).

    ``conv1d(x, w, b=None, *, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros", flip=False)``

    Args:
        x: the signal, (L,), (C, L) or (N, C, L); cells within +-1e100.
        w: the kernel, (k,) for one channel in and out, or (O, C / groups, k).
        b: the bias, (O,); a single number will do for one output channel.
        options: see :class:`ConvOptions`; a number, or a list of one.

    Returns:
        y, (L',) if both x and w are bare, else (O, L') or (N, O, L'); L' as :func:`output_size` says.

    Raises:
        InputError: an argument that can't be; the message says which number to change.
    """
    return convolve(make_layer(1, x, w, **options), b)


def conv2d(x: npt.ArrayLike, w: npt.ArrayLike, b: npt.ArrayLike | None = None, **options: Unpack[ConvOptions]) -> Array:
    """Two-dimensional convolution (cross-correlation, unless ``flip``).

    ``conv2d(x, w, b=None, *, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros", flip=False)``

    Args:
        x: the image, (H, W), (C, H, W) or (N, C, H, W); cells within +-1e100.
        w: the kernel, (kh, kw) for one channel in and out, or (O, C / groups, kh, kw).
        b: the bias, (O,); a single number will do for one output channel.
        options: see :class:`ConvOptions`; a number, or one for each axis (rows, columns).

    Returns:
        y, (H', W') if both x and w are bare, else (O, H', W') or (N, O, H', W'); sizes as :func:`output_size` says.

    Raises:
        InputError: an argument that can't be; the message says which number to change.
    """
    return convolve(make_layer(2, x, w, **options), b)


def conv1d_backward(x: npt.ArrayLike, w: npt.ArrayLike, dy: npt.ArrayLike, **options: Unpack[ConvOptions]) -> Gradients:
    """The gradients of :func:`conv1d` for a given ``dy``, shaped like y. The options are those of the forward pass.

    Returns:
        Gradients(dx, dw, db): shaped like x, like w, and (O,) (a 0-d array if x and w are bare).
    """
    return backpropagate(make_layer(1, x, w, **options), dy)


def conv2d_backward(x: npt.ArrayLike, w: npt.ArrayLike, dy: npt.ArrayLike, **options: Unpack[ConvOptions]) -> Gradients:
    """The gradients of :func:`conv2d` for a given ``dy``, shaped like y. The options are those of the forward pass.

    Returns:
        Gradients(dx, dw, db): shaped like x, like w, and (O,) (a 0-d array if x and w are bare).
    """
    return backpropagate(make_layer(2, x, w, **options), dy)


class TransposeOptions(WindowOptions, total=False):
    """:class:`WindowOptions`, ``output_padding=0`` (rows and columns added at the end) and ``groups=1``."""

    output_padding: Ints
    groups: int


def conv_transpose1d(
    x: npt.ArrayLike, w: npt.ArrayLike, b: npt.ArrayLike | None = None, **options: Unpack[TransposeOptions]
) -> Array:
    """The adjoint of :func:`conv1d`: <conv1d(u, w), x> = <u, conv_transpose1d(x, w)> for every u.

    ``conv_transpose1d(x, w, b=None, *, stride=1, padding=0, output_padding=0, dilation=1, groups=1)``

    Args:
        x: (L,), (C, L) or (N, C, L).
        w: (k,) or (C, O / groups, k): the very kernel of the convolution that it transposes.
        b: (O,).
        options: see :class:`TransposeOptions`; ``output_padding`` less than stride or dilation.

    Returns:
        (L',), (O, L') or (N, O, L') with L' = (L - 1) stride - padding + dilation (k - 1) + output_padding + 1,
        padding of both ends.
    """
    return _transpose(1, x, w, b, **options)


def conv_transpose2d(
    x: npt.ArrayLike, w: npt.ArrayLike, b: npt.ArrayLike | None = None, **options: Unpack[TransposeOptions]
) -> Array:
    """The adjoint of :func:`conv2d`: <conv2d(u, w), x> = <u, conv_transpose2d(x, w)> for every u.

    ``conv_transpose2d(x, w, b=None, *, stride=1, padding=0, output_padding=0, dilation=1, groups=1)``

    Args:
        x: (H, W), (C, H, W) or (N, C, H, W).
        w: (kh, kw) or (C, O / groups, kh, kw): the very kernel of the convolution that it transposes.
        b: (O,).
        options: see :class:`TransposeOptions`; ``output_padding`` less than stride or dilation.

    Returns:
        (H', W'), (O, H', W') or (N, O, H', W'); each size as for :func:`conv_transpose1d`.
    """
    return _transpose(2, x, w, b, **options)


def sgd_update(w: npt.ArrayLike, dw: npt.ArrayLike, eta: float) -> Array:
    """One step of gradient descent, ``w - eta * dw``; ``dw`` shaped like ``w``, ``eta`` the learning rate >= 0."""
    w, dw, eta = numbers("w", w), numbers("dw", dw), numbers("eta", eta, [0]).item()
    if dw.shape != w.shape:
        raise InputError(f"dw has shape {dw.shape} but w has shape {w.shape}: give one number of dw for each weight.")
    if eta < 0:
        raise InputError(f"eta is {eta:g}, which would climb the loss: make the learning rate 0 or more.")
    return w - eta * dw


def read_dy(dy: npt.ArrayLike, y_shape: Index) -> Array:
    """``dy`` as an array, if it is shaped like y."""
    array = numbers("dy", dy)
    if array.shape != y_shape:
        raise InputError(f"dy has shape {array.shape} but y has shape {y_shape}: give dy one number for each y.")
    return array


@dataclass(frozen=True)
class Layer:
    """A convolution with all of its axes present, and the shapes in which the caller thinks of it.

    x is (N, C, *S) and w is (O, C / groups, *K); ``x_shape`` and ``w_shape`` are the caller's, perhaps without N, C
    or O. ``channel_shape`` is (O,), or () where both x and w are bare.
    """

    x: Array
    w: Array
    axes: Axes
    groups: int
    x_shape: Index
    w_shape: Index

    @property
    def channel_shape(self) -> Index:
        dims = len(self.axes)
        return () if len(self.x_shape) == len(self.w_shape) == dims else (len(self.w),)

    @property
    def y_shape(self) -> Index:
        batch = self.x_shape[: -1 - len(self.axes)]
        return (*batch, *self.channel_shape, *out_shape(self.axes))

    @property
    def full_y_shape(self) -> Index:
        return (len(self.x), len(self.w), *out_shape(self.axes))

    def channels_of(self, o: int) -> range:
        """The input channels that output channel ``o`` reads: those of its group."""
        per_group = self.w.shape[1]
        first = o * self.groups // len(self.w) * per_group
        return range(first, first + per_group)

    def read_dy(self, dy: npt.ArrayLike) -> Array:
        """``dy``, shaped like the caller's y, as (N, O, *T)."""
        return read_dy(dy, self.y_shape).reshape(self.full_y_shape)

    def read_b(self, b: npt.ArrayLike | None) -> Array:
        """The bias as (O,); zeros where there is none."""
        return _read_b(b, len(self.w))


def make_layer(
    dims: int, x: npt.ArrayLike, w: npt.ArrayLike, *, groups: int = 1, **options: Unpack[MatrixOptions]
) -> Layer:
    """Check the arguments of a convolution over ``dims`` axes and give each array all of its axes."""
    given_x, given_w = numbers("x", x, [dims, dims + 1, dims + 2]), numbers("w", w, [dims, dims + 2])
    full_x, full_w = with_channels(given_x, dims), with_channels(given_w, dims)
    channels, (outputs, per_group) = full_x.shape[1], full_w.shape[:2]
    groups = _read_groups(groups, channels, outputs)
    if per_group * groups != channels:
        raise InputError(
            f"w looks at {per_group} of the {channels} input channels of x in each of {groups} groups: give w a second "
            f"axis of {channels // groups}, or x {per_group * groups} channels."
        )
    axes = conv_axes(full_x.shape[2:], full_w.shape[2:], **options)
    layer = Layer(full_x, full_w, axes, groups, given_x.shape, given_w.shape)
    limit_cells("The padded input", (*full_x.shape[:2], *(axis.padded for axis in axes)))
    limit_cells("The output", layer.full_y_shape)
    limit_cells("The table of products", (*layer.full_y_shape, *full_w.shape[1:]), MAX_WORK)
    return layer


def convolve(layer: Layer, b: npt.ArrayLike | None = None) -> Array:
    """y, as the caller expects it."""
    y = correlate(layer.x, layer.w, layer.axes, layer.groups) + _over_axes(layer.read_b(b), layer.axes)
    return y.reshape(layer.y_shape)


def backpropagate(layer: Layer, dy: npt.ArrayLike) -> Gradients:
    """dx, dw and db, as the caller expects them."""
    full_dy = layer.read_dy(dy)
    dx = input_gradient(layer.w, full_dy, layer.axes, layer.groups)
    dw = weight_gradient(layer.x, full_dy, layer.axes, layer.groups)
    db = full_dy.sum(axis=(0, *range(2, full_dy.ndim)))
    return Gradients(dx.reshape(layer.x_shape), dw.reshape(layer.w_shape), db.reshape(layer.channel_shape))


# The arithmetic itself. x (N, C, *S), w (O, C / groups, *K), y and dy (N, O, *T).


def correlate(x: Array, w: Array, axes: Axes, groups: int = 1) -> Array:
    """y = the sum, over kernel cells, of weight times the input cells that it covers."""
    padded, weights = _split(pad(x, axes), groups), _split_kernel(w, groups)
    y = np.zeros((len(x), groups, len(w) // groups, *out_shape(axes)))
    for weight, cells in taps(axes):
        y += _mix(weights[weight], padded[cells])
    return _join(y)


def input_gradient(w: Array, dy: Array, axes: Axes, groups: int = 1) -> Array:
    """dx: each dy goes back, through each weight, to the input cell that the weight multiplied."""
    received, weights = _split(dy, groups), _split_kernel(w, groups)
    padded = np.zeros((len(dy), groups, w.shape[1], *(axis.padded for axis in axes)))
    for weight, cells in taps(axes):
        padded[cells] += _mix(weights[weight].swapaxes(1, 2), received)
    return unpad(_join(padded), axes)


def weight_gradient(x: Array, dy: Array, axes: Axes, groups: int = 1) -> Array:
    """dw: for each weight, all the input cells that it multiplied, each times the dy of the output that it fed."""
    padded, received = _split(pad(x, axes), groups), _flat(_split(dy, groups))
    dw = np.zeros((*received.shape[1:3], padded.shape[2], *(axis.kernel for axis in axes)))
    for weight, cells in taps(axes):
        dw[weight] = (received @ _flat(padded[cells]).swapaxes(2, 3)).sum(axis=0)
    return dw.reshape(-1, *dw.shape[2:])


def with_channels(array: Array, dims: int) -> Array:
    """``array`` with ones in front of its ``dims`` trailing axes: (N, C, *S) or (O, C / groups, *K)."""
    return array.reshape((1,) * (dims + 2 - array.ndim) + array.shape)


def _mix(weights: Array, cells: Array) -> Array:
    """A linear map across channels at every place: (g, out, in) with (N, g, in, *T) to (N, g, out, *T)."""
    return (weights @ _flat(cells)).reshape(*cells.shape[:2], -1, *cells.shape[3:])


def _flat(cells: Array) -> Array:
    """(N, g, channels, *T) as (N, g, channels, places)."""
    return cells.reshape(*cells.shape[:3], -1)


def _split(channels: Array, groups: int) -> Array:
    """(N, C, ...) as (N, groups, C / groups, ...)."""
    return channels.reshape(len(channels), groups, -1, *channels.shape[2:])


def _split_kernel(w: Array, groups: int) -> Array:
    """(O, C / groups, *K) as (groups, O / groups, C / groups, *K)."""
    return w.reshape(groups, -1, *w.shape[1:])


def _join(groups: Array) -> Array:
    """(N, groups, channels of a group, ...) as (N, channels, ...)."""
    return groups.reshape(len(groups), -1, *groups.shape[3:])


def _over_axes(b: Array, axes: Axes) -> Array:
    """(O,) as (O, 1, ...), to be added at every place."""
    return b.reshape(-1, *(1 for _ in axes))


def _read_b(b: npt.ArrayLike | None, outputs: int) -> Array:
    if b is None:
        return np.zeros(outputs)
    array = numbers("b", b, [0, 1])
    if array.size != outputs:
        raise InputError(f"b has {array.size} numbers but y has {outputs} channels: give b {outputs}.")
    return array.reshape(-1)


def _read_groups(groups: object, *channels: int) -> int:
    """``groups`` if it divides each number of ``channels``."""
    number = whole("groups", groups, least=1)
    if any(count % number for count in channels):
        common = gcd(*channels)
        divisors = ", ".join(str(n) for n in range(1, common + 1) if common % n == 0)
        counts = " and ".join(str(count) for count in channels)
        raise InputError(f"groups is {number}, which doesn't divide {counts} channels: choose groups from {divisors}.")
    return number


def _transpose(
    dims: int,
    x: npt.ArrayLike,
    w: npt.ArrayLike,
    b: npt.ArrayLike | None,
    *,
    stride: Ints = 1,
    padding: Padding = 0,
    output_padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Array:
    """A transposed convolution is the input gradient of a convolution, with x in the place of dy."""
    given_x, given_w = numbers("x", x, [dims, dims + 1, dims + 2]), numbers("w", w, [dims, dims + 2])
    full_x, full_w = with_channels(given_x, dims), with_channels(given_w, dims)
    channels, outputs = full_x.shape[1], full_w.shape[1]
    if len(full_w) != channels:
        raise InputError(
            f"w is for {len(full_w)} input channels but x has {channels}: give w a first axis of {channels}."
        )
    groups = _read_groups(groups, channels)
    axes = _transpose_axes(full_x.shape[2:], full_w.shape[2:], stride, padding, output_padding, dilation)
    shape = (len(full_x), outputs * groups, *(axis.size for axis in axes))
    limit_cells("The output", (*shape[:2], *(max(axis.size, axis.padded) for axis in axes)))
    limit_cells("The table of products", (*full_x.shape, *full_w.shape[1:]), MAX_WORK)
    y = input_gradient(full_w, full_x, axes, groups) + _over_axes(_read_b(b, shape[1]), axes)
    bare = given_x.ndim == given_w.ndim == dims
    return y.reshape(*given_x.shape[: -1 - dims], *(() if bare else shape[1:2]), *shape[2:])


def _transpose_axes(
    sizes: Index, kernel: Index, stride: Ints, padding: Padding, output_padding: Ints, dilation: Ints
) -> Axes:
    """The axes of the convolution whose outputs have these ``sizes``."""
    dims = len(sizes)
    strides = per_axis("stride", stride, dims, least=1)
    dilations = per_axis("dilation", dilation, dims, least=1)
    extras = per_axis("output_padding", output_padding, dims)
    paddings = parse_padding(padding, [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)], strides)
    axes = []
    for n, name in enumerate(AXIS_NAMES[dims]):
        size, k, s, d, extra, (before, after) = sizes[n], kernel[n], strides[n], dilations[n], extras[n], paddings[n]
        if extra >= max(s, d):
            raise InputError(
                f"output_padding is {extra}: make it at most {max(s, d) - 1}, one less than stride or dilation."
            )
        # What the windows cover, plus what output_padding adds, less what padding cuts off. No window reaches what is
        # added, so it counts as padding taken away: ``after`` may be negative here.
        result = (size - 1) * s + d * (k - 1) + 1 + extra - before - after
        if result < 1:
            raise InputError(
                f"The output would have {result} {name}s: make padding smaller by {1 - result}, or the input larger."
            )
        axes.append(Axis(name, result, k, s, before, after - extra, d))
    return tuple(axes)
