"""Tables to take away, as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence


def csv_table(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A header and its rows as CSV; texts that a spreadsheet would run as formulas are kept from it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_harmless(value) for value in row] for row in (header, *rows))
    return text.getvalue()


def _harmless(value: object) -> object:
    """A name that begins like a formula would be run by a spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "@", "\t", "\r") else value
