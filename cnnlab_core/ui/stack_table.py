"""A stack of layers as a table to edit; the address holds it too, as a short text."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnnlab_core.errors import InputError
from cnnlab_core.models.stack import KINDS, MOST_FILTERS, MOST_WINDOW, Row, read_stack, write_stack
from cnnlab_core.ui.address import in_address
from cnnlab_core.ui.controls import held
from cnnlab_core.ui.show import show_problem

_NUMBERS = {
    "filters": (0, MOST_FILTERS, 32),
    "kernel": (1, MOST_WINDOW, 3),
    "stride": (1, MOST_WINDOW, 1),
    "padding": (0, MOST_WINDOW, 1),
    "dilation": (1, MOST_WINDOW, 1),
}
"""The lowest and highest number of a column, and what a new row begins with."""
WINDOW_COLUMNS = ("kernel", "stride", "padding", "dilation")


@dataclass(frozen=True)
class StackTable:
    """A table of the stack that stands in the address under ``address``: it shows ``columns`` and keeps the others."""

    address: str
    columns: tuple[str, ...]

    def load(self, text: str) -> None:
        """Put another stack into the address, and so into the table."""
        st.query_params[self.address] = text

    def draw(self, first: str) -> tuple[Row, ...]:
        """The table, which begins with the address's stack or with ``first``. Gives the rows as they stand now."""
        text = in_address(self.address, first)
        name = f"{self.address} table"
        kept: dict[str, Any] = st.session_state.setdefault(
            held(f"{name} kept"), {"written": None, "table": [], "version": 0}
        )  # fmt: skip
        # A table that wasn't drawn (another tab was open) has lost its edits; the address still has them.
        if text != kept["written"] or f"{name} {kept['version']}" not in st.session_state:
            try:
                rows = read_stack(text)
            except InputError as problem:
                show_problem(problem)
                rows = read_stack(first)
            table = [{"type": row.kind, **{column: getattr(row, column) for column in _NUMBERS}} for row in rows]
            kept.update(written=text, table=table, version=kept["version"] + 1)
        edited = st.data_editor(
            kept["table"],
            num_rows="dynamic",
            key=f"{name} {kept['version']}",
            column_order=("type", *self.columns),
            column_config={
                "type": st.column_config.SelectboxColumn(options=list(KINDS), default=KINDS[0], required=True),
                **{
                    column: st.column_config.NumberColumn(
                        min_value=low, max_value=high, step=1, default=start, required=True
                    )
                    for column, (low, high, start) in _NUMBERS.items()
                    if column in self.columns
                },
            },
        )
        made = tuple(self._row(number, entry) for number, entry in enumerate(edited, 1))
        kept["written"] = st.query_params[self.address] = write_stack(made)
        return made

    def _row(self, number: int, entry: dict[str, Any]) -> Row:
        for column in ("type", *self.columns):
            if entry.get(column) is None:
                raise InputError(f"Row {number} has no {column} yet. Fill it in, or remove the row.")
        return Row(
            entry["type"], **{column: int(entry[column]) for column in _NUMBERS if entry.get(column) is not None}
        )
