"""What one layer reads along one axis: which of its input cells does output cell ``t`` see?

Every layer with a finite field is a ``Window``, and two questions are asked of it. Forward: how do size, jump and
start of the field grow (``grow``)? Backward: which cells of the input does a set of output cells read (``read``)?
The recurrence is that of Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks",
Distill 2019, https://distill.pub/2019/computing-receptive-fields, eqs. 1 to 4.
"""

import functools
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

import numpy as np

from cnnlab_core.checks import fit_fields, whole

Mode = Literal["zeros", "replicate", "reflect", "circular"]


@dataclass(frozen=True)
class Span:
    """The field along one axis: cell 0 sees ``size`` pixels from ``start``; the next cell's field is ``jump`` further.

    Fractions, because a transposed convolution steps by parts of a pixel.
    """

    size: Fraction = Fraction(1)
    jump: Fraction = Fraction(1)
    start: Fraction = Fraction(0)

    @property
    def centre(self) -> Fraction:
        """The middle of what cell 0 sees."""
        return self.start + (self.size - 1) / 2

    def union(self, other: "Span") -> "Span":
        """What two paths see together; their jumps must agree."""
        start = min(self.start, other.start)
        end = max(self.start + self.size, other.start + other.size)
        return Span(end - start, self.jump, start)


@dataclass(frozen=True)
class Window:
    """A window of ``kernel`` cells, ``dilation`` apart, stepping by ``stride``, that begins ``before`` cells early.

    ``padding_mode`` says which cells of the input the padding shows, as in torch: none (zeros), the border's
    (replicate), or those mirrored (reflect) or on the other side (circular).
    """

    kernel: int = 1
    stride: int = 1
    before: int = 0
    dilation: int = 1
    padding_mode: Mode = "zeros"

    def __post_init__(self) -> None:
        """Raise ``InputError`` for what is no window."""
        fit_fields(self)
        for name in ("kernel", "stride", "dilation"):
            whole(name, getattr(self, name), least=1)

    def grow(self, span: Span) -> Span:
        """The field after this layer."""
        return Span(
            span.size + self.dilation * (self.kernel - 1) * span.jump,
            span.jump * self.stride,
            span.start - self.before * span.jump,
        )

    def read(self, cells: np.ndarray, size: int) -> np.ndarray:
        """The input cells (sorted, without repeats, inside ``size``) that the output ``cells`` read."""
        taps = np.unique(self.taps(cells, size))
        return taps[(taps >= 0) & (taps < size)]

    def taps(self, cells: np.ndarray, size: int) -> np.ndarray:
        """The input cells of each output cell, (cells, kernel); out of ``size`` where it reads zeros."""
        taps = cells[:, None] * self.stride - self.before + self.dilation * np.arange(self.kernel)
        match self.padding_mode:
            case "replicate":
                return taps.clip(0, size - 1)
            case "circular":
                return taps % size
            case "reflect":
                return (size - 1) - np.abs((size - 1) - np.abs(taps))
        return taps


@dataclass(frozen=True)
class Transposed:
    """A transposed convolution: output ``t`` reads the inputs ``i`` with ``t = i * stride - before + a * dilation``.

    Neighbouring cells see different numbers of inputs; the span is the smallest even one that holds them all.
    """

    kernel: int
    stride: int
    before: int
    dilation: int

    def grow(self, span: Span) -> Span:
        extent = Fraction(self.dilation * (self.kernel - 1), self.stride)
        early = Fraction(self.before, self.stride) - extent
        return Span(span.size + extent * span.jump, span.jump / self.stride, span.start + early * span.jump)

    def read(self, cells: np.ndarray, size: int) -> np.ndarray:
        numerators = cells[:, None] + self.before - self.dilation * np.arange(self.kernel)
        taps = np.unique(numerators[numerators % self.stride == 0] // self.stride)
        return taps[(taps >= 0) & (taps < size)]


@dataclass(frozen=True)
class Listed:
    """Cells whose reads follow no window, listed: interpolation, uneven adaptive pooling, positions reordered.

    ``slope`` is how much further the next cell reads, on average; without it there is no even span, and ``grow``
    isn't defined.
    """

    cells: tuple[tuple[int, ...], ...]
    slope: Fraction | None = None

    def grow(self, span: Span) -> Span:
        # The smallest even span that holds what each cell reads.
        assert self.slope is not None
        start, width = _even_span(self.cells, self.slope)
        return Span(span.size + (width - 1) * span.jump, span.jump * self.slope, span.start + start * span.jump)

    def read(self, cells: np.ndarray, size: int) -> np.ndarray:
        return np.unique(np.concatenate([np.array(self.cells[t], int) for t in cells.tolist()]))


@dataclass(frozen=True)
class Every:
    """Each cell reads all of them (global pooling, a softmax over rows); there is no even span."""

    def read(self, cells: np.ndarray, size: int) -> np.ndarray:
        return np.arange(size)


Axis = Window | Transposed | Listed | Every

SAME = Window()
"""Every output cell reads the one input cell in its own place."""


MODES: tuple[Mode, ...] = get_args(Mode)


def fit(reads: Sequence[Sequence[int]], size: int, modes: Sequence[Mode] = MODES) -> Axis:
    """The axis that reads ``reads[t]`` (sorted) of ``size`` cells for each output ``t``: a window where one does."""
    return _fit(tuple(map(tuple, reads)), size, tuple(modes))


@functools.lru_cache(512)
def _fit(cells: tuple[tuple[int, ...], ...], size: int, modes: tuple[Mode, ...]) -> Axis:
    if cells == tuple((t,) for t in range(size)):
        return SAME
    kernel = max(map(len, cells))
    full = [t for t, read in enumerate(cells) if len(read) == kernel]
    if kernel:
        read = cells[full[0]]
        dilation = read[1] - read[0] if kernel > 1 else 1
        steps = {(cells[b][0] - cells[a][0]) // (b - a) for a, b in itertools.pairwise(full)}
        for stride in sorted(step for step in steps | {1} if step > 0):
            firsts = Counter(t * stride - cells[t][0] for t in full)
            for (before, _), mode in itertools.product(firsts.most_common(9), modes):
                window = Window(kernel, stride, before, dilation, mode)
                if _reads(window, cells, size):
                    return window
    slope = Fraction(size, len(cells))
    even = size > 1 and all(cells) and _even_span(cells, slope)[1] < kernel + 1
    return Listed(cells, slope if even else None)


def _reads(window: Window, cells: tuple[tuple[int, ...], ...], size: int) -> bool:
    """Whether these are the cells that a window reads."""
    for t in (0, len(cells) // 2, len(cells) - 1):  # most that don't fit are found out soon
        if tuple(window.read(np.array([t]), size)) != cells[t]:
            return False
    taps = window.taps(np.arange(len(cells)), size)
    return all(tuple(sorted({i for i in row if 0 <= i < size})) == cells[t] for t, row in enumerate(taps.tolist()))


def _even_span(cells: Sequence[Sequence[int]], slope: Fraction) -> tuple[Fraction, Fraction]:
    start = min(read[0] - t * slope for t, read in enumerate(cells) if read)
    end = max(read[-1] - t * slope for t, read in enumerate(cells) if read)
    return start, end - start + 1
