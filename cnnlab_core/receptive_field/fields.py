"""The theoretical receptive field of every node of a network, in closed form over its graph."""

import copy
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import fx, nn
from torch.utils._pytree import tree_leaves

from cnnlab_core.checks import by_annotation, per_axis, whole
from cnnlab_core.errors import InputError
from cnnlab_core.models.graph import trace
from cnnlab_core.receptive_field.layers import Flow
from cnnlab_core.receptive_field.maps import ONE_ROW
from cnnlab_core.receptive_field.parts import Part, Step, canonical, number, varied
from cnnlab_core.receptive_field.windows import SAME, Axis, Every, Span, Window

Pair = tuple[float, float]


class HasNetwork(Protocol):
    """A ``LoadedModel``, as far as this module needs to know it."""

    @property
    def network(self) -> nn.Module: ...


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
    reason; ``map_size`` is None too where a unit sees the whole image. ``known`` is False where an operator on the way
    has no rule: ``why`` names it, and there are no boxes. ``centred`` is False where paths with different centres were
    merged: the field is the smallest rectangle that holds them all.
    """

    name: str
    kind: str
    map_size: tuple[int, int] | None
    size: Pair | None
    jump: Pair | None
    start: Pair | None
    centred: bool
    why: str
    _steps: list[Step] = field(repr=False, compare=False)
    _step: Step = field(repr=False, compare=False)
    _exchanged: bool = field(default=False, repr=False, compare=False)  # rows lie behind columns

    @property
    def known(self) -> bool:
        """Whether every operator on the way has a rule."""
        return self._step.known

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the pictures, in pixels."""
        return self._steps[0].size

    @by_annotation
    def box(self, row: int, col: int, *, clip: bool = True) -> Box | None:
        """The pixels that unit (row, col) sees, from 0.

        ``clip=False`` gives the field by size, jump and start, which may reach into the padding and beyond. With
        ``clip`` each layer's own map cuts off what isn't there, as it does in the network: a unit near the border
        may see less than its field cut at the image's edge. None if it sees nothing but padding. The box holds what
        any channel of the unit sees.

        Raises ``InputError`` if there is no such unit, ``clip=False`` where there is no closed form, or if an operator
        on the way has no rule.
        """
        if not self.known:
            raise InputError(
                f"What {self.name} sees isn't known: there is {self.why}. Give one: receptive_fields(..., rules=...)."
            )
        if self.map_size is None:
            return _walk_back(self._steps, self._step, 0, 0)
        for index, length, what in zip((row, col), self.map_size, ("row", "column"), strict=True):
            if not 0 <= index < length:
                raise InputError(f"{self.name} has {what}s 0 to {length - 1}, but unit {what} {index} was asked for.")
        if clip:
            row, col = (col, row) if self._exchanged else (row, col)
            return _walk_back(self._steps, self._step, row, col)
        if self.size is None:
            raise InputError(f"{self.name} has no closed form ({self.why}). Ask for the box with clip=True.")
        (top, bottom), (left, right) = (
            (math.ceil(first), math.floor(first + span.size - 1))
            for index, span in zip((row, col), self._step.spans or (), strict=True)
            for first in (span.start + index * span.jump,)
        )
        return Box(top, left, bottom, right)

    def recurrence(self) -> list["Growth"]:
        """How the field along the rows came to be, layer by layer from the input; without layers that change nothing.

        Empty where there is no closed form.
        """
        if self.size is None:
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


Rule = Callable[..., tuple[Axis, Axis] | None]
"""A rule of one's own: what one layer reads along rows and columns (two windows); None for all positions.

It is called with the layer (for a module) and the arguments that it gets in the forward pass.
"""


