"""The theoretical receptive field of every node of a network, in closed form over its graph."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import fx, nn

from cnnlab_core.errors import InputError
from cnnlab_core.models.graph import trace
from cnnlab_core.receptive_field.layers import Call, Place, Reads, Whole, rule_for
from cnnlab_core.receptive_field.windows import SAME, Adaptive, Axis, Span, Window

Pair = tuple[float, float]


class HasNetwork(Protocol):
    """A ``LoadedModel``, as far as this module needs to know it."""

    network: nn.Module


class Box(NamedTuple):
    """A rectangle of pixels: rows top..bottom and columns left..right, from 0, both ends included."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class ReceptiveField:
    """What the units of one node see.

    ``size`` pixels (rows, columns); the field of the next unit lies ``jump`` further; that of unit 0 begins at
    ``start``, which is negative where it begins in the padding. ``map_size`` is the node's own map. Where there is no
    such field (the unit sees the whole image, or windows differ in size) the three are None and ``why`` says the
    reason. ``centred`` is False where paths with different centres were merged: the field is the smallest
    rectangle that holds them all.
    """

    name: str
    kind: str
    map_size: tuple[int, int] | None
    size: Pair | None
    jump: Pair | None
    start: Pair | None
    centred: bool
    why: str
    _plan: "_Plan" = field(repr=False, compare=False)
    _step: "_Step" = field(repr=False, compare=False)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the pictures, in pixels."""
        return self._plan.image

    def box(self, row: int, col: int, *, clip: bool = True) -> Box | None:
        """The pixels that unit (row, col) sees, from 0.

        ``clip=False`` gives the field by size, jump and start, which may reach into the padding and beyond. With
        ``clip`` each layer's own map cuts off what isn't there, as it does in the network: a unit near the border
        may see less than its field cut at the image's edge. None if it sees nothing but padding.

        Raises ``InputError`` if there is no such unit, or ``clip=False`` where there is no closed form.
        """
        image = self._plan.image
        if self.map_size is None:
            return Box(0, 0, image[0] - 1, image[1] - 1)
        for index, length, what in zip((row, col), self.map_size, ("row", "column"), strict=True):
            if not 0 <= index < length:
                raise InputError(f"{self.name} has {what}s 0 to {length - 1}, but unit {what} {index} was asked for.")
        if clip:
            return self._plan.walk_back(self._step, row, col)
        if not self._step.spans:
            raise InputError(f"{self.name} has no closed form ({self.why}). Ask for the box with clip=True.")
        (top, bottom), (left, right) = (
            (math.ceil(first), math.floor(first + span.size - 1))
            for index, span in zip((row, col), self._step.spans, strict=True)
            for first in (span.start + index * span.jump,)
        )
        return Box(top, left, bottom, right)

    def recurrence(self) -> list["Growth"]:
        """How the field along the rows came to be, layer by layer from the input; without layers that change nothing.

        Empty where there is no closed form.
        """
        if not self._step.spans:
            return []
        ancestors, todo = {self._step.index: self._step}, [self._step]
        while todo:
            for source, _, _ in todo.pop().reads:
                if source.index not in ancestors:
                    ancestors[source.index] = source
                    todo.append(source)
        steps = [ancestors[index] for index in sorted(ancestors)]
        return [_growth(step) for step in steps if len(step.reads) != 1 or step.reads[0][1] != SAME]


@dataclass(frozen=True)
class Growth:
    """One line of the recurrence along the rows: the layer's window, the field after it, and the sum that gives it.

    ``window`` is None for the input and where paths are merged.
    """

    name: str
    kind: str
    window: Axis | None
    size: float
    jump: float
    start: float
    equation: str


def receptive_fields(
    model: nn.Module | HasNetwork, input_size: tuple[int, int] | None = None
) -> dict[str, ReceptiveField]:
    """The receptive field of every node of a network, in forward order, by graph node name.

    Args:
        model: any ``nn.Module`` that torch.fx can trace and that takes pictures (N, 3, H, W), or a ``LoadedModel``.
        input_size: (height, width) in pixels; the default is a ``LoadedModel``'s own crop.

    Nothing is computed on the model itself: it is traced, and its shapes are propagated on torch's meta device.

    Raises ``InputError`` when paths with different jumps are merged (no even field describes the result), or when
    the pictures are too small for the network.
    """
    network = model if isinstance(model, nn.Module) else model.network
    if input_size is None:
        crop = getattr(getattr(model, "spec", None), "preprocessing", None)
        if crop is None:
            raise InputError("Give the size of the pictures: input_size=(height, width).")
        input_size = (crop.crop, crop.crop)
    graph, names = trace(_on_meta(network))
    surveyor = _Surveyor(graph, names)
    channels = next((m.in_channels for m in network.modules() if isinstance(m, nn.Conv2d)), 3)
    try:
        surveyor.run(torch.empty(1, channels, *input_size, device="meta"))
    except (RuntimeError, AssertionError, ValueError, TypeError) as error:  # whatever a network's own checks raise
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"The network doesn't take pictures of {input_size[0]} × {input_size[1]} ({reason}). Try another size."
        ) from None
    plan = _Plan(input_size, surveyor.steps)
    return {step.name: _public(plan, step) for step in surveyor.steps[1:]}


# --- the graph, surveyed --------------------------------------------------------------------------------------


@dataclass
class _Step:
    """A node: what it reads from which earlier steps, and its own field. No spans: no closed form; no place: whole."""

    index: int
    name: str
    kind: str
    place: Place | None
    map_size: tuple[int, int] | None
    spans: tuple[Span, Span] | None
    reads: list[tuple["_Step", Axis, Axis]]
    centred: bool = True
    why: str = ""


@dataclass(frozen=True)
class _Plan:
    image: tuple[int, int]
    steps: list[_Step]

    def walk_back(self, step: _Step, row: int, col: int) -> Box | None:
        """From a unit to the pixels it reads, layer by layer, keeping to the cells that each map has."""
        wanted = {step.index: (np.array([row]), np.array([col]))}
        for current in reversed(self.steps[1 : step.index + 1]):
            if current.index not in wanted:
                continue
            rows, cols = wanted.pop(current.index)
            for source, row_axis, col_axis in current.reads:
                if source.map_size is None:
                    return Box(0, 0, self.image[0] - 1, self.image[1] - 1)
                more = row_axis.read(rows, source.map_size[0]), col_axis.read(cols, source.map_size[1])
                if not all(len(cells) for cells in more):
                    continue  # this path sees nothing but padding
                if known := wanted.get(source.index):
                    more = np.union1d(known[0], more[0]), np.union1d(known[1], more[1])
                wanted[source.index] = more
        if 0 not in wanted:
            return None
        rows, cols = wanted[0]
        return Box(int(rows[0]), int(cols[0]), int(rows[-1]), int(cols[-1]))


class _Surveyor(fx.Interpreter):
    """Runs the graph on meta tensors and notes for each node what it reads."""

    def __init__(self, graph: fx.GraphModule, names: dict[fx.Node, str]) -> None:
        super().__init__(graph)
        self._names = names
        self._by_node: dict[fx.Node, _Step] = {}
        self.steps: list[_Step] = []

    def run_node(self, n: fx.Node) -> object:
        value = super().run_node(n)
        if n.op == "placeholder" and not self.steps:
            size = (value.shape[2], value.shape[3])
            self._note(n, _Step(0, self._names[n], "input", (2, 3), size, (Span(), Span()), []))
        elif n.op in ("call_module", "call_function", "call_method"):
            first = value[0] if isinstance(value, tuple | list) and value else value
            sources = [node for node in n.all_input_nodes if node in self._by_node]
            if isinstance(first, torch.Tensor) and sources:
                self._note(n, self._survey(n, sources, first))
        return value

    def _note(self, node: fx.Node, step: _Step) -> None:
        self._by_node[node] = step
        self.steps.append(step)

    def _survey(self, n: fx.Node, sources: Sequence[fx.Node], out: torch.Tensor) -> _Step:
        module = self.fetch_attr(str(n.target)) if n.op == "call_module" else None
        kind = type(module).__name__ if module is not None else getattr(n.target, "__name__", str(n.target))
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        rule, name = rule_for(n, module), self._names[n]
        steps = [self._by_node[node] for node in sources]

        def whole(why: str) -> _Step:
            return _Step(len(self.steps), name, kind, None, None, None, [(step, *_NOTHING) for step in steps], why=why)

        if blind := next((step for step in steps if step.place is None), None):
            return whole(blind.why)
        reads, places = [], set()
        for node, step in zip(sources, steps, strict=True):
            x: Any = self.env[node]
            x = x if isinstance(x, torch.Tensor) else out  # an element of a tuple: a chunk
            found = rule(Call(module, tuple(args), dict(kwargs), x, step.place, out))  # type: ignore[arg-type]
            if isinstance(found, Whole):
                return whole(found.why)
            reads.append((step, found))
            places.add(found.place)
        if len(places) > 1:
            return whole("paths with different layouts are merged")
        place = places.pop()
        spans, centred, why = _merge(name, reads)
        map_size = (out.shape[place[0]], out.shape[place[1]])
        return _Step(
            len(self.steps), name, kind, place, map_size, spans,
            [(step, found.rows, found.cols) for step, found in reads], centred, why,
        )  # fmt: skip


_NOTHING = (Adaptive(1), Adaptive(1))


def _merge(name: str, reads: list[tuple[_Step, Reads]]) -> tuple[tuple[Span, Span] | None, bool, str]:
    """A node's field from those of the paths to it; whether they are centred alike; why there is none."""
    grown = []
    for step, found in reads:
        if step.spans is None:
            return None, True, step.why
        if isinstance(found.rows, Adaptive) or isinstance(found.cols, Adaptive):
            return None, True, "adaptive pooling has windows of different sizes"
        grown.append((found.rows.grow(step.spans[0]), found.cols.grow(step.spans[1])))
    spans, centred = grown[0], all(step.centred for step, _ in reads)
    for other, (step, _) in zip(grown[1:], reads[1:], strict=True):
        for mine, theirs in zip(spans, other, strict=True):
            if mine.jump != theirs.jump:
                raise InputError(
                    f"{name} merges paths whose units lie {_number(mine.jump):g} and {_number(theirs.jump):g} pixels "
                    f"apart ({reads[0][0].name} and {step.name}), so its units have no common field."
                )
            centred &= mine.centre == theirs.centre
        spans = (spans[0].union(other[0]), spans[1].union(other[1]))
    return spans, centred, ""


