"""The Python of the tab 1×1 and attention."""

from collections.abc import Sequence

from cnnlab_core.from_scratch.equivariance import BATCH, LENGTH, ROWS, UNITS, WIDTH


def code(seed: int, *, shift: int, border: str, order: Sequence[int] | None, positions: bool) -> str:
    """The three symmetries on the numbers of ``seed``; without an ``order`` of the rows the first two."""
    blocks = [_pointwise(seed), position_wise(seed), _shift(seed, shift, border)]
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


def position_wise(seed: int) -> str:
    """relu(W x + b) at every position of a batch, by nn.Linear and by nn.Conv1d."""
    return f"""\
import torch
from torch import nn
from cnnlab_core.convolution import random_kernel

B, T, D, units = {BATCH}, {ROWS}, {WIDTH}, {UNITS}
shapes = (B, T, D), (units, D), (units,)
x, W, b = (torch.tensor(random_kernel({seed} + n, shape)) for n, shape in enumerate(shapes, 9))

linear = nn.Linear(D, units, dtype=torch.float64)
convolution = nn.Conv1d(D, units, kernel_size=1, dtype=torch.float64)
linear.load_state_dict({{"weight": W, "bias": b}})
convolution.load_state_dict({{"weight": W[:, :, None], "bias": b}})

by_linear = linear(x).relu()  # works on the last axis: (B, T, D) to (B, T, units)
by_convolution = convolution(x.transpose(1, 2)).relu().transpose(1, 2)  # takes (B, D, T), gives (B, units, T)
assert by_linear.shape == by_convolution.shape == (B, T, units)
torch.testing.assert_close(by_linear, by_convolution)
print(by_linear)
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
