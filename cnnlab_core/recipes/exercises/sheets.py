"""The Python below a sheet of exercises."""

from collections.abc import Sequence


def code(
    kinds: Sequence[str],
    *,
    seed: int,
    level: int,
    each: int,
    sheets: int,
    variants: int,
    solutions: bool,
    lab: str,
    file: str,
) -> str:
    """The sheets as the file to print, and ``variants`` of each kind for a school's own system; ``file`` has no end."""
    return f"""\
from pathlib import Path

from cnnlab_core.exercises import make_sheets, moodle_xml, qti_package, sheets_html

kinds = {list(kinds)!r}
sheets = make_sheets(kinds, seed={seed}, level={level}, each={each}, sheets={sheets})
Path("{file}.html").write_text(sheets_html(sheets, solutions={solutions}, lab={lab!r}), encoding="utf-8")

questions = make_sheets(kinds, seed={seed}, level={level}, sheets={variants})  # so many of each kind, to draw from
Path("{file}_moodle.xml").write_text(moodle_xml(questions), encoding="utf-8")
Path("{file}_qti.zip").write_bytes(qti_package(questions))
"""
