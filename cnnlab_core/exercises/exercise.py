"""What an exercise is, whatever it is about: a question, the parts to answer, and the way to the answers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import Array, by_annotation
from cnnlab_core.exercises.answers import TOLERANCE, Verdict, check_cells
from cnnlab_core.exercises.looks import Look

LEVELS = (1, 2, 3)


@dataclass(frozen=True, eq=False)
class Numbers:
    """A part that is answered with numbers: ``answer`` is (n,) or (rows, columns), each within ``tolerance``.

    ``question`` is Markdown with LaTeX between dollar signs; empty where the exercise's prompt has asked it.
    """

    question: str
    answer: Array
    tolerance: float = TOLERANCE

    def check(self, answer: str | npt.ArrayLike) -> Verdict:
        """See :func:`cnnlab_core.exercises.answers.check_cells`. Raises ``InputError`` in a sentence."""
        return check_cells(self.answer, answer, self.tolerance)


@dataclass(frozen=True)
class Choice:
    """A part that is answered by choosing one of the ``options``; ``why`` says the reason afterwards."""

    question: str
    options: tuple[str, ...]
    answer: str
    why: str = ""

    @by_annotation
    def check(self, answer: str) -> Verdict:
        """Whether it is the right option."""
        right = answer == self.answer
        return Verdict(right, [], "Right." if right else f"No, the answer is {self.answer}.")


Part = Numbers | Choice


def points_of_cells(parts: Sequence[Part]) -> list[int]:
    """How many points each cell of a part is worth: whole numbers, with which all parts count the same."""
    sizes = [part.answer.size if isinstance(part, Numbers) else 1 for part in parts]
    return [math.lcm(*sizes) // size for size in sizes]


def written(value: float) -> str:
    """A number as every system reads it: nine decimals at most, far finer than any tolerance, and no exponent."""
    return np.format_float_positional(value + 0.0, precision=9, trim="-")


@dataclass(frozen=True, eq=False)
class Task:
    """What is asked and answered.

    ``prompt``, ``hint`` and the steps of ``solution`` are Markdown with LaTeX between dollar signs, tables among them;
    the hint is the rule, without this exercise's numbers. ``givens`` are those numbers, by name, and ``look`` is where
    they can be looked at; None if no tab shows them, or if it would give the answer away.
    """

    prompt: str
    parts: tuple[Part, ...]
    hint: str
    solution: tuple[str, ...]
    givens: dict[str, Any] = field(default_factory=dict)
    look: Look | None = None

    @property
    def is_only_choices(self) -> bool:
        """Whether there is nothing to compute: the prompt is a line, and the parts are what is to be read."""
        return all(isinstance(part, Choice) for part in self.parts)


@dataclass(frozen=True, eq=False, kw_only=True)
class Exercise(Task):
    """A question with its answers; ``kind``, ``seed`` and ``level`` are what it was made from."""

    kind: str
    seed: int
    level: int
