"""What the convolution tabs have in common under the grid: the sum in full, sizes, the badge, things to take away."""

import json
from typing import Any

import numpy as np
import streamlit as st

from cnnlab_core.checks import Array
from cnnlab_core.convolution import ConvProblem, Explanation, OutputSize, PoolProblem, to_csv, to_plain
from cnnlab_core.plots.heatmaps import number_grid
from cnnlab_core.plots.labels import short_number
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, take_away


def sum_header() -> int:
    """The headline of :func:`show_sum`, and from which indices are counted, 0 or 1: the same in every tab."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        st.markdown("**The pinned cell, written out**", width="content")
        return int(Controls("conv").toggle("from_1", "Count from 1", help=COUNTING))


COUNTING = (
    "Off: the first cell has index 0, as in Python. On: it has index 1, as on many problem sheets. Files, links and "
    "code always count from 0."
)


def show_sum(explanation: Explanation | None) -> None:
    """The pinned cell's equation, under its headline: the rule, by name, by value."""
    if explanation is None:
        st.caption("Click a cell of a result, and its sum is written out here.")
        return
    show_formulas(explanation.law, explanation.symbols, explanation.numbers)


def show_formulas(*formulas: str) -> None:
    """Formulas under each other. As a part of text, not on a line of their own: so the long ones wrap."""
    st.markdown("\n\n".join(rf"$\displaystyle {formula}$" for formula in formulas))


def show_output_size(sizes: dict[str, OutputSize]) -> None:
    """The formula of the output size for each axis, and what is dropped."""
    st.markdown("**How large is the output?**")
    axes = list(sizes.items())
    alike = len({size.numbers for _, size in axes}) == 1
    lines = [axes[0][1].numbers] if alike else [rf"\text{{{name}: }} {size.numbers}" for name, size in axes]
    show_formulas(axes[0][1].symbols, *lines)
    dropped = " ".join(size.sentence for size in sizes.values() if size.sentence)
    st.caption(dropped or "Every input cell is seen: nothing is dropped.")


def show_badge(difference: float) -> None:
    """How far the numbers on screen are from PyTorch's."""
    if difference < 1e-9:
        how = "exactly" if difference == 0 else f"to {difference:.0e}".replace("e-0", "e-")
        st.badge(f"agrees with PyTorch {how}, forward and backward", icon=":material/verified:", color="green")
    else:
        st.badge(f"differs from PyTorch by {difference:.0e}", icon=":material/error:", color="red")


def show_numbers(place: Any, title: str, table: Array, *, key: str = "", **drawn: Any) -> None:
    """A table of numbers (rows, columns) as coloured cells; ``drawn`` is as :func:`number_grid` takes it."""
    in_words = "; ".join(" ".join(short_number(value) for value in row) for row in table)
    name = title.replace("$", "")
    show_chart(
        number_grid(table, **drawn), f"numbers {title} {key}", name, alt=f"{name}: {in_words}", place=place, still=True
    )


def show_difference(label: str, apart: Array) -> None:
    """The largest difference: green where it is no more than rounding."""
    farthest = float(np.abs(apart).max())
    same = farthest < 1e-12
    st.badge(
        f"{label}: {short_number(farthest)}",
        icon=":material/check:" if same else ":material/close:",
        color="green" if same else "orange",
    )


def show_take_away(problem: ConvProblem | PoolProblem, code: str) -> None:
    """The numbers as files, the link, and PyTorch that computes the same."""

    def numbers() -> str:
        return json.dumps({"options": to_plain(problem.options), **to_plain(problem.numbers)})

    take_away(
        code,
        File("Numbers as JSON", numbers, "cnnlab_convolution.json", "application/json"),
        File("Numbers as CSV", lambda: to_csv(problem.numbers), "cnnlab_convolution.csv", "text/csv"),
    )


def show_notes(notes: dict[str, str]) -> None:
    """What each setting does, in a line."""
    st.markdown("\n".join(f"- **{plain(name)}** {text}" for name, text in notes.items()))
