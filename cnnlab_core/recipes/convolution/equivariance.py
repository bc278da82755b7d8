"""The Python of the tab 1×1 and attention."""

from collections.abc import Sequence

from cnnlab_core.from_scratch.equivariance import LENGTH, ROWS, WIDTH


def code(seed: int, *, shift: int, border: str, order: Sequence[int] | None, positions: bool) -> str:
    """The three symmetries on the numbers of ``seed``; without an ``order`` of the rows the first two."""
    blocks = [_pointwise(seed), _shift(seed, shift, border)]
    return "\n".join(blocks if order is None else [*blocks, _permutation(seed, order, positions)])


def _pointwise(seed: int) -> str:
    return f"""\
import numpy as np
from cnnlab_core.convolution import conv1d, conv2d, random_kernel
from cnnlab_core.from_scratch.equivariance import permute, pointwise_linear, shift

x, w, b = random_kernel({seed}, (3, 2, 3)), random_kernel({seed + 1}, (2, 3)), random_kernel({seed + 2}, (2,))
difference = conv2d(x, w[:, :, None, None], b) - pointwise_linear(x, w, b)
print(np.abs(difference).max())
"""


def _shift(seed: int, places: int, border: str) -> str:
    return f"""\
x, w = random_kernel({seed + 3}, ({LENGTH},)), random_kernel({seed + 4}, (3,))
layer = lambda signal: conv1d(signal, w, padding=1, padding_mode="{border}")
difference = layer(shift(x, {places})) - shift(layer(x), {places})
print(difference)
"""


def _permutation(seed: int, order: Sequence[int], positions: bool) -> str:
    """Permute and attend, in both orders; the layer checked by PyTorch."""
    encoding = f" + positional_encoding({ROWS}, {WIDTH})" if positions else ""
    imported = "positional_encoding, seeded_head" if positions else "seeded_head"
    return f"""\
import torch
from cnnlab_core.from_scratch.attention import {imported}

x, order = random_kernel({seed + 5}, ({ROWS}, {WIDTH})), {tuple(order)}
head = seeded_head({seed}, {WIDTH}, {WIDTH})
layer = lambda rows: head(rows{encoding}).output
difference = layer(permute(x, order)) - permute(layer(x), order)
print(np.abs(difference).max())

rows = torch.tensor(x{encoding})[None]
q, k, v = (rows @ torch.tensor(w) for w in (head.wq, head.wk, head.wv))
print(torch.nn.functional.scaled_dot_product_attention(q, k, v)[0].numpy() - layer(x))
"""
