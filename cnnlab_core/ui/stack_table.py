"""A stack of layers as a table to edit; the address holds it too, as a short text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

from cnnlab_core.errors import InputError
from cnnlab_core.ui.show import show_problem

Row = TypeVar("Row")


@dataclass(frozen=True)
class Number:
    """A column of whole numbers: its bounds, and what a new row begins with."""

    low: int
    high: int
    start: int


@dataclass(frozen=True)
class StackTable(Generic[Row]):
    """How rows are read, written and made: ``kinds`` of layers, ``columns`` of numbers, ``make(kind, *numbers)``."""

    address: str
    read: Callable[[str], Sequence[Row]]
    write: Callable[[Sequence[Row]], str]
    make: Callable[..., Row]
    kinds: Sequence[str]
    columns: Mapping[str, Number]

    def load(self, text: str) -> None:
        """Put another stack into the address, and so into the table."""
        st.query_params[self.address] = text

    def draw(self, first: str) -> tuple[Row, ...]:
        """The table, which begins with the address's stack or with ``first``. Gives the rows as they stand now."""
        text = st.query_params.get(self.address, first)
        name = f"{self.address} table"
        held: dict[str, Any] = st.session_state.setdefault(
            f"{name} held", {"written": None, "table": [], "version": 0}
        )  # fmt: skip
        # A table that wasn't drawn (another tab was open) has lost its edits; the address still has them.
        if text != held["written"] or f"{name} {held['version']}" not in st.session_state:
            try:
                rows = self.read(text)
            except InputError as problem:
                show_problem(problem)
                rows = self.read(first)
            table = [{"type": row.kind, **{c: getattr(row, c) for c in self.columns}} for row in rows]  # type: ignore[attr-defined]
            held.update(written=text, table=table, version=held["version"] + 1)
        edited = st.data_editor(
            held["table"],
            num_rows="dynamic",
            key=f"{name} {held['version']}",
            column_order=("type", *self.columns),
            column_config={
                "type": st.column_config.SelectboxColumn(
                    options=list(self.kinds), default=self.kinds[0], required=True
                ),
                **{
                    column: st.column_config.NumberColumn(
                        min_value=number.low, max_value=number.high, step=1, default=number.start, required=True
                    )
                    for column, number in self.columns.items()
                },
            },
        )
        made = tuple(self._row(number, entry) for number, entry in enumerate(edited, 1))
        held["written"] = st.query_params[self.address] = self.write(made)
        return made

    def _row(self, number: int, entry: dict[str, Any]) -> Row:
        for name in ("type", *self.columns):
            if entry.get(name) is None:
                raise InputError(f"Row {number} has no {name} yet. Fill it in, or remove the row.")
        return self.make(entry["type"], *(int(entry[name]) for name in self.columns))
