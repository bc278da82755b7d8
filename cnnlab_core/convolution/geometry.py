"""Sizes and index maps: what can be said about a sliding window before any number is known.

A drawing needs nothing else: which input cell each padded cell shows, which padded cells the window covers at each
output, and which cells no window ever reaches.
"""

from dataclasses import dataclass
from itertools import product
from typing import Unpack

import numpy as np

from cnnlab_core.checks import choice, limit_cells, per_axis, read_shape, switch, whole
from cnnlab_core.convolution.options import AXIS_NAMES, Ints, MatrixOptions, MaxPoolOptions, Padding
from cnnlab_core.convolution.windows import Axes, Axis, Index, conv_axes, pool_axes


@dataclass(frozen=True)
class AxisGeometry:
    """Where the window looks along one axis.

    ``shown[p]`` is the input cell that padded cell p shows, None for none; ``windows[t][a]`` the padded cell under
    kernel cell a at output t; ``feeds[i]`` the outputs whose window sees input cell i, perhaps only in its padding.
    ``unreached`` input cells and ``unreached_padded`` cells of the padded input lie under no window.
    """

    name: str
    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    overhang: int
    padded: int
    out: int
    shown: list[int | None]
    windows: list[list[int]]
    feeds: list[list[int]]
    unreached: list[int]
    unreached_padded: list[int]


@dataclass(frozen=True)
class Geometry:
    """The axes of a sliding window. They don't interact: whatever holds of a cell holds along each axis."""

    axes: tuple[AxisGeometry, ...]

    @property
    def out_shape(self) -> Index:
        return tuple(axis.out for axis in self.axes)

    @property
    def padded_shape(self) -> Index:
        return tuple(axis.padded for axis in self.axes)

    def shows(self, padded: Index) -> Index | None:
        """The input cell that a padded cell shows; None for padding with nothing in it."""
        cells = [axis.shown[p] for axis, p in zip(self.axes, padded, strict=True)]
        return None if None in cells else tuple(cell for cell in cells if cell is not None)

    def window(self, output: Index) -> list[Index]:
        """The padded cells that the kernel covers at an output, in the kernel's row-major order."""
        return list(product(*(axis.windows[t] for axis, t in zip(self.axes, output, strict=True))))

    def feeds(self, cell: Index) -> list[Index]:
        """The outputs whose window sees an input cell."""
        return list(product(*(axis.feeds[i] for axis, i in zip(self.axes, cell, strict=True))))

    def unreached(self) -> list[Index]:
        """The input cells that no window ever reaches."""
        cells = product(*(range(axis.size) for axis in self.axes))
        return [cell for cell in cells if any(i in axis.unreached for axis, i in zip(self.axes, cell, strict=True))]


def geometry(input_shape: Ints, kernel_shape: Ints, **options: Unpack[MatrixOptions]) -> Geometry:
    """Where a convolution looks: one :class:`AxisGeometry` for each axis; :func:`to_plain` makes it JSON.

    ``geometry(input_shape, kernel_shape, *, stride=1, padding=0, dilation=1, padding_mode="zeros", flip=False)``

    Args:
        input_shape: the spatial axes only, (L,) or (H, W).
        kernel_shape: (k,) or (kh, kw).
        options: see :class:`MatrixOptions`.

    Raises:
        InputError: a configuration that can't be; the message says which number to change.
    """
    sizes = read_shape("input shape", input_shape, AXIS_NAMES)
    return _geometry(conv_axes(sizes, per_axis("kernel", kernel_shape, len(sizes), least=1), **options))


def pool_geometry(input_shape: Ints, window: Ints, **options: Unpack[MaxPoolOptions]) -> Geometry:
    """Where a pooling looks, as :func:`geometry`.

    ``pool_geometry(input_shape, window, *, stride=None, padding=0, dilation=1, ceil_mode=False)``
    """
    sizes = read_shape("input shape", input_shape, AXIS_NAMES)
    return _geometry(pool_axes(sizes, per_axis("window", window, len(sizes), least=1), **options))


@dataclass(frozen=True)
class OutputSize:
    """How many outputs fit along one axis, and why.

    ``symbols`` and ``numbers`` are the formula in LaTeX, with its floor (or ceiling). ``dropped`` lists the input
    cells that no window reaches; ``sentence`` names them in words and is empty if there are none.
    """

    size: int
    symbols: str
    numbers: str
    dropped: list[int]
    sentence: str


