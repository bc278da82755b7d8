"""How a window slides, as options that all functions of this package share."""

from collections.abc import Sequence
from typing import TypedDict

from cnnlab_core.checks import choice, entries_of, whole
from cnnlab_core.errors import InputError

Ints = int | Sequence[int]
Padding = int | str | Sequence[int | Sequence[int]]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
NAMED_PADDINGS = ("valid", "same", "full")
AXIS_NAMES = {1: ("position",), 2: ("row", "column")}
DIMS_OF_KERNEL = {1: 1, 2: 2, 3: 1, 4: 2}  # the axes along which a kernel of so many dimensions slides
EXTENT_NAMES = {"position": "length", "row": "height", "column": "width"}
MAX_WORK = 2**31  # multiplications of one convolution: a few seconds of one core


class WindowOptions(TypedDict, total=False):
    """How a window slides: ``stride=1``, ``padding=0``, ``dilation=1``, each a number or one number for each axis.

    ``padding`` is also a pair (before, after) for each axis, or ``"valid"`` (none), ``"same"`` (output as large as the
    input; stride 1 only; an odd cell goes after, as in PyTorch) or ``"full"`` (every overlap, dilation * (kernel - 1)).
    """

    stride: Ints
    padding: Padding
    dilation: Ints


class MatrixOptions(WindowOptions, total=False):
    """:class:`WindowOptions`, ``padding_mode="zeros"`` (or ``reflect``, ``replicate``, ``circular``), ``flip=False``.

    With ``flip=True`` the kernel is turned around in space first: true convolution. Without, it is the
    cross-correlation that deep learning calls convolution.
    """

    padding_mode: str
    flip: bool


class ConvOptions(MatrixOptions, total=False):
    """:class:`MatrixOptions` and ``groups=1``: the channels are split into so many groups, convolved separately."""

    groups: int


class PoolOptions(TypedDict, total=False):
    """How a pooling window slides: ``stride=None`` (the window itself), ``padding=0``, ``ceil_mode=False``."""

    stride: Ints | None
    padding: Padding
    ceil_mode: bool


class MaxPoolOptions(PoolOptions, total=False):
    """:class:`PoolOptions` and ``dilation=1``."""

    dilation: Ints


class AvgPoolOptions(PoolOptions, total=False):
    """:class:`PoolOptions` and ``count_include_pad=True``: divide by the whole window, padding counted, or not."""

    count_include_pad: bool


def parse_padding(value: object, spans: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """``padding`` as a pair (before, after) for each axis. A span is how many cells a window covers, holes included."""
    if isinstance(value, str):
        match choice("padding", value, NAMED_PADDINGS):
            case "valid":
                return [(0, 0) for _ in spans]
            case "full":
                return [(span - 1, span - 1) for span in spans]
        if max(strides) > 1:
            raise InputError(f"padding is 'same' but stride is {max(strides)}: set stride to 1, or give a number.")
        return [((span - 1) // 2, span // 2) for span in spans]
    entries = entries_of(value)
    if entries is None:
        entries = [value] * len(spans)
    elif len(spans) == 1 and len(entries) == 2:  # a lone axis needs no second pair of brackets
        entries = [entries]
    if len(entries) != len(spans):
        raise InputError(f"padding has {len(entries)} entries: give one, or {len(spans)}, one for each axis.")
    return [_before_after(entry) for entry in entries]


def _before_after(entry: object) -> tuple[int, int]:
    sides = entries_of(entry)
    if sides is None:
        sides = [entry, entry]
    if len(sides) != 2:
        raise InputError(f"padding has {len(sides)} numbers for one axis: give one, or two (before and after).")
    return whole("padding", sides[0]), whole("padding", sides[1])
