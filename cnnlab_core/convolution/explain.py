"""Where a single number comes from: the terms whose sum it is.

A kernel cell and a padded input cell *meet* at an output. All of convolution is a walk over these meetings:

    y    at an output       adds up, over its meetings,  w * x
    dw   at a kernel cell   adds up, over its meetings,  dy * x
    dx   at an input cell   adds up, over the meetings of every padded cell that shows it,  w * dy

so one loop over meetings explains every cell of every array. Pooling has the same meetings and simpler weights.
The rules in LaTeX are in :mod:`cnnlab_core.convolution.laws`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import NamedTuple, Unpack

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import Array, by_annotation, choice, listed, numbers, read_shape, switch, whole
from cnnlab_core.convolution import latex
from cnnlab_core.convolution.conv import Layer, make_layer
from cnnlab_core.convolution.laws import conv_law, pool_law
from cnnlab_core.convolution.options import AXIS_NAMES, DIMS_OF_KERNEL, ConvOptions, Ints, MaxPoolOptions
from cnnlab_core.convolution.pooling import Pool, divisors, make_pool, routes
from cnnlab_core.convolution.windows import Axes, Index
from cnnlab_core.errors import InputError

TARGETS = ("y", "dx", "dw", "db")
POOL_TARGETS = ("y", "dx")
POOL_KINDS = ("max", "avg")
MAX_TERMS = 10_000  # of one sum
MAX_WRITTEN = 16  # terms that an equation writes out before it turns to dots


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a term: which array it is from, where, and its value.

    ``name`` is x, w or dy, with the caller's own index; or, with no index, "padding" (a cell with nothing in it),
    "share" (1 / the cells that an average counts), "route" (1 where the maximum went, else 0) or "one".
    """

    name: str
    index: Index | None
    value: float

    @property
    def symbol(self) -> str:
        """The factor in LaTeX."""
        if self.index is not None:
            return latex.symbol(self.name, self.index)
        if self.name == "share":
            return rf"\tfrac{{1}}{{{round(1 / self.value)}}}"
        return latex.number(self.value) + (r"_{\text{pad}}" if self.name == "padding" else "")


@dataclass(frozen=True, slots=True)
class Term:
    """One product of a sum: ``product = cell.value * weight.value`` (0 where a weight of 0 meets padding of -inf).

    ``running`` is the sum up to and with this term, without bias. ``padded`` is the padded cell in which the two
    factors met (row and column, no channel); ``is_padding`` says that it lies outside the input.
    """

    cell: Factor
    weight: Factor
    product: float
    running: float
    is_padding: bool
    padded: Index | None

    @property
    def symbols(self) -> str:
        """The product in LaTeX, by name. What comes through padding bears its mark."""
        names = r" \, ".join(factor.symbol for factor in (self.weight, self.cell) if factor.name != "one")
        if not self.is_padding or self.cell.name == "padding":
            return names
        return names + latex.PAD if self.cell.name == "x" else f"[{names}]{latex.PAD}"

    @property
    def numbers(self) -> str:
        """The product in LaTeX, by value."""
        weight = self.weight.symbol if self.weight.name == "share" else latex.factor(self.weight.value)
        cell = latex.factor(self.cell.value)
        return cell if self.weight.name == "one" else rf"{weight} \cdot {cell}"


@dataclass(frozen=True)
class Explanation:
    """One cell as a sum: ``total`` is the last running sum plus ``bias`` (None: there is none).

    In LaTeX: ``law`` is the rule for every cell, ``symbols`` this cell's equation by name, ``numbers`` by value; there
    indices are counted from ``first``, everywhere else from 0.
    """

    target: str
    index: Index
    terms: list[Term]
    bias: float | None
    total: float
    law: str
    symbols: str
    numbers: str


