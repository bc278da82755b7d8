"""Where a sliding window looks: the one piece of geometry that everything in this package shares.

A convolution or pooling window slides along each axis independently, so all there is to know is one small table per
axis: which padded cell does cell ``a`` of the kernel cover when the window stands at output ``t``? It is
``t * stride + a * dilation``; and :meth:`Axis.shown` says which input cell that padded cell shows. Forward, backward,
matrices and explanations are all read from these two lines. See Dumoulin and Visin, "A guide to convolution arithmetic
for deep learning" (2016), https://arxiv.org/abs/1603.07285.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from types import EllipsisType

import numpy as np

from cnnlab_core.checks import MAX_SETTING, Array, IntArray, choice, limit_cells, per_axis, switch
from cnnlab_core.convolution.options import AXIS_NAMES, EXTENT_NAMES, PADDING_MODES, Ints, Padding, parse_padding
from cnnlab_core.errors import InputError

Index = tuple[int, ...]
Cells = tuple[EllipsisType | slice | int, ...]


@dataclass(frozen=True)
class Axis:
    """A window sliding along one axis. All in cells; ``before`` and ``after`` are the padding at either end.

    ``overhang`` counts cells past the padding that only ``ceil_mode`` pooling reaches; nothing is ever there.
    """

    name: str
    size: int
    kernel: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1
    padding_mode: str = "zeros"
    flip: bool = False
    overhang: int = 0

    @property
    def span(self) -> int:
        """How many cells the window covers, holes included."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def padded(self) -> int:
        return self.before + self.size + self.after + self.overhang

    @property
    def out(self) -> int:
        return (self.padded - self.span) // self.stride + 1

    def offsets(self) -> IntArray:
        """How far into the window each kernel cell lies. Flipping the kernel is reading these backwards."""
        offsets = self.dilation * np.arange(self.kernel)
        return offsets[::-1] if self.flip else offsets

    def shown(self) -> IntArray:
        """The input cell that each padded cell shows; -1 where it shows none. Shape (padded,)."""
        cells = np.arange(self.padded) - self.before
        last = self.size - 1
        match self.padding_mode:
            case "reflect":  # 2 1 | 0 1 2 3 | 2 1: the border cell isn't repeated
                return last - np.abs(last - np.abs(cells))
            case "replicate":  # 0 0 | 0 1 2 3 | 3 3
                return cells.clip(0, last)
            case "circular":  # 2 3 | 0 1 2 3 | 0 1
                return cells % self.size
        return np.where((cells >= 0) & (cells <= last), cells, -1)

    def windows(self) -> IntArray:
        """The padded cell that kernel cell ``a`` covers at output ``t``. Shape (out, kernel)."""
        return self.stride * np.arange(self.out)[:, None] + self.offsets()

    def sources(self) -> IntArray:
        """The input cell that kernel cell ``a`` multiplies at output ``t``; -1 for none. Shape (out, kernel)."""
        return self.shown()[self.windows()]

    def is_padding(self, cell: int) -> bool:
        """Whether a padded cell lies outside the input."""
        return not self.before <= cell < self.before + self.size

    def covered(self, tap: int) -> slice:
        """The padded cells that kernel cell ``tap`` covers as the window slides: one for each output."""
        first = int(self.offsets()[tap])
        return slice(first, first + self.stride * (self.out - 1) + 1, self.stride)


Axes = tuple[Axis, ...]


def conv_axes(
    sizes: Sequence[int],
    kernel: Sequence[int],
    *,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    padding_mode: str = "zeros",
    flip: bool = False,
) -> Axes:
    """The axes of a convolution over an input of ``sizes``, or an :class:`InputError` that says what can't be."""
    choice("padding_mode", padding_mode, PADDING_MODES)
    flip = switch("flip", flip)
    axes = _axes("kernel", sizes, kernel, stride, padding, dilation)
    axes = tuple(_replace(axis, padding_mode=padding_mode, flip=flip) for axis in axes)
    for axis in axes:
        _check_padding_mode(axis)
        _check_fit("kernel", axis)
    return axes


def pool_axes(
    sizes: Sequence[int],
    window: Sequence[int],
    *,
    stride: Ints | None = None,
    padding: Padding = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
) -> Axes:
    """The axes of a pooling. ``ceil_mode`` keeps a last window that hangs over the end, if it starts on a real cell."""
    ceil_mode = switch("ceil_mode", ceil_mode)
    axes = _axes("window", sizes, window, window if stride is None else stride, padding, dilation)
    for axis in axes:
        widest, half = max(axis.before, axis.after), axis.kernel // 2
        if widest > half:
            raise InputError(
                f"padding is {widest} but the window has {axis.kernel} {axis.name}s: make padding at most half, {half}."
            )
    if ceil_mode:
        axes = tuple(_replace(axis, overhang=_overhang(axis)) for axis in axes)
    for axis in axes:
        _check_fit("window", axis)
        if (axis.sources() < 0).all(axis=1).any():
            raise InputError(
                f"One window would see nothing but padding: set dilation below {axis.dilation}, or padding to 0."
            )
    return axes


