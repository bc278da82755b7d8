"""A network of one's own: rows of layers written as a short text, checked before anything is trained.

``c64k11p5,norm,relu,m2s2`` is a convolution with 64 filters of 11 × 11 and padding 5, batch normalisation, ReLU and a
max pooling of 2 with stride 2 (s, p and d are stride, padding and dilation where they aren't 1, 0 and 1; ``a`` is an
average pooling). Every network ends with the average over the map and a dense layer to the classes.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from cnnlab_core.errors import InputError
from cnnlab_core.receptive_field import stack as windows

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
KINDS = ("convolution", "max pool", "average pool", "norm", *ACTIVATIONS)
MOST_ROWS = 40
MOST_FILTERS = 1024
MOST_PARAMETERS = 30_000_000
MOST_MULTIPLY_ADDS = 3_000_000_000
"""For one picture: 20 times the homework network's."""

_WINDOW = re.compile(
    r"(?:c([0-9]{1,4})k|([ma]))([0-9]{1,4})(?:s([0-9]{1,4}))?(?:p([0-9]{1,4}))?(?:d([0-9]{1,4}))?", re.ASCII
)


@dataclass(frozen=True)
class Row:
    """One layer. ``filters`` counts for convolutions only; the window's numbers for convolutions and poolings."""

    kind: str
    filters: int = 0
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def has_window(self) -> bool:
        """Whether the row is a convolution or a pooling."""
        return self.kind in windows.KINDS


def write_stack(rows: Sequence[Row]) -> str:
    """The rows as a short text."""
    return ",".join(_write(row) for row in rows)


def _write(row: Row) -> str:
    if not row.has_window:
        return row.kind
    head = f"c{row.filters}k" if row.kind == "convolution" else windows.KINDS[row.kind]
    return f"{head}{row.kernel}" + "".join(
        f"{letter}{value}"
        for letter, value, usual in (("s", row.stride, 1), ("p", row.padding, 0), ("d", row.dilation, 1))
        if value != usual
    )


def read_stack(text: str) -> tuple[Row, ...]:
    """The rows that a short text means. Raises ``InputError`` that names the part it doesn't understand."""
    parts = [part.strip() for part in text[:2000].split(",")] if text.strip() else []
    return tuple(_read(number, part) for number, part in enumerate(parts, 1))


def _read(number: int, part: str) -> Row:
    if part in ACTIVATIONS or part == "norm":
        return Row(part)
    found = _WINDOW.fullmatch(part)
    if not found:
        raise InputError(
            f"Row {number} of the stack reads “{part[:20]}”. Write a convolution like c64k3p1 (64 filters of 3 × 3, "
            f"padding 1), a pooling like m2s2 or a2s2, or one of norm, {', '.join(ACTIVATIONS)}."
        )
    filters, pool, kernel, stride, padding, dilation = found.groups()
    kind = {"m": "max pool", "a": "average pool"}.get(pool, "convolution")
    numbers = (int(filters or 0), int(kernel), int(stride or 1), int(padding or 0), int(dilation or 1))
    return Row(kind, *numbers)


def check_stack(rows: Sequence[Row], side: int) -> None:
    """Raise ``InputError`` that says which row can't be on pictures ``side`` × ``side``, and what to change."""
    if not 1 <= len(rows) <= MOST_ROWS:
        raise InputError(f"A network has 1 to {MOST_ROWS} rows, but this one has {len(rows)}.")
    length, channels, parameters, multiply_adds = side, 3, 0, 0
    for number, row in enumerate(rows, 1):
        if row.kind not in KINDS:
            raise InputError(f"Row {number} is of the type “{str(row.kind)[:20]}”. Choose one of {', '.join(KINDS)}.")
        if not row.has_window:
            continue
        length = windows.length_after(number, windows.Row(row.kind, *_window(row)), length)
        if row.kind == "convolution":
            if not 1 <= row.filters <= MOST_FILTERS:
                raise InputError(f"Row {number} has {row.filters} filters. Make it 1 to {MOST_FILTERS}.")
            weights = row.filters * channels * row.kernel**2
            parameters += weights
            multiply_adds += weights * length**2
            channels = row.filters
    if not parameters:
        raise InputError("The network has no convolution, so there is nothing for it to see with. Add one.")
    for what, count, most in (
        ("weights", parameters, MOST_PARAMETERS),
        ("multiplications for one picture", multiply_adds, MOST_MULTIPLY_ADDS),
    ):
        if count > most:
            raise InputError(
                f"This network has {count / 1e6:.0f} million {what}, more than {most / 1e6:.0f} million. "
                "Use fewer filters, smaller kernels, or pool earlier."
            )


def build_stack(rows: Sequence[Row], classes: int) -> nn.Sequential:
    """The network of checked rows, layers named conv1, norm1, relu1, pool1, ...; ends in ``classifier``.

    A convolution that batch normalisation follows has no bias: the normalisation would take it away again.
    """
    network, counts, channels = nn.Sequential(), Counter[str](), 3
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        short = {"convolution": "conv", "max pool": "pool", "average pool": "pool"}.get(row.kind, row.kind)
        counts[short] += 1
        has_bias = after is None or after.kind != "norm"
        network.add_module(f"{short}{counts[short]}", _layer(row, channels, has_bias))
        channels = row.filters or channels
    network.add_module("average", nn.AdaptiveAvgPool2d(1))
    network.add_module("flatten", nn.Flatten())
    network.add_module("classifier", nn.Linear(channels, classes))
    return network


def _layer(row: Row, channels: int, has_bias: bool) -> nn.Module:
    match row.kind:
        case "convolution":
            return nn.Conv2d(channels, row.filters, *_window(row), bias=has_bias)
        case "max pool":
            return nn.MaxPool2d(*_window(row))
        case "average pool":
            return nn.AvgPool2d(row.kernel, row.stride, row.padding)
        case "norm":
            return nn.BatchNorm2d(channels)
        case activation:
            return ACTIVATIONS[activation]()


def _window(row: Row) -> tuple[int, int, int, int]:
    return row.kernel, row.stride, row.padding, row.dilation
