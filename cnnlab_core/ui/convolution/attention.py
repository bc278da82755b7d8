"""1×1 and attention: what a layer commutes with, shown on the numbers."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.checks import Array
from cnnlab_core.convolution import conv1d, conv2d, latex, random_kernel, to_plain
from cnnlab_core.from_scratch.attention import Head, positional_encoding, seeded_head
from cnnlab_core.from_scratch.equivariance import (
    flat_readout,
    mean_readout,
    permute,
    pointwise_linear,
    read_order,
    shift,
)
from cnnlab_core.plots.heatmaps import number_grid
from cnnlab_core.plots.labels import short_number
from cnnlab_core.ui.convolution.pieces import show_formulas
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.show import sentences
from cnnlab_core.ui.take_away import File, take_away

FIGURE = {"displayModeBar": False, "staticPlot": True}
SEEDS = 9999
LENGTH = 8
ROWS, WIDTH = 5, 3
FIRST_ORDER = "2 0 4 1 3"
LETTERS = "abcde"
BORDERS = ["circular", "zeros"]


@dataclass(frozen=True)
class Numbers:
    """All that is computed with on this tab: small whole numbers, from one seed."""

    head: Head
    pixels: Array
    pixel_weights: Array
    pixel_bias: Array
    signal: Array
    signal_kernel: Array
    rows: Array
    row_kernel: Array
    mean_weights: Array
    flat_weights: Array


def seeded_numbers(seed: int) -> Numbers:
    """The numbers of a seed, each array with a seed of its own."""
    shapes = [(3, 2, 3), (2, 3), (2,), (LENGTH,), (3,), (ROWS, WIDTH), (WIDTH, WIDTH, 3), (WIDTH,), (ROWS, WIDTH)]
    return Numbers(seeded_head(seed, WIDTH, WIDTH), *(random_kernel(seed + n, s) for n, s in enumerate(shapes)))


def show() -> None:
    """The tab."""
    st.markdown(
        "Three layers, three symmetries. A 1×1 convolution doesn't care where a pixel is. A convolution follows when "
        "the picture is shifted, self-attention follows when its rows are shuffled: look for the zeros in the "
        "difference."
    )
    seed = st.number_input(
        "Seed of all numbers here", 0, SEEDS, 13, 1, key="conv_attn_seed", bind="query-params", width=200
    )
    numbers = seeded_numbers(seed)
    pointwise(numbers)
    st.divider()
    places, border = shifts(numbers)
    code = [pointwise_code(seed), shift_code(seed, places, border)]
    st.divider()
    with sentences():
        order, positions = permutations(numbers)
        code.append(permutation_code(seed, order, positions))
    content = json.dumps(to_plain(numbers))
    take_away("\n".join(code), File("All numbers (JSON)", content, "cnnlab_attention.json", "application/json"))


# --- 1x1 ------------------------------------------------------------------------------------------------------


def pointwise(numbers: Numbers) -> None:
    """A 1×1 convolution and a linear layer at every position, on the same numbers."""
    st.header("A 1×1 convolution is a linear layer at every position")
    x, w, b = numbers.pixels, numbers.pixel_weights, numbers.pixel_bias
    convolved, linear = conv2d(x, w[:, :, None, None], b), pointwise_linear(x, w, b)
    position = segmented(
        st,
        "Position",
        list(range(6)),
        default=1,
        format_func=lambda place: f"row {place // 3}, column {place % 3}",
        key="conv_attn_position",
        bind="query-params",
    )
    row, column = divmod(position, 3)
    limit = float(max(np.abs(x).max(), np.abs(convolved).max(), 1))
    inputs, by_convolution, by_table = st.columns(3, gap="large")
    for place, title, planes in (
        (inputs, "Input $x$: 3 channels", x),
        (by_convolution, "1×1 convolution: 2 channels", convolved),
        (by_table, "Linear layer, position by position", linear),
    ):
        place.markdown(f"**{title}**")
        for channel, plane in enumerate(planes):
            figure = number_grid(plane, limit=limit, framed=[(row, column)])
            place.plotly_chart(figure, key=f"1x1 {title} {channel}", config=FIGURE, alt=_in_words(title, plane))
    show_formulas(
        rf"y_{{{row},{column}}} = W x_{{{row},{column}}} + b = {latex.matrix(w)} {_column(x[:, row, column])} + "
        rf"{_column(b)} = {_column(linear[:, row, column])}"
    )
    difference("Largest difference between the two", convolved - linear)


# --- shifts ---------------------------------------------------------------------------------------------------


def shifts(numbers: Numbers) -> tuple[int, str]:
    """Shift, then convolve; convolve, then shift. Gives the shift and the border."""
    st.header("A convolution commutes with shifts")
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        places = st.slider(
            "Shift to the right by", 0, LENGTH - 1, 3, key="conv_attn_shift", bind="query-params", width=280
        )
        border = segmented(st, "Border", BORDERS, default=BORDERS[0], key="conv_attn_border", bind="query-params")
    x, w = numbers.signal, numbers.signal_kernel

    def layer(signal: Array) -> Array:
        return conv1d(signal, w, padding=1, padding_mode=border)

    first_shift, first_layer = layer(shift(x, places)), shift(layer(x), places)
    apart = first_shift - first_layer
    rows = ["x", "convolved", "shifted, then convolved", "convolved, then shifted", "difference"]
    table = np.stack([x, layer(x), first_shift, first_layer, apart])
    figure = number_grid(table, rows=rows, columns=[str(i) for i in range(LENGTH)], row_height=42)
    st.plotly_chart(figure, key="shifts", config=FIGURE, alt=_in_words("Rows: " + ", ".join(rows), table))
    st.markdown(f"The kernel is ${latex.matrix(w)}$, padding 1.")
    difference("Largest difference between the two orders", apart)
    if border == "zeros" and apart.any():
        cells = ", ".join(str(i) for i in np.flatnonzero(apart))
        st.markdown(
            f"With zeros at the border the two differ at positions {cells}: next to the border, and where the shift "
            "took what was next to it before. Everywhere else they agree."
        )
    return places, border


# --- permutations ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RowLayer:
    """A layer that works on a table of rows."""

    title: str
    name: str
    apply: Callable[[Array], Array]


def permutations(numbers: Numbers) -> tuple[tuple[int, ...], bool]:
    """Permute, then attend; attend, then permute; the same for a convolution along the rows.

    Gives the order of the rows, and whether attention is told the positions.
    """
    st.header("Self-attention commutes with permutations")
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        text = st.text_input(
            "Order of the rows", FIRST_ORDER, key="conv_attn_order", bind="query-params", max_chars=40, width=220
        )
        st.button("Shuffle", icon=":material/shuffle:", on_click=shuffle, key="conv_attn_shuffle")
        positions = st.toggle("Tell attention the positions", key="conv_attn_positions", bind="query-params")
    order = read_order(text, ROWS)
    x, head = numbers.rows, numbers.head
    encoding = positional_encoding(ROWS, WIDTH) if positions else np.zeros((ROWS, WIDTH))
    attention = RowLayer("Self-attention A", "A", lambda rows: head(rows + encoding).output)
    convolution = RowLayer(
        "Convolution C along the rows, circular",
        "C",
        lambda rows: conv1d(rows.T, numbers.row_kernel, padding=1, padding_mode="circular").T,
    )
    letters = list(LETTERS)
    moved = [letters[row] for row in order]
    given, reordered, looks, looks_moved = st.columns(4, gap="medium")
    weights = head(x + encoding).weights, head(permute(x, order) + encoding).weights
    grid(given, "X, rows a to e", x, letters)
    grid(reordered, "PX, the rows reordered", permute(x, order), moved)
    grid(looks, "Who looks at whom in X", weights[0], letters, letters)
    grid(looks_moved, "Who looks at whom in PX", weights[1], moved, moved)
    for layer in (attention, convolution):
        st.markdown(f"**{layer.title}**")
        before, after = permute(layer.apply(x), order), layer.apply(permute(x, order))
        columns = st.columns(4, gap="medium")
        grid(columns[0], f"{layer.name}(X)", layer.apply(x), letters)
        grid(columns[1], f"P {layer.name}(X): {layer.name}, then reorder", before, moved)
        grid(columns[2], f"{layer.name}(PX): reorder, then {layer.name}", after, moved)
        grid(columns[3], f"{layer.name}(PX) − P {layer.name}(X)", _without_rounding(after - before), moved)
        difference("Largest difference", after - before)
    st.markdown(
        "Attention compares contents only, so shuffled rows give the same rows, shuffled: a set goes in, a set comes "
        "out. That is why a transformer is told the positions (switch it on above). A convolution lives on who "
        "stands next to whom."
    )
    readouts(numbers, order, attention, convolution)
    return order, positions


def readouts(numbers: Numbers, order: Sequence[int], attention: RowLayer, convolution: RowLayer) -> None:
    """Numbers read from the rows: which of them stay when the rows move."""
    st.markdown("**A read-out that doesn't notice.** Take the mean over the rows, then a linear layer to one number:")
    x, linear, flat = numbers.rows, numbers.mean_weights, numbers.flat_weights
    ways: list[tuple[str, Callable[[Array], float]]] = [
        ("attention, mean of the rows, linear", lambda rows: mean_readout(attention.apply(rows), linear)),
        ("attention, all cells side by side, linear", lambda rows: flat_readout(attention.apply(rows), flat)),
        ("convolution, ReLU, mean of the rows, linear", lambda rows: _relu_mean(convolution.apply(rows), linear)),
    ]
    values = [(name, way(x), way(permute(x, order))) for name, way in ways]
    table = {
        "read-out": [name for name, _, _ in values],
        "of X": [short_number(first, 6) for _, first, _ in values],
        "of PX": [short_number(second, 6) for _, _, second in values],
        "difference": [short_number(_without_rounding(second - first), 6) for _, first, second in values],
    }
    st.table(table, hide_index=True, border="horizontal", width="content")
    st.caption(
        "A mean has no order, so equivariant rows become an invariant number. A weight for every place undoes that, "
        "and a convolution has no such symmetry to begin with."
    )


def shuffle() -> None:
    """Another order of the rows, into the field and the address."""
    before, order = st.session_state["conv_attn_order"], list(range(ROWS))
    while (text := " ".join(map(str, order))) in (before, "0 1 2 3 4"):
        secrets.SystemRandom().shuffle(order)
    st.session_state["conv_attn_order"] = text


def grid(place: DeltaGenerator, title: str, table: Array, rows: Sequence[str], columns: Sequence[str] = ()) -> None:
    """A titled table of numbers."""
    place.markdown(title)
    figure = number_grid(table, rows=rows, columns=columns)
    place.plotly_chart(figure, key=f"attention {title}", config=FIGURE, alt=_in_words(title, table))


def difference(label: str, apart: Array) -> None:
    """The largest difference: green where it is no more than rounding."""
    farthest = float(np.abs(apart).max())
    same = farthest < 1e-12
    st.badge(
        f"{label}: {short_number(farthest)}",
        icon=":material/check:" if same else ":material/close:",
        color="green" if same else "orange",
    )


# --- to take away ---------------------------------------------------------------------------------------------


def pointwise_code(seed: int) -> str:
    """The 1×1 convolution both ways."""
    return f"""\
