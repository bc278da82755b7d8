"""A class at a glance, from the codes that its students have handed in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from cnnlab_core.errors import InputError
from cnnlab_core.lessons.codes import Results, State, Tried, codes_in, read_code
from cnnlab_core.lessons.lesson import Lesson
from cnnlab_core.runtime.csv_tables import csv_table

MOST_CODES = 200


@dataclass(frozen=True)
class Row:
    """A student's results, the oldest first: the latest count."""

    results: tuple[Results, ...]

    @property
    def latest(self) -> Results:
        return self.results[-1]

    @property
    def student(self) -> str:
        return self.latest.student


@dataclass(frozen=True)
class ClassTable:
    """The ``rows`` of a class by name, and the codes that are ``refused``, each with what it is instead."""

    lesson: Lesson
    rows: tuple[Row, ...]
    refused: tuple[tuple[str, State], ...]

    @cached_property
    def asked(self) -> tuple[int, ...]:
        """The numbers, from 1, of the steps with a question."""
        return tuple(number for number, step in enumerate(self.lesson.steps, 1) if step.question)

    def at(self, row: Row) -> int | None:
        """The first step whose question isn't solved; None if there is none."""
        return next((number for number in self.asked if not self.tried(row, number).right), None)

    def is_stuck(self, row: Row, tries: int) -> bool:
        """Whether a question isn't solved after so many tries."""
        return any(not one.right and one.tries >= tries for one in row.latest.steps)

    def tried(self, row: Row, number: int) -> Tried:
        """What a student has done in a step."""
        return row.latest.steps[number - 1]

    def solved(self, number: int) -> int:
        """How many have solved a step."""
        return sum(self.tried(row, number).right for row in self.rows)

    def mean_tries(self, number: int) -> float:
        """The mean number of tries of those who have answered in a step; 0 if nobody has."""
        tries = [count for row in self.rows if (count := self.tried(row, number).tries)]
        return sum(tries) / len(tries) if tries else 0.0

    def csv(self, every: bool = False) -> str:
        """One line for each student; with ``every``, one for each code."""
        head = ["student", "solved", "of", *(f"step {n} {what}" for n in self.asked for what in ("right", "tries"))]
        return csv_table([*head, "time (UTC)"], self._lines(every))

    def _lines(self, every: bool) -> Iterable[list[object]]:
        for row in self.rows:
            for results in row.results if every else row.results[-1:]:
                steps = [results.steps[number - 1] for number in self.asked]
                when = datetime.fromtimestamp(results.when, UTC).strftime("%Y-%m-%d %H:%M")
                tried = [value for step in steps for value in (int(step.right), step.tries)]
                yield [results.student, sum(step.right for step in steps), len(steps), *tried, when]


def class_table(
    text: str, lesson: Lesson, secret: bytes, since: float = 0.0, arrived: Iterable[str] = ()
) -> ClassTable:
    """The table of a ``lesson`` and its class.

    Args:
        text: what was pasted: at most 200 codes, with spaces, commas or lines between them.
        secret: what the codes were signed with.
        since: codes of an earlier time (seconds since 1970) are old.
        arrived: codes that came by themselves.

    Raises:
        InputError: more codes than that.
    """
    pasted = codes_in(text)
    if len(pasted) > MOST_CODES:
        raise InputError(f"Paste at most {MOST_CODES} codes at once; these are {len(pasted)}.")
    students: dict[str, list[Results]] = {}
    refused: list[tuple[str, State]] = []
    for code in dict.fromkeys([*pasted, *arrived]):
        reading = read_code(code, lesson, secret, since)
        if reading.results is None or reading.state != "right":
            refused.append((code, reading.state))
        elif reading.results not in (of := students.setdefault(reading.results.student.casefold(), [])):
            of.append(reading.results)
    order = lambda found: (found.when, sum(step.tries for step in found.steps))  # noqa: E731
    rows = (Row(tuple(sorted(results, key=order))) for _, results in sorted(students.items()))
    return ClassTable(lesson, tuple(rows), tuple(refused))