@by_annotation
def explain(
    target: str,
    index: Ints,
    x: npt.ArrayLike,
    w: npt.ArrayLike,
    b: npt.ArrayLike | None = None,
    dy: npt.ArrayLike | None = None,
    *,
    first: int = 0,
    **options: Unpack[ConvOptions],
) -> Explanation:
    """The terms whose sum is one cell of a convolution or of its gradients.

    ``explain(target, index, x, w, b=None, dy=None, *, first=0, stride=1, padding=0, dilation=1, groups=1,
    padding_mode="zeros", flip=False)``

    Args:
        target: "y", "dx", "dw" or "db"; the gradients need ``dy``.
        index: of the cell, in the array as :func:`conv2d` or :func:`conv2d_backward` returns it; () for a bare db.
        x, w, b, dy, options: those of the convolution. The dimensions of w say whether it is 1-D or 2-D.
        first: 0 or 1, from which the formulas count; ``index`` is counted from 0.

    Returns:
        An :class:`Explanation` of at most :data:`MAX_TERMS` terms.

    Raises:
        InputError: an argument that can't be, a cell that isn't there, or a sum too long to be read.

    Source: Goodfellow, Bengio and Courville, "Deep Learning" (2016), equations 9.7 to 9.13.
    """
    choice("target", target, TARGETS)
    layer = make_layer(DIMS_OF_KERNEL[numbers("w", w, DIMS_OF_KERNEL).ndim], x, w, **options)
    law = conv_law(target, layer, with_bias=b is not None, first=whole("first", first, most=1))
    dims = len(layer.axes)
    if target == "y":
        place, cell = _read_index(target, index, layer.y_shape, dims + 2)
        bias = None if b is None else _factor("b", layer.read_b(b), cell[1:2], layer.channel_shape)
        return _sum_up(target, place, _y_parts(layer, cell), law, first, bias)
    if dy is None:
        raise InputError(f"{target} needs the gradient of the output: give dy, shaped like y, {layer.y_shape}.")
    full_dy = layer.read_dy(dy)
    if target == "dx":
        place, cell = _read_index(target, index, layer.x_shape, dims + 2)
        parts = _dx_parts(layer, full_dy, cell)
    elif target == "dw":
        place, cell = _read_index(target, index, layer.w_shape, dims + 2)
        parts = _dw_parts(layer, full_dy, cell)
    else:
        place, cell = _read_index(target, index, layer.channel_shape, 1)
        parts = _db_parts(layer, full_dy, cell)
    return _sum_up(target, place, parts, law, first)


@by_annotation
def explain_pool(
    kind: str,
    target: str,
    index: Ints,
    x: npt.ArrayLike,
    window: Ints,
    dy: npt.ArrayLike | None = None,
    *,
    first: int = 0,
    count_include_pad: bool = True,
    **options: Unpack[MaxPoolOptions],
) -> Explanation:
    """The terms whose sum is one cell of a pooled map, or of its dx.

    ``explain_pool(kind, target, index, x, window, dy=None, *, first=0, stride=None, padding=0, dilation=1,
    ceil_mode=False, count_include_pad=True)``

    The weights of a maximum are 1 for the cell that won and 0 for the others; those of an average one over the cells
    that count.

    Args:
        kind: "max" or "avg".
        target: "y", or "dx", which needs ``dy``.
        index: of the cell, in the array as :func:`max_pool2d` or :func:`max_pool2d_backward` returns it.
        x, window, dy, options: those of the pooling, but the window as (k,) or (kh, kw), which says 1-D or 2-D.
        first: 0 or 1, from which the formulas count; ``index`` is counted from 0.

    Raises:
        InputError: an argument that can't be, a cell that isn't there, or a sum too long to be read.
    """
    choice("kind", kind, POOL_KINDS)
    choice("target", target, POOL_TARGETS)
    shape = read_shape("window", window, AXIS_NAMES)
    if kind == "avg" and "dilation" in options:
        raise InputError("dilation is for max pooling only: leave it out, or set kind to 'max'.")
    pool = make_pool(len(shape), x, shape, **options)
    weight = _route(pool) if kind == "max" else _share(pool, switch("count_include_pad", count_include_pad))
    law, dims = pool_law(kind, target, pool, whole("first", first, most=1)), len(pool.axes)
    if target == "y":
        place, cell = _read_index(target, index, pool.y_shape, dims + 2)
        parts = _pooled_parts(pool, weight, cell, nothing=-np.inf if kind == "max" else 0.0)
        return _sum_up(target, place, parts, law, first, is_maximum=kind == "max")
    if dy is None:
        raise InputError(f"dx needs the gradient of the output: give dy, shaped like y, {pool.y_shape}.")
    place, cell = _read_index(target, index, pool.x_shape, dims + 2)
    return _sum_up(target, place, _pool_dx_parts(pool, weight, pool.read_dy(dy), cell), law, first)


class Meeting(NamedTuple):
    """Where a kernel cell meets a padded cell; ``cell`` is the input cell that is shown there, None for none."""

    output: Index
    tap: Index
    padded: Index
    cell: Index | None
    is_padding: bool


