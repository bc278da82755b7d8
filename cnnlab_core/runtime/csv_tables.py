"""Tables to take away, as CSV."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence

_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|-?inf|-?nan", re.ASCII)


def csv_table(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A header and its rows as CSV; texts that a spreadsheet would run as formulas are kept from it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_harmless(value) for value in row] for row in (header, *rows))
    return text.getvalue()


def _harmless(value: object) -> object:
    """A text that begins like a formula would be run by a spreadsheet; a number stays one.

    What counts: https://owasp.org/www-community/attacks/CSV_Injection, with the signs in all their widths, behind
    whatever isn't seen before them, and behind a ; or a tab, at which a spreadsheet may split cells, too.
    """
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")  # the writer quotes \n alone
    if _NUMBER.fullmatch(text):
        return text if isinstance(value, str) else value
    parts = re.split(r"([;\t])", text)
    safe = "".join(f"'{part}" if _runs(part) else part for part in parts)
    safe = f"'{safe}" if text.startswith(("\t", "\n")) and not safe.startswith("'") else safe
    return safe if isinstance(value, str) or safe != text else value


def _runs(text: str) -> bool:
    """Whether the first letter that is seen, quotes aside, begins a formula."""
    seen = next((letter for letter in text if letter.isprintable() and letter not in ' "'), "")
    return unicodedata.normalize("NFKC", seen)[:1] in ("=", "+", "-", "@", "\N{MINUS SIGN}")
