"""The interactive grid: the component whose front end is in ``assets/convolution_grid``.

Python sends a board once (see ``ConvProblem.board``); hovering and sliding happen in the browser. Only an edited
cell and the pinned one come back. The scripts are plain files, joined in this order to one module: no build step.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from cnnlab_core.convolution import read_cell
from cnnlab_core.convolution.windows import Index
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.ui.component import Component
from cnnlab_core.ui.show import show_problem

_ASSETS = "convolution_grid"
_SHARED = ("numbers.js", "board.js", "lab.js")
_SCRIPTS = ("meetings.js", "words.js", "lights.js", "boards.js", "planes.js", "main.js")
_LONGEST = 40  # characters of a cell's text


def grid_component(folder: str, own: tuple[str, ...], *, sheets: tuple[str, ...] = ()) -> Any:
    """A component of boards, from a ``folder`` of assets: the scripts and ``sheets`` that all share, then its own."""
    return Component(
        f"cnnlab_{folder}",
        html=read_asset(folder, "grid.html"),
        css="\n".join([*sheets, read_asset(folder, "grid.css")]),
        js="\n".join([*(read_asset(_ASSETS, name) for name in _SHARED), *(read_asset(folder, name) for name in own)]),
    )


_convolution = grid_component(_ASSETS, _SCRIPTS)

Cell = tuple[str, Index]
"""A cell of an array: its name and the board's index."""


def show_grid(
    board: dict[str, Any],
    *,
    key: str,
    columns: list[list[str]],
    editable: list[str],
    pinned: Cell | None,
    first: int,
    on_edit: Callable[[list[tuple[Cell, float]]], None],
    on_pin: Callable[[Cell | None], None],
    component: Any = _convolution,
) -> None:
    """Draw a board: ``columns`` says which arrays stand under each other, ``first`` from which indices are counted.

    ``on_edit`` (with all edits since this board was drawn) and ``on_pin`` are called before the next run of the page,
    with cells that are on the board; an ``InputError`` of ``on_edit`` is said above it. ``component`` is what
    :func:`grid_component` gives.
    """
    key_of = {name: f"{key}_{name}" for name in ("turn", "problem", "pins")}
    drawn = st.session_state.get(key_of["turn"], 0)

    def edited() -> None:
        edits, problem = [], ""
        for edit in _records(st.session_state[key].get("edits")):
            cell, serial, text = _cell(board, edit), edit.get("serial"), edit.get("text")
            if cell is None or cell[0] not in editable or not isinstance(serial, int) or not isinstance(text, str):
                continue
            if serial <= drawn:  # this board shows it already
                continue
            st.session_state[key_of["turn"]] = max(serial, st.session_state.get(key_of["turn"], 0))
            try:
                edits.append((cell, read_cell(text[:_LONGEST])))
            except InputError as error:
                problem = f"{error} The cell keeps its number."
        try:
            on_edit(edits)
        except InputError as error:
            problem = f"{error} The numbers stay as they were."
        st.session_state[key_of["problem"]] = problem, board

    def pin() -> None:
        record = st.session_state[key].get("pin")
        serial = record.get("serial") if isinstance(record, dict) else None
        if isinstance(serial, int):
            st.session_state[key_of["pins"]] = serial
        on_pin(_cell(board, record))

    problem, its_board = st.session_state.get(key_of["problem"], ("", None))
    if problem and its_board == board:  # once the numbers are others, it is past
        show_problem(problem)
    data = {
        **board,
        "columns": columns,
        "editable": editable,
        "pinned": pinned and {"array": pinned[0], "index": list(pinned[1])},
        "turn": drawn,
        "pins": st.session_state.get(key_of["pins"], 0),
        "first": first,
    }
    component(key=key, data=data, on_edits_change=edited, on_pin_change=pin)


def _records(value: object) -> list[dict[str, Any]]:
    """What came from the browser, as far as it makes sense."""
    return [record for record in value if isinstance(record, dict)] if isinstance(value, list) else []


def _cell(board: dict[str, Any], record: object) -> Cell | None:
    """The cell that a record from the browser names, if it is on the board."""
    if not isinstance(record, dict):
        return None
    name, index = record.get("array"), record.get("index")
    if not isinstance(name, str) or not isinstance(index, list):
        return None
    part = board["arrays"].get(name)
    for i in index:
        if not isinstance(part, list) or not isinstance(i, int) or not 0 <= i < len(part):
            return None
        part = part[i]
    return (name, tuple(index)) if isinstance(part, float) else None
