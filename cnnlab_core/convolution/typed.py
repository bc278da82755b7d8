"""Arrays as text that a person types and a link carries: ``1 3 2; 0 4 1 | 2 0 0; 1 1 5``.

Spaces or commas between cells, a semicolon or a new line after a row, a bar after a channel.
"""

import re

import numpy as np

from cnnlab_core.checks import Array, by_annotation, numbers, read_shape
from cnnlab_core.errors import InputError

MAX_TYPED = 10_000  # characters of one text
_DECIMAL = r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,2})?"
_NUMBER = re.compile(rf"({_DECIMAL})(?:/({_DECIMAL}))?")


def read_numbers(text: str, name: str = "answer") -> Array:
    """Typed numbers as an array: (columns,) of a single row, else (rows, columns).

    Spaces or commas stand between numbers, semicolons, new lines or closing brackets after rows. Numbers are whole
    (3), decimal (0.5) or fractions (1/2).

    Raises:
        InputError: something isn't a number, or rows differ in length. ``name`` is what sentences call the text.
    """
    if len(text) > MAX_TYPED:
        raise InputError(f"The {name} has {len(text)} characters: write {MAX_TYPED} or fewer.")
    text = re.sub(r"[ \t]*/[ \t]*", "/", text.replace("\N{MINUS SIGN}", "-"))
    text = re.sub(r"[\[(]", " ", text)
    rows = [row.strip(" \t\r,") for row in re.split(r"[;\n\])]", text)]
    cells = [[_read_number(cell) for cell in re.split(r"\s*,\s*|\s+", row)] for row in rows if row]
    if not cells:
        raise InputError(f"The {name} is empty: write its numbers, commas between them and a semicolon after a row.")
    if len({len(row) for row in cells}) > 1:
        lengths = ", ".join(str(len(row)) for row in cells)
        raise InputError(f"The rows of the {name} have {lengths} numbers: give every row the same number.")
    return np.array(cells[0] if len(cells) == 1 else cells)


@by_annotation
def read_planes(name: str, text: str, dims: int = 2) -> Array:
    """Typed numbers as (planes, length) for one dimension, (planes, rows, columns) for two.

    Raises:
        InputError: something isn't a number, or rows or channels differ in size. ``name`` is what sentences call it.
    """
    planes = [read_numbers(part, name) for part in text.split("|")]
    if dims == 1 and any(plane.ndim > 1 for plane in planes):
        raise InputError(f"The {name} has several rows: write one, with a bar | between channels.")
    planes = [plane.reshape((-1,) if dims == 1 else (-1, plane.shape[-1])) for plane in planes]
    if len({plane.shape for plane in planes}) > 1:
        sizes = ", ".join(" x ".join(str(n) for n in plane.shape) for plane in planes)
        raise InputError(f"The channels of the {name} have {sizes} numbers: give all the same size.")
    return np.stack(planes)


@by_annotation
def read_cell(text: str) -> float:
    """A single typed number: 3, -0.5 or 1/9."""
    array = read_numbers(text, "cell")
    if array.size != 1:
        raise InputError(f"'{text[:20]}' is {array.size} numbers: write one.")
    return array.item()


@by_annotation
def write_planes(planes: Array) -> str:
    """(planes, length) or (planes, rows, columns) as text that :func:`read_planes` reads back, bit by bit."""
    planes = numbers("planes", planes, (2, 3))
    if planes.ndim == 2:
        return " | ".join(_write_row(plane) for plane in planes)
    return " | ".join("; ".join(_write_row(row) for row in plane) for plane in planes)


@by_annotation
def resize(array: Array, shape: tuple[int, ...]) -> Array:
    """``array`` cut or continued to ``shape``, of as many axes: what is missing repeats what is there."""
    shape = read_shape("shape", shape, (array.ndim,))
    for axis, size in enumerate(shape):
        array = array.take(np.arange(size) % array.shape[axis], axis=axis)
    return array


def _write_row(row: Array) -> str:
    return " ".join(str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell) for cell in row.tolist())


def _read_number(cell: str) -> float:
    match = _NUMBER.fullmatch(cell)
    if match is None:
        what = f"'{cell[:20]}' isn't a number" if cell else "There is nothing between two commas"
        raise InputError(f"{what}: write each cell as a whole number, a decimal (0.5) or a fraction (1/2).")
    above, below = float(match[1]), float(match[2] or 1)
    if below == 0:
        raise InputError(f"'{cell[:20]}' divides by zero: write another number below the line.")
    return above / below
