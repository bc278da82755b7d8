"""Exercises as questions of Moodle, in its XML: a category for each kind, from which a quiz draws at random.

The format: https://docs.moodle.org/en/Moodle_XML_format; gaps: https://docs.moodle.org/en/Embedded_Answers_(Cloze).
"""

import re
from collections.abc import Generator, Iterable
from html import escape

import numpy as np

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.exercises.exercise import Exercise, Numbers, Part, points_of_cells, written
from cnnlab_core.exercises.kinds import KINDS
from cnnlab_core.exercises.markup import block, inline
from cnnlab_core.exercises.sheet import Sheet
from cnnlab_core.runtime.jobs import plainly


@by_annotation
def moodle_xml_steps(sheets: Iterable[Sheet]) -> Generator[Sheet, None, str]:
    """The exercises of ``sheets`` as a file to import into a question bank. A step is a sheet.

    A single number is a question of type ``numerical``, anything else one of type ``cloze`` with a gap for each number
    and choice. All parts of an exercise count the same, its tolerances are the lab's, and the solution is the feedback.
    The same sheets give the same text.

    Raises:
        InputError: there are no sheets.
    """
    categories: dict[str, list[str]] = {}
    for sheet in sheets:
        for exercise in sheet.exercises:
            categories.setdefault(_title(exercise), []).append(_exercise(exercise))
        yield sheet
    if not categories:
        raise InputError("There are no exercises to hand over: give at least one sheet.")
    questions = "".join(_category(title) + "".join(found) for title, found in categories.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n{questions}</quiz>\n'


moodle_xml = plainly(moodle_xml_steps)


def _title(exercise: Exercise) -> str:
    return f"{KINDS[exercise.kind].title}, level {exercise.level}"


def _category(title: str) -> str:
    path = escape(f"$course$/top/cnnlab/{title.replace('/', '//')}")
    return f'<question type="category">\n<category><text>{path}</text></category>\n</question>\n'


def _exercise(exercise: Exercise) -> str:
    only = exercise.parts[0]
    if len(exercise.parts) == 1 and isinstance(only, Numbers) and only.answer.size == 1:
        kind, gaps, answer = "numerical", _question(only), _numerical(only)
    else:
        kind, answer = "cloze", ""
        gaps = "".join(map(_cloze, exercise.parts, points_of_cells(exercise.parts)))
    number = f"{exercise.kind}-{exercise.level}-{exercise.seed}"
    solution = "".join(block(step, "mathjax") for step in exercise.solution)
    return (
        f'<question type="{kind}">\n'
        f"<name><text>{escape(_title(exercise))}, seed {exercise.seed}</text></name>\n"
        f"{_html('questiontext', block(exercise.prompt, 'mathjax') + gaps)}{_html('generalfeedback', solution)}"
        f"<penalty>0.3333333</penalty>\n<hidden>0</hidden>\n<idnumber>cnnlab-{number}</idnumber>\n{answer}"
        f"{_html('hint', block(exercise.hint, 'mathjax'))}</question>\n"
    )


def _html(name: str, content: str) -> str:
    return f'<{name} format="html"><text>{escape(content, quote=False)}</text></{name}>\n'


def _numerical(part: Numbers) -> str:
    return (
        f'<answer fraction="100" format="moodle_auto_format"><text>{written(part.answer.item())}</text>'
        f"<tolerance>{written(part.tolerance)}</tolerance></answer>\n"
    )


def _question(part: Part, gap: str = "") -> str:
    line = " ".join(filter(None, (inline(part.question, "mathjax"), gap)))
    return f"<p>{line}</p>\n" if line else ""


def _cloze(part: Part, points: int) -> str:
    """A question, and behind or below it its gaps."""
    if not isinstance(part, Numbers):
        options = "~".join("=" * (option == part.answer) + _quoted(option) for option in part.options)
        return _question(part, f"{{{points}:MULTICHOICE:{options}}}")
    gaps = [
        [f"{{{points}:NUMERICAL:={written(cell)}:{written(part.tolerance)}}}" for cell in row]
        for row in np.atleast_2d(part.answer)
    ]
    if part.answer.size == 1:
        return _question(part, gaps[0][0])
    rows = "".join(f"<tr>{''.join(f'<td>{gap}</td>' for gap in row)}</tr>" for row in gaps)
    return f"{_question(part)}<table><tbody>{rows}</tbody></table>\n"


def _quoted(option: str) -> str:
    """A choice in a gap, whose own signs it must not be taken for."""
    return re.sub(r"([}#~])", r"\\\1", escape(option, quote=False))
