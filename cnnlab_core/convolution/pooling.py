"""Pooling and its gradients. Each channel is pooled on its own.

Max pooling keeps, of each window, the largest cell, and remembers which one that was: its route. The gradient of the
output goes back along the route, and nowhere else. Of equal cells the first in row-major order is kept, as in PyTorch.
Average pooling is a convolution of each channel with a kernel of ones, divided by the number of cells.
Source: Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 9.3; limits and ceil_mode as in
``torch.nn.functional.max_pool2d`` and ``avg_pool2d``.
"""

from dataclasses import dataclass
from math import prod
from typing import Unpack

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import Array, IntArray, limit_cells, numbers, per_axis, switch
from cnnlab_core.convolution.conv import correlate, input_gradient, read_dy, with_channels
from cnnlab_core.convolution.options import MAX_WORK, AvgPoolOptions, Ints, MaxPoolOptions, PoolOptions
from cnnlab_core.convolution.windows import Axes, Index, flat_sources, out_shape, pad, pool_axes, taps


def max_pool1d(x: npt.ArrayLike, window: Ints, **options: Unpack[MaxPoolOptions]) -> Array:
    """The largest cell of each window of a signal.

    ``max_pool1d(x, window, *, stride=None, padding=0, dilation=1, ceil_mode=False)``

    Args:
        x: (L,), (C, L) or (N, C, L).
        window: how many cells it covers.
        options: see :class:`MaxPoolOptions`; padding at most half the window. Padding never wins: it counts as -inf.

    Returns:
        (L',), (C, L') or (N, C, L').

    Raises:
        InputError: an argument that can't be; the message says which number to change.
    """
    return _max_pool(make_pool(1, x, window, **options))


def max_pool2d(x: npt.ArrayLike, window: Ints, **options: Unpack[MaxPoolOptions]) -> Array:
    """The largest cell of each window of an image.

    ``max_pool2d(x, window, *, stride=None, padding=0, dilation=1, ceil_mode=False)``

    Args:
        x: (H, W), (C, H, W) or (N, C, H, W).
        window: its size, one number or (rows, columns).
        options: see :class:`MaxPoolOptions`; padding at most half the window. Padding never wins: it counts as -inf.

    Returns:
        (H', W'), (C, H', W') or (N, C, H', W').

    Raises:
        InputError: an argument that can't be; the message says which number to change.
    """
    return _max_pool(make_pool(2, x, window, **options))


def max_pool1d_routes(x: npt.ArrayLike, window: Ints, **options: Unpack[MaxPoolOptions]) -> IntArray:
    """Which input position won each window of :func:`max_pool1d`; shaped like its result."""
    return _routes(make_pool(1, x, window, **options))


def max_pool2d_routes(x: npt.ArrayLike, window: Ints, **options: Unpack[MaxPoolOptions]) -> IntArray:
    """Which input cell won each window of :func:`max_pool2d`, as row * W + column; shaped like its result."""
    return _routes(make_pool(2, x, window, **options))


def max_pool1d_backward(x: npt.ArrayLike, window: Ints, dy: npt.ArrayLike, **options: Unpack[MaxPoolOptions]) -> Array:
    """dx of :func:`max_pool1d`, shaped like x, for ``dy`` shaped like its result; the same options."""
    return _max_pool_backward(make_pool(1, x, window, **options), dy)


def max_pool2d_backward(x: npt.ArrayLike, window: Ints, dy: npt.ArrayLike, **options: Unpack[MaxPoolOptions]) -> Array:
    """dx of :func:`max_pool2d`, shaped like x, for ``dy`` shaped like its result; the same options."""
    return _max_pool_backward(make_pool(2, x, window, **options), dy)


def avg_pool1d(x: npt.ArrayLike, window: Ints, **options: Unpack[AvgPoolOptions]) -> Array:
    """The mean of each window of a signal.

    ``avg_pool1d(x, window, *, stride=None, padding=0, ceil_mode=False, count_include_pad=True)``

    Shapes and errors as for :func:`max_pool1d`. Padding counts as zeros, or with ``count_include_pad=False`` not at
    all; cells that only ``ceil_mode`` reaches never count.
    """
    return _avg_pool(*_make_avg_pool(1, x, window, **options))


def avg_pool2d(x: npt.ArrayLike, window: Ints, **options: Unpack[AvgPoolOptions]) -> Array:
    """The mean of each window of an image.

    ``avg_pool2d(x, window, *, stride=None, padding=0, ceil_mode=False, count_include_pad=True)``

    Shapes and errors as for :func:`max_pool2d`. Padding counts as zeros, or with ``count_include_pad=False`` not at
    all; cells that only ``ceil_mode`` reaches never count.
    """
    return _avg_pool(*_make_avg_pool(2, x, window, **options))


def avg_pool1d_backward(x: npt.ArrayLike, window: Ints, dy: npt.ArrayLike, **options: Unpack[AvgPoolOptions]) -> Array:
    """dx of :func:`avg_pool1d`, shaped like x, for ``dy`` shaped like its result; the same options."""
    return _avg_pool_backward(*_make_avg_pool(1, x, window, **options), dy)


