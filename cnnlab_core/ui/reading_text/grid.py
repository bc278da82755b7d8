"""The recurrent cell as an interactive grid: a line of cells for each array, a group for each step, the weights below.

The front end in ``assets/recurrent_grid`` joins the convolution's grid, its keyboard and its colours.
"""

from typing import Any

import numpy as np

from cnnlab_core.convolution import to_plain
from cnnlab_core.from_scratch import Unrolled
from cnnlab_core.from_scratch.reading import Word
from cnnlab_core.from_scratch.recurrent_explain import Term, all_terms
from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.ui.convolution.grid import grid_component

component = grid_component("recurrent_grid", ("main.js",), sheets=(read_asset("convolution_grid", "grid.css"),))

TITLES = {
    "x": "letter x", "i": "input i", "f": "forget f", "g": "new g", "o": "output o", "c": "memory c", "r": "reset r",
    "z": "update z", "u": "u", "n": "new n", "h": "state h", "y": "logits y", "p": "softmax p", "loss": "loss",
    "W": "W, of the letter", "U": "U, of the state", "b": "b", "bu": "b of u", "V": "V, to the logits", "by": "b of y",
    "h0": "state before step 1", **{f"da{name}": f"da of {name}" for name in "ifgorzn"},
}  # fmt: skip
GIVEN = ("x", "h0", "W", "U", "b", "bu", "V", "by")


def columns_of(read: Unrolled, *, backward: bool) -> list[list[str]]:
    """What is drawn: first the lines over time, then the matrices, those that belong together under each other."""
    nodes = [node for node in read.cell.nodes if node.name != "h"]
    inner = [read.cell.inner_bias] if read.cell.inner_bias else []
    if not backward:
        return [["x", *(node.name for node in nodes), "h", "y", "p", "loss"], ["W"], ["U", "h0"], ["b", *inner],
                ["V", "by"]]  # fmt: skip
    lines = [read.cell.gradient_of(node) for node in read.cell.nodes if node.name not in read.cell.states]
    states = [*(["da"] if read.cell.name == "RNN" else []), *(["dc"] if "c" in read.cell.states else [])]
    return [["x", *lines, *states, "h", "dh", "dy"], ["dW"], ["dU"], ["db", *(f"d{name}" for name in inner)],
            ["dV", "dby"], ["U"], ["V"]]  # fmt: skip


def board(read: Unrolled, word: Word, columns: list[list[str]]) -> dict[str, Any]:
    """Everything that the front end needs, as plain data: all numbers, and the terms of those that are computed."""
    drawn = [name for names in columns for name in names]
    arrays = dict(read.parameters) | read.arrays
    cells = {}
    for name in drawn:
        if name in GIVEN:
            continue
        made, terms = all_terms(read, name)
        for index, found in terms.items():
            cell: dict[str, Any] = {"made": made, "terms": [[term.group, _texts(term)] for term in found]}
            if name[0] == "d" and not _is_last(name):
                cell["losses"] = _by_loss(read, name, index)
            cells[f"{name}:{','.join(map(str, index))}"] = cell
    return {
        "arrays": {name: to_plain(array) for name, array in arrays.items()},
        "cells": cells,
        "titles": {name: TITLES.get(name, name) for name in drawn},
        "letters": list(word.letters),
        "word": [[a, b] for a, b in zip(word.text[:-1], word.text[1:], strict=True)],
        "targets": word.targets.tolist(),
        "gates": list(read.cell.gates),
        "hidden": read.hidden,
    }


def _is_last(name: str) -> bool:
    """Whether a gradient comes from the loss of its own step only."""
    return name == "dy"


def _by_loss(read: Unrolled, name: str, index: tuple[int, ...]) -> list[float]:
    """What the loss of each step adds to a cell of a gradient."""
    parts = []
    for part in read.back_by_loss:
        array = part.parameters[name] if name in part.parameters else part.by_step[name][:, 0]
        parts.append(float(array[index]))
    return parts


def _texts(term: Term) -> list[str]:
    return [f"{factor.form}|{factor.name}|{','.join(map(str, factor.index))}" for factor in term.factors]


def largest(array: np.ndarray) -> tuple[int, ...]:
    """The index of the largest cell."""
    return tuple(int(i) for i in np.unravel_index(np.abs(array).argmax(), array.shape))
