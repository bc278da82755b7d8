"""Sheets of exercises: the chosen kinds, a number of each, and a different sheet for everybody in a class."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.errors import InputError
from cnnlab_core.exercises.exercise import Choice, Exercise
from cnnlab_core.exercises.kinds import KINDS, make_exercise

MOST_EACH, MOST_SHEETS, MOST_SHEET_SEED, MOST_EXERCISES = 6, 40, 9999, 400


@dataclass(frozen=True, eq=False)
class Sheet:
    """The exercises of one sheet; the same seed, kinds, level and number give the same sheet."""

    seed: int
    exercises: tuple[Exercise, ...]


@by_annotation
def draw_sheets(kinds: Sequence[str], *, seed: int, level: int = 1, each: int = 1, sheets: int = 1) -> Iterator[Sheet]:
    """Sheets with the seeds ``seed``, ``seed + 1`` and so on: one for each of ``sheets`` students, made as they go.

    Args:
        kinds: names in :data:`KINDS`, in the order of the sheet.
        seed: 0 to :data:`MOST_SHEET_SEED`. Exercise i of a kind has the seed ``each * seed + i``, so that sheets
            with different seeds have different exercises.
        level: 1, 2 or 3.
        each: how many of each kind, 1 to :data:`MOST_EACH`.
        sheets: 1 to :data:`MOST_SHEETS`.

    Raises:
        InputError: an unknown kind, a number out of range, or more than :data:`MOST_EXERCISES` in all.
    """
    seed, each = whole("seed", seed, most=MOST_SHEET_SEED), whole("each", each, least=1, most=MOST_EACH)
    sheets = whole("sheets", sheets, least=1, most=MOST_SHEETS)
    count = len(kinds) * each * sheets
    if not kinds:
        raise InputError("The sheet is empty: choose at least one kind of exercise.")
    if count > MOST_EXERCISES:
        raise InputError(
            f"That makes {count} exercises in one file: choose fewer kinds, fewer of each, or fewer sheets or "
            f"variants, to stay within {MOST_EXERCISES}."
        )
    return (
        Sheet(at, tuple(make_exercise(kind, at * each + number, level) for kind in kinds for number in range(each)))
        for at in range(seed, seed + sheets)
    )


def make_sheets(kinds: Sequence[str], *, seed: int, level: int = 1, each: int = 1, sheets: int = 1) -> list[Sheet]:
    """:func:`draw_sheets` to its end."""
    return list(draw_sheets(kinds, seed=seed, level=level, each=each, sheets=sheets))


def exercise_markdown(exercise: Exercise) -> str:
    """One exercise as Markdown, its solution below."""
    head = f"# {KINDS[exercise.kind].title}, level {exercise.level}, seed {exercise.seed}"
    asked = [f"- {part.question}{_options(part)}" for part in exercise.parts if part.question]
    return "\n\n".join([head, exercise.prompt, *asked, "## Solution", *exercise.solution]) + "\n"


def _options(part: object) -> str:
    return f" ({' / '.join(part.options)})" if isinstance(part, Choice) else ""
