"""The same derivatives by PyTorch's autograd, to set beside those worked out by hand."""

from collections.abc import Sequence
from typing import NamedTuple


class LineGradients(NamedTuple):
    """y = w x + b at a point, and its partial derivatives there."""

    y: float
    dw: float
    dx: float
    db: float


class LossGradients(NamedTuple):
    """The mean squared error of y = w x + b over a table, and its partial derivatives."""

    loss: float
    dw: float
    db: float


def line_gradients(w: float, x: float, b: float) -> LineGradients:
    """y = w x + b and dy/dw, dy/dx, dy/db, in float64."""
    import torch

    leaves = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (w, x, b)]
    y = leaves[0] * leaves[1] + leaves[2]
    return LineGradients(y.item(), *(gradient.item() for gradient in torch.autograd.grad(y, leaves)))


def loss_gradients(xs: Sequence[float], targets: Sequence[float], w: float, b: float) -> LossGradients:
    """The mean of (w x + b - t)^2 over the table, and its derivatives with respect to w and b, in float64."""
    import torch

    leaves = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (w, b)]
    y = leaves[0] * torch.tensor(xs, dtype=torch.float64) + leaves[1]
    loss = torch.nn.functional.mse_loss(y, torch.tensor(targets, dtype=torch.float64))
    return LossGradients(loss.item(), *(gradient.item() for gradient in torch.autograd.grad(loss, leaves)))
