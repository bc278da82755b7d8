"""The picture, followed through every operator of torch that a network runs.

Nothing is computed but shapes: the rules (see ``rules``) say which cells of which map each element reads.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
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
    placed,
    read_along,
    separable,
    spread,
    varied,
)
from cnnlab_core.receptive_field.rules import POOLS, WORDS, Call, NoRule, rule_of
from cnnlab_core.receptive_field.windows import SAME, Axis, Every, Listed, Span, Window, fit
from cnnlab_core.receptive_field.writes import Writes, geometry

ONE_ROW = "positions are laid out in one row"


class Flow(TorchDispatchMode):
    """Follows the picture through every operator that runs while this mode is on."""

    def __init__(self, constants: Iterable[tuple[torch.Tensor, torch.Tensor]] = ()) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.name = self.kind = ""  # of the graph's node that runs
        self._memory = Writes()
        self._constants = {geometry(meta): real for meta, real in constants}
        self._groups: dict[tuple, Step] = {}
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
        with torch._C.DisableTorchFunction():  # rules compute with numbers on the CPU, whatever the network's device
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
            return [[constant(blind, leaf.shape)] for leaf in leaves]
        try:
            found = rule_of(call)(self, call)
        except NoRule as refusal:
            return [[constant(self.unknown(str(refusal), inputs), leaf.shape)] for leaf in leaves]
        except Exception as error:  # noqa: BLE001  a rule's own mistake: all other nodes still have their fields
            what = f"{call.op}, whose own rule failed: internal error, {type(error).__name__}"
            return [[constant(self.unknown(what, inputs), leaf.shape)] for leaf in leaves]
        states = found if found and isinstance(found[0], list) else [found]
        for leaf in leaves[len(states) :]:
            same = leaf.shape == leaves[0].shape
            other = states[0] if same else [constant(self.unknown(f"the statistics of {call.op}", inputs), leaf.shape)]
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
        if mixed:
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
            return [self._mix_groups(call, part, dims) for part in parts]
        if any(hit):
            size = (1 if hit[0] else step.size[0], 1 if hit[1] else step.size[1])
            step = self.note([(step, Every() if hit[0] else SAME, Every() if hit[1] else SAME)], size, _why(call, hit))
        return [canonical(step, narrow, place)]

    def _mix_groups(self, call: Call, part: Part, dims: set[int]) -> Part:
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


def _by_name(func: Any, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Every argument of an operator by the name that its schema gives it, defaults included."""
    schema = func._schema.arguments
    given = {argument.name: value for argument, value in zip(schema, args, strict=False)} | kwargs
    return {argument.name: given.get(argument.name, argument.default_value) for argument in schema}
