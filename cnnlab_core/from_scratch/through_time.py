"""How much of a gradient is left, step by step back through time: it vanishes, it explodes, or it is kept.

A loss at the last step has a gradient of norm 1 there. Each step back multiplies it by the cell's Jacobian, whose norm
is at most the largest singular value of U in a plain cell: below 1, it must vanish.
Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013), section 2.
"""

from dataclasses import dataclass

import numpy as np

from cnnlab_core.checks import Array, by_annotation, choice, whole
from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch.cells import CELLS, unroll
from cnnlab_core.from_scratch.recurrent import Unrolled
from cnnlab_core.runtime.short_repr import short_repr

LETTERS = 8
MOST_STEPS, MOST_HIDDEN = 100, 64
KEEPING = {"LSTM": ("b", 1), "GRU": ("b", 1)}
"""The bias, and the number of the gate in it, that decides how much of the state is kept: f, and z."""


@short_repr
@dataclass(frozen=True, eq=False)
class GradientNorms:
    """``norms`` (steps,): the norm of dL/dh at each step, 1 at the last; ``read`` is the sequence, and ``total`` the
    norm of the gradient of all parameters together."""

    kind: str
    norms: Array
    total: float
    read: Unrolled


@by_annotation
def gradient_norms(
    kind: str,
    *,
    singular_value: float,
    steps: int = 30,
    hidden: int = 16,
    keep: float = 3.0,
    size: float = 0.1,
    seed: int = 0,
) -> GradientNorms:
    """The norms of dL/dh over time, for a cell that reads random letters and has its loss at the last one.

    Args:
        kind: "RNN", "LSTM" or "GRU".
        singular_value: of U: each gate's part is this number times a random orthogonal matrix.
        steps: letters read, 1 to 100. hidden: units, 1 to 64. seed: of all that is random.
        keep: the bias of the gate that keeps the state: the LSTM's forget gate, the GRU's update gate.
        size: the standard deviation of W.

    Raises:
        InputError: an argument out of its range.
    """
    cell = CELLS[choice("kind", kind, CELLS)]
    steps, hidden = whole("steps", steps, 1, MOST_STEPS), whole("hidden", hidden, 1, MOST_HIDDEN)
    for name, value, most in (("singular_value", singular_value, 10), ("size", size, 10), ("keep", abs(keep), 20)):
        if not 0 <= value <= most:
            raise InputError(f"{name} is {value:g}: make it at most {most}, and not below 0.")
    generator = np.random.Generator(np.random.PCG64(whole("seed", seed, most=2**53)))
    letters = generator.integers(0, LETTERS, steps)
    direction = generator.normal(size=hidden)
    shapes = cell.shapes(LETTERS, hidden)
    parameters = {name: np.zeros(shape) for name, shape in shapes.items()}
    for number in range(len(cell.gates)):
        rows = slice(number * hidden, (number + 1) * hidden)
        parameters["W"][rows] = size * generator.normal(size=(hidden, LETTERS))
        parameters["U"][rows] = singular_value * np.linalg.qr(generator.normal(size=(hidden, hidden)))[0]
    if kind in KEEPING:
        name, number = KEEPING[kind]
        parameters[name][number * hidden : (number + 1) * hidden] = keep
    dh = np.zeros((steps, hidden))
    dh[-1] = direction / np.linalg.norm(direction)
    read = unroll(kind, parameters, np.eye(LETTERS)[letters], dh=dh)
    total = float(np.sqrt(sum((array**2).sum() for array in read.back.parameters.values())))
    return GradientNorms(kind, np.linalg.norm(read.arrays["dh"], axis=1), total, read)
