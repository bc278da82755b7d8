"""A stack of convolutions and poolings of one's own: written as a short text, checked, and its fields.

``c11s4p0,m3s2`` is a convolution of 11 with stride 4 and no padding, then a max pooling of 3 with stride 2. A row
begins with its type (c, m, a) and kernel; s, p and d are stride, padding and dilation where they aren't 1, 0 and 1.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from cnnlab_core.errors import InputError
from cnnlab_core.receptive_field.fields import ReceptiveField, receptive_fields

KINDS = {"convolution": "c", "max pool": "m", "average pool": "a"}
MOST_ROWS = 40
MOST = 64
"""The largest kernel, stride, padding or dilation."""
MOST_SIDE = 1024

_ROW = re.compile(r"([cma])([0-9]{1,4})(?:s([0-9]{1,4}))?(?:p([0-9]{1,4}))?(?:d([0-9]{1,4}))?", re.ASCII)


@dataclass(frozen=True)
class Row:
    """One layer of a stack, the same along rows and columns."""

    kind: str
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


@dataclass(frozen=True)
class Preset:
    """A stack worth looking at, and the side of the pictures that it takes."""

    text: str
    side: int
    about: str


PRESETS: dict[str, Preset] = {
    "AlexNet 2012": Preset(
        "c11s4,m3s2,c5p2,m3s2,c3p1,c3p1,c3p1,m3s2",
        227,
        "As in the paper: 227 × 227, no padding in the first layer, 55 × 55 after it.",
    ),
    "AlexNet torchvision": Preset(
        "c11s4p2,m3s2,c5p2,m3s2,c3p1,c3p1,c3p1,m3s2",
        224,
        "224 × 224 with padding 2: 55 × 55 again, but every field begins 2 pixels earlier.",
    ),
    "VGG-16 front": Preset(
        "c3p1,c3p1,m2s2,c3p1,c3p1,m2s2,c3p1,c3p1,c3p1,m2s2",
        224,
        "Only 3 × 3, again and again; each pooling doubles what the next 3 × 3 adds.",
    ),
    "Dilated": Preset(
        "c3p1,c3p2d2,c3p4d4,c3p8d8,c3p16d16",
        128,
        "The dilation doubles from layer to layer: the field grows as fast as with pooling, the map stays as it is.",
    ),
    "Three 3 × 3": Preset("c3,c3,c3", 32, "Together they see 7 × 7, with 27 weights where one 7 × 7 has 49."),
    "One 7 × 7": Preset("c7", 32, "Sees what three 3 × 3 see, in one step."),
}


def write_stack(rows: Sequence[Row]) -> str:
    """The rows as a short text."""
    return ",".join(
        f"{KINDS[row.kind]}{row.kernel}"
        + (f"s{row.stride}" if row.stride != 1 else "")
        + (f"p{row.padding}" if row.padding else "")
        + (f"d{row.dilation}" if row.dilation != 1 else "")
        for row in rows
    )


def read_stack(text: str) -> tuple[Row, ...]:
    """The rows that a short text means. Raises ``InputError`` that names the part it doesn't understand."""
    parts = [part.strip() for part in text[:2000].split(",")] if text.strip() else []
    if len(parts) > MOST_ROWS:
        raise InputError(f"A stack has at most {MOST_ROWS} rows, but this one has {len(parts)}.")
    names = {letter: kind for kind, letter in KINDS.items()}
    rows = []
    for number, part in enumerate(parts, 1):
        found = _ROW.fullmatch(part)
        if not found:
            raise InputError(
                f"Row {number} of the stack reads “{part[:20]}”. Write a row like c11s4p0: c, m or a (convolution, max "
                "pool, average pool) with the kernel, then s stride, p padding, d dilation."
            )
        kind, kernel, stride, padding, dilation = found.groups()
        rows.append(Row(names[kind], int(kernel), int(stride or 1), int(padding or 0), int(dilation or 1)))
    return tuple(rows)


def stack_fields(rows: Sequence[Row], side: int) -> list[ReceptiveField]:
    """The field of each row's units on pictures ``side`` × ``side``; they are named conv1, pool1, conv2, ...

    Raises ``InputError`` that says which row can't be and which number to change.
    """
    if not 1 <= side <= MOST_SIDE:
        raise InputError(f"The input is 1 to {MOST_SIDE} pixels wide, not {side}.")
    if not 1 <= len(rows) <= MOST_ROWS:
        raise InputError(f"A stack has 1 to {MOST_ROWS} rows, but this one has {len(rows)}.")
    length = side
    for number, row in enumerate(rows, 1):
        length = length_after(number, row, length)
    network = nn.Sequential()
    for row in rows:
        short = "conv" if row.kind == "convolution" else "pool"
        count = 1 + sum(name.startswith(short) for name, _ in network.named_children())
        network.add_module(f"{short}{count}", _layer(row))
    fields = receptive_fields(network, (side, side))
    return [fields[name] for name, _ in network.named_children()]


def _layer(row: Row) -> nn.Module:
    if row.kind == "max pool":
        return nn.MaxPool2d(row.kernel, row.stride, row.padding, row.dilation)
    if row.kind == "average pool":
        return nn.AvgPool2d(row.kernel, row.stride, row.padding)
    return nn.Conv2d(1, 1, row.kernel, row.stride, row.padding, row.dilation, bias=False, device="meta")


def length_after(number: int, row: Row, length: int) -> int:
    """The side of the map after a row; raises ``InputError`` if there can be no such row here."""
    what = f"Row {number} ({row.kind} of {row.kernel})"
    if row.kind not in KINDS:
        raise InputError(f"Row {number} is of the type “{str(row.kind)[:20]}”. Choose one of {', '.join(KINDS)}.")
    lowest = {"kernel": 1, "stride": 1, "padding": 0, "dilation": 1}
    for name, low in lowest.items():
        if not low <= getattr(row, name) <= MOST:
            raise InputError(f"{what}: its {name} is {getattr(row, name)}. Make it {low} to {MOST}.")
    if row.kind == "average pool" and row.dilation != 1:
        raise InputError(f"{what}: an average pool has no dilation. Make its dilation 1.")
    if row.kind != "convolution" and row.padding > row.kernel // 2:
        raise InputError(
            f"{what}: its padding is {row.padding}, so that a window could see nothing but padding. Make it at most "
            f"half the kernel: {row.kernel // 2}."
        )
    reach = row.dilation * (row.kernel - 1) + 1
    padded = length + 2 * row.padding
    if reach > padded:
        fits = (padded - 1) // row.dilation + 1
        change = f"its kernel at most {fits}"
        if row.dilation > 1 and row.kernel <= padded:
            change += f", or its dilation at most {(padded - 1) // (row.kernel - 1)}"
        raise InputError(
            f"{what}: its window spans {reach}, but the map before it is {length} wide ({padded} with padding). "
            f"Make {change}, or give the rows before it smaller strides."
        )
    return (padded - reach) // row.stride + 1
