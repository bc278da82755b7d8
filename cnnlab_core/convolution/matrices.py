"""A convolution as a matrix: it is linear in its input, and linear in its kernel.

``toeplitz`` has one row for each output and one column for each input cell; along a row lies the kernel, where the
window stands. Its transpose carries dy back to dx. ``jacobian_weights`` has a column for each weight instead, and
along a row lies what the window sees. Source: Dumoulin and Visin (2016), section 4.1; Gray, "Toeplitz and Circulant
Matrices: A Review" (2006).
"""

from math import prod
from typing import Unpack

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import Array, limit_cells, numbers, read_shape
from cnnlab_core.convolution.conv import Layer, make_layer
from cnnlab_core.convolution.options import DIMS_OF_KERNEL, ConvOptions, Ints
from cnnlab_core.convolution.windows import flat_sources, out_shape

MAX_MATRIX = 2**22  # entries: 2048 x 2048, 32 MB


def toeplitz(w: npt.ArrayLike, input_shape: Ints, **options: Unpack[ConvOptions]) -> Array:
    """dy/dx: the matrix T for which ``conv(x, w).ravel() == T @ x.ravel()``, for every padding mode too.

    ``toeplitz(w, input_shape, *, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros", flip=False)``

    Args:
        w: (k,) or (O, C / groups, k) for one dimension, (kh, kw) or (O, C / groups, kh, kw) for two.
        input_shape: the shape of x, (L,) or (C, L), (H, W) or (C, H, W).
        options: see :class:`ConvOptions`.

    Returns:
        (cells of y, cells of x), at most :data:`MAX_MATRIX` entries.

    Raises:
        InputError: an argument that can't be, or a matrix too large to look at.
    """
    kernel = numbers("w", w, DIMS_OF_KERNEL)
    dims = DIMS_OF_KERNEL[kernel.ndim]
    layer = make_layer(dims, np.zeros(read_shape("input shape", input_shape, [dims, dims + 1])), kernel, **options)
    places, cells = prod(out_shape(layer.axes)), prod(layer.x.shape[2:])
    _limit(layer, layer.x.size)
    matrix = np.zeros((len(layer.w), places, layer.x.shape[1], cells))
    sources = flat_sources(layer.axes)
    for o, c, channel in _connections(layer):
        for tap, weight in enumerate(layer.w[o, c].flat):
            (seen,) = np.nonzero(sources[:, tap] >= 0)
            matrix[o, seen, channel, sources[seen, tap]] += weight
    return matrix.reshape(-1, layer.x.size)


def jacobian_weights(x: npt.ArrayLike, kernel_shape: Ints, **options: Unpack[ConvOptions]) -> Array:
    """dy/dw: the matrix J for which ``conv(x, w).ravel() == J @ w.ravel()``.

    Args:
        x: the input, as for :func:`conv1d` or :func:`conv2d`.
        kernel_shape: the shape of w, (k,) or (O, C / groups, k), (kh, kw) or (O, C / groups, kh, kw).
        options: see :class:`ConvOptions`; those of :func:`toeplitz`.

    Returns:
        (cells of y, cells of w), at most :data:`MAX_MATRIX` entries.

    Raises:
        InputError: an argument that can't be, or a matrix too large to look at.
    """
    shape = read_shape("kernel shape", kernel_shape, DIMS_OF_KERNEL)
    layer = make_layer(DIMS_OF_KERNEL[len(shape)], x, np.zeros(shape), **options)
    _limit(layer, layer.w.size)
    kernel_cells = prod(layer.w.shape[2:])
    sources = flat_sources(layer.axes)
    cells = layer.x.reshape(*layer.x.shape[:2], -1)
    seen = np.where(sources >= 0, cells[:, :, sources], 0)  # (N, C, outputs, kernel cells)
    matrix = np.zeros((len(layer.x), len(layer.w), len(sources), *layer.w.shape[:2], kernel_cells))
    for o, c, channel in _connections(layer):
        matrix[:, o, :, o, c] = seen[:, channel]
    return matrix.reshape(-1, layer.w.size)


def _connections(layer: Layer) -> list[tuple[int, int, int]]:
    """Which input channel each w[o, c] multiplies: (o, c, channel)."""
    return [(o, c, channel) for o in range(len(layer.w)) for c, channel in enumerate(layer.channels_of(o))]


def _limit(layer: Layer, columns: int) -> None:
    limit_cells("The matrix", (prod(layer.full_y_shape), columns), MAX_MATRIX)
