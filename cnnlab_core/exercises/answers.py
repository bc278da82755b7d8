"""Which cells of an answer are right."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import Array, numbers
from cnnlab_core.convolution.typed import read_numbers

TOLERANCE = 1e-6


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
        answer: text as :func:`cnnlab_core.convolution.typed.read_numbers` takes it, or a list or an array.
        tolerance: how far from right a cell may be.

    Returns:
        A :class:`Verdict`; an answer of the wrong shape is wrong without wrong cells.

    Raises:
        InputError: something in the answer isn't a number.
    """
    given = read_numbers(answer) if isinstance(answer, str) else numbers("The answer", answer)
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


def _same_shape(given: tuple[int, ...], right: tuple[int, ...]) -> bool:
    """The same but for axes of one cell: a column will do for a row, a number for a grid of one."""
    return [n for n in given if n > 1] == [n for n in right if n > 1]


def _in_words(shape: tuple[int, ...]) -> str:
    if len(shape) <= 1:
        count = shape[0] if shape else 1
        return f"{count} number{'s' if count > 1 else ''} in a row" if count > 1 else "a single number"
    return f"{' x '.join(str(n) for n in shape)} numbers"
