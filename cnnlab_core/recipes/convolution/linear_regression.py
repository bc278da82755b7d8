"""The Python of the tab Autograd warm-up."""

from collections.abc import Sequence


def code(
    points: Sequence[Sequence[float]] | None,
    w: float,
    b: float,
    *,
    start: Sequence[float],
    eta: float,
    steps: int,
    at: int,
) -> str:
    """The loss over the ``points`` (x, t), by autograd and by this lab, if there are any; then the descent on XOR."""
    return (_loss(points, w, b) if points is not None else "") + _descent(start, eta, steps, at)


def _loss(points: Sequence[Sequence[float]], w: float, b: float) -> str:
    return f"""\
import torch
from cnnlab_core.from_scratch.linear_regression import mse, mse_gradients

x, t = torch.tensor({points}, dtype=torch.float64).T
w, b = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in ({w!r}, {b!r}))
loss = torch.nn.functional.mse_loss(w * x + b, t)
loss.backward()
print(loss.item(), w.grad.item(), b.grad.item())

table = x[:, None].numpy(), t.numpy(), [{w!r}], {b!r}
print(mse(*table), mse_gradients(*table))

"""


def _descent(start: Sequence[float], eta: float, steps: int, at: int) -> str:
    w1, w2, b = start
    return f"""\
from cnnlab_core.from_scratch.linear_regression import XOR_INPUTS, XOR_TARGETS, descend, optimum

path = descend(XOR_INPUTS, XOR_TARGETS, [{w1:g}, {w2:g}], {b:g}, eta={eta:g}, steps={steps})
here = path[{at}]
print(here.w, here.b, here.loss, here.gradient)
print(optimum(XOR_INPUTS, XOR_TARGETS))
"""
