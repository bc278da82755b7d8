"""Self-attention with a single head, in numpy float64.

Every row of the output is a mean of value rows, weighted by how well their keys match the row's query:

    softmax(q k' / sqrt(d)) v

Nothing in it knows where a row stands, so it commutes with permutations of the rows.
Source: Vaswani and others, "Attention Is All You Need" (2017), equation 1 and section 3.5.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import Array, numbers, whole
from cnnlab_core.errors import InputError


class Attended(NamedTuple):
    """``output`` (rows, d), ``weights`` (rows, rows): how much each row looks at each, every row adds up to 1; and the
    ``scores`` (rows, rows) of which they are the softmax."""

    output: Array
    weights: Array
    scores: Array


def attend(q: npt.ArrayLike, k: npt.ArrayLike, v: npt.ArrayLike) -> Attended:
    """Scaled dot-product attention of queries (n, d) to keys (m, d) with values (m, e)."""
    q, k, v = numbers("q", q, [2]), numbers("k", k, [2]), numbers("v", v, [2])
    if q.shape[1] != k.shape[1]:
        raise InputError(f"Queries have {q.shape[1]} numbers but keys {k.shape[1]}: give both the same width.")
    if len(k) != len(v):
        raise InputError(f"There are {len(k)} keys but {len(v)} values: give each key one value.")
    scores = q @ k.T / np.sqrt(q.shape[1])
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))  # the largest becomes 1: nothing overflows
    weights = powers / powers.sum(axis=1, keepdims=True)
    return Attended(weights @ v, weights, scores)


@dataclass(frozen=True)
class Head:
    """One attention head: what turns a row (width,) into its query, key and value; each (width, d)."""

    wq: Array
    wk: Array
    wv: Array

    def __call__(self, x: npt.ArrayLike) -> Attended:
        """Self-attention over the rows of ``x`` (rows, width)."""
        rows = numbers("x", x, [2])
        if rows.shape[1] != len(self.wq):
            raise InputError(f"x has {rows.shape[1]} columns but this head takes {len(self.wq)}: give it as many.")
        return attend(rows @ self.wq, rows @ self.wk, rows @ self.wv)


def seeded_head(seed: int, width: int, d: int) -> Head:
    """A head of small numbers with one decimal, the same for the same ``seed``."""
    generator = np.random.Generator(np.random.PCG64(whole("seed", seed, most=2**53)))
    wq, wk, wv = generator.integers(-10, 11, (3, whole("width", width, 1, 64), whole("d", d, 1, 64))) / 10
    return Head(wq, wk, wv)


def positional_encoding(rows: int, width: int) -> Array:
    """Sines and cosines of the row's number, (rows, width): what tells attention where a row stands."""
    places = np.arange(rows)[:, None]
    waves = np.arange(width)[None, :]
    angles = places / 10_000 ** (waves // 2 * 2 / width)
    return np.where(waves % 2 == 0, np.sin(angles), np.cos(angles))
