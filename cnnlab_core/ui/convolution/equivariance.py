"""1×1 and attention: what a layer commutes with, shown on the numbers."""

import json

import numpy as np
import streamlit as st

from cnnlab_core.checks import Array
from cnnlab_core.convolution import conv1d, conv2d, latex, to_plain
from cnnlab_core.from_scratch.equivariance import LENGTH, Example, pointwise_linear, seeded_example, shift
from cnnlab_core.from_scratch.torch_check import position_wise as by_both_layers
from cnnlab_core.recipes.convolution import equivariance as recipe
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.convolution.attention import permutations
from cnnlab_core.ui.convolution.pieces import show_difference, show_formulas, show_numbers
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import folded, form, main_picture, sentences
from cnnlab_core.ui.take_away import File, show_code, take_away

CONTROLS = Controls("conv_attn")
MOST_SEED = 9999
BORDERS = ("circular", "zeros")


def show() -> None:
    """Three layers, each with the symmetry that it keeps."""
    st.markdown(
        "Three layers, three symmetries. A 1×1 convolution doesn't care where a pixel is. A convolution follows when "
        "the picture is shifted, and self-attention follows when its rows are shuffled: look for the zeros in the "
        "difference."
    )
    seed = CONTROLS.number("seed", "Seed of all numbers here", 0, MOST_SEED, 13, 1, width=200, place=form())
    example = seeded_example(seed)
    pointwise(example)
    position_wise(example, seed)
    st.divider()
    places, border = shifts(example)
    st.divider()
    order, positions = None, False
    with sentences():
        order, positions = permutations(example, CONTROLS)
    learned(
        "a convolution shifts with its input, attention shuffles with it. Where something stands, attention only "
        "knows by positions that are added."
    )
    code = recipe.code(seed, shift=places, border=border, order=order, positions=positions)
    content = json.dumps(to_plain(example))
    take_away(code, File("All numbers (JSON)", content, "cnnlab_attention.json", "application/json"))


def pointwise(example: Example) -> None:
    """A 1×1 convolution and a linear layer at every position, on the same numbers."""
    st.header("A 1×1 convolution is a linear layer at every position")
    x, w, b = example.pixels, example.pixel_weights, example.pixel_bias
    convolved, linear = conv2d(x, w[:, :, None, None], b), pointwise_linear(x, w, b)
    position = CONTROLS.one_of(
        "position",
        "Position",
        range(6),
        1,
        format_func=lambda place: f"row {place // 3}, column {place % 3}",
        place=form("position"),
    )
    row, column = divmod(position, 3)
    limit = float(max(np.abs(x).max(), np.abs(convolved).max(), 1))
    for place, title, planes in zip(
        main_picture().columns(3, gap="large"),
        ("Input $x$: 3 channels", "1×1 convolution: 2 channels", "Linear layer, position by position"),
        (x, convolved, linear),
        strict=True,
    ):
        place.markdown(f"**{title}**")
        for channel, plane in enumerate(planes):
            show_numbers(place, title, plane, key=str(channel), limit=limit, framed=[(row, column)])
    show_formulas(
        rf"y_{{{row},{column}}} = W x_{{{row},{column}}} + b = {latex.matrix(w)} {_column(x[:, row, column])} + "
        rf"{_column(b)} = {_column(linear[:, row, column])}"
    )
    show_difference("Largest difference between the two", convolved - linear)


def position_wise(example: Example, seed: int) -> None:
    """The same layer on a batch of sequences, by nn.Linear and by nn.Conv1d."""
    st.markdown(
        r"**The same on a batch of sequences.** The position-wise layer $H(x) = \mathrm{relu}(W x + b)$ of a "
        "transformer works on each of the $T$ positions by itself. `nn.Linear` takes the batch as it is, $(B, T, D)$; "
        "`nn.Conv1d` with kernel 1 takes $(B, D, T)$."
    )
    x, w, b = example.batch, example.unit_weights, example.unit_bias
    linear, convolution = by_both_layers(x, w, b)
    batch, positions, _ = x.shape
    limit = float(max(np.abs(x).max(), linear.max(), 1))
    for place, title, tables in zip(
        st.columns(3, gap="large"),
        (f"Batch $x$: $({batch}, {positions}, {x.shape[2]})$", "`nn.Linear`, then ReLU", "`nn.Conv1d`, then ReLU"),
        (x, linear, convolution),
        strict=True,
    ):
        place.markdown(f"**{title}**")
        for sample, table in enumerate(tables):
            first = [(0, column) for column in range(table.shape[1] if sample == 0 else 0)]
            show_numbers(place, title, table, key=str(sample), limit=limit, framed=first, row_height=30)
    show_formulas(
        rf"W x_{{0,0}} + b = {latex.matrix(w)} {_column(x[0, 0])} + {_column(b)} = {_column(w @ x[0, 0] + b)}, \quad "
        rf"H(x_{{0,0}}) = {_column(linear[0, 0])}"
    )
    show_difference("Largest difference between nn.Linear and nn.Conv1d", convolution - linear)
    with folded("Both layers in PyTorch, and the assertion that they agree", ":material/code:"):
        show_code(recipe.position_wise(seed), about="Both layers in PyTorch")


def shifts(example: Example) -> tuple[int, str]:
    """Shift, then convolve; convolve, then shift. Gives the shift and the border."""
    st.header("A convolution commutes with shifts")
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        places = CONTROLS.slider("shift", "Shift to the right by", 0, LENGTH - 1, 3, 1, width=280)
        border = CONTROLS.one_of("border", "Border", BORDERS, BORDERS[0])
    x, w = example.signal, example.signal_kernel

    def layer(signal: Array) -> Array:
        return conv1d(signal, w, padding=1, padding_mode=border)

    first_shift, first_layer = layer(shift(x, places)), shift(layer(x), places)
    apart = first_shift - first_layer
    rows = ["x", "convolved", "shifted, then convolved", "convolved, then shifted", "difference"]
    table = np.stack([x, layer(x), first_shift, first_layer, apart])
    columns = [str(i) for i in range(LENGTH)]
    show_numbers(st, "Rows: " + ", ".join(rows), table, rows=rows, columns=columns, row_height=42)
    st.markdown(f"The kernel is ${latex.matrix(w)}$, padding 1.")
    show_difference("Largest difference between the two orders", apart)
    if border == "zeros" and apart.any():
        cells = ", ".join(str(i) for i in np.flatnonzero(apart))
        st.markdown(
            f"With zeros at the border the two differ at positions {cells}: next to the border, and where the cells "
            "that were next to it have moved to. Everywhere else they agree."
        )
    return places, border


def _column(values: Array) -> str:
    return latex.matrix(values[:, None])