def avg_pool2d_backward(x: npt.ArrayLike, window: Ints, dy: npt.ArrayLike, **options: Unpack[AvgPoolOptions]) -> Array:
    """dx of :func:`avg_pool2d`, shaped like x, for ``dy`` shaped like its result; the same options."""
    return _avg_pool_backward(*_make_avg_pool(2, x, window, **options), dy)


@dataclass(frozen=True)
class Pool:
    """A pooling whose input has all of its axes, (N, C, *S), and the shape in which the caller thinks of it."""

    x: Array
    axes: Axes
    x_shape: Index

    @property
    def y_shape(self) -> Index:
        return (*self.x_shape[: -len(self.axes)], *out_shape(self.axes))

    @property
    def full_y_shape(self) -> Index:
        return (*self.x.shape[:2], *out_shape(self.axes))

    def read_dy(self, dy: npt.ArrayLike) -> Array:
        """``dy``, shaped like the caller's y, as (N, C, *T)."""
        return read_dy(dy, self.y_shape).reshape(self.full_y_shape)


def make_pool(dims: int, x: npt.ArrayLike, window: Ints, **options: Unpack[MaxPoolOptions]) -> Pool:
    """Check the arguments of a pooling over ``dims`` axes and give x all of its axes."""
    given = numbers("x", x, [dims, dims + 1, dims + 2])
    full = with_channels(given, dims)
    axes = pool_axes(full.shape[2:], per_axis("window", window, dims, least=1), **options)
    pool = Pool(full, axes, given.shape)
    limit_cells("The padded input", (*full.shape[:2], *(axis.padded for axis in axes)))
    limit_cells("The table of cells", (*pool.full_y_shape, *(axis.kernel for axis in axes)), MAX_WORK)
    return pool


def routes(pool: Pool) -> IntArray:
    """The input cell that wins each window, counted row by row over the spatial axes. Shape (N, C, *T)."""
    padded, sources = pad(pool.x, pool.axes, fill=-np.inf), flat_sources(pool.axes)
    best = np.full(pool.full_y_shape, -np.inf)
    winners = np.zeros(pool.full_y_shape, dtype=np.int64)
    for tap, (_, cells) in enumerate(taps(pool.axes)):
        better = padded[cells] > best  # strictly: of equal cells the first stays
        winners = np.where(better, sources[:, tap].reshape(out_shape(pool.axes)), winners)
        best = np.where(better, padded[cells], best)
    return winners


def divisors(axes: Axes, count_include_pad: bool) -> Array:
    """By how much the sum over each window is divided: how many cells it covers, padding counted or not."""
    count = np.ones(())
    for axis in axes:
        first, end = (0, axis.padded - axis.overhang) if count_include_pad else (axis.before, axis.before + axis.size)
        cells = axis.windows()
        count = np.multiply.outer(count, ((cells >= first) & (cells < end)).sum(axis=1))
    return count


def _max_pool(pool: Pool) -> Array:
    winners = _over_places(routes(pool))
    return np.take_along_axis(_over_places(pool.x), winners, axis=-1).reshape(pool.y_shape)


def _routes(pool: Pool) -> IntArray:
    return routes(pool).reshape(pool.y_shape)


def _max_pool_backward(pool: Pool, dy: npt.ArrayLike) -> Array:
    received, winners = _over_places(pool.read_dy(dy)), _over_places(routes(pool))
    dx = np.zeros((*received.shape[:2], prod(pool.x.shape[2:])))
    n, c = np.ogrid[: len(dx), : dx.shape[1]]
    np.add.at(dx, (n[..., None], c[..., None], winners), received)  # a cell that wins several windows is paid by each
    return dx.reshape(pool.x_shape)


def _make_avg_pool(
    dims: int, x: npt.ArrayLike, window: Ints, *, count_include_pad: bool = True, **options: Unpack[PoolOptions]
) -> tuple[Pool, bool]:
    return make_pool(dims, x, window, **options), switch("count_include_pad", count_include_pad)


def _avg_pool(pool: Pool, count_include_pad: bool) -> Array:
    sums = correlate(pool.x, _ones(pool), pool.axes, groups=pool.x.shape[1])
    return (sums / divisors(pool.axes, count_include_pad)).reshape(pool.y_shape)


def _avg_pool_backward(pool: Pool, count_include_pad: bool, dy: npt.ArrayLike) -> Array:
    shares = pool.read_dy(dy) / divisors(pool.axes, count_include_pad)
    return input_gradient(_ones(pool), shares, pool.axes, groups=pool.x.shape[1]).reshape(pool.x_shape)


def _ones(pool: Pool) -> Array:
    """A kernel of ones for each channel."""
    return np.ones((pool.x.shape[1], 1, *(axis.kernel for axis in pool.axes)))


def _over_places(array: np.ndarray) -> np.ndarray:
    """(N, C, *T) as (N, C, places)."""
    return array.reshape(*array.shape[:2], -1)
