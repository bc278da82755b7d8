"""What each operator of torch reads: one table of rules, for the operators that all layers are made of.

A layer, a function and a method all come down to the same few operators (``aten``), with every argument in its place:
``nn.MaxPool2d(3, 1, 1, 2)`` and ``torch.max_pool2d(x, 3, 1, 1, 2)`` are one ``max_pool2d_with_indices``. So the rules
stand there, and read the arguments by the names of the operator's schema.

A value is followed as **parts**: which cell of which map (``Step``) does each of its elements come from? There are
five kinds of rule. Operators that torch itself tags as element-wise, and a few more, leave the parts as they are.
Those that only move elements (slices, views, padding, pixel shuffle) are run on the cells' numbers, so that nothing
about them is remembered here. Windows (convolution, pooling, interpolation) make a new map. Operators along some
dimensions (softmax, means, norms) see all positions if rows or columns lie there, and matrix products likewise.
What is none of these has no rule, and says so.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cnnlab_core.errors import InputError
from cnnlab_core.receptive_field.windows import SAME, Axis, Every, Listed, Span, Transposed, Window, fit

ONE_ROW = "positions are laid out in one row"
_INDEX = torch.float32  # the numbers of rows and columns: exact, and every operator that moves elements takes it


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


class NoRule(Exception):
    """There is no rule for this operator, or not with these arguments."""


@dataclass(frozen=True)
class Call:
    """An operator as a rule sees it: arguments by the names of its schema, tensors with what is known of them."""

    op: str
    func: torch._ops.OpOverload
    arguments: dict[str, Any]
    parts: dict[str, list[tuple[torch.Tensor, Parts]]]
    out: Any

    @property
    def first(self) -> torch.Tensor:
        return next(leaf for leaf in tree_leaves(self.out) if isinstance(leaf, torch.Tensor))

    def only(self, name: str) -> tuple[torch.Tensor, Parts]:
        """The argument ``name``; no other may depend on the picture."""
        others = [other for other in self.parts if other != name]
        if others:
            raise NoRule(f"{self.op} with {others[0]} computed from the picture")
        return self.parts[name][0]

    def refuse_but(self, *known: str) -> None:
        """Refuses an operator with arguments that the rule doesn't read."""
        strange = [name for name in self.arguments if name not in known]
        if strange:
            raise NoRule(f"{self.op} with {strange[0]}")


Rule = Callable[["Flow", Call], Any]