import numpy as np
from cnnlab_core.convolution import conv2d, random_kernel
from cnnlab_core.from_scratch.equivariance import pointwise_linear

x, w, b = random_kernel({seed}, (3, 2, 3)), random_kernel({seed + 1}, (2, 3)), random_kernel({seed + 2}, (2,))
difference = conv2d(x, w[:, :, None, None], b) - pointwise_linear(x, w, b)
print(np.abs(difference).max())
"""


def shift_code(seed: int, places: int, border: str) -> str:
    """Shift and convolve, in both orders."""
    return f"""\
from cnnlab_core.convolution import conv1d, random_kernel
from cnnlab_core.from_scratch.equivariance import shift

x, w = random_kernel({seed + 3}, ({LENGTH},)), random_kernel({seed + 4}, (3,))
layer = lambda signal: conv1d(signal, w, padding=1, padding_mode="{border}")
difference = layer(shift(x, {places})) - shift(layer(x), {places})
print(difference)
"""


def permutation_code(seed: int, order: Sequence[int], positions: bool) -> str:
    """Permute and attend, in both orders; the layer checked by PyTorch."""
    encoding = f" + positional_encoding({ROWS}, {WIDTH})" if positions else ""
    imported = "positional_encoding, seeded_head" if positions else "seeded_head"
    return f"""\