def output_size(
    size: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: Padding = 0,
    dilation: int = 1,
    padding_mode: str = "zeros",
    ceil_mode: bool = False,
    name: str = "position",
    first: int = 0,
) -> OutputSize:
    """The number of outputs along one axis: floor((n + 2p - d (k - 1) - 1) / s) + 1.

    The axes of an image don't interact: ask once for each.

    Args:
        size: of the input, n.
        kernel: its length, or that of the pooling window, k.
        stride, padding, dilation: s, p and d; padding also (before, after), "valid", "same" or "full".
        padding_mode: only decides which cells are dropped.
        ceil_mode: pooling's: round up, but drop a last window that starts beyond the input.
        name: "position", "row" or "column", for the sentence.
        first: from which the sentence counts, 0 or 1.

    Raises:
        InputError: a configuration that can't be.

    Source: Dumoulin and Visin (2016), relationship 15, and the shape formulas of ``torch.nn.Conv2d``, ``MaxPool2d``.
    """
    sizes, kernels = [whole("size", size, least=1)], [whole("kernel", kernel, least=1)]
    if switch("ceil_mode", ceil_mode):
        choice("padding_mode", padding_mode, ["zeros"])
        (axis,) = pool_axes(sizes, kernels, stride=stride, padding=padding, dilation=dilation, ceil_mode=True)
    else:
        (axis,) = conv_axes(
            sizes, kernels, stride=stride, padding=padding, dilation=dilation, padding_mode=padding_mode
        )
    symbols, numbers = _size_symbols(axis, ceil_mode), _size_numbers(axis, ceil_mode)
    return OutputSize(axis.out, symbols, numbers, _unreached(axis), _drops(axis, name, whole("first", first, most=1)))


def _size_symbols(axis: Axis, ceil_mode: bool) -> str:
    padding = "2p" if axis.before == axis.after else r"p_{\text{before}} + p_{\text{after}}"
    return _windows_that_fit(rf"n + {padding} - d\,(k - 1) - 1", "s", ceil_mode)


def _size_numbers(axis: Axis, ceil_mode: bool) -> str:
    padding = rf"2 \cdot {axis.before}" if axis.before == axis.after else f"{axis.before} + {axis.after}"
    room = axis.padded - axis.overhang - axis.span
    steps = [
        _windows_that_fit(
            rf"{axis.size} + {padding} - {axis.dilation} \cdot ({axis.kernel} - 1) - 1", axis.stride, ceil_mode
        ),
        _windows_that_fit(room, axis.stride, ceil_mode),
    ]
    fitting = (-(-room // axis.stride) if ceil_mode else room // axis.stride) + 1
    formula = " = ".join([*steps, str(fitting)])
    if fitting > axis.out:
        formula += rf",\quad {fitting} - 1 = {axis.out} \;\text{{(the last window would start beyond the input)}}"
    return formula


def _windows_that_fit(room: int | str, stride: int | str, ceil_mode: bool) -> str:
    side = "ceil" if ceil_mode else "floor"
    return rf"\left\l{side} \frac{{{room}}}{{{stride}}} \right\r{side} + 1"


def _drops(axis: Axis, name: str, first: int) -> str:
    cells = [cell + first for cell in _unreached(axis)]
    if not cells:
        return ""
    if len(cells) == 1:
        return f"No window reaches {name} {cells[0]}."
    if len(cells) <= 6:
        return f"No window reaches {name}s {', '.join(str(i) for i in cells[:-1])} and {cells[-1]}."
    return f"No window reaches {len(cells)} of the {axis.size} {name}s: {', '.join(str(i) for i in cells[:4])} and on."


def _geometry(axes: Axes) -> Geometry:
    return Geometry(tuple(_axis_geometry(axis) for axis in axes))


def _axis_geometry(axis: Axis) -> AxisGeometry:
    limit_cells(f"The table of windows over the {axis.name}s", (axis.out, axis.kernel))
    sources, windows = axis.sources(), axis.windows()
    return AxisGeometry(
        name=axis.name,
        size=axis.size,
        kernel=axis.kernel,
        stride=axis.stride,
        dilation=axis.dilation,
        before=axis.before,
        after=axis.after,
        overhang=axis.overhang,
        padded=axis.padded,
        out=axis.out,
        shown=[None if cell < 0 else cell for cell in axis.shown().tolist()],
        windows=windows.tolist(),
        feeds=[np.flatnonzero((sources == cell).any(axis=1)).tolist() for cell in range(axis.size)],
        unreached=_unreached(axis),
        unreached_padded=np.setdiff1d(np.arange(axis.padded), windows).tolist(),
    )


def _unreached(axis: Axis) -> list[int]:
    """The input cells that no window reaches, be it in their padding."""
    return np.setdiff1d(np.arange(axis.size), axis.sources()).tolist()
