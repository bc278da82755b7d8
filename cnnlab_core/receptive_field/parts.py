"""What is known of a tensor: which cell of which map does each of its elements come from?"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import torch

from cnnlab_core.errors import InputError
from cnnlab_core.receptive_field.windows import SAME, Axis, Every, Listed, Span

INDEX = torch.float32  # the numbers of rows and columns: exact, and every operator that moves elements takes it


@dataclass(eq=False)
class Step:
    """A map: which cells of earlier maps it reads, and its own field. No ``spans``: no closed form, for ``why``."""

    index: int
    name: str
    kind: str
    size: tuple[int, int]
    reads: list[tuple["Step", Axis, Axis]]
    spans: tuple[Span, Span] | None = None
    centred: bool = True
    why: str = ""
    known: bool = True
    whole: tuple[bool, bool] = (False, False)
    """Whether each unit sees all rows, all columns."""
    uneven: bool = False
    """Whether interpolation was on the way: its jumps needn't fit those of windows."""


class Part(NamedTuple):
    """Where a tensor's elements come from: 1 + the row and the column of ``step``'s map, 0 for nowhere (padding)."""

    step: Step
    rows: torch.Tensor
    cols: torch.Tensor


Parts = list[Part]
Place = tuple[int, int]
"""The dimensions of a tensor that are the rows and the columns of its map."""


def canonical(step: Step, shape: Sequence[int], place: Place) -> Part:
    """A tensor that is the map of ``step``, with rows and columns at ``place``."""
    pairs = zip(place, step.size, strict=True)
    return Part(step, *(_counted(length, tuple(shape), dim) for dim, length in pairs))


@functools.lru_cache(1024)
def _counted(length: int, shape: tuple[int, ...], dim: int) -> torch.Tensor:
    """1 to ``length`` along ``dim``. Nobody writes into it."""
    view = [1] * len(shape)
    view[dim] = length
    return torch.arange(1, length + 1, dtype=INDEX, device="cpu").view(view).expand(shape)


def place_of_canonical(part: Part) -> Place | None:
    """The place of a part that ``canonical`` made, if it is one, found without looking at its numbers."""
    dims = [varied(index) for index in part[1:]]
    if not all(len(along) == 1 for along in dims) or dims[0] == dims[1]:
        return None
    rows, cols = dims[0].pop(), dims[1].pop()
    made = (
        canonical(part.step, part.rows.shape, (rows, cols))
        if part.step.size == (part.rows.shape[rows], part.rows.shape[cols])
        else None
    )
    return (rows, cols) if made and made.rows is part.rows and made.cols is part.cols else None


def constant(step: Step, shape: Sequence[int]) -> Part:
    one = torch.ones((), dtype=INDEX).expand(tuple(shape))
    return Part(step, one, one)


def varied(index: torch.Tensor) -> set[int]:
    """The dimensions along which positions differ: the numbers are stored once along all others."""
    pairs = enumerate(zip(index.shape, index.stride(), strict=True))
    return {dim for dim, (length, stride) in pairs if length > 1 and stride}


def thin(index: torch.Tensor) -> torch.Tensor:
    """The same numbers, stored once along dimensions in which they don't vary."""
    for dim in varied(index):
        first = index.narrow(dim, 0, 1)
        if torch.equal(first.expand_as(index), index):
            index = first.expand_as(index)
    return index


def compact(index: torch.Tensor, *keep: int) -> torch.Tensor:
    """One cell along the dimensions that don't vary, but for those in ``keep``."""
    stride = index.stride()
    cells = enumerate(zip(index.shape, stride, strict=True))
    shape = tuple(length if step or dim in keep else min(length, 1) for dim, (length, step) in cells)
    return index if shape == index.shape else index.as_strided(shape, stride)