import numpy as np
import torch
from cnnlab_core.from_scratch.attention import {imported}
from cnnlab_core.convolution import random_kernel
from cnnlab_core.from_scratch.equivariance import permute
from cnnlab_core.ui.segmented import segmented

x, order = random_kernel({seed + 5}, ({ROWS}, {WIDTH})), {tuple(order)}
head = seeded_head({seed}, {WIDTH}, {WIDTH})
layer = lambda rows: head(rows{encoding}).output
difference = layer(permute(x, order)) - permute(layer(x), order)
print(np.abs(difference).max())

rows = torch.tensor(x{encoding})[None]
q, k, v = (rows @ torch.tensor(w) for w in (head.wq, head.wk, head.wv))
print(torch.nn.functional.scaled_dot_product_attention(q, k, v)[0].numpy() - layer(x))
"""


def _relu_mean(rows: Array, weights: Array) -> float:
    return mean_readout(np.maximum(rows, 0), weights)


def _without_rounding(values):  # type: ignore[no-untyped-def]
    """Differences as people mean them: what is only the rounding of floats is 0; the badge below says how much."""
    return np.where(np.abs(values) < 1e-12, 0.0, values)


def _column(values: Array) -> str:
    return latex.matrix(values[:, None])


def _in_words(title: str, table: Array) -> str:
    return f"{title}: " + "; ".join(" ".join(short_number(value) for value in row) for row in table)
