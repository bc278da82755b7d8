"""Sheets as one HTML file to print: no network, no script, formulas as MathML, which browsers draw by themselves."""

from collections.abc import Generator, Iterable
from html import escape

import numpy as np

from cnnlab_core.checks import by_annotation
from cnnlab_core.convolution import latex
from cnnlab_core.errors import InputError
from cnnlab_core.exercises.exercise import Choice, Exercise, Numbers, Part
from cnnlab_core.exercises.kinds import KINDS, address
from cnnlab_core.exercises.markup import block, inline
from cnnlab_core.exercises.sheet import Sheet
from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.runtime.jobs import plainly


@by_annotation
def sheets_html_steps(
    sheets: Iterable[Sheet], *, solutions: bool = False, lab: str = ""
) -> Generator[Sheet, None, str]:
    """The sheets, each from a new page on; then, with ``solutions``, those of each sheet from a new page on.

    ``lab`` is the lab's own address, such as http://localhost:8501: every exercise then has a link to where it is done
    live. The same sheets, solutions and lab give the same text. A step is a sheet.
    """
    seeds, asked, solved = [], [], []
    for sheet in sheets:
        seeds.append(sheet.seed)
        asked.append(_sheet(sheet, lab))
        if solutions:
            solved.append(_solutions(sheet))
        yield sheet
    if not seeds:
        raise InputError("There are no sheets to print: give at least one.")
    of = f"sheet {seeds[0]}" if len(seeds) == 1 else f"sheets {seeds[0]} to {seeds[-1]}"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>cnnlab: exercises, {of}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{read_asset('sheet', 'sheet.css')}</style>\n</head>\n<body>\n"
        f"{''.join(asked)}{''.join(solved)}</body>\n</html>\n"
    )


sheets_html = plainly(sheets_html_steps)


def _sheet(sheet: Sheet, lab: str) -> str:
    articles = "".join(_asked(number, exercise, lab) for number, exercise in enumerate(sheet.exercises, 1))
    name = '<p class="name">Name <span></span></p>'
    return f"<section>\n<header><h1>Exercises</h1><p>Sheet {sheet.seed}</p>{name}</header>\n{articles}</section>\n"


def _solutions(sheet: Sheet) -> str:
    articles = "".join(_solved(number, exercise) for number, exercise in enumerate(sheet.exercises, 1))
    return f"<section>\n<header><h1>Solutions</h1><p>Sheet {sheet.seed}</p></header>\n{articles}</section>\n"


def _asked(number: int, exercise: Exercise, lab: str) -> str:
    where = f"level {exercise.level}, seed {exercise.seed}"
    if lab:
        where += f' · <a href="{escape(lab.rstrip("/"))}/{escape(address(exercise))}">in the lab</a>'
    parts = "".join(f"<li>{inline(part.question)}{_blank(part)}</li>\n" for part in exercise.parts)
    head = f'{_heading(number, exercise)}<p class="where">{where}</p>\n'
    return f"<article>\n{head}{block(exercise.prompt)}<ol>\n{parts}</ol>\n</article>\n"


def _solved(number: int, exercise: Exercise) -> str:
    answers = "".join(f"<li>{_answer(part)}</li>\n" for part in exercise.parts)
    steps = "".join(f'<div class="step">{block(step)}</div>\n' for step in exercise.solution)
    return f"<article>\n{_heading(number, exercise)}<ol>\n{answers}</ol>\n{steps}</article>\n"


def _heading(number: int, exercise: Exercise) -> str:
    return f"<h2><span>{number}</span>{escape(KINDS[exercise.kind].title)}</h2>\n"


def _blank(part: Part) -> str:
    """Room to write: a cell for each number, a box to tick for each option."""
    if isinstance(part, Choice):
        return f'<p class="options">{"".join(f"<span><i></i>{escape(option)}</span>" for option in part.options)}</p>'
    rows = "".join(f"<tr>{'<td></td>' * len(row)}</tr>" for row in np.atleast_2d(part.answer))
    return f'<table class="blank">{rows}</table>'


def _answer(part: Part) -> str:
    if isinstance(part, Numbers):
        shown = part.answer if part.tolerance < 1e-3 else part.answer.round(2)
        return inline(f"${latex.matrix(shown) if shown.size > 1 else latex.number(shown.item())}$")
    return f"<b>{escape(part.answer)}</b>"
