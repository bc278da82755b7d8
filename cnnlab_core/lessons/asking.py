"""A step's question as parts that are answered and checked as those of the lab's exercises are."""

import hashlib
from collections.abc import Callable

import numpy as np

from cnnlab_core.exercises import Choice, Exercise, Numbers, Part, make_exercise
from cnnlab_core.exercises.kinds import MOST_SEED
from cnnlab_core.lessons.lesson import Lesson, Number, Pick, Practice, Question
from cnnlab_core.lessons.packed import digest

_ROUNDING = 1e-9


def seed_of(lesson: Lesson, student: str, number: int) -> int:
    """The seed of the exercise in step ``number``: each student's own, and always the same."""
    text = digest(lesson) + f"\0{lesson.group}\0{student.casefold()}\0{number}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") % (MOST_SEED + 1)


def exercise_of(question: Question | None, seed: int) -> Exercise | None:
    """The exercise with this seed, if the question is one. Raises ``InputError`` for a kind that there isn't."""
    return make_exercise(question.kind, seed, question.level) if isinstance(question, Practice) else None


def parts_of(question: Question, seed: int, as_text: Callable[[str], str]) -> tuple[Part, ...]:
    """What is to be answered; ``as_text`` makes Markdown of a teacher's words that shows them as they are."""
    match question:
        case Pick():
            choices = tuple(map(as_text, question.choices))
            return (Choice(as_text(question.ask), choices, choices[question.right]),)
        case Number():
            slack = question.tolerance + _ROUNDING * max(abs(question.answer), question.tolerance)
            return (Numbers(as_text(question.ask), np.array([question.answer]), slack),)
        case _:
            return make_exercise(question.kind, seed, question.level).parts
