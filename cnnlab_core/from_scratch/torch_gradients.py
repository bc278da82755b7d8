"""The same derivatives by PyTorch's autograd, to set beside those worked out by hand."""

from typing import Any, NamedTuple

import numpy.typing as npt

from cnnlab_core.checks import Array


class NeuronGradients(NamedTuple):
    """y = w · x + b at a point, and its partial derivatives there; ``dw`` and ``dx`` (inputs,)."""

    y: float
    dw: Array
    dx: Array
    db: float


class LossGradients(NamedTuple):
    """The mean squared error of y = x w + b over a table, and its partial derivatives; ``dw`` (inputs,)."""

    loss: float
    dw: Array
    db: float


class PredictionGradients(NamedTuple):
    """The mean squared error of given predictions, and its partial derivatives ``dy`` (rows,)."""

    loss: float
    dy: Array


def neuron_gradients(w: npt.ArrayLike, x: npt.ArrayLike, b: float) -> NeuronGradients:
    """y = w · x + b and dy/dw, dy/dx, dy/db, in float64; ``w`` and ``x`` (inputs,)."""
    leaves = _tensors(w, x, b, learned=True)
    y = leaves[0] @ leaves[1] + leaves[2]
    y.backward()
    dw, dx, db = (leaf.grad.numpy() for leaf in leaves)
    return NeuronGradients(y.item(), dw, dx, db.item())


def loss_gradients(x: npt.ArrayLike, targets: npt.ArrayLike, w: npt.ArrayLike, b: float) -> LossGradients:
    """The mean of (x w + b - t)^2 over the rows of ``x`` (rows, inputs), and its derivatives, in float64."""
    import torch

    inputs, t = _tensors(x, targets)
    weights, bias = _tensors(w, b, learned=True)
    loss = torch.nn.functional.mse_loss(inputs @ weights + bias, t)
    loss.backward()
    return LossGradients(loss.item(), weights.grad.numpy(), bias.grad.item())


def prediction_gradients(y: npt.ArrayLike, targets: npt.ArrayLike) -> PredictionGradients:
    """The mean of (y - t)^2 and its derivatives with respect to ``y`` (rows,), in float64."""
    import torch

    (predictions,), (t,) = _tensors(y, learned=True), _tensors(targets)
    loss = torch.nn.functional.mse_loss(predictions, t)
    loss.backward()
    return PredictionGradients(loss.item(), predictions.grad.numpy())


def _tensors(*values: npt.ArrayLike, learned: bool = False) -> list[Any]:
    import torch

    return [torch.tensor(value, dtype=torch.float64, requires_grad=learned) for value in values]
