"""The Python below a sheet of exercises."""

from collections.abc import Sequence


def code(
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