def spread(index: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Spread over a shape of as many dimensions (or broadcast to more); laid out anew if dimensions went."""
    return index.expand(tuple(shape)) if index.ndim <= len(shape) else thin(index.reshape(tuple(shape)))


def distinct(parts: Parts) -> Parts:
    """Without repeats, and without parts of a map of which another part sees everything."""
    everything = (Every(), Every())
    covered = {source for step, *_ in parts for source, *axes in step.reads if tuple(axes) == everything}
    kept: Parts = []
    for part in parts:
        if part.step in covered:
            continue
        twin = (p for p in kept if p.step is part.step and _equal(p.rows, part.rows) and _equal(p.cols, part.cols))
        if next(twin, None) is None:
            kept.append(part)
    return kept


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a is b or (varied(a) == varied(b) and torch.equal(compact(a), compact(b)))


def flattened(part: Part, dims: set[int]) -> Part | None:
    """A part with one cell along ``dims``, if its positions don't vary along them."""
    both = []
    for index in part[1:]:
        along, small = sorted(varied(index) & dims), compact(index)
        if along:
            most = small.amax(along, keepdim=True)
            if not bool(((small == 0) | (small == most)).all()):
                return None
            small = thin(most)
        both.append(small.expand([1 if dim in dims else length for dim, length in enumerate(index.shape)]))
    return Part(part.step, *both)


Sets = tuple[tuple[int, ...], ...]


def grouped(part: Part, dims: set[int]) -> tuple[Sets, Sets, Part] | None:
    """The sets of rows and of columns that groups of elements along ``dims`` come from, and who has which of them.

    None if a group isn't made of whole rows and columns.
    """
    used = varied(part.rows) | varied(part.cols)
    order = [d for d in range(part.rows.ndim) if d not in dims] + sorted(dims)
    cells, shape = [], [1 if d in dims or d not in used else n for d, n in enumerate(part.rows.shape)]
    for index in part[1:]:
        for dim in set(range(index.ndim)) - used:
            index = index.narrow(dim, 0, 1)
        cells.append(index.permute(order).reshape(math.prod(shape), -1).numpy().astype(int))
    here = (cells[0] > 0) & (cells[1] > 0)
    sets, numbers, counts = [], [], np.ones(len(here), int)
    for cell, size in zip(cells, part.step.size, strict=True):
        mask = np.zeros((len(cell), size + 1), bool)
        np.put_along_axis(mask, np.where(here, cell, 0), True, 1)
        kinds, kind = np.unique(mask[:, 1:], axis=0, return_inverse=True)
        ranks = np.argsort(kinds.argmax(1), kind="stable")
        sets.append(tuple(tuple(np.flatnonzero(kinds[rank]).tolist()) for rank in ranks))
        numbers.append(np.argsort(ranks)[kind.reshape(-1)] + 1)
        counts *= mask[:, 1:].sum(1)
    pairs = np.sort(np.where(here, cells[0] * (part.step.size[1] + 1) + cells[1], 0), axis=1)
    distinct_pairs = (np.diff(pairs, axis=1, prepend=0) > 0).sum(1)
    if (distinct_pairs != counts).any():
        return None
    kept = [n for d, n in enumerate(shape) if d not in dims]
    back = [1 if d in dims else n for d, n in enumerate(part.rows.shape)]
    new = []
    for number_of in numbers:
        tensor = torch.from_numpy(np.where(here.any(1), number_of, 0)).to(INDEX).reshape(kept)
        for dim in sorted(dims):
            tensor = tensor.unsqueeze(dim)
        new.append(thin(tensor).expand(back))
    return sets[0], sets[1], Part(part.step, *new)


def placed(parts: Parts, ndim: int) -> Place | None:
    found: list[int | None] = [None, None]
    for axis, preferred in ((0, ndim - 2), (1, ndim - 1)):
        for part in parts:
            index = (part.rows, part.cols)[axis]
            somewhere = compact(index)[compact(index) > 0]
            if (along := sorted(varied(index))) and bool((somewhere != somewhere.amin()).any()):
                many = {dim: _spread(index, dim) if len(along) > 1 else 0.0 for dim in along}
                found[axis] = min(along, key=lambda dim: (many[dim], dim != preferred))
                break
    rows, cols = found
    if ndim < 2 or (rows is not None and rows == cols):
        return None
    if rows is None:  # one row: the dimension before that of the columns
        cols = ndim - 1 if cols is None else cols
        return (cols - 1 if cols else 1), cols
    return rows, (rows + 1 if rows + 1 < ndim else rows - 1) if cols is None else cols


def _lines(index: torch.Tensor, dim: int) -> np.ndarray:
    """The numbers at each place along ``dim``, once each: a line per place."""
    return compact(index, dim).movedim(dim, 0).reshape(index.shape[dim], -1).numpy()


def _range(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest number of each line; infinity and 0 where there is none."""
    return (lines[:, 0], lines[:, 0]) if lines.shape[1] == 1 else (np.where(lines, lines, np.inf).min(1), lines.max(1))


def _spread(index: torch.Tensor, dim: int) -> float:
    """How far apart the positions lie, on average, that are found at one place along ``dim``."""
    least, most = _range(_lines(index, dim))
    return float((most - least)[most > 0].mean())


def read_along(index: torch.Tensor, dim: int, other: int) -> list[list[int]] | None:
    """The cells that each output row (or column) reads; None if they depend on the ``other`` axis too."""
    small = compact(index, dim)
    if small.shape[other] > 1:
        least = torch.where(small == 0, math.inf, small).amin(other)
        if bool(((small.amax(other) != least) & (small.amax(other) > 0)).any()):
            return None
    lines = _lines(index, dim)
    low, high = _range(lines)
    if ((low == high) | (high == 0)).all():
        return [[int(cell) - 1] if cell else [] for cell in high.tolist()]
    return [(np.unique(line[line > 0]) - 1).astype(int).tolist() for line in lines]


def _all_or_none(index: torch.Tensor, dim: int) -> bool:
    """Whether each channel holds the same places along ``dim``, or none."""
    lines = _lines(index, dim) > 0
    return lines.shape[1] == 1 or bool(((lines == lines.any(1, keepdims=True)).all(0) | ~lines.any(0)).all())


def separable(part: Part, place: Place) -> bool:
    """Whether the elements that come from somewhere are whole rows and columns."""
    rows, cols = place
    crossed = cols in varied(part.rows) or rows in varied(part.cols)
    if not crossed and _all_or_none(part.rows, rows) and _all_or_none(part.cols, cols):
        return True
    here = ((part.rows > 0) & (part.cols > 0)).movedim(place, (0, 1)).flatten(2).any(2)
    return bool((here == (here.any(1, keepdim=True) & here.any(0, keepdim=True))).all())


def merged(name: str, reads: list[tuple[Step, Axis, Axis]], why: str) -> tuple[tuple[Span, Span] | None, bool, str]:
    """A map's field from those of the paths to it; whether they are centred alike; why there is none."""
    grown: list[tuple[Span, Span]] = []
    for step, *axes in reads:
        if step.spans is None:
            return None, True, step.why
        for axis, size in zip(axes, step.size, strict=True):
            if isinstance(axis, Listed) and axis.slope is None:
                spread = size == 1
                return None, True, why or ("it is spread over every position" if spread else _UNEVEN)
        if why:
            return None, True, why
        rows, cols = axes
        assert not isinstance(rows, Every)
        assert not isinstance(cols, Every)
        pairs = zip(axes, step.spans, strict=True)
        grown.append(tuple(span if axis is SAME else axis.grow(span) for axis, span in pairs))  # type: ignore
    if not grown:
        return None, True, why
    spans, centred = grown[0], all(step.centred for step, _, _ in reads)
    for other, (step, *_) in zip(grown[1:], reads[1:], strict=True):
        for mine, theirs in zip(spans, other, strict=True):
            if mine == theirs:
                continue
            if mine.jump != theirs.jump:
                apart = (
                    f"paths whose units lie {number(mine.jump):g} and {number(theirs.jump):g} pixels apart "
                    f"({reads[0][0].name} and {step.name})"
                )
                if any(source.uneven or isinstance(axis, Listed) for source, *axes in reads for axis in axes):
                    return None, True, f"it merges {apart}"
                raise InputError(f"{name} merges {apart}, so its units have no common field.")
            centred &= mine.centre == theirs.centre
        spans = (spans[0].union(other[0]), spans[1].union(other[1]))
    return spans, centred, ""


_UNEVEN = "its windows aren't evenly spaced"


def number(value: Fraction) -> float:
    """An int where it is one."""
    return int(value) if value.denominator == 1 else float(value)


def extended(parts: Parts, new: Part) -> Parts:
    """Parts and one more; two of one map that never meet are one."""
    for index, old in enumerate(parts):
        if old.step is new.step and not bool(((old.rows > 0) & (new.rows > 0)).any()):
            both = Part(old.step, thin(old.rows + new.rows), thin(old.cols + new.cols))
            return [*parts[:index], both, *parts[index + 1 :]]
    return [*parts, new]
