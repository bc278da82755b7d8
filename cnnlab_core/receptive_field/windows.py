"""What one layer reads along one axis: which of its input cells does output cell ``t`` see?

Every layer with a finite field is a ``Window``, and two questions are asked of it. Forward: how do size, jump and
start of the field grow (``grow``)? Backward: which cells of the input does a set of output cells read (``read``)?
The recurrence is that of Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks",
Distill 2019, https://distill.pub/2019/computing-receptive-fields, eqs. 1 to 4.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np


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
    padding_mode: str = "zeros"

    def grow(self, span: Span) -> Span:
        """The field after this layer."""
        return Span(
            span.size + self.dilation * (self.kernel - 1) * span.jump,
            span.jump * self.stride,
            span.start - self.before * span.jump,
        )

    def read(self, cells: np.ndarray, size: int) -> np.ndarray:
        """The input cells (sorted, without repeats, inside ``size``) that the output ``cells`` read."""
        taps = cells[:, None] * self.stride - self.before + self.dilation * np.arange(self.kernel)
        match self.padding_mode:
            case "replicate":
                taps = taps.clip(0, size - 1)
            case "circular":
                taps = taps % size
            case "reflect":
                taps = (size - 1) - np.abs((size - 1) - np.abs(taps))
        taps = np.unique(taps)
        return taps[(taps >= 0) & (taps < size)]


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
class Nearest:
    """Nearest-neighbour growth by a whole factor: output ``t`` reads input ``t // factor``."""

    factor: int

    def grow(self, span: Span) -> Span:
        # Cells of one block share a field; the even span that holds them all is a little wider and begins earlier.
        slack = Fraction(self.factor - 1, self.factor) * span.jump
        return Span(span.size + slack, span.jump / self.factor, span.start - slack)

    def read(self, cells: np.ndarray, size: int) -> np.ndarray:
        return np.unique(cells // self.factor)


@dataclass(frozen=True)
class Adaptive:
    """Adaptive pooling whose windows differ in size: ``t`` of ``out`` reads floor(t n / out) to ceil((t+1) n / out).

    There is no even span; ``grow`` isn't defined.
    """

    out: int

    def read(self, cells: np.ndarray, size: int) -> np.ndarray:
        bounds = [(t * size // self.out, -(-(t + 1) * size // self.out)) for t in cells.tolist()]
        return np.unique(np.concatenate([np.arange(low, high) for low, high in bounds]))


Axis = Window | Transposed | Nearest | Adaptive

SAME = Window()
"""Every output cell reads the one input cell in its own place."""