@by_annotation
def receptive_fields(
    model: nn.Module | HasNetwork,
    input_size: tuple[int, int] | int | None = None,
    *,
    channels: int | None = None,
    rules: Mapping[Any, Rule] | None = None,
) -> dict[str, ReceptiveField]:
    """The receptive field of every node of a network, in forward order, by graph node name.

    Args:
        model: any ``nn.Module`` that torch.fx can trace and that takes pictures (N, C, H, W), or a ``LoadedModel``.
        input_size: (height, width) in pixels, or the side of a square; the default is a ``LoadedModel``'s own crop.
        channels: of the pictures; by default the number that the network takes.
        rules: what layers read that have no rule here, by class of module, by function, or by name of a method. For
            example ``{DeformConv2d: lambda layer, x, *_: (Window(5, before=2), Window(5, before=2))}``.

    Nothing is computed on the model itself: it is traced, and its shapes are propagated on torch's meta device, in
    eval mode. Channels aren't told apart: a unit sees what any channel at its position sees.

    Raises ``InputError`` when paths with different jumps are merged (no even field describes the result), when
    the pictures are too small for the network, or when the network can't be traced.
    """
    network = model if isinstance(model, nn.Module) else getattr(model, "network", None)
    if not isinstance(network, nn.Module):
        raise InputError(f"Give a network, an nn.Module or what load_model gives, not a {type(model).__name__}.")
    if input_size is None:
        crop = getattr(getattr(model, "spec", None), "preprocessing", None)
        if crop is None:
            raise InputError("Give the size of the pictures: input_size=(height, width).")
        input_size = crop.crop
    size = per_axis("input_size", input_size, 2, least=1)
    if channels is not None:
        whole("channels", channels, least=1)
    if any(torch.nn.parameter.is_lazy(parameter) for parameter in network.parameters()):
        raise InputError("The network has lazy layers, whose sizes aren't known yet. Give it a picture once, then ask.")
    on_meta, constants = _on_meta(network)
    if type(network).__module__.startswith("torch.nn") and not isinstance(network, nn.Sequential):
        on_meta = nn.Sequential(on_meta)  # a layer alone
    rules = dict(rules or {})
    leaves = tuple(kind for kind in rules if isinstance(kind, type))
    with torch.no_grad(), Flow(constants) as flow:  # what forward computes of buffers alone is worked out here
        graph, names = trace(on_meta, leaves=leaves, as_written=True)
    constants += [(b.to("meta"), b) for b in graph.buffers() if not b.is_meta]
    for name, buffer in list(graph.named_buffers()):
        if not buffer.is_meta:
            owner, _, leaf = name.rpartition(".")
            setattr(graph.get_submodule(owner), leaf, next(m for m, real in constants if real is buffer))
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)
    refused: Exception | None = None
    for count in [channels] if channels else _likely_channels(graph):
        surveyor = _Surveyor(graph, names, Flow(constants, flow.constants), rules)
        try:
            with torch.no_grad():
                surveyor.run(torch.empty(1, count, *size, dtype=dtype, device="meta"))
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001  whatever a network's own checks raise
            refused = refused or error
        else:
            return surveyor.fields
    assert refused is not None
    raise InputError(
        f"The network doesn't take pictures of {size[0]} × {size[1]} ({_reason(refused)}). "
        "Try another size, or say how many channels the pictures have: channels=."
    )


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _likely_channels(graph: fx.GraphModule) -> list[int]:
    """How many channels the pictures may have: what the first layer used takes; then what others would."""
    used = [graph.get_submodule(str(node.target)) for node in graph.graph.nodes if node.op == "call_module"]
    takes = [n for m in used for n in [getattr(m, "in_channels", None) or getattr(m, "num_features", None)] if n]
    whole = [n // factor for n in takes[:1] for factor in (4, 9, 16, 64) if n % factor == 0]
    return list(dict.fromkeys([*takes[:1], 3, 1, *whole, 2, 4, *takes[1:8]]))


# --- the graph, surveyed --------------------------------------------------------------------------------------


class _Surveyor(fx.Interpreter):
    """Runs the graph on meta tensors, follows the picture through it, and gives the field of each node."""

    def __init__(self, graph: fx.GraphModule, names: dict[fx.Node, str], flow: Flow, rules: Mapping[Any, Rule]) -> None:
        super().__init__(graph)
        self._names, self._flow, self._rules = names, flow, rules
        self.fields: dict[str, ReceptiveField] = {}

    def run_node(self, n: fx.Node) -> Any:
        flow = self._flow
        if n.op not in ("call_module", "call_function", "call_method"):
            value = super().run_node(n)
            if n.op == "placeholder" and not flow.steps:
                flow.begin(value, self._names[n])
            return value
        module = self.fetch_attr(str(n.target)) if n.op == "call_module" else None
        kind = type(module) if module is not None else n.target
        flow.name, flow.kind = self._names[n], getattr(kind, "__name__", str(kind))
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if rule := self._rules.get(kind):
            with torch.device("meta"):
                value = super().run_node(n)
            self._by_own_rule(self._asked(rule, [module] * (module is not None) + [*args], kwargs), tensors, value)
        elif n.target is operator.getitem and tensors and _picks_by_list(args[1]):
            value = super().run_node(n)  # torch would put the list on the meta device, where it has no values
            moved = [[i[args[1]] for i in both] for _, *both in flow.of(args[0])]
            flow.keep(value, [Part(p.step, *i) for p, i in zip(flow.of(args[0]), moved, strict=True)])
        else:
            with torch.device("meta"), flow:
                value = super().run_node(n)
        first = next((leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)), None)
        if first is not None and flow.of(first):
            self.fields[flow.name] = self._public(first)
        return value

    def _asked(self, rule: Rule, args: list[Any], kwargs: dict[str, Any]) -> tuple[Axis, Axis] | None:
        """What a rule of one's own says, if that is what a rule may say."""
        try:
            found = rule(*args, **kwargs)
        except Exception as error:
            raise InputError(f"Your rule for {self._flow.kind} fails ({_reason(error)}). Mend it.") from error
        pair = isinstance(found, tuple | list) and len(found) == 2 and all(isinstance(axis, Axis) for axis in found)
        if found is not None and not pair:
            raise InputError(f"Your rule for {self._flow.kind} must give two windows, or None for all positions.")
        return found

    def _by_own_rule(self, found: tuple[Axis, Axis] | None, tensors: list[torch.Tensor], value: torch.Tensor) -> None:
        flow, reads = self._flow, []
        for tensor in tensors:
            if parts := flow.of(tensor):
                settled = flow.settle(parts, tensor.shape)
                step = settled[0] if settled else flow.whole(parts, ONE_ROW)
                reads.append((step, *(found if settled and found else (Every(), Every()))))
        place = (value.ndim - 2, value.ndim - 1)
        size = (value.shape[-2], value.shape[-1]) if found else (1, 1)
        step = flow.note(reads, size, "" if found else f"{flow.kind} over positions")
        flow.keep(value, [canonical(step, value.shape, place)])

    def _public(self, tensor: torch.Tensor) -> ReceptiveField:
        flow, parts = self._flow, self._flow.of(tensor)
        settled = flow.settle(parts, tensor.shape) if tensor.ndim > 2 else None
        map_size, exchanged = None, False
        steps = [part.step for part in parts] + ([settled[0]] if settled else [])
        if blind := next((step for step in steps if not step.known), None):
            step = blind
        elif settled is None:
            step = flow.whole(parts, next((seen.why for seen in steps if all(seen.whole)), ONE_ROW))
        else:
            step, place = settled
            own = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()  # not a part of another
            along = [varied(part.rows) | varied(part.cols) for part in parts]
            spread = any(tensor.shape[dim] > 1 and not any(dim in found for found in along) for dim in place)
            if own and not spread and all(found <= {*place} for found in along):
                flow.keep(tensor, [canonical(step, tensor.shape, place)])  # alike in all channels: one map from here
            if not all(step.whole):
                map_size, exchanged = (tensor.shape[min(place)], tensor.shape[max(place)]), place[0] > place[1]
        size = jump = start = None
        if step.spans and not exchanged:
            size, jump, start = (
                (number(getattr(step.spans[0], name)), number(getattr(step.spans[1], name)))
                for name in ("size", "jump", "start")
            )
        why = step.why or ("rows and columns are exchanged" if exchanged else "")
        return ReceptiveField(
            flow.name, flow.kind, map_size, size, jump, start, step.centred, why, flow.steps, step, exchanged
        )


