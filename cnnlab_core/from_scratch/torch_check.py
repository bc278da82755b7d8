"""Do the numbers made by hand agree with PyTorch's? Forward and backward, in float64, on any given problem."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from cnnlab_core.checks import Array
from cnnlab_core.convolution import ConvProblem, PoolProblem

_PAD_MODES = {"zeros": "constant"}  # what torch calls them; the others have the same name
_CONVOLVE: dict[int, Any] = {1: F.conv1d, 2: F.conv2d}
_POOL: dict[tuple[str, int], Any] = {
    ("max", 1): F.max_pool1d,
    ("max", 2): F.max_pool2d,
    ("avg", 1): F.avg_pool1d,
    ("avg", 2): F.avg_pool2d,
}


def conv_difference(problem: ConvProblem) -> float:
    """The largest difference from torch in y, dx, dw or db, relative to that array's largest cell."""
    dims, options = problem.dims, problem.options
    x, w = (_leaf(array.reshape((1,) * (dims + 2 - array.ndim) + array.shape)) for array in (problem.x, problem.w))
    b = _leaf(problem.b)
    ends = [end for axis in reversed(problem.geometry.axes) for end in (axis.before, axis.after)]
    mode = options.get("padding_mode", "zeros")
    padded = F.pad(x, ends, mode=_PAD_MODES.get(mode, mode)) if any(ends) else x
    kernel = w.flip(list(range(2, w.ndim))) if options.get("flip") else w
    spread = {name: options[name] for name in ("stride", "dilation", "groups") if name in options}
    y = _CONVOLVE[dims](padded, kernel, b, **spread)
    _backward(y, problem.dy)
    pairs = [(problem.y, y), *zip(problem.gradients, (x.grad, w.grad, b.grad), strict=True)]
    return max(_difference(ours, theirs) for ours, theirs in pairs)


def position_wise(x: Array, w: Array, b: Array) -> tuple[Array, Array]:
    """H(x) = relu(W x + b) at every position of a batch (B, T, D), by ``nn.Linear`` and by ``nn.Conv1d``.

    With w (units, D) and b (units,). Returns both, (B, T, units).
    """
    linear, convolution = torch.nn.Linear(w.shape[1], len(w)), torch.nn.Conv1d(w.shape[1], len(w), kernel_size=1)
    weights = {"weight": torch.tensor(w), "bias": torch.tensor(b)}
    batch = torch.tensor(x)
    by_linear = torch.func.functional_call(linear, weights, batch)
    kernels = weights | {"weight": weights["weight"][:, :, None]}
    by_convolution = torch.func.functional_call(convolution, kernels, batch.transpose(1, 2)).transpose(1, 2)
    return by_linear.relu().numpy(), by_convolution.relu().numpy()


def pool_difference(problem: PoolProblem) -> float:
    """The largest difference from torch in y or dx, relative to that array's largest cell."""
    missing = problem.dims + 2 - problem.x.ndim
    x = _leaf(problem.x.reshape((1,) * missing + problem.x.shape))
    y = _POOL[problem.kind, problem.dims](x, problem.window, **problem.options)
    _backward(y, problem.dy)
    return max(_difference(problem.y, y), _difference(problem.dx, x.grad))


def _leaf(array: Array) -> torch.Tensor:
    return torch.tensor(np.ascontiguousarray(array), dtype=torch.float64, requires_grad=True)


def _backward(y: torch.Tensor, dy: Array) -> None:
    y.backward(torch.tensor(np.ascontiguousarray(dy), dtype=torch.float64).reshape(y.shape))


def _difference(ours: Array, theirs: torch.Tensor | None) -> float:
    assert theirs is not None
    expected = theirs.detach().numpy().reshape(ours.shape)
    return float(np.abs(ours - expected).max() / (np.abs(expected).max() or 1.0))
