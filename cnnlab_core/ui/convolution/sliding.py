"""The tabs 1-D and 2-D: a kernel slides over an input, and every output says what it is made of."""

import streamlit as st

from cnnlab_core.convolution import ConvProblem, OutputSize, output_size
from cnnlab_core.from_scratch.torch_check import conv_difference
from cnnlab_core.recipes.convolution.sliding import code
from cnnlab_core.ui.convolution.grid import Cell, show_grid
from cnnlab_core.ui.convolution.pieces import (
    show_badge,
    show_notes,
    show_output_size,
    show_sum,
    show_take_away,
    sum_header,
)
from cnnlab_core.ui.convolution.setup import convolution_setup, take_edits
from cnnlab_core.ui.convolution.state import Kept
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import main_picture

TO_LEARN = (
    "an output is one sum: each covered number times the weight that lies on it, plus the bias. The same few weights "
    "are used at every place; stride, padding and dilation only say where the window lands."
)

# A signal lies under its output, so that a window stands above what it makes; pictures stand side by side.
COLUMNS = {1: [["x", "y"], ["w", "b"]], 2: [["x"], ["w", "b"], ["y"]]}


def show(dims: int) -> None:
    """The numbers and the grid, 1-D or 2-D; the pinned cell as a sum, and why the output has its size."""
    problem = convolution_setup(dims)
    grid = main_picture()
    learned(TO_LEARN)
    sum_, sizes = st.container(key="written").columns([1.25, 1], gap="large")
    with sum_:
        first = sum_header()
        with grid:
            cell = convolution_grid(problem, ["y", "x", "w", "b"], COLUMNS[dims], default="y", first=first)
        show_sum(problem.explain(*cell, first=first) if cell and cell[0] == "y" else None)
        show_badge(conv_difference(problem))
    with sizes:
        show_output_size(output_sizes(problem, first))
    show_notes(NOTES)
    show_take_away(problem, code(problem))


def convolution_grid(
    problem: ConvProblem,
    cells: list[str],
    columns: list[list[str]],
    *,
    default: str,
    first: int,
    backward: bool = False,
) -> Cell | None:
    """The grid of a convolution. Gives the pinned cell, with the index as ``explain`` takes it."""
    kept = Kept(f"conv_{problem.dims}")
    numbers = problem.numbers
    cell = kept.pinned({name: numbers[name] for name in cells}, default)
    show_grid(
        problem.board(backward=backward),
        key=kept.key("grid_back" if backward else "grid"),
        columns=columns,
        editable=["x", "w", "b", "dy"],
        pinned=cell and (cell[0], problem.board_index(*cell)),
        first=first,
        on_edit=lambda edits: take_edits(problem, edits),
        on_pin=lambda pinned: kept.pin(pinned and (pinned[0], problem.own_index(*pinned))),
    )
    return cell


def output_sizes(problem: ConvProblem, first: int) -> dict[str, OutputSize]:
    """The size of the output along each axis."""
    options = {name: value for name, value in problem.options.items() if name not in ("groups", "flip")}
    return {
        f"{axis.name}s": output_size(axis.size, axis.kernel, name=axis.name, first=first, **options)
        for axis in problem.geometry.axes
    }


NOTES = {
    "Stride": "is how far the window jumps: 2 keeps every second output, so the map has half the size each way.",
    "Padding": "adds cells around the input, so that its border is seen as often as its middle and the map keeps its "
    "size (same), or grows (full). Zeros are a border of their own: watch an edge appear where there is none.",
    "Dilation": "spreads the kernel's cells apart: it sees further with the same number of weights, and skips what "
    "lies between.",
    "Groups": "split the channels into parts that don't mix; as many groups as channels (depthwise) means one kernel "
    "for each.",
    "Flip": "makes it the convolution of mathematics; a learned kernel comes out flipped, and nothing else changes.",
}
