"""Self-attention beside a convolution: what becomes of the output when the rows are reordered."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.checks import Array
from cnnlab_core.convolution import conv1d, latex
from cnnlab_core.from_scratch.attention import Attended, positional_encoding
from cnnlab_core.from_scratch.equivariance import (
    ROWS,
    WIDTH,
    Example,
    flat_readout,
    mean_readout,
    permute,
    read_order,
)
from cnnlab_core.plots.labels import short_number
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.convolution.pieces import show_difference, show_formulas, show_numbers

FIRST_ORDER = "2 0 4 1 3"
LETTERS = "abcde"


@dataclass(frozen=True)
class RowLayer:
    """A layer that works on a table of rows."""

    title: str
    name: str
    apply: Callable[[Array], Array]


def permutations(example: Example, controls: Controls) -> tuple[tuple[int, ...], bool]:
    """Permute, then attend; attend, then permute; the same for a convolution along the rows.

    Gives the order of the rows, and whether attention is given the positions.
    """
    st.header("Self-attention commutes with permutations")
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        text = controls.text("order", "Order of the rows", FIRST_ORDER, max_chars=40, width=220)
        order_key = controls.key("order")
        st.button(
            "Shuffle", icon=":material/shuffle:", on_click=shuffle, args=(order_key,), key=controls.key("shuffle")
        )
        positions = controls.toggle("positions", "Add positional encodings")
    order = read_order(text, ROWS)
    x, head = example.rows, example.head
    encoding = positional_encoding(ROWS, WIDTH) if positions else np.zeros((ROWS, WIDTH))
    attention = RowLayer("Self-attention A", "A", lambda rows: head(rows + encoding).output)
    convolution = RowLayer(
        "Convolution C along the rows, circular",
        "C",
        lambda rows: conv1d(rows.T, example.row_kernel, padding=1, padding_mode="circular").T,
    )
    letters = list(LETTERS)
    moved = [letters[row] for row in order]
    given, reordered, looks, looks_moved = st.columns(4, gap="medium")
    still, after_moving = head(x + encoding), head(permute(x, order) + encoding)
    grid(given, "X, rows a to e", x, letters)
    grid(reordered, "PX, the rows reordered", permute(x, order), moved)
    grid(looks, "Attention weights for X", still.weights, letters, letters)
    grid(looks_moved, "Attention weights for PX", after_moving.weights, moved, moved)
    for layer in (attention, convolution):
        st.markdown(f"**{layer.title}**")
        before, after = permute(layer.apply(x), order), layer.apply(permute(x, order))
        columns = st.columns(4, gap="medium")
        grid(columns[0], f"{layer.name}(X)", layer.apply(x), letters)
        grid(columns[1], f"P {layer.name}(X): {layer.name}, then reorder", before, moved)
        grid(columns[2], f"{layer.name}(PX): reorder, then {layer.name}", after, moved)
        grid(columns[3], f"{layer.name}(PX) − P {layer.name}(X)", _without_rounding(after - before), moved)
        show_difference("Largest difference", after - before)
        if layer is attention:
            proof(still, after_moving, order, positions)
    st.markdown(
        "Attention compares contents only, so shuffled rows give the same rows, shuffled: a set goes in, a set comes "
        "out. That is why a transformer adds positional encodings (switch them on above). A convolution depends on "
        "which rows are neighbours."
    )
    mean_of_rows(still.output, after_moving.output, positions)
    readouts(example, order, attention, convolution)
    return order, positions


def proof(still: Attended, moved: Attended, order: Sequence[int], positions: bool) -> None:
    """Why attention commutes with permutations, each line with how far it is from true on the numbers above."""
    square = np.ix_(order, order)
    lines = (
        (
            r"$S(PX) = \tfrac{1}{\sqrt{d}} (P X W_q) (P X W_k)^\top = P \, S(X) \, P^\top$",
            r"scores are products of rows, and $(P M)^\top = M^\top P^\top$",
            moved.scores - still.scores[square],
        ),
        (
            r"$\mathrm{softmax}(P \, S \, P^\top) = P \, \mathrm{softmax}(S) \, P^\top$",
            "softmax works row by row, and a sum doesn't care about the order of its terms",
            moved.weights - still.weights[square],
        ),
        (
            r"$A(PX) = P \, \mathrm{softmax}(S) \, P^\top P \, X W_v = P A(X)$",
            r"a permutation is undone by its transpose, $P^\top P = I$",
            moved.output - permute(still.output, order),
        ),
    )
    written = [
        f"1. {line}: {reason}. Largest difference here: {short_number(float(np.abs(_without_rounding(apart)).max()))}"
        for line, reason, apart in lines
    ]
    st.markdown("\n".join(["The proof, in three lines:\n", *written]))
    if positions:
        st.caption(
            "With positions the first line fails, and the others with it: the layer sees PX + E, which isn't P(X + E). "
            "The encodings E stay where they are when the rows move."
        )


def mean_of_rows(still: Array, moved: Array, positions: bool) -> None:
    """The mean over the rows as a product with w = (1 / T) 1, and why no order can change it."""
    st.markdown("**A read-out that doesn't notice.** Give each of the $T$ rows the same weight:")
    one = r"\tfrac{1}{T} \mathbf{1}"
    same_weights = ", ".join([latex.number(1 / ROWS)] * ROWS)
    of_x, of_px = (latex.matrix(np.round(rows.mean(axis=0), 4)) for rows in (still, moved))
    invariance = rf"w^\top P = {one}^\top P = {one}^\top \;\Rightarrow\; w^\top A(PX) = w^\top P A(X) = w^\top A(X)"
    show_formulas(
        rf"w = {one} = ({same_weights})^\top",
        *([] if positions else [invariance]),
        rf"w^\top A(X) = {of_x}",
        rf"w^\top A(PX) = {of_px}",
    )


def readouts(example: Example, order: Sequence[int], attention: RowLayer, convolution: RowLayer) -> None:
    """Numbers read from the rows: which of them stay when the rows move."""
    st.markdown("A linear layer then makes one number of it. Beside it two read-outs that do notice:")
    x, linear, flat = example.rows, example.mean_weights, example.flat_weights
    ways: list[tuple[str, Callable[[Array], float]]] = [
        ("attention, mean of the rows, linear", lambda rows: mean_readout(attention.apply(rows), linear)),
        ("attention, all cells flattened, linear", lambda rows: flat_readout(attention.apply(rows), flat)),
        (
            "convolution, ReLU, mean of the rows, linear",
            lambda rows: mean_readout(np.maximum(convolution.apply(rows), 0), linear),
        ),
    ]
    values = [(name, way(x), way(permute(x, order))) for name, way in ways]
    table = {
        "read-out": [name for name, _, _ in values],
        "of X": [short_number(first, 6) for _, first, _ in values],
        "of PX": [short_number(second, 6) for _, _, second in values],
        "difference": [short_number(float(_without_rounding(second - first)), 6) for _, first, second in values],
    }
    st.table(table, hide_index=True, border="horizontal", width="content")
    st.caption(
        "A mean has no order, so equivariant rows become an invariant number. Giving every cell its own weight undoes "
        "that, and a convolution has no such symmetry to begin with."
    )


def shuffle(order_key: str) -> None:
    """Another order of the rows, into the field and the address."""
    before, order = st.session_state[order_key], list(range(ROWS))
    while (text := " ".join(map(str, order))) in (before, "0 1 2 3 4"):
        secrets.SystemRandom().shuffle(order)
    st.session_state[order_key] = text


def grid(place: DeltaGenerator, title: str, table: Array, rows: Sequence[str], columns: Sequence[str] = ()) -> None:
    """A titled table of numbers."""
    place.markdown(title)
    show_numbers(place, title, table, rows=rows, columns=columns)


def _without_rounding(values: Array | float) -> Array:
    """Differences as people mean them: what is only the rounding of floats is 0; the badge below says how much."""
    return np.where(np.abs(values) < 1e-12, 0.0, values)