def _growth(step: _Step) -> Growth:
    span = step.spans[0] if step.spans else Span()
    size, jump, start = (_number(getattr(span, name)) for name in ("size", "jump", "start"))
    if len(step.reads) != 1:
        paths = " and ".join(source.name for source, _, _ in step.reads)
        text = f"the smallest field that holds those of {paths}" if paths else "each pixel sees itself"
        return Growth(step.name, step.kind, None, size, jump, start, text)
    source, window, _ = step.reads[0]
    before = source.spans[0] if source.spans else Span()
    text = ""
    if isinstance(window, Window):
        old, spread = _number(before.size), _number(before.jump)
        extent = f"{window.dilation} · ({window.kernel} − 1)" if window.dilation > 1 else f"({window.kernel} − 1)"
        text = (
            f"size {old:g} + {extent} · {spread:g} = {size:g}; jump {spread:g} · {window.stride} = {jump:g}; "
            f"start {_number(before.start):g} − {window.before} · {spread:g} = {start:g}"
        )
    return Growth(step.name, step.kind, window, size, jump, start, text)


def _public(plan: _Plan, step: _Step) -> ReceptiveField:
    size = jump = start = None
    if step.spans:
        size, jump, start = (
            (_number(getattr(step.spans[0], name)), _number(getattr(step.spans[1], name)))
            for name in ("size", "jump", "start")
        )
    return ReceptiveField(step.name, step.kind, step.map_size, size, jump, start, step.centred, step.why, plan, step)


def _number(value: Fraction) -> float:
    """An int where it is one."""
    return int(value) if value.denominator == 1 else float(value)


def _on_meta(network: nn.Module) -> nn.Module:
    """A copy of the structure whose tensors have shapes and no storage; the network itself stays as it is."""
    memo: dict[int, Any] = {id(p): nn.Parameter(p.to("meta"), requires_grad=False) for p in network.parameters()}
    memo |= {id(b): b.to("meta") for b in network.buffers()}
    return copy.deepcopy(network, memo).eval()