def pad(x: Array, axes: Axes, fill: float = 0.0) -> Array:
    """``x`` with its trailing axes padded; cells that show no input hold ``fill``."""
    for place, axis in _places(axes):
        # One more cell at the end, so that the index -1 of "none" finds the fill there.
        extended = np.pad(x, [(0, int(n == x.ndim + place)) for n in range(x.ndim)], constant_values=fill)
        x = extended.take(axis.shown(), axis=place)
    return x


def unpad(gradient: Array, axes: Axes) -> Array:
    """The transpose of :func:`pad`: each padded cell hands its gradient back to the input cell that it shows."""
    for place, axis in _places(axes):
        padded = np.moveaxis(gradient, place, 0)
        cells = np.zeros((axis.size, *padded.shape[1:]))
        for cell, received in zip(axis.shown(), padded, strict=True):
            if cell >= 0:
                cells[cell] += received
        gradient = np.moveaxis(cells, 0, place)
    return gradient


def taps(axes: Axes) -> Iterator[tuple[Cells, Cells]]:
    """Each kernel cell in row-major order, with the padded cells that it covers as the window slides.

    Both as indices of an array's trailing axes: ``w[weight]`` and ``padded[cells]``.
    """
    for tap in product(*(range(axis.kernel) for axis in axes)):
        yield (..., *tap), (..., *(axis.covered(a) for axis, a in zip(axes, tap, strict=True)))


def flat_sources(axes: Axes) -> IntArray:
    """:meth:`Axis.sources` of all axes at once, counted row by row. Shape (outputs, kernel cells); -1 for none."""
    flat = np.zeros((1, 1), dtype=np.int64)
    for axis in axes:
        sources = axis.sources()[None, :, None, :]
        before = flat[:, None, :, None]
        joined = np.where((before < 0) | (sources < 0), -1, before * axis.size + sources)
        flat = joined.reshape(len(flat) * axis.out, -1)
    return flat


def out_shape(axes: Axes) -> Index:
    return tuple(axis.out for axis in axes)


def _places(axes: Axes) -> Iterator[tuple[int, Axis]]:
    """Each axis with its place among the trailing axes of an array."""
    return zip(range(-len(axes), 0), axes, strict=True)


def _replace(axis: Axis, **changes: object) -> Axis:
    return Axis(**{**axis.__dict__, **changes})


def _axes(
    what: str, sizes: Sequence[int], kernel: Sequence[int], stride: Ints, padding: Padding, dilation: Ints
) -> Axes:
    dims = len(sizes)
    kernel = per_axis(what, kernel, dims, least=1)
    strides = per_axis("stride", stride, dims, least=1)
    dilations = per_axis("dilation", dilation, dims, least=1)
    spans = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    paddings = parse_padding(padding, spans, strides)
    axes = tuple(
        Axis(name, size, k, s, before, after, d)
        for name, size, k, s, (before, after), d in zip(
            AXIS_NAMES[dims], sizes, kernel, strides, paddings, dilations, strict=True
        )
    )
    limit_cells("The padded input", [axis.padded for axis in axes])
    limit_cells("The kernel", kernel)
    return axes


def _overhang(axis: Axis) -> int:
    """How far the last window of ``ceil_mode`` hangs over the padded input."""
    windows = -(-(axis.padded - axis.span) // axis.stride) + 1
    if (windows - 1) * axis.stride >= axis.before + axis.size:  # it would start beyond the last real cell
        windows -= 1
    return max(0, (windows - 1) * axis.stride + axis.span - axis.padded)


def _check_fit(what: str, axis: Axis) -> None:
    if axis.span <= axis.padded:
        return
    extent = EXTENT_NAMES[axis.name]
    largest = (axis.padded - 1) // axis.dilation + 1
    holes = f" (dilation {axis.dilation} spreads {axis.kernel} cells over them)" if axis.dilation > 1 else ""
    raise InputError(
        f"The {what} covers {axis.span} {axis.name}s{holes} but the padded input has {axis.padded}: make the "
        f"{what} {extent} {largest} or less, or pad by {axis.span - axis.padded} more."
    )


def _check_padding_mode(axis: Axis) -> None:
    widest = {"reflect": axis.size - 1, "circular": axis.size}.get(axis.padding_mode, MAX_SETTING)
    if max(axis.before, axis.after) > widest:
        raise InputError(
            f"{axis.padding_mode} padding of {max(axis.before, axis.after)} is too wide for {axis.size} {axis.name}s: "
            f"make padding {widest} or less, or set padding_mode to 'replicate'."
        )