class Flow(TorchDispatchMode):
    """Follows the picture through every operator that runs while this mode is on."""

    def __init__(self, constants: Iterable[tuple[torch.Tensor, torch.Tensor]] = ()) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.name = self.kind = ""  # of the graph's node that runs
        self._memory = _Memory()
        self._constants = {_geometry(meta): real for meta, real in constants}
        self._settled: dict[int, tuple[Parts, tuple[Step, Place] | None]] = {}

    def begin(self, picture: torch.Tensor, name: str) -> None:
        """The picture, each pixel of which sees itself."""
        size = (picture.shape[-2], picture.shape[-1])
        step = Step(0, name, "input", size, [], (Span(), Span()))
        self.steps.append(step)
        self.keep(picture, [canonical(step, picture.shape, (picture.ndim - 2, picture.ndim - 1))])

    def of(self, tensor: torch.Tensor) -> Parts:
        """What is known of a tensor; nothing if it doesn't depend on the picture."""
        return self._memory.read(tensor)

    def keep(self, tensor: torch.Tensor, parts: Parts) -> None:
        self._memory.note(tensor, parts)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        out = func(*args, **kwargs)
        with torch.device("cpu"):  # rules compute with numbers, whatever the network's own device
            self._follow(func, _by_name(func, args, kwargs), out)
        return out

    def _follow(self, func: Any, arguments: dict[str, Any], out: Any) -> None:
        op = func._schema.name.split("::")[-1]
        writes = op.endswith("_") and not op.endswith("__")
        target = arguments.pop("out", None) if not writes else next(iter(arguments.values()))
        parts = {}
        for name, value in arguments.items():
            tensors = [leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)]
            if any(found := [self.of(tensor) for tensor in tensors]):
                parts[name] = list(zip(tensors, found, strict=True))
        call = Call(op.removesuffix("_") if writes else op, func, arguments, parts, out)
        states = self._states(call) if parts else []
        if isinstance(target, torch.Tensor):
            self._memory.write(target, states[0] if states else [])
            return
        leaves = [leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
        for leaf, state in zip(leaves, states, strict=False):
            self.keep(leaf, state)

    def _states(self, call: Call) -> list[Parts]:
        """The parts of each tensor that an operator gives."""
        leaves = [leaf for leaf in tree_leaves(call.out) if isinstance(leaf, torch.Tensor)]
        if not leaves or call.op.startswith("new_") or call.op.endswith("_like"):
            return []
        inputs = [part for pairs in call.parts.values() for _, parts in pairs for part in parts]
        if blind := next((part.step for part in inputs if not part.step.known), None):
            return [[_constant(blind, leaf.shape)] for leaf in leaves]
        try:
            found = _rule_of(call)(self, call)
        except NoRule as refusal:
            return [[_constant(self.unknown(str(refusal), inputs), leaf.shape)] for leaf in leaves]
        # A call in a form that its rule doesn't know: refused, as if there were none, rather than guessed at.
        except (RuntimeError, TypeError, ValueError, IndexError, KeyError, NotImplementedError):
            return [[_constant(self.unknown(call.op, inputs), leaf.shape)] for leaf in leaves]
        states = found if found and isinstance(found[0], list) else [found]
        for leaf in leaves[len(states) :]:
            same = leaf.shape == leaves[0].shape
            other = states[0] if same else [_constant(self.unknown(f"the statistics of {call.op}", inputs), leaf.shape)]
            states = [*states, other]
        return states

    # --- maps ----------------------------------------------------------------------------------------------------

    def unknown(self, what: str, inputs: Sequence[Part]) -> Step:
        """What has no rule."""
        text = what if self.kind == what or not self.kind else f"{self.kind} ({what})"
        sources = {part.step.index: part.step for part in inputs}
        step = self.note([(source, Every(), Every()) for source in sources.values()], (1, 1), f"no rule for {text}")
        step.known, step.spans, step.why = False, None, f"no rule for {text}"
        return step

    def note(self, reads: list[tuple[Step, Axis, Axis]], size: tuple[int, int], why: str = "") -> Step:
        """A new map that reads others; ``why`` it has no closed form, if it should have none."""
        fused = [self._fuse(*read) for read in reads]
        step = Step(len(self.steps), self.name, self.kind, size, fused)
        step.spans, step.centred, step.why = _merge(self.name, fused, why)
        step.whole = tuple(  # type: ignore[assignment]
            any(isinstance(read[1 + axis], Every) or read[0].whole[axis] for read in fused) for axis in (0, 1)
        )
        step.known = all(read[0].known for read in fused)
        step.uneven = any(read[0].uneven or isinstance(axis, Listed) for read in fused for axis in read[1:])
        self.steps.append(step)
        return step

    def _fuse(self, source: Step, rows: Axis, cols: Axis) -> tuple[Step, Axis, Axis]:
        """A layer that pads and then convolves is one window."""
        if source.name != self.name or len(source.reads) != 1:
            return source, rows, cols
        (before, *pads), both = source.reads[0], []
        for pad, axis in zip(pads, (rows, cols), strict=True):
            pure = isinstance(pad, Window) and (pad.kernel, pad.stride) == (1, 1) and pad.before >= 0
            if not (pure and isinstance(axis, Window) and axis.before == 0 and isinstance(pad, Window)):
                return source, rows, cols
            both.append(Window(axis.kernel, axis.stride, pad.before, axis.dilation, pad.padding_mode))
        return before, both[0], both[1]

    def settle(self, parts: Parts, shape: Sequence[int]) -> tuple[Step, Place] | None:
        """The one map that a tensor is, and where its rows and columns lie; None if it isn't laid out as a map."""
        cached = self._settled.get(id(parts))
        if cached is None or cached[0] is not parts:
            cached = self._settled[id(parts)] = (parts, self._settle(parts, shape))
        return cached[1]

    def _settle(self, parts: Parts, shape: Sequence[int]) -> tuple[Step, Place] | None:
        place = _place(parts, len(shape))
        if place is None:
            return None
        size = (shape[place[0]], shape[place[1]])
        if not all(_separable(part, place) for part in parts):
            return self.unknown("a map with a part cut out", parts), place
        reads: list[tuple[Step, Axis, Axis]] = []
        covered: list[set[int]] = []
        for step, *indices in parts:
            axes = []
            for index, mine, other, cells in zip(indices, place, place[::-1], step.size, strict=True):
                listed = _read_along(index, mine, other)
                if listed is None:
                    return None
                axes.append(fit(listed, cells))
                covered.append({t for t, read in enumerate(listed) if read})
            if (step, *axes) not in reads:
                reads.append((step, *axes))  # type: ignore[arg-type]
        if len(reads) == 1 and reads[0][1:] == (SAME, SAME) and reads[0][0].size == size:
            return reads[0][0], place
        sides = (covered[0::2], covered[1::2])
        apart = any(not (a <= b or b <= a) for side in sides for a in side for b in side)
        return self.note(reads, size, "positions are put side by side" if apart else ""), place

    def whole(self, parts: Parts, why: str) -> Step:
        """A unit that sees all positions of what it reads."""
        sources = {part.step.index: part.step for part in parts}
        return self.note([(source, Every(), Every()) for source in sources.values()], (1, 1), why)

    def mix(self, call: Call, tensor: torch.Tensor, parts: Parts, dims: Iterable[int], out: torch.Size) -> Parts:
        """What ``out`` reads where all elements along ``dims`` are combined."""
        dims = {dim % max(tensor.ndim, 1) for dim in dims}
        kept, mixed = [], []
        for part in parts:
            if (flat := _flattened(part, dims)) is not None:
                kept.append(flat)
            else:
                mixed.append(part)
        if mixed:
            kept += self._mix_positions(call, tensor, mixed, dims)
        return _distinct([Part(step, _fill(rows, out), _fill(cols, out)) for step, rows, cols in kept])

    def _mix_positions(self, call: Call, tensor: torch.Tensor, parts: Parts, dims: set[int]) -> Parts:
        narrow = [1 if dim in dims else length for dim, length in enumerate(tensor.shape)]
        settled = self.settle(parts, tensor.shape)
        if settled is None:
            if any(not varied(index) <= dims for part in parts for index in part[1:]):
                raise NoRule(f"{call.op} over groups of positions")
            return [_constant(self.whole(parts, f"{_WORDS.get(call.op, call.op)} over positions"), narrow)]
        step, place = settled
        hit = [dim in dims for dim in place]
        if any(hit):
            if call.op in _ORDERED:
                raise NoRule(f"{call.op} over positions")
            why = (
                "global pooling"
                if all(hit) and call.op in _POOLS
                else f"{_WORDS.get(call.op, call.op)} over "
                + ("positions" if all(hit) else "rows" if hit[0] else "columns")
            )
            size = (1 if hit[0] else step.size[0], 1 if hit[1] else step.size[1])
            step = self.note([(step, Every() if hit[0] else SAME, Every() if hit[1] else SAME)], size, why)
        return [canonical(step, narrow, place)]


# --- parts ---------------------------------------------------------------------------------------------------------


def canonical(step: Step, shape: Sequence[int], place: Place) -> Part:
    """A tensor that is the map of ``step``, with rows and columns at ``place``."""
    both = []
    for dim, length in zip(place, step.size, strict=True):
        view = [1] * len(shape)
        view[dim] = length
        both.append(torch.arange(1, length + 1, dtype=_INDEX).view(view).expand(tuple(shape)))
    return Part(step, *both)


def _constant(step: Step, shape: Sequence[int]) -> Part:
    one = torch.ones((), dtype=_INDEX).expand(tuple(shape))
    return Part(step, one, one)


def varied(index: torch.Tensor) -> set[int]:
    """The dimensions along which positions differ: the numbers are stored once along all others."""
    pairs = enumerate(zip(index.shape, index.stride(), strict=True))
    return {dim for dim, (length, stride) in pairs if length > 1 and stride}


def _thin(index: torch.Tensor) -> torch.Tensor:
    """The same numbers, stored once along dimensions in which they don't vary."""
    for dim in varied(index):
        first = index.narrow(dim, 0, 1)
        if torch.equal(first.expand_as(index), index):
            index = first.expand_as(index)
    return index


def _small(index: torch.Tensor, *keep: int) -> torch.Tensor:
    """One cell along the dimensions that don't vary, but for those in ``keep``."""
    for dim in range(index.ndim):
        if dim not in keep and index.shape[dim] > 1 and index.stride(dim) == 0:
            index = index.narrow(dim, 0, 1)
    return index


def _fill(index: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Spread over a shape of as many dimensions (or broadcast to more); laid out anew if dimensions went."""
    return index.expand(tuple(shape)) if index.ndim <= len(shape) else _thin(index.reshape(tuple(shape)))


def _distinct(parts: Parts) -> Parts:
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
    return a is b or (varied(a) == varied(b) and torch.equal(_small(a), _small(b)))


def _flattened(part: Part, dims: set[int]) -> Part | None:
    """A part with one cell along ``dims``, if its positions don't vary along them."""
    both = []
    for index in part[1:]:
        along, small = sorted(varied(index) & dims), _small(index)
        most = small.amax(along, keepdim=True) if along else small
        if along and not bool(((small == 0) | (small == most)).all()):
            return None
        both.append(_thin(most).expand([1 if dim in dims else length for dim, length in enumerate(index.shape)]))
    return Part(part.step, *both)


def _place(parts: Parts, ndim: int) -> Place | None:
    found: list[int | None] = [None, None]
    for axis, preferred in ((0, ndim - 2), (1, ndim - 1)):
        for part in parts:
            index = (part.rows, part.cols)[axis]
            somewhere = _small(index)[_small(index) > 0]
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


def _range(index: torch.Tensor, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The least and the greatest number at each place along ``dim``; infinity and 0 where there is none."""
    lines = _small(index, dim).movedim(dim, 0).reshape(index.shape[dim], -1)
    return torch.where(lines > 0, lines, math.inf).amin(1), lines.amax(1)


def _spread(index: torch.Tensor, dim: int) -> float:
    """How far apart the positions lie, on average, that are found at one place along ``dim``."""
    least, most = _range(index, dim)
    return float((most - least)[most > 0].mean())


def _read_along(index: torch.Tensor, dim: int, other: int) -> list[list[int]] | None:
    """The cells that each output row (or column) reads; None if they depend on the ``other`` axis too."""
    small = _small(index, dim)
    if small.shape[other] > 1:
        least = torch.where(small == 0, math.inf, small).amin(other)
        if bool(((small.amax(other) != least) & (small.amax(other) > 0)).any()):
            return None
    low, high = _range(index, dim)
    if bool(((low == high) | (high == 0)).all()):
        return [[int(cell) - 1] if cell else [] for cell in high.tolist()]
    lines = small.movedim(dim, 0).reshape(index.shape[dim], -1).numpy()
    return [(np.unique(line[line > 0]) - 1).astype(int).tolist() for line in lines]


def _all_or_none(index: torch.Tensor, dim: int) -> bool:
    """Whether each channel holds the same places along ``dim``, or none."""
    lines = (_small(index, dim) > 0).movedim(dim, 0).reshape(index.shape[dim], -1)
    return bool(((lines == lines.any(1, keepdim=True)).all(0) | ~lines.any(0)).all())


def _separable(part: Part, place: Place) -> bool:
    """Whether the elements that come from somewhere are whole rows and columns."""
    rows, cols = place
    crossed = cols in varied(part.rows) or rows in varied(part.cols)
    if not crossed and _all_or_none(part.rows, rows) and _all_or_none(part.cols, cols):
        return True
    here = ((part.rows > 0) & (part.cols > 0)).movedim(place, (0, 1)).flatten(2).any(2)
    return bool((here == (here.any(1, keepdim=True) & here.any(0, keepdim=True))).all())


def _merge(name: str, reads: list[tuple[Step, Axis, Axis]], why: str) -> tuple[tuple[Span, Span] | None, bool, str]:
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
        grown.append((rows.grow(step.spans[0]), cols.grow(step.spans[1])))
    if not grown:
        return None, True, why
    spans, centred = grown[0], all(step.centred for step, _, _ in reads)
    for other, (step, *_) in zip(grown[1:], reads[1:], strict=True):
        for mine, theirs in zip(spans, other, strict=True):
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


# --- memory: a tensor may be a view of another, and be written into ------------------------------------------------


def _geometry(tensor: torch.Tensor) -> tuple:
    storage = tensor.untyped_storage()._cdata
    return storage, tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


@dataclass
class _Memory:
    """What is known of each tensor, by the memory it lies in: views share it, and writing changes all of them."""

    _known: dict[int, dict[tuple, Parts]] = field(default_factory=dict)
    _flat: dict[int, Parts] = field(default_factory=dict)
    _alive: list[torch.Tensor] = field(default_factory=list)  # so that no memory is used twice

    def note(self, tensor: torch.Tensor, parts: Parts) -> None:
        self._alive.append(tensor)
        key = _geometry(tensor)
        self._known.setdefault(key[0], {})[key] = parts

    def read(self, tensor: torch.Tensor) -> Parts:
        key = _geometry(tensor)
        known = self._known.get(key[0])
        if known is None:
            return []
        if key not in known:
            known[key] = _distinct(
                [Part(step, *(_thin(self._view(i, tensor)) for i in both)) for step, *both in self._whole(tensor)]
            )
            known[key] = [part for part in known[key] if bool(part.rows.any())]
        return known[key]

    def write(self, tensor: torch.Tensor, parts: Parts) -> None:
        """The elements of ``tensor``, and of all views of them, now hold ``parts``."""
        storage = _geometry(tensor)[0]
        if not parts and storage not in self._known:
            return
        if tensor.is_contiguous() and tensor.numel() * tensor.element_size() == tensor.untyped_storage().nbytes():
            self._known[storage] = {}
            self._flat.pop(storage, None)
            self.note(tensor, parts)
            return
        flat = [Part(step, *(index.clone() for index in both)) for step, *both in self._whole(tensor)]
        for part in flat:
            for index in part[1:]:
                self._view(index, tensor).zero_()
        for step, *both in parts:
            new = Part(step, *(torch.zeros(self._length(tensor), dtype=_INDEX) for _ in both))
            for target, index in zip(new[1:], both, strict=True):
                self._view(target, tensor).copy_(index)
            flat = _with(flat, new)
        self._alive.append(tensor)
        self._known[storage], self._flat[storage] = {}, [part for part in flat if bool(part.rows.any())]

    def _whole(self, tensor: torch.Tensor) -> Parts:
        """The parts of all of a tensor's memory, in one row."""
        storage = _geometry(tensor)[0]
        if storage not in self._flat:
            known = self._known.get(storage, {})
            (_, offset, shape, stride), parts = max(known.items(), key=lambda item: math.prod(item[0][2]), default=(
                (storage, 0, (0,), (1,)), []
            ))  # fmt: skip
            flat = []
            for step, *both in parts:
                new = Part(step, *(torch.zeros(self._length(tensor), dtype=_INDEX) for _ in both))
                for target, index in zip(new[1:], both, strict=True):
                    target.as_strided(shape, stride, offset).copy_(index)
                flat.append(new)
            self._flat[storage] = flat
        return self._flat[storage]

    @staticmethod
    def _length(tensor: torch.Tensor) -> int:
        return tensor.untyped_storage().nbytes() // tensor.element_size()

    @staticmethod
    def _view(flat: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
        return flat.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())


def _with(parts: Parts, new: Part) -> Parts:
    """Parts and one more; two of one map that never meet are one."""
    for index, old in enumerate(parts):
        if old.step is new.step and not bool(((old.rows > 0) & (new.rows > 0)).any()):
            both = Part(old.step, _thin(old.rows + new.rows), _thin(old.cols + new.cols))
            return [*parts[:index], both, *parts[index + 1 :]]
    return [*parts, new]


# --- the rules -----------------------------------------------------------------------------------------------------


def _by_name(func: Any, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Every argument of an operator by the name that its schema gives it, defaults included."""
    schema = func._schema.arguments
    given = {argument.name: value for argument, value in zip(schema, args, strict=False)} | kwargs
    return {argument.name: given.get(argument.name, argument.default_value) for argument in schema}


def _rule_of(call: Call) -> Rule:
    if rule := _RULES.get(call.op) or _RULES.get(call.op.removesuffix("_copy")):
        return rule
    packet = getattr(getattr(torch.ops, call.func.namespace), call.op, call.func.overloadpacket)
    if any(torch.Tag.pointwise in getattr(packet, name).tags for name in packet.overloads()):
        return _pointwise
    raise NoRule(call.op)


def _pointwise(flow: Flow, call: Call) -> Parts:
    """Each element reads the elements in its own place."""
    shape = call.first.shape
    states = [(tensor, parts) for pairs in call.parts.values() for tensor, parts in pairs if parts]
    if len(states) == 1 and states[0][0].shape == shape:
        return states[0][1]
    return _distinct([Part(p.step, p.rows.expand(shape), p.cols.expand(shape)) for _, parts in states for p in parts])


def _copy(flow: Flow, call: Call) -> Parts:
    shape = call.first.shape
    (_, parts), = call.parts.get("src", [(None, [])])  # fmt: skip
    return [Part(step, rows.expand(shape), cols.expand(shape)) for step, rows, cols in parts]


def _moves(flow: Flow, call: Call) -> list[Parts]:
    """An operator that only moves elements, run on the numbers of their rows and columns."""
    name = next(iter(call.arguments))
    _, parts = call.only(name)
    rest = {key: value for key, value in call.arguments.items() if key != name}
    if "value" in rest:
        rest["value"] = 0  # padding comes from nowhere
    rest |= {key: _values(flow, call, value) for key, value in rest.items() if isinstance(value, torch.Tensor)}
    views = ("view", "_unsafe_view", "_reshape_alias", "reshape")
    run = (
        (lambda index: index.reshape(call.first.shape)) if call.op in views else lambda index: call.func(index, **rest)
    )
    states: list[Parts] = []
    for step, rows, cols in parts:
        moved = [[_thin(leaf) for leaf in tree_leaves(run(index))] for index in (rows, cols)]
        for position, both in enumerate(zip(*moved, strict=True)):
            states += [[] for _ in range(position + 1 - len(states))]
            if bool(_small(both[0]).any()):
                states[position].append(Part(step, *both))
    return states or [[]]


def _values(flow: Flow, call: Call, index: torch.Tensor) -> torch.Tensor:
    """The values of a constant tensor that picks elements."""
    real = flow._constants.get(_geometry(index)) if index.is_meta else index
    if real is None:
        raise NoRule(f"{call.op} by a computed tensor")
    return real


def _index(flow: Flow, call: Call) -> list[Parts]:
    _, parts = call.only("self")
    indices = [None if i is None else _values(flow, call, i) for i in call.arguments["indices"]]
    return [[Part(step, *(_thin(call.func(i, indices)) for i in both)) for step, *both in parts]]


def _joined(flow: Flow, call: Call) -> list[Parts]:
    """Tensors one after another, or stacked."""
    tensors = call.parts["tensors"]
    dim = call.arguments["dim"] % (tensors[0][0].ndim + (call.op == "stack"))
    shape, before = call.first.shape, 0
    states: Parts = []
    for tensor, parts in tensors:
        length = 1 if call.op == "stack" else tensor.shape[dim]
        sides = [0, 0] * (len(shape) - 1 - dim) + [before, shape[dim] - before - length]
        before += length
        for step, *both in parts:
            joined = []
            for index in both:
                index = index.unsqueeze(dim) if call.op == "stack" else index
                joined.append(_thin(torch.constant_pad_nd(_small(index, dim), sides)).expand(shape))
            new = Part(step, *joined)
            positions = call.op == "cat" and any(dim in varied(index) for index in both)
            alike = [p for p in states if p.step is step and (positions or _alike(p, new, dim))]
            others = [p for p in states if not any(p is a for a in alike)]
            states = others + _with(alike, new)
    return [states]


def _alike(a: Part, b: Part, dim: int) -> bool:
    """Whether two parts of a joined tensor hold the same positions, each in its own stretch of ``dim``."""
    return all(torch.equal(_small(x.amax(dim)), _small(y.amax(dim))) for x, y in zip(a[1:], b[1:], strict=True))


def _windows(flow: Flow, call: Call) -> Parts:
    """Convolution and pooling: a window along each of the last dimensions."""
    call.refuse_but(
        "input", "self", "weight", "bias", "kernel_size", "stride", "padding", "dilation", "transposed", "ceil_mode",
        "count_include_pad", "divisor_override", "output_padding", "groups",
    )  # fmt: skip
    arguments = call.arguments
    x, parts = call.only("input" if "input" in arguments else "self")
    convolution = "weight" in arguments
    kernel = list(arguments["weight"].shape[2:]) if convolution else list(arguments["kernel_size"])
    count = len(kernel) if convolution else int(call.op.split("pool")[1][0])

    def each(name: str, default: list[int]) -> list[int]:
        values = list(arguments.get(name) or default)
        return values * count if len(values) == 1 else values

    kernel = kernel * count if len(kernel) == 1 else kernel
    stride, padding = each("stride", [1] * count if convolution else kernel), each("padding", [0] * count)
    dilation = each("dilation", [1] * count)
    channels = x.ndim - count - 1
    out = call.first.shape
    if all(all(part.step.whole) for part in parts):  # whatever the windows are
        return flow.mix(call, x, parts, range(x.ndim), out)
    if all(k == s == 1 and p == 0 for k, s, p in zip(kernel, stride, padding, strict=True)):
        return flow.mix(call, x, parts, [channels] if convolution else [], out)
    step, place = _as_map(flow, call, x, parts)
    axes: list[Axis] = []
    for dim in place:
        at = dim - (x.ndim - count)
        if at >= 0 and arguments.get("transposed"):
            axes.append(Transposed(kernel[at], stride[at], padding[at], dilation[at]))
        elif at >= 0:
            axes.append(Window(kernel[at], stride[at], padding[at], dilation[at]))
        elif at == -1 and convolution:
            raise NoRule(f"{call.op} with rows or columns as channels")
        else:
            axes.append(SAME)
    if axes != [SAME, SAME]:
        step = flow.note([(step, *axes)], (out[place[0]], out[place[1]]))  # type: ignore[list-item]
    return [canonical(step, out, place)]


def _as_map(flow: Flow, call: Call, x: torch.Tensor, parts: Parts) -> tuple[Step, Place]:
    settled = flow.settle(parts, x.shape)
    if settled is None:
        raise NoRule(f"{call.op} over positions in one row")
    return settled


def _adaptive(flow: Flow, call: Call) -> Parts:
    """Pooling to a given size: ``t`` of ``out`` reads floor(t n / out) to ceil((t+1) n / out)."""
    x, parts = call.only("self")
    count, out = int(call.op.split("pool")[1][0]), call.first.shape
    step, place = _as_map(flow, call, x, parts)
    axes: list[Axis] = []
    for dim, size in zip(place, step.size, strict=True):
        length = out[dim]
        if dim < x.ndim - count or length == size:
            axes.append(SAME)
        elif length == 1:
            axes.append(Every())
        elif size % length == 0:
            axes.append(Window(size // length, size // length))
        else:
            bounds = [(t * size // length, -(-(t + 1) * size // length)) for t in range(length)]
            axes.append(Listed(tuple(tuple(range(*bound)) for bound in bounds)))
    uneven = any(isinstance(axis, Listed) for axis in axes)
    why = "adaptive pooling has windows of different sizes" if uneven else ""
    why = "global pooling" if any(isinstance(axis, Every) for axis in axes) else why
    if axes != [SAME, SAME]:
        step = flow.note([(step, *axes)], (out[place[0]], out[place[1]]), why)  # type: ignore[list-item]
    return [canonical(step, out, place)]


def _interpolation(flow: Flow, call: Call) -> Parts:
    """Interpolation, whatever its mode, works along each axis alone: its weights are those of a unit matrix."""
    x, parts = call.only("self")
    out = call.first.shape
    step, place = _as_map(flow, call, x, parts)
    count = len(call.arguments["output_size"])
    axes: list[Axis] = []
    for dim, size in zip(place, step.size, strict=True):
        at = dim - (x.ndim - count)
        if at < 0:
            axes.append(SAME)
            continue
        # Other axes have length 2: a strip of width 1 could be laid out in two ways, and torch may read the wrong one.
        unit = torch.eye(size, dtype=torch.float64).view([1, size] + [size if d == at else 1 for d in range(count)])
        unit = unit.expand([1, size] + [size if d == at else 2 for d in range(count)]).contiguous()
        rest = {key: value for key, value in call.arguments.items() if key != "self"}
        rest["output_size"] = [out[dim] if d == at else 2 for d in range(count)]
        weights = call.func(unit, **rest).movedim(2 + at, 2).reshape(size, out[dim], -1)[:, :, 0]
        axes.append(fit([line.nonzero().flatten().tolist() for line in weights.T.abs() > _ROUNDING], size, ("zeros",)))
    if axes != [SAME, SAME]:
        step = flow.note([(step, *axes)], (out[place[0]], out[place[1]]))  # type: ignore[list-item]
    return [canonical(step, out, place)]


_ROUNDING = 1e-12  # weights of interpolation below it are rounding


def _along(dims: Callable[[Call, torch.Tensor], Iterable[int]]) -> Rule:
    """An operator that combines all elements along some dimensions."""

    def rule(flow: Flow, call: Call) -> Parts:
        x, parts = call.only(next(iter(call.arguments)))
        return flow.mix(call, x, parts, dims(call, x), call.first.shape)

    return rule


def _dims(call: Call, x: torch.Tensor) -> Iterable[int]:
    """Those that ``dim`` names; all of them if it names none."""
    dim = call.arguments.get("dim")
    return range(x.ndim) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim


def _reduction(flow: Flow, call: Call) -> Parts:
    return _pointwise(flow, call) if "other" in call.arguments else _along(_dims)(flow, call)


def _batch_norm(flow: Flow, call: Call) -> Parts:
    x, parts = call.only("input")
    if not call.arguments.get("training", True) or "no_training" in call.op:
        return parts
    return flow.mix(call, x, parts, [dim for dim in range(x.ndim) if dim != 1], call.first.shape)


def _product(first: str, second: str, bias: str | None = None) -> Rule:
    """A product of matrices, with a bias or without."""

    def rule(flow: Flow, call: Call) -> Parts:
        out, found = call.first.shape, []
        for name, dims in ((first, [-1]), (second, [-2])):
            for x, parts in call.parts.get(name, []):
                found += flow.mix(call, x, parts, dims, out)
        for _, parts in call.parts.get(bias or "", []):
            found += [Part(step, rows.expand(out), cols.expand(out)) for step, rows, cols in parts]
        return _distinct(found)

    return rule


_POOLS = ("mean", "amax", "max", "sum")
_ORDERED = ("cumsum", "cumprod", "logcumsumexp", "cummax", "cummin", "glu")
_WORDS = {
    "mm": "a linear layer", "addmm": "a linear layer", "bmm": "a product", "_softmax": "softmax",
    "_log_softmax": "softmax", "_safe_softmax": "softmax", "native_batch_norm": "the statistics",
    "native_layer_norm": "normalisation", "native_group_norm": "normalisation", "mean": "the mean", "sum": "the sum",
    "linalg_vector_norm": "the norm", "convolution": "a convolution", "_fft_c2c": "a Fourier transform",
    "_fft_r2c": "a Fourier transform", "_fft_c2r": "a Fourier transform",
}  # fmt: skip

_RULES: dict[str, Rule] = {
    # element-wise, though torch doesn't tag them so
    **dict.fromkeys(
        ("_to_copy", "clone", "_prelu_kernel", "log_sigmoid_forward", "rrelu_with_noise", "rrelu_with_noise_functional",
         "native_dropout", "lift_fresh_copy", "bernoulli", "_fused_dropout", "nan_to_num", "where", "masked_fill",
         "hardswish", "real", "imag", "_conj", "resolve_conj"),
        _pointwise,
    ),
    "copy": _copy,
    "fill": lambda flow, call: [],
    "zero": lambda flow, call: [],
    # elements that are moved
    **dict.fromkeys(
        ("view", "_unsafe_view", "_reshape_alias", "reshape", "permute", "transpose", "t", "slice", "select", "split",
         "split_with_sizes", "chunk", "unbind", "unsqueeze", "squeeze", "expand", "alias", "detach", "lift_fresh",
         "flip", "roll", "rot90", "repeat", "index_select", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d",
         "reflection_pad3d", "replication_pad1d", "replication_pad2d", "replication_pad3d", "pixel_shuffle",
         "pixel_unshuffle", "channel_shuffle", "native_channel_shuffle", "im2col", "unfold", "diagonal", "tril",
         "triu", "movedim", "unsafe_split", "unsafe_split_with_sizes", "unsafe_chunk"),
        _moves,
    ),
    "as_strided": lambda flow, call: flow.of(call.first),
    "index": _index,
    "cat": _joined,
    "stack": _joined,
    # windows
    **dict.fromkeys(
        ("convolution", "max_pool1d", "max_pool2d_with_indices", "max_pool3d_with_indices", "max_pool2d", "max_pool3d",
         "avg_pool1d", "avg_pool2d", "avg_pool3d"),
        _windows,
    ),
    **dict.fromkeys(
        ("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_avg_pool1d", "adaptive_max_pool1d",
         "adaptive_max_pool2d", "adaptive_max_pool3d"),
        _adaptive,
    ),
    **dict.fromkeys(
        [f"{aa}upsample_{mode}{aa and '_aa'}" for aa in ("", "_") for mode in ("bilinear2d", "bicubic2d")]
        + [f"{exact}{mode}{n}d" for exact in ("upsample_", "_upsample_") for n in (1, 2, 3)
           for mode in ("nearest", "nearest_exact", "linear", "trilinear")],
        _interpolation,
    ),
    # along some dimensions
    **dict.fromkeys(
        ("_softmax", "_log_softmax", "_safe_softmax", "sort", "topk", "kthvalue", "_fft_c2c", "_fft_r2c",
         "_fft_c2r", *_ORDERED),
        _along(_dims),
    ),
    **dict.fromkeys(
        ("sum", "mean", "amax", "amin", "max", "min", "argmax", "argmin", "aminmax", "var", "std", "var_mean",
         "std_mean", "prod", "any", "all", "norm", "linalg_vector_norm", "logsumexp", "median", "nanmedian", "mode",
         "nansum", "count_nonzero"),
        _reduction,
    ),
    **dict.fromkeys(
        ("native_layer_norm", "_fused_rms_norm"),
        _along(lambda call, x: range(x.ndim - len(call.arguments["normalized_shape"]), x.ndim)),
    ),
    "native_group_norm": _along(lambda call, x: range(1, x.ndim)),
    **dict.fromkeys(
        ("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"),
        _batch_norm,
    ),
    # matrix products
    "mm": _product("self", "mat2"),
    "bmm": _product("self", "mat2"),
    "addmm": _product("mat1", "mat2", "self"),
    "baddbmm": _product("batch1", "batch2", "self"),
}  # fmt: skip
