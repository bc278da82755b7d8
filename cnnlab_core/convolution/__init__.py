"""Convolution and pooling by hand, in numpy: forward, backward, as a matrix, and every single cell explained.

Pure functions of float64 arrays with the conventions of PyTorch, with which they agree to rounding. Whatever can't be
computed raises :class:`cnnlab_core.errors.InputError`, a sentence that says which number to change.
"""

from cnnlab_core.convolution.conv import (
    Gradients,
    conv1d,
    conv1d_backward,
    conv2d,
    conv2d_backward,
    conv_transpose1d,
    conv_transpose2d,
    sgd_update,
)
from cnnlab_core.convolution.explain import Explanation, Factor, Term, explain, explain_pool
from cnnlab_core.convolution.geometry import AxisGeometry, Geometry, OutputSize, geometry, output_size, pool_geometry
from cnnlab_core.convolution.matrices import jacobian_weights, toeplitz
from cnnlab_core.convolution.plain import to_csv, to_plain
from cnnlab_core.convolution.pooling import (
    avg_pool1d,
    avg_pool1d_backward,
    avg_pool2d,
    avg_pool2d_backward,
    max_pool1d,
    max_pool1d_backward,
    max_pool1d_routes,
    max_pool2d,
    max_pool2d_backward,
    max_pool2d_routes,
)
from cnnlab_core.convolution.presets import EXAMPLES, KERNELS, KERNELS_1D, Example, Kernel, random_kernel
from cnnlab_core.convolution.problem import ConvProblem, PoolProblem
from cnnlab_core.convolution.typed import read_cell, read_planes, resize, write_planes

__all__ = [
    "EXAMPLES",
    "KERNELS",
    "KERNELS_1D",
    "AxisGeometry",
    "ConvProblem",
    "Example",
    "Explanation",
    "Factor",
    "Geometry",
    "Gradients",
    "Kernel",
    "OutputSize",
    "PoolProblem",
    "Term",
    "avg_pool1d",
    "avg_pool1d_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "conv1d",
    "conv1d_backward",
    "conv2d",
    "conv2d_backward",
    "conv_transpose1d",
    "conv_transpose2d",
    "explain",
    "explain_pool",
    "geometry",
    "jacobian_weights",
    "max_pool1d",
    "max_pool1d_backward",
    "max_pool1d_routes",
    "max_pool2d",
    "max_pool2d_backward",
    "max_pool2d_routes",
    "output_size",
    "pool_geometry",
    "random_kernel",
    "read_cell",
    "read_planes",
    "resize",
    "sgd_update",
    "to_csv",
    "to_plain",
    "toeplitz",
    "write_planes",
]
