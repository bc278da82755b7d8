"""What the tabs of the convolution page keep: numbers as text, in the session and in the address.

The text of an array is the truth: typing, presets, sizes and edits in the grid all write it. So a link holds the very
numbers, and every other control is set from them before it is drawn. It is no widget's value: a browser sends the
values of its widgets along with everything it reports, so of two quick edits the second would undo the first.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from cnnlab_core.checks import Array
from cnnlab_core.convolution import read_planes, write_planes
from cnnlab_core.convolution.windows import Index
from cnnlab_core.errors import InputError
from cnnlab_core.ui.address import in_address, refuse
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.convolution.grid import Cell
from cnnlab_core.ui.show import show_problem

_CELL = re.compile(r"([A-Za-z]{1,4}0?)(?:\[([0-9]{1,2}(?:, ?[0-9]{1,2}){0,3})\])?")
NO_CELL = "none"


@dataclass(frozen=True)
class Field:
    """An array that can be typed: its ``name``, what it is called, its text to begin with, and its axes."""

    name: str
    label: str
    default: str
    dims: int

    def read(self, text: str) -> Array:
        """(planes, ...); an empty text is a single 0."""
        return read_planes(self.name, text or "0", self.dims)


class Kept(Controls):
    """The state of one kind of problem, and its controls: each of its keys begins with the prefix."""

    def get(self, name: str, default: Any = None) -> Any:
        return st.session_state.get(self.key(name), default)

    def put(self, name: str, value: object) -> None:
        st.session_state[self.key(name)] = value

    def put_planes(self, name: str, planes: Array) -> None:
        self.put(name, write_planes(planes))

    def kept_text(self, name: str, default: str) -> str:
        """A kept text: the session's, at first the address's; then the address says what the session does."""
        key = self.key(name)
        text = str(st.session_state.setdefault(key, in_address(key, default)))
        if text == default:
            st.query_params.pop(key, None)
        elif st.query_params.get(key) != text:
            st.query_params[key] = text
        return text

    def numbers(self, field: Field) -> Array:
        """A kept array (planes, ...). What can't be read is said, and the default takes its place."""
        try:
            return field.read(self.kept_text(field.name, field.default))
        except InputError as error:
            show_problem(error)
            self.put(field.name, field.default)
            return field.read(self.kept_text(field.name, field.default))

    def typing(self, fields: list[Field]) -> None:
        """A form in which the arrays can be typed or pasted."""
        for field in fields:
            typed, kept = f"{field.name}_typed", self.kept_text(field.name, field.default)
            if self.get(f"{typed}_from") != kept:  # else it may hold what somebody is about to send
                self.put(typed, kept.replace("; ", "\n").replace(" | ", "\n|\n"))
                self.put(f"{typed}_from", kept)
        with st.form(self.key("form"), border=False):
            st.caption(
                "Spaces between cells, a line or a semicolon for each row, a bar | between channels. Fractions: 1/9."
            )
            for field in fields:
                st.text_area(field.label, key=self.key(f"{field.name}_typed"), height=80)
            st.form_submit_button("Use these numbers", type="primary", on_click=self._take_typed, args=(fields,))
        if problem := self.get("typed_problem"):
            show_problem(problem)

    def _take_typed(self, fields: list[Field]) -> None:
        self.put("typed_problem", "")
        for field in fields:
            text = str(self.get(f"{field.name}_typed"))
            try:
                self.put(field.name, write_planes(field.read(text)) if text.strip() else "")
            except InputError as error:
                self.put("typed_problem", f"{error} The numbers stay as they were.")

    def write_edits(self, arrays: dict[str, Array], edits: list[tuple[Cell, float]], dims: int) -> None:
        """Write the text of the arrays (with all axes of the board) in which cells were edited."""
        changed: dict[str, Array] = {}
        for (name, index), value in edits:
            array = changed.setdefault(name, arrays[name].copy())
            array[index] = value
        for name, array in changed.items():
            shape = array.shape[-1:] if dims == 1 or array.ndim == 1 else array.shape[-2:]
            self.put_planes(name, array.reshape(-1, *shape))

    # The explained cell: empty for the largest, or a name such as y[2, 3].

    def pin(self, cell: Cell | None) -> None:
        self.put("cell", name_cell(*cell) if cell else NO_CELL)

    def pinned(self, arrays: dict[str, Array], default: str) -> Cell | None:
        """The explained cell of one of ``arrays``; the largest of ``default``, if none is named."""
        text = self.kept_text("cell", "")
        match = _CELL.fullmatch(text)
        if match and match[1] in arrays:
            index = tuple(int(i) for i in match[2].split(",")) if match[2] else ()
            shape = arrays[match[1]].shape
            if len(index) == len(shape) and all(i < size for i, size in zip(index, shape, strict=True)):
                return match[1], index
        if text == NO_CELL:
            return None
        if text:
            refuse(self.key("cell"), "the explained cell", text, f"the largest of {default}")
        largest = np.unravel_index(np.abs(arrays[default]).argmax(), arrays[default].shape)
        return default, tuple(int(i) for i in largest)


def name_cell(array: str, index: Index, first: int = 0) -> str:
    """``y[2, 3]``, or ``db`` where there is but one; counted from ``first``."""
    return f"{array}[{', '.join(str(i + first) for i in index)}]" if index else array


def limit_drawn(what: str, shape: Index, most: Index) -> None:
    """Refuse what is more than can be drawn."""
    if any(size > limit for size, limit in zip(shape, most, strict=True)):
        shown, largest = (" x ".join(str(n) for n in sizes) for sizes in (shape, most))
        raise InputError(f"{what} is {shown}, more than can be drawn: make it {largest} or smaller.")


def pattern(shape: Index) -> Array:
    """A gradient to begin with: small whole numbers, something of everything."""
    steps = sum((axis + 2) * places for axis, places in enumerate(np.indices(shape)))
    return np.array([1.0, 0.0, -1.0, 2.0, 0.0, 1.0, -2.0])[steps % 7]
