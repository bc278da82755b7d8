"""Tables to take away, as CSV."""

import csv
import io
import re
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

    What counts: https://owasp.org/www-community/attacks/CSV_Injection, full-width signs and white space before them.
    """
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")  # the writer quotes \n alone
    risky = text.startswith(("\t", "\n")) or text.lstrip().startswith(tuple("=+-@＝＋－＠"))
    return f"'{text}" if risky and not _NUMBER.fullmatch(text) else text if isinstance(value, str) else value
