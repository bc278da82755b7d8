"""The Python of the tab Autograd warm-up."""

from collections.abc import Sequence


def code(neuron: str, table: str, *, start: Sequence[float], eta: float, steps: int, at: int) -> str:
    """The ``neuron``, the loss over the ``table`` (either as the functions below give it), then the descent on XOR."""
    return "\n".join(part for part in (neuron, table, _descent(start, eta, steps, at)) if part)


def neuron(w: Sequence[float], x: Sequence[float], b: float) -> str:
    """y = w · x + b and its partial derivatives, by autograd."""
    return f"""\
import torch

w, x, b = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in ({w}, {x}, {b!r}))
y = w @ x + b
y.backward()
print(y.item(), w.grad.tolist(), x.grad.tolist(), b.grad.item())
"""


def loss(points: Sequence[Sequence[float]], w: Sequence[float], b: float) -> str:
    """The loss over the ``points`` (x..., t), by autograd and by this lab."""
    return f"""\
import torch
from cnnlab_core.from_scratch.linear_regression import mse, mse_gradients

table = torch.tensor({points}, dtype=torch.float64)
x, t = table[:, :-1], table[:, -1]
w, b = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in ({w}, {b!r}))
loss = torch.nn.functional.mse_loss(x @ w + b, t)
loss.backward()
print(loss.item(), w.grad.tolist(), b.grad.item())

numbers = x.numpy(), t.numpy(), {w}, {b!r}
print(mse(*numbers), mse_gradients(*numbers))
"""


def predictions(pairs: Sequence[Sequence[float]]) -> str:
    """The mean squared error of the ``pairs`` (y, t), by its formula and by PyTorch."""
    return f"""\
import torch

y, t = torch.tensor({pairs}, dtype=torch.float64).T
by_hand = sum((prediction - target) ** 2 for prediction, target in zip(y, t)) / len(y)
by_torch = torch.nn.functional.mse_loss(y, t)
print(by_hand.item(), by_torch.item())
torch.testing.assert_close(by_hand, by_torch)
"""


def _descent(start: Sequence[float], eta: float, steps: int, at: int) -> str:
    w1, w2, b = start
    return f"""\
import torch
from cnnlab_core.from_scratch.linear_regression import XOR_INPUTS, XOR_TARGETS, descend, optimum

path = descend(XOR_INPUTS, XOR_TARGETS, [{w1:g}, {w2:g}], {b:g}, eta={eta:g}, steps={steps})
here = path[{at}]
print(here.w, here.b, here.loss, here.gradient)
print(optimum(XOR_INPUTS, XOR_TARGETS))

x, t = (torch.tensor(values, dtype=torch.float64) for values in (XOR_INPUTS, XOR_TARGETS))
w, b = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (here.w, here.b))
torch.nn.functional.mse_loss(x @ w + b, t).backward()
print(w.grad, b.grad)
"""
