"""Arrays as text that a person types and a link carries: ``1 3 2; 0 4 1 | 2 0 0; 1 1 5``.

Spaces or commas between cells, a semicolon or a new line after a row, a bar after a channel.
"""

import numpy as np

from cnnlab_core.checks import Array
from cnnlab_core.convolution.answers import read_answer
from cnnlab_core.errors import InputError


def read_planes(name: str, text: str, dims: int = 2) -> Array:
    """Typed numbers as (planes, length) for one dimension, (planes, rows, columns) for two.

    Raises:
        InputError: something isn't a number, or rows or channels differ in size. ``name`` is what sentences call it.
    """
    planes = [read_answer(part, name) for part in text.split("|")]
    if dims == 1 and any(plane.ndim > 1 for plane in planes):
        raise InputError(f"The {name} has several rows: write one, with a bar | between channels.")
    planes = [plane.reshape((-1,) if dims == 1 else (-1, plane.shape[-1])) for plane in planes]
    if len({plane.shape for plane in planes}) > 1:
        sizes = ", ".join(" x ".join(str(n) for n in plane.shape) for plane in planes)
        raise InputError(f"The channels of the {name} have {sizes} numbers: give all the same size.")
    return np.stack(planes)


def read_cell(text: str) -> float:
    """A single typed number: 3, -0.5 or 1/9."""
    array = read_answer(text, "cell")
    if array.size != 1:
        raise InputError(f"'{text[:20]}' is {array.size} numbers: write one.")
    return array.item()


def write_planes(planes: Array) -> str:
    """(planes, length) or (planes, rows, columns) as text that :func:`read_planes` reads back, bit by bit."""
    if planes.ndim == 2:
        return " | ".join(_write_row(plane) for plane in planes)
    return " | ".join("; ".join(_write_row(row) for row in plane) for plane in planes)


def resize(array: Array, shape: tuple[int, ...]) -> Array:
    """``array`` cut or continued to ``shape``, of as many axes: what is missing repeats what is there."""
    for axis, size in enumerate(shape):
        array = array.take(np.arange(size) % array.shape[axis], axis=axis)
    return array


def _write_row(row: Array) -> str:
    return " ".join(str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell) for cell in row.tolist())
