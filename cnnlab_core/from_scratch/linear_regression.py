"""A linear model and its mean squared error by hand: predictions, gradients, descent, and the best there is.

    y = x w + b        loss = mean((y - t)^2)        d loss / d y = 2 (y - t) / n

so that, by the chain rule, dw = x.T @ dy and db = sum(dy). Source: Goodfellow, Bengio and Courville, "Deep Learning"
(2016), section 5.1.4 (linear regression, normal equations) and section 6.1 (why it can't learn XOR).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import Array, numbers, whole
from cnnlab_core.errors import InputError

XOR_INPUTS = ((0, 0), (0, 1), (1, 0), (1, 1))
XOR_TARGETS = (0, 1, 1, 0)

MAX_STEPS = 100_000


class Gradients(NamedTuple):
    """The gradient of the loss: ``dw`` (features,) and ``db``."""

    dw: Array
    db: float


@dataclass(frozen=True)
class DescentStep:
    """Where gradient descent stands after ``index`` steps; ``gradient`` is the one found there."""

    index: int
    w: Array
    b: float
    loss: float
    gradient: Gradients


class Optimum(NamedTuple):
    """The parameters with the smallest loss; of several, those with the smallest norm."""

    w: Array
    b: float
    loss: float


class SquaredError(NamedTuple):
    """A mean squared error, and its gradient with respect to each prediction, ``dy`` (rows,)."""

    loss: float
    dy: Array


def squared_error(y: npt.ArrayLike, t: npt.ArrayLike) -> SquaredError:
    """The mean squared error of predictions ``y`` (rows,) for targets ``t`` (rows,): mean((y - t)^2)."""
    y, t = numbers("y", y, [1]), numbers("t", t, [1])
    if t.shape != y.shape:
        raise InputError(f"There are {len(y)} predictions but {len(t)} targets: give each prediction one target.")
    errors = y - t
    return SquaredError(float(np.mean(errors**2)), 2 * errors / len(errors))


def predict(x: npt.ArrayLike, w: npt.ArrayLike, b: float) -> Array:
    """y = x w + b: (rows,) for x (rows, features) and w (features,)."""
    x, w = _read(x, w)
    return x @ w + _number("b", b)


def mse(x: npt.ArrayLike, t: npt.ArrayLike, w: npt.ArrayLike, b: float) -> float:
    """The mean squared error of the predictions, for targets ``t`` (rows,)."""
    return squared_error(predict(x, w, b), t).loss


def mse_gradients(x: npt.ArrayLike, t: npt.ArrayLike, w: npt.ArrayLike, b: float) -> Gradients:
    """The gradient of :func:`mse` with respect to ``w`` and ``b``."""
    dy = squared_error(predict(x, w, b), t).dy
    return Gradients(numbers("x", x, [2]).T @ dy, float(dy.sum()))


def descend_steps(
    x: npt.ArrayLike, t: npt.ArrayLike, w: npt.ArrayLike, b: float, *, eta: float, steps: int
) -> Iterator[DescentStep]:
    """Gradient descent from ``w``, ``b`` with learning rate ``eta``: the start, then ``steps`` steps.

    Raises:
        InputError: numbers that can't be, or a descent that has left all bounds because ``eta`` is too large.
    """
    eta, steps = _number("eta", eta), whole("steps", steps, most=MAX_STEPS)
    if eta < 0:
        raise InputError(f"eta is {eta:g}, which would climb the loss: make the learning rate 0 or more.")
    _, w = _read(x, w)
    for index in range(steps + 1):
        if not np.abs([*w, b]).max() < 1e75:  # its square, summed, is still a number
            raise InputError(f"After {index} steps the weights are beyond all bounds: make eta smaller than {eta:g}.")
        gradient = mse_gradients(x, t, w, b)
        yield DescentStep(index, w, b, mse(x, t, w, b), gradient)
        w, b = w - eta * gradient.dw, b - eta * gradient.db


def descend(
    x: npt.ArrayLike, t: npt.ArrayLike, w: npt.ArrayLike, b: float, *, eta: float, steps: int
) -> list[DescentStep]:
    """:func:`descend_steps` to its end."""
    return list(descend_steps(x, t, w, b, eta=eta, steps=steps))


def optimum(x: npt.ArrayLike, t: npt.ArrayLike) -> Optimum:
    """The least loss in closed form: A'A p = A't with A = (x, 1) and p = (w, b), solved by the pseudoinverse."""
    rows = numbers("x", x, [2])
    with_ones = np.column_stack([rows, np.ones(len(rows))])
    *w, b = np.linalg.pinv(with_ones) @ numbers("t", t, [1])
    return Optimum(np.array(w), float(b), mse(x, t, w, b))


def loss_surface(
    x: npt.ArrayLike, t: npt.ArrayLike, parameters: npt.ArrayLike, pair: Sequence[int], across: Array, up: Array
) -> Array:
    """The loss over two of the parameters (w..., b), the others as they are in ``parameters``.

    ``pair`` are the places of the two; ``across`` and ``up`` the values they take. Returns (len(up), len(across)).
    """
    point = numbers("parameters", parameters, [1])
    points = np.tile(point, (len(up), len(across), 1))
    points[..., pair[0]], points[..., pair[1]] = np.meshgrid(across, up)
    errors = points[..., :-1] @ numbers("x", x, [2]).T + points[..., -1:] - numbers("t", t, [1])
    return np.mean(errors**2, axis=-1)


def _read(x: npt.ArrayLike, w: npt.ArrayLike) -> tuple[Array, Array]:
    x, w = numbers("x", x, [2]), numbers("w", w, [1])
    if x.shape[1] != len(w):
        raise InputError(f"x has {x.shape[1]} columns but w has {len(w)} weights: give one weight for each column.")
    return x, w


def _number(name: str, value: float) -> float:
    return numbers(name, value, [0]).item()
