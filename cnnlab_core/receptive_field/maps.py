"""The maps of a network as they are found one after another, and what rules may ask of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from cnnlab_core.receptive_field.parts import (
    Part,
    Parts,
    Place,
    Step,
    canonical,
    constant,
    distinct,
    flattened,
    grouped,
    merged,
    place_of_canonical,
    placed,
    read_along,
    separable,
    spread,
    varied,
)
from cnnlab_core.receptive_field.windows import SAME, Axis, Every, Listed, Window, fit
from cnnlab_core.receptive_field.writes import Writes, geometry

ONE_ROW = "positions are laid out in one row"
POOLS = ("mean", "amax", "max", "sum")
WORDS = {
    "mm": "a linear layer", "addmm": "a linear layer", "bmm": "a product", "_softmax": "softmax",
    "_log_softmax": "softmax", "_safe_softmax": "softmax", "native_batch_norm": "the statistics",
    "native_layer_norm": "normalisation", "native_group_norm": "normalisation", "mean": "the mean", "sum": "the sum",
    "linalg_vector_norm": "the norm", "convolution": "a convolution", "_fft_c2c": "a Fourier transform",
    "_fft_r2c": "a Fourier transform", "_fft_c2r": "a Fourier transform",
}  # fmt: skip


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


class Maps:
    """The maps so far, and which cells of them each tensor reads."""

    def __init__(self, constants: Iterable[tuple[torch.Tensor, torch.Tensor]] = ()) -> None:
        self.steps: list[Step] = []
        self.name = self.kind = ""  # of the graph's node that runs
        self.constants = {geometry(meta): real for meta, real in constants}
        self.zero: dict[tuple, torch.Tensor] = {}  # which elements of a tensor are 0, whatever the picture is
        self.shut: dict[tuple, torch.Tensor] = {}  # which are so negative that a softmax gives them no weight
        self._memory = Writes()
        self._groups: dict[tuple, Step] = {}
        self._settled: dict[int, tuple[Parts, tuple[Step, Place] | None]] = {}

    def of(self, tensor: torch.Tensor) -> Parts:
        """What is known of a tensor; nothing if it doesn't depend on the picture."""
        return self._memory.read(tensor)

    def keep(self, tensor: torch.Tensor, parts: Parts) -> None:
        self._memory.note(tensor, parts)

    def constant(self, value: Any) -> torch.Tensor | None:
        """The values of what doesn't depend on the picture, if they are known."""
        if isinstance(value, torch.Tensor):
            return self.constants.get(geometry(value)) if value.is_meta else value
        return torch.tensor(value) if isinstance(value, bool | int | float) else None

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
        step.spans, step.centred, step.why = merged(self.name, fused, why)
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
        if len(parts) == 1 and (found := place_of_canonical(parts[0])):
            return parts[0].step, found
        place = placed(parts, len(shape))
        if place is None:
            return None
        size = (shape[place[0]], shape[place[1]])
        if not all(separable(part, place) for part in parts):
            return self.unknown("a map with a part cut out", parts), place
        reads: list[tuple[Step, Axis, Axis]] = []
        covered: list[set[int]] = []
        for step, *indices in parts:
            axes = []
            for index, mine, other, cells in zip(indices, place, place[::-1], step.size, strict=True):
                listed = read_along(index, mine, other)
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
            if (flat := flattened(part, dims)) is not None:
                kept.append(flat)
            else:
                mixed.append(part)
        if geometry(tensor) in self.zero:  # a mask may leave others of them at each place
            kept += [self.mix_groups(call, part, dims) for part in mixed]
        elif mixed:
            kept += self._mix_positions(call, tensor, mixed, dims)
        return distinct([Part(step, spread(rows, out), spread(cols, out)) for step, rows, cols in kept])

    def _mix_positions(self, call: Call, tensor: torch.Tensor, parts: Parts, dims: set[int]) -> Parts:
        narrow = [1 if dim in dims else length for dim, length in enumerate(tensor.shape)]
        settled = self.settle(parts, tensor.shape)
        if settled is None and all(varied(index) <= dims for part in parts for index in part[1:]):
            return [constant(self.whole(parts, _why(call, (True, True))), narrow)]
        step, place = settled or (None, (-1, -1))
        hit = (place[0] in dims, place[1] in dims)
        if step is None or (any(hit) and not all(hit) and any(part.step is not step for part in parts)):
            return [self.mix_groups(call, part, dims) for part in parts]
        if any(hit):
            size = (1 if hit[0] else step.size[0], 1 if hit[1] else step.size[1])
            step = self.note([(step, Every() if hit[0] else SAME, Every() if hit[1] else SAME)], size, _why(call, hit))
        return [canonical(step, narrow, place)]

    def mix_groups(self, call: Call, part: Part, dims: set[int]) -> Part:
        """What is read where positions are combined in groups, each of whole rows and columns: windows of attention."""
        found = grouped(part, dims)
        if found is None:
            raise NoRule(f"{call.op} over groups of positions")
        rows, cols, new = found
        step = self._groups.get((part.step.index, rows, cols))
        if step is None:
            sizes = part.step.size
            whole = tuple(sets == (tuple(range(n)),) and n > 1 for sets, n in zip((rows, cols), sizes, strict=True))
            axes = [
                Every() if all_ else fit(sets, size)
                for sets, size, all_ in zip((rows, cols), sizes, whole, strict=True)
            ]
            why = _why(call, whole) if any(whole) else ""  # type: ignore[arg-type]
            step = self.note([(part.step, *axes)], (len(rows), len(cols)), why)  # type: ignore[list-item]
            step.uneven = True
            self._groups[part.step.index, rows, cols] = step
        return new._replace(step=step)


def _why(call: Call, hit: tuple[bool, bool]) -> str:
    """Why an operator over all rows, all columns or both has no closed form."""
    if all(hit) and call.op in POOLS:
        return "global pooling"
    return f"{WORDS.get(call.op, call.op)} over {'positions' if all(hit) else 'rows' if hit[0] else 'columns'}"