Parts = tuple[Factor, Factor, Meeting]  # the cell, its weight, and where they met: a term, but for the arithmetic
Weigh = Callable[[int, int, Meeting], Factor]  # the weight that pooling of sample n, channel c gives to a meeting


def _meetings(
    axes: Axes, walks: int, *, output: Index | None = None, tap: Index | None = None, cell: Index | None = None
) -> list[Meeting]:
    """All meetings at an output, of a kernel cell, or of an input cell, in the order in which the window slides.

    ``walks`` is how often they will be walked, for the limit on the length of a sum.
    """
    along = []
    for n, axis in enumerate(axes):
        here = np.ones((axis.out, axis.kernel), dtype=bool)
        if output is not None:
            here &= np.arange(axis.out)[:, None] == output[n]
        if tap is not None:
            here &= np.arange(axis.kernel) == tap[n]
        if cell is not None:
            here &= axis.sources() == cell[n]
        outputs, its_taps = np.nonzero(here)
        padded = axis.windows()[here]
        columns = outputs, its_taps, padded, axis.shown()[padded]
        along.append(list(zip(*(column.tolist() for column in columns), strict=True)))
    _limit_terms(walks * prod(len(places) for places in along))
    return [_meeting(axes, *zip(*places, strict=True)) for places in product(*along)]


def _meeting(axes: Axes, output: Index, tap: Index, padded: Index, cell: Index) -> Meeting:
    is_padding = any(axis.is_padding(p) for axis, p in zip(axes, padded, strict=True))
    return Meeting(output, tap, padded, None if min(cell) < 0 else cell, is_padding)


def _y_parts(layer: Layer, y_cell: Index) -> Iterator[Parts]:
    n, o, *output = y_cell
    channels = layer.channels_of(o)
    meetings = _meetings(layer.axes, len(channels), output=tuple(output))
    for c, channel in enumerate(channels):
        for meeting in meetings:
            yield _x(layer, n, channel, meeting), _w(layer, o, c, meeting), meeting


def _dw_parts(layer: Layer, dy: Array, w_cell: Index) -> Iterator[Parts]:
    o, c, *tap = w_cell
    channel = layer.channels_of(o)[c]
    meetings = _meetings(layer.axes, len(layer.x), tap=tuple(tap))
    for n in range(len(layer.x)):
        for meeting in meetings:
            yield _x(layer, n, channel, meeting), _dy(layer, dy, n, o, meeting), meeting


def _dx_parts(layer: Layer, dy: Array, x_cell: Index) -> Iterator[Parts]:
    n, channel, *cell = x_cell
    readers = [o for o in range(len(layer.w)) if channel in layer.channels_of(o)]
    meetings = _meetings(layer.axes, len(readers), cell=tuple(cell))
    for o in readers:
        c = layer.channels_of(o).index(channel)
        for meeting in meetings:
            yield _dy(layer, dy, n, o, meeting), _w(layer, o, c, meeting), meeting


def _db_parts(layer: Layer, dy: Array, b_cell: Index) -> Iterator[Parts]:
    (o,) = b_cell
    _limit_terms(dy[:, o].size)
    for n, *output in np.ndindex(dy[:, o].shape):
        meeting = Meeting(tuple(output), (), (), None, False)
        yield _dy(layer, dy, n, o, meeting), Factor("one", None, 1.0), meeting


def _pooled_parts(pool: Pool, weigh: Weigh, y_cell: Index, nothing: float) -> Iterator[Parts]:
    n, c, *output = y_cell
    for meeting in _meetings(pool.axes, 1, output=tuple(output)):
        yield _x(pool, n, c, meeting, nothing), weigh(n, c, meeting), meeting


def _pool_dx_parts(pool: Pool, weigh: Weigh, dy: Array, x_cell: Index) -> Iterator[Parts]:
    n, c, *cell = x_cell
    for meeting in _meetings(pool.axes, 1, cell=tuple(cell)):
        yield _dy(pool, dy, n, c, meeting), weigh(n, c, meeting), meeting


def _route(pool: Pool) -> Weigh:
    """1 for the cell that won the window, 0 for the others."""
    winners, sizes = routes(pool), pool.x.shape[2:]

    def weigh(n: int, c: int, meeting: Meeting) -> Factor:
        won = meeting.cell is not None and np.ravel_multi_index(meeting.cell, sizes) == winners[n, c, *meeting.output]
        return Factor("route", None, float(won))

    return weigh


