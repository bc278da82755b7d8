"""What the tabs of the convolution page keep: numbers as text and settings as widgets, all bound to the address.

The text of an array is the truth: typing, presets, sizes and edits in the grid all write it. So a link holds the very
numbers, and every other control is set from them before it is drawn.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from cnnlab_core.convolution import read_planes, write_planes
from cnnlab_core.convolution.options import Array
from cnnlab_core.convolution.windows import Index
from cnnlab_core.errors import InputError
from cnnlab_core.ui.convolution.grid import Cell
from cnnlab_core.ui.show import show_problem

_CELL = re.compile(r"([a-z]{1,2})(?:\[([0-9]{1,2}(?:, ?[0-9]{1,2}){0,3})\])?")
NO_CELL = "none"


@dataclass(frozen=True)
class Kept:
    """The state of one kind of problem: each of its keys begins with ``prefix``."""

    prefix: str

    def key(self, name: str) -> str:
        return f"{self.prefix}_{name}"

    def get(self, name: str, default: Any = None) -> Any:
        return st.session_state.get(self.key(name), default)

    def put(self, name: str, value: object) -> None:
        st.session_state[self.key(name)] = value

    def put_planes(self, name: str, planes: Array) -> None:
        self.put(name, write_planes(planes))

    def numbers(self, name: str, label: str, default: str, dims: int) -> Array:
        """A text field for an array (planes, ...). What can't be read is said, and the default stands in for it."""
        text = st.text_area(label, default, key=self.key(name), bind="query-params", persist_state="page", height=80)
        spare = default or "0"
        try:
            return read_planes(name, text or spare, dims)
        except InputError as error:
            show_problem(error)
            return read_planes(name, spare, dims)

    def write_edits(self, arrays: dict[str, Array], edits: list[tuple[Cell, float]], dims: int) -> None:
        """Write the text of the arrays (with all axes of the board) in which cells were edited."""
        changed: dict[str, Array] = {}
        for (name, index), value in edits:
            array = changed.setdefault(name, arrays[name].copy())
            array[index] = value
        for name, array in changed.items():
            shape = array.shape[-1:] if dims == 1 or array.ndim == 1 else array.shape[-2:]
            self.put_planes(name, array.reshape(-1, *shape))

    # --- the explained cell: empty for the largest, or a name such as y[2, 3] ------------------------

    def cell_field(self) -> None:
        st.text_input("Explained cell", "", key=self.key("cell"), bind="query-params", persist_state="page")

    def pin(self, cell: Cell | None) -> None:
        self.put("cell", name_cell(*cell) if cell else NO_CELL)

    def pinned(self, arrays: dict[str, Array], default: str) -> Cell | None:
        """The explained cell of one of ``arrays``; the largest of ``default``, if none is named."""
        text = str(self.get("cell", "")).strip()
        match = _CELL.fullmatch(text)
        if match and match[1] in arrays:
            index = tuple(int(i) for i in match[2].split(",")) if match[2] else ()
            shape = arrays[match[1]].shape
            if len(index) == len(shape) and all(i < size for i, size in zip(index, shape, strict=True)):
                return match[1], index
        if text == NO_CELL:
            return None
        largest = np.unravel_index(np.abs(arrays[default]).argmax(), arrays[default].shape)
        return default, tuple(int(i) for i in largest)


def name_cell(array: str, index: Index) -> str:
    """``y[2, 3]``, or ``db`` where there is but one."""
    return f"{array}[{', '.join(str(i) for i in index)}]" if index else array


def limit_drawn(what: str, shape: Index, most: Index) -> None:
    """Refuse what is more than can be drawn."""
    if any(size > limit for size, limit in zip(shape, most, strict=True)):
        shown, largest = (" x ".join(str(n) for n in sizes) for sizes in (shape, most))
        raise InputError(f"{what} is {shown}, more than can be drawn: make it {largest} or smaller.")


def pattern(shape: Index) -> Array:
    """A gradient to begin with: small whole numbers, something of everything."""
    return np.resize(np.array([1.0, 0.0, -1.0, 2.0, 0.0, 1.0, -2.0]), shape)
