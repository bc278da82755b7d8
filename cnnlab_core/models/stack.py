"""A stack of layers as a short text: what designs a receptive field, and what describes a network to be trained.

``c64k11s4p5,norm,relu,m3s2`` is a convolution with 64 filters of 11 × 11, stride 4 and padding 5, then batch
normalisation, ReLU and a max pooling of 3 with stride 2; ``a`` is an average pooling. ``s``, ``p`` and ``d`` are
stride, padding and dilation where they aren't 1, 0 and 1. Where only windows matter, filters are left out: ``c11s4``. A
stack for grey pictures may begin with ``grey``, the mean of the three colours.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from cnnlab_core.errors import InputError

WINDOWS = {"convolution": "c", "max pool": "m", "average pool": "a"}
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
KINDS = (*WINDOWS, "norm", *ACTIVATIONS, "grey")
MOST_ROWS = 40
MOST_FILTERS = 1024
MOST_WINDOW = 64
"""The largest kernel, stride, padding or dilation."""
_MOST_TEXT = 2000
"""Characters of a text: three times what 40 rows of the largest numbers take."""

_WINDOW = re.compile(
    r"(?:c(?:([0-9]{1,4})k)?|([ma]))([0-9]{1,4})(?:s([0-9]{1,4}))?(?:p([0-9]{1,4}))?(?:d([0-9]{1,4}))?", re.ASCII
)


@dataclass(frozen=True)
class Row:
    """One layer. A convolution and a pooling have a window, the same along rows and columns; only a convolution has
    ``filters`` (0: not said)."""

    kind: str
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    filters: int = 0

    @property
    def has_window(self) -> bool:
        """Whether the row is a convolution or a pooling."""
        return self.kind in WINDOWS


def write_stack(rows: Sequence[Row]) -> str:
    """The rows as a short text."""
    return ",".join(_write(row) for row in rows)


def _write(row: Row) -> str:
    if not row.has_window:
        return row.kind
    filters = f"{row.filters}k" if row.kind == "convolution" and row.filters else ""
    return f"{WINDOWS[row.kind]}{filters}{row.kernel}" + "".join(
        f"{letter}{value}"
        for letter, value, usual in (("s", row.stride, 1), ("p", row.padding, 0), ("d", row.dilation, 1))
        if value != usual
    )


def read_stack(text: str) -> tuple[Row, ...]:
    """The rows that a short text means. Raises ``InputError`` that names the part it doesn't understand."""
    if len(text) > _MOST_TEXT:
        raise InputError(f"A stack is written in at most {_MOST_TEXT} characters, but this text has {len(text)}.")
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if len(parts) > MOST_ROWS:
        raise InputError(f"A stack has 1 to {MOST_ROWS} rows, but this one has {len(parts)}.")
    return tuple(_read(number, part) for number, part in enumerate(parts, 1))


def _read(number: int, part: str) -> Row:
    if part in KINDS[len(WINDOWS) :]:
        return Row(part)
    found = _WINDOW.fullmatch(part)
    if not found:
        raise InputError(
            f"Row {number} of the stack reads “{part[:20]}”. Write a convolution like c64k3p1 (64 filters of 3 × 3, "
            f"padding 1) or c3p1, a pooling like m2s2 (max) or a2s2 (average), or {', '.join(KINDS[len(WINDOWS) :])}."
        )
    filters, pool, kernel, stride, padding, dilation = found.groups()
    kind = {"m": "max pool", "a": "average pool"}.get(pool, "convolution")
    return Row(kind, int(kernel), int(stride or 1), int(padding or 0), int(dilation or 1), int(filters or 0))


def map_sides(rows: Sequence[Row], side: int) -> list[int]:
    """The side of the map after each row, for pictures ``side`` × ``side``.

    Raises ``InputError`` that says which row can't be, and which number to change.
    """
    if not 1 <= len(rows) <= MOST_ROWS:
        raise InputError(f"A stack has 1 to {MOST_ROWS} rows, but this one has {len(rows)}.")
    sides = [side]
    for number, row in enumerate(rows, 1):
        if row.kind not in KINDS:
            raise InputError(f"Row {number} is of the type “{str(row.kind)[:20]}”. Choose one of {', '.join(KINDS)}.")
        if row.kind == "grey" and number > 1:
            raise InputError(f"Row {number} is grey, but only the first row can be: there are no colours after it.")
        sides.append(_side_after(number, row, sides[-1]) if row.has_window else sides[-1])
    return sides[1:]


def _side_after(number: int, row: Row, side: int) -> int:
    what = f"Row {number} ({row.kind} of {row.kernel})"
    lowest = {"kernel": 1, "stride": 1, "padding": 0, "dilation": 1}
    for name, low in lowest.items():
        if not low <= getattr(row, name) <= MOST_WINDOW:
            raise InputError(f"{what}: its {name} is {getattr(row, name)}. Make it {low} to {MOST_WINDOW}.")
    if row.kind == "average pool" and row.dilation != 1:
        raise InputError(f"{what}: an average pool has no dilation. Make its dilation 1.")
    if row.kind != "convolution" and row.padding > row.kernel // 2:
        raise InputError(
            f"{what}: its padding is {row.padding}, so that a window could see nothing but padding. Make it at most "
            f"half the kernel: {row.kernel // 2}."
        )
    span = row.dilation * (row.kernel - 1) + 1
    padded = side + 2 * row.padding
    if span > padded:
        fits = (padded - 1) // row.dilation + 1
        change = f"its kernel at most {fits}"
        if row.dilation > 1 and row.kernel <= padded:
            change += f", or its dilation at most {(padded - 1) // (row.kernel - 1)}"
        raise InputError(
            f"{what}: its window spans {span}, but the map before it is {side} wide ({padded} with padding). "
            f"Make {change}, or give the rows before it smaller strides."
        )
    return (padded - span) // row.stride + 1


def build_layers(rows: Sequence[Row], channels: int = 3) -> nn.Sequential:
    """The layers of rows that passed ``map_sides``, named conv1, norm1, relu1, pool1, conv2, ...

    A convolution whose filters aren't said has one. One that batch normalisation follows has no bias: the
    normalisation would take it away again.
    """
    network, counts = nn.Sequential(), Counter[str]()
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        short = {"convolution": "conv", "max pool": "pool", "average pool": "pool"}.get(row.kind, row.kind)
        counts[short] += 1
        has_bias = after is None or after.kind != "norm"
        network.add_module(f"{short}{counts[short]}", _layer(row, channels, has_bias))
        if row.kind in ("convolution", "grey"):
            channels = row.filters or 1
    return network


class Grey(nn.Module):
    """The mean of the colours: (N, 3, H, W) to (N, 1, H, W)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One channel; exactly the picture's own where its three are equal, but for float rounding."""
        return x.mean(1, keepdim=True)


def _layer(row: Row, channels: int, has_bias: bool) -> nn.Module:
    window = row.kernel, row.stride, row.padding
    match row.kind:
        case "convolution":
            return nn.Conv2d(channels, row.filters or 1, *window, row.dilation, bias=has_bias)
        case "max pool":
            return nn.MaxPool2d(*window, row.dilation)
        case "average pool":
            return nn.AvgPool2d(*window)
        case "grey":
            return Grey()
        case "norm":
            return nn.BatchNorm2d(channels)
        case activation:
            return ACTIVATIONS[activation]()
