"""Typed answers as numbers, and which of their cells are right."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import Array, numbers
from cnnlab_core.errors import InputError

MAX_ANSWER = 10_000  # characters
TOLERANCE = 1e-6
DECIMAL = r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,2})?"
NUMBER = re.compile(rf"({DECIMAL})(?:/({DECIMAL}))?")


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, the indices of the cells that aren't, and a sentence about them."""

    correct: bool
    wrong_cells: list[tuple[int, ...]]
    message: str


def check_cells(right: Array, answer: str | npt.ArrayLike, tolerance: float = TOLERANCE) -> Verdict:
    """Compare an answer, typed or as an array, with the right one.

    Args:
        right: the right numbers, (n,) or (rows, columns).
        answer: numbers separated by spaces or commas, rows by semicolons or new lines, brackets optional;
            whole numbers, decimals (0.5) and fractions (1/2). Or a list or an array.
        tolerance: how far from right a cell may be.

    Returns:
        A :class:`Verdict`; an answer of the wrong shape is wrong without wrong cells.

    Raises:
        InputError: something in the answer isn't a number.
    """
    given = read_answer(answer) if isinstance(answer, str) else numbers("The answer", answer)
    if not _same_shape(given.shape, right.shape):
        return Verdict(False, [], f"The answer has {_in_words(right.shape)}; yours has {_in_words(given.shape)}.")
    wrong = np.argwhere(np.abs(given.reshape(right.shape) - right) > tolerance)
    cells = [tuple(int(i) for i in cell) for cell in wrong]
    if not cells:
        return Verdict(True, [], "Right, every cell." if right.size > 1 else "Right.")
    if right.size == 1:
        return Verdict(False, cells, "Not yet.")
    places = ", ".join(str(list(cell)) for cell in cells[:6]) + (" and others" if len(cells) > 6 else "")
    message = f"{right.size - len(cells)} of {right.size} cells are right. Look again at {places}, counted from 0."
    return Verdict(False, cells, message)


def read_answer(text: str, name: str = "answer") -> Array:
    """Typed numbers as an array: (columns,) of a single row, else (rows, columns). For the syntax see check_cells.

    ``name`` is what sentences about the text call it.
    """
    if len(text) > MAX_ANSWER:
        raise InputError(f"The {name} has {len(text)} characters: write {MAX_ANSWER} or fewer.")
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


def _read_number(cell: str) -> float:
    match = NUMBER.fullmatch(cell)
    if match is None:
        what = f"'{cell[:20]}' isn't a number" if cell else "There is nothing between two commas"
        raise InputError(f"{what}: write each cell as a whole number, a decimal (0.5) or a fraction (1/2).")
    above, below = float(match[1]), float(match[2] or 1)
    if below == 0:
        raise InputError(f"'{cell[:20]}' divides by zero: write another number below the line.")
    return above / below


def _same_shape(given: tuple[int, ...], right: tuple[int, ...]) -> bool:
    """The same but for axes of one cell: a column will do for a row, a number for a grid of one."""
    return [n for n in given if n > 1] == [n for n in right if n > 1]


def _in_words(shape: tuple[int, ...]) -> str:
    if len(shape) <= 1:
        count = shape[0] if shape else 1
        return f"{count} number{'s' if count > 1 else ''} in a row" if count > 1 else "a single number"
    return f"{' x '.join(str(n) for n in shape)} numbers"
