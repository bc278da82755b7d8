"""The Python shown beside exercises."""

from collections.abc import Sequence


def exercise_code(kind: str, seed: int, level: int) -> str:
    """One exercise, its answers checked, and its solution."""
    return f"""\
from cnnlab_core.exercises import make_exercise

exercise = make_exercise("{kind}", seed={seed}, level={level})
print(exercise.prompt)
for part in exercise.parts:
    print(part.question, part.answer, part.check(part.answer).message)
print(*exercise.solution, sep="\\n")
"""


def sheet_code(
    kinds: Sequence[str], *, seed: int, level: int, each: int, sheets: int, solutions: bool, lab: str, file: str
) -> str:
    """The sheets as the file to print."""
    return f"""\
from pathlib import Path

from cnnlab_core.exercises import make_sheets, sheets_html

kinds = {list(kinds)!r}
sheets = make_sheets(kinds, seed={seed}, level={level}, each={each}, sheets={sheets})
Path("{file}").write_text(sheets_html(sheets, solutions={solutions}, lab={lab!r}), encoding="utf-8")
"""
