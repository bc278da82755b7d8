"""What a layer commutes with: move the input and the output moves along (equivariance), or stays (invariance)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import Array, numbers
from cnnlab_core.convolution import random_kernel
from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch.attention import Head, seeded_head

LENGTH = 8
ROWS, WIDTH = 5, 3
BATCH, UNITS = 2, 4


@dataclass(frozen=True)
class Example:
    """Small whole numbers to try symmetries on: a picture (3, 2, 3), a signal (8,) and rows (5, 3), each with weights.

    The weights of the picture are those of a 1×1 convolution to two channels, ``row_kernel`` (3, 3, 3) slides along the
    rows, and ``mean_weights`` (3,) and ``flat_weights`` (5, 3) read one number from them. ``batch`` (2, 5, 3) are two
    tables of rows, and ``unit_weights`` (4, 3) and ``unit_bias`` (4,) a layer for each of their rows.
    """

    head: Head
    pixels: Array
    pixel_weights: Array
    pixel_bias: Array
    signal: Array
    signal_kernel: Array
    rows: Array
    row_kernel: Array
    mean_weights: Array
    flat_weights: Array
    batch: Array
    unit_weights: Array
    unit_bias: Array


def seeded_example(seed: int) -> Example:
    """The numbers of a seed, each array with a seed of its own: ``seed``, ``seed + 1`` and so on."""
    shapes = [(3, 2, 3), (2, 3), (2,), (LENGTH,), (3,), (ROWS, WIDTH), (WIDTH, WIDTH, 3), (WIDTH,), (ROWS, WIDTH)]
    shapes += [(BATCH, ROWS, WIDTH), (UNITS, WIDTH), (UNITS,)]
    return Example(seeded_head(seed, WIDTH, WIDTH), *(random_kernel(seed + n, s) for n, s in enumerate(shapes)))


def pointwise_linear(x: npt.ArrayLike, w: npt.ArrayLike, b: npt.ArrayLike) -> Array:
    """One linear layer at every position: x (channels, H, W), w (outputs, channels), b (outputs,) to (outputs, H, W).

    Each position's channels are one row of a table, and the table goes through the layer: no convolution in it.
    """
    x, w, b = numbers("x", x, [3]), numbers("w", w, [2]), numbers("b", b, [1])
    table = x.reshape(len(x), -1).T
    return (table @ w.T + b).T.reshape(len(w), *x.shape[1:])


def shift(x: npt.ArrayLike, places: int) -> Array:
    """The cells of a signal moved to the right; what leaves at the end comes in at the beginning."""
    return np.roll(numbers("x", x, [1]), places)


def permute(x: npt.ArrayLike, order: Sequence[int]) -> Array:
    """The rows of ``x`` in another order: row i of the result is row order[i] of x."""
    return numbers("x", x)[list(order)]


def read_order(text: str, rows: int) -> tuple[int, ...]:
    """A typed permutation, such as "2 0 1", of the numbers from 0 to rows - 1.

    Raises:
        InputError: something else, with what is missing or too much.
    """
    words = [word for word in re.split(r"[\s,;]+", text.strip()) if word]
    if len(words) > 10 * rows or not all(re.fullmatch(r"[0-9]{1,3}", word) for word in words):
        raise InputError(f"The order must be whole numbers with spaces between them: write 0 to {rows - 1}, each once.")
    order = tuple(int(word) for word in words)
    if sorted(order) != list(range(rows)):
        missing = ", ".join(str(row) for row in range(rows) if row not in order)
        problem = f"row {missing} is missing" if missing else "some rows are there twice or don't exist"
        raise InputError(f"This isn't an order of {rows} rows, {problem}: write each of 0 to {rows - 1} exactly once.")
    return order


def mean_readout(y: npt.ArrayLike, weights: npt.ArrayLike) -> float:
    """The mean over the rows of y (rows, width), then a linear layer (width,): no order of the rows can change it."""
    return float(numbers("y", y, [2]).mean(axis=0) @ numbers("weights", weights, [1]))


def flat_readout(y: npt.ArrayLike, weights: npt.ArrayLike) -> float:
    """A linear layer over all cells, (rows, width) of y and of the weights: every place has a weight of its own."""
    return float(np.sum(numbers("y", y, [2]) * numbers("weights", weights, [2])))