def _picks_by_list(index: Any) -> bool:
    return any(
        isinstance(i, list) or (isinstance(i, torch.Tensor) and not i.is_meta)
        for i in (index if isinstance(index, tuple) else (index,))
    )


def _walk_back(steps: list[Step], step: Step, row: int, col: int) -> Box | None:
    """From a unit to the pixels it reads, map by map, keeping to the cells that each map has."""
    wanted = {step.index: (np.array([row]), np.array([col]))}
    for current in reversed(steps[1 : step.index + 1]):
        if current.index not in wanted:
            continue
        rows, cols = wanted.pop(current.index)
        for source, row_axis, col_axis in current.reads:
            more = row_axis.read(rows, source.size[0]), col_axis.read(cols, source.size[1])
            if not all(len(cells) for cells in more):
                continue  # this path sees nothing but padding
            if known := wanted.get(source.index):
                more = np.union1d(known[0], more[0]), np.union1d(known[1], more[1])
            wanted[source.index] = more
    if 0 not in wanted:
        return None
    rows, cols = wanted[0]
    return Box(int(rows[0]), int(cols[0]), int(rows[-1]), int(cols[-1]))


def _growth(step: Step) -> Growth:
    span = step.spans[0] if step.spans else Span()
    size, jump, start = (number(getattr(span, name)) for name in ("size", "jump", "start"))
    if len(step.reads) != 1:
        paths = " and ".join(source.name for source, _, _ in step.reads)
        text = f"the smallest field that holds those of {paths}" if paths else "each pixel sees itself"
        return Growth(step.name, step.kind, None, size, jump, start, text)
    source, window, _ = step.reads[0]
    before = source.spans[0] if source.spans else Span()
    text = ""
    if isinstance(window, Window):
        old, spread = number(before.size), number(before.jump)
        extent = f"{window.dilation} · ({window.kernel} − 1)" if window.dilation > 1 else f"({window.kernel} − 1)"
        text = (
            f"size {old:g} + {extent} · {spread:g} = {size:g}; jump {spread:g} · {window.stride} = {jump:g}; "
            f"start {number(before.start):g} − {window.before} · {spread:g} = {start:g}"
        )
    return Growth(step.name, step.kind, window, size, jump, start, text)


def _on_meta(network: nn.Module) -> tuple[nn.Module, list[tuple[torch.Tensor, torch.Tensor]]]:
    """A copy of the structure whose tensors have shapes and no storage; the network itself stays as it is.

    With it the values of tensors that may say where elements go, or which ones count: masks, whole numbers.
    """
    memo: dict[int, Any] = {id(p): nn.Parameter(p.to("meta"), requires_grad=False) for p in network.parameters()}
    plain = [v for m in network.modules() for v in vars(m).values() if isinstance(v, torch.Tensor)]
    tensors = {id(b): b for b in (*network.buffers(), *plain) if id(b) not in memo}
    memo |= {key: tensor.detach().to("meta") for key, tensor in tensors.items()}
    counts = [
        (memo[key], t.detach().cpu().clone())
        for key, t in tensors.items()
        if (t.ndim > 1 or not t.is_floating_point()) and not t.is_meta
    ]
    try:
        return copy.deepcopy(network, memo).eval(), counts
    except Exception as error:  # noqa: BLE001  whatever an object of the network raises
        raise InputError(f"The network can't be copied ({_reason(error)}).") from None
