"""The recurrent cell as an interactive grid: a line of cells for each array, a group for each step, the weights below.

The front end in ``assets/recurrent_grid`` joins the convolution's grid, its keyboard and its colours.
"""

from typing import Any

from cnnlab_core.checks import Array
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
    nodes, states = read.cell.nodes, read.cell.states
    inner = [read.cell.inner_bias] if read.cell.inner_bias else []
    if not backward:
        lines = ["x", *(node.name for node in nodes), "y", "p", "loss"]
        return [lines, ["W"], ["U"], ["b", *inner], ["V"], ["by"], ["h0"]]
    before = [read.cell.gradient_of(node) for node in nodes if node.function or node.name not in states]
    lines = ["x", *before, *(["dc"] if "c" in states else []), "h", "dh", "dy"]
    return [lines, ["dW"], ["dU"], ["db", *(f"d{name}" for name in inner)], ["dV"], ["dby"], ["U"], ["V"]]


def board(read: Unrolled, word: Word, columns: list[list[str]]) -> dict[str, Any]:
    """Everything that the front end needs, as plain data: all numbers, and the terms of those that are computed."""
    drawn = [name for names in columns for name in names]
    arrays = dict(read.parameters) | read.arrays
    cells = {}
    for name in drawn:
        if name in GIVEN:
            continue
        made, terms = all_terms(read, name)
        # dy comes from the loss of its own step only.
        shares = _by_loss(read, name) if name[0] == "d" and name != "dy" else None
        for index, found in terms.items():
            cell: dict[str, Any] = {"made": made, "terms": [[term.group, _texts(term)] for term in found]}
            if shares is not None:
                cell["losses"] = [float(share[index]) for share in shares]
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


def _by_loss(read: Unrolled, name: str) -> list[Array]:
    """What the loss of each step adds to a gradient."""
    if name[1:] in read.parameters:
        return [part.shares[name[1:]].sum(axis=0) for part in read.back_by_loss]
    return [part.by_step[name][:, 0] for part in read.back_by_loss]


def _texts(term: Term) -> list[str]:
    return [f"{factor.form}|{factor.name}|{','.join(map(str, factor.index))}" for factor in term.factors]
