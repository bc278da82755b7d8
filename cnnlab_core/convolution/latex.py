"""Numbers, matrices and indexed symbols in LaTeX (the part that KaTeX and MathJax share)."""

import re
from collections.abc import Sequence

import numpy as np

from cnnlab_core.checks import Array

PAD = r"^{\text{pad}}"  # the mark of what comes through padding


def number(value: float) -> str:
    """Six significant digits at most: 0.3, -2, 1.5e-7 as a product with a power of ten."""
    if np.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    text = f"{value:.6g}"
    if text == "-0":
        text = "0"
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


def factor(value: float) -> str:
    """A number to be multiplied: in brackets where it is negative or itself a product."""
    text = number(value)
    return f"({text})" if text.startswith("-") or "times" in text else text


def is_shown_exactly(value: float) -> bool:
    """Whether :func:`number` shows all there is of a value, the rounding of floats aside."""
    return np.isinf(value) or abs(float(f"{value:.6g}") - value) <= 1e-13 * abs(value)


def symbol(name: str, index: Sequence[int | str]) -> str:
    """An indexed symbol, such as ``w_{0,1}``."""
    return f"{name}_{{{','.join(str(i) for i in index)}}}" if index else name


def counted_from(first: int, formula: str) -> str:
    """A formula whose symbols have indices from 0, such as ``w_{0,1}``, with indices from ``first``."""
    return re.sub(
        r"(?<=_\{)\d+(,\d+)*(?=\})", lambda index: ",".join(str(int(i) + first) for i in index[0].split(",")), formula
    )


def matrix(array: Array) -> str:
    """A vector as one row, a matrix as rows, more axes as one matrix after another."""
    if array.ndim > 2:
        return r" ,\; ".join(matrix(part) for part in array)
    rows = [" & ".join(number(value) for value in row) for row in np.atleast_2d(array)]
    return r"\begin{bmatrix} " + r" \\ ".join(rows) + r" \end{bmatrix}"