def _share(pool: Pool, count_include_pad: bool) -> Weigh:
    """One over the number of cells that count."""
    counts = divisors(pool.axes, count_include_pad)
    return lambda n, c, meeting: Factor("share", None, 1 / float(counts[meeting.output]))


def _x(layer: Layer | Pool, n: int, channel: int, meeting: Meeting, nothing: float = 0.0) -> Factor:
    if meeting.cell is None:
        return Factor("padding", None, nothing)
    return _factor("x", layer.x, (n, channel, *meeting.cell), layer.x_shape)


def _w(layer: Layer, o: int, c: int, meeting: Meeting) -> Factor:
    return _factor("w", layer.w, (o, c, *meeting.tap), layer.w_shape)


def _dy(layer: Layer | Pool, dy: Array, n: int, o: int, meeting: Meeting) -> Factor:
    return _factor("dy", dy, (n, o, *meeting.output), layer.y_shape)


def _factor(name: str, array: Array, cell: Index, shape: Index) -> Factor:
    """A cell under the index that the caller knows it by: without the leading axes that the caller's array lacks."""
    return Factor(name, cell[len(cell) - len(shape) :], float(array[cell]))


def _read_index(target: str, index: Ints, shape: Index, ndim: int) -> tuple[Index, Index]:
    """The caller's index of a cell, and the same with all of its ``ndim`` axes."""
    entries = listed(index)
    if len(entries) != len(shape):
        raise InputError(f"The index of {target} has {len(entries)} numbers: give {len(shape)}, for shape {shape}.")
    place = tuple(
        whole(f"The index of {target}", entry, 0, size - 1) for entry, size in zip(entries, shape, strict=True)
    )
    return place, (0,) * (ndim - len(place)) + place


def _limit_terms(count: int) -> None:
    if count > MAX_TERMS:
        raise InputError(
            f"This cell is a sum of {count} terms: make the arrays smaller, until there are {MAX_TERMS} or fewer."
        )


def _sum_up(
    target: str,
    place: Index,
    parts: Iterable[Parts],
    law: str,
    first: int,
    bias: Factor | None = None,
    is_maximum: bool = False,
) -> Explanation:
    terms, running = [], 0.0
    for cell, weight, meeting in parts:
        value = cell.value * weight.value if weight.value else 0.0  # 0 * -inf would be NaN
        running += value
        terms.append(Term(cell, weight, value, running, meeting.is_padding, meeting.padded or None))
    total = running if bias is None else running + bias.value
    left = latex.symbol(target, place)
    symbols, values = _maximum_of(terms) if is_maximum else _sum_of(terms, bias)
    by_value = [f"{left} = {values}"]
    if values != latex.number(total):
        factors = [factor.value for term in terms for factor in (term.cell, term.weight) if factor.name != "share"]
        exact = all(latex.is_shown_exactly(value) for value in [*factors, total, bias.value if bias else 0.0])
        by_value += ["=" if exact else r"\approx", latex.number(total)]
    own_bias = None if bias is None else bias.value
    by_name, by_number = (latex.counted_from(first, text) for text in (f"{left} = {symbols}", " ".join(by_value)))
    return Explanation(target, place, terms, own_bias, total, law, by_name, by_number)


def _sum_of(terms: list[Term], bias: Factor | None) -> tuple[str, str]:
    """The sum by name and by value."""
    written = _written(terms)
    symbols = [term.symbols if term else r"\cdots" for term in written]
    values = [term.numbers if term else r"\cdots" for term in written]
    if bias:
        symbols, values = [*symbols, bias.symbol], [*values, latex.factor(bias.value)]
    return " + ".join(symbols) or "0", " + ".join(values) or "0"


def _maximum_of(terms: list[Term]) -> tuple[str, str]:
    """The maximum by name and by value."""
    written = _written(terms)
    symbols = [term.cell.symbol if term else r"\dots" for term in written]
    values = [latex.number(term.cell.value) if term else r"\dots" for term in written]
    comma = r", \allowbreak "  # so that a long list wraps on a phone
    return rf"\max({comma.join(symbols)})", rf"\max({comma.join(values)})"


def _written(terms: list[Term]) -> list[Term | None]:
    """The terms that an equation writes out; None stands for those that it leaves to dots."""
    return [*terms] if len(terms) <= MAX_WRITTEN else [*terms[: MAX_WRITTEN - 1], None, terms[-1]]
