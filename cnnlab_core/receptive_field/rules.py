"""What each operator of torch reads: tables of rules, by kind, for the operators that all layers are made of.

A layer, a function and a method all come down to the same few operators (``aten``), with every argument in its place:
``nn.MaxPool2d(3, 1, 1, 2)`` and ``torch.max_pool2d(x, 3, 1, 1, 2)`` are one ``max_pool2d_with_indices``. So the rules
stand there, and read the arguments by the names of the operator's schema.

A value is followed as parts (see ``parts``). There are five kinds of rule. Operators that torch itself tags as
element-wise, and a few more, leave the parts as they are. Those that only move elements (slices, views, padding, pixel
shuffle) are run on the cells' numbers, so that nothing about them is remembered here. Windows (convolution, pooling,
interpolation) make a new map. Operators along some dimensions (softmax, means, norms) see all positions if rows or
columns lie there, and matrix products likewise. What is none of these has no rule, and says so: a rule raises
``NoRule`` for a form of its operator that it doesn't know.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from cnnlab_core.receptive_field.maps import Call, Maps, NoRule
from cnnlab_core.receptive_field.parts import (
    Part,
    Parts,
    Place,
    Step,
    canonical,
    compact,
    constant,
    distinct,
    extended,
    flattened,
    spread,
    thin,
    varied,
)
from cnnlab_core.receptive_field.windows import SAME, Axis, Every, Listed, Transposed, Window, fit
from cnnlab_core.receptive_field.writes import geometry

Rule = Callable[[Maps, Call], Any]


def rule_of(call: Call) -> Rule:
    if rule := RULES.get(call.op) or RULES.get(call.op.removesuffix("_copy")):
        return rule
    packet = getattr(getattr(torch.ops, call.func.namespace), call.op, call.func.overloadpacket)
    if any(torch.Tag.pointwise in getattr(packet, name).tags for name in packet.overloads()):
        return _pointwise
    raise NoRule(call.op)


# --- element by element -----------------------------------------------------------------------------------------------


def _pointwise(maps: Maps, call: Call) -> Parts:
    """Each element reads the elements in its own place."""
    shape = call.first.shape
    states = [(tensor, parts) for pairs in call.parts.values() for tensor, parts in pairs if parts]
    if len(states) == 1 and states[0][0].shape == shape:
        return states[0][1]
    return distinct([Part(p.step, p.rows.expand(shape), p.cols.expand(shape)) for _, parts in states for p in parts])


def _masked(maps: Maps, call: Call) -> Parts:
    """Element by element, where a constant mask or factor may say that some elements don't count."""
    given, shape = call.arguments, call.first.shape
    unread: dict[str, torch.Tensor] = {}
    if call.op in _SIDES:
        mask = maps.constant(given.get("mask", given.get("condition")))
        unread = {} if mask is None else {name: mask.bool() != side for name, side in _SIDES[call.op].items()}
    elif call.op == "mul":
        for name, factor in (("self", given["other"]), ("other", given["self"])):
            if name in call.parts and (known := maps.constant(factor)) is not None and not bool(known.all()):
                unread[name] = known == 0
    _note_values(maps, call, unread)
    if not unread:
        return _pointwise(maps, call)
    parts = []
    for name, pairs in call.parts.items():
        hidden = unread.get(name, torch.tensor(False)).expand(shape)
        for step, *both in (part for _, found in pairs for part in found):
            kept = Part(step, *(thin(torch.where(hidden, 0, index.expand(shape))) for index in both))
            parts += [kept] if bool(kept.rows.any()) else []
    return distinct(parts)


def _same_values(maps: Maps, call: Call) -> Parts:
    """Each element is what it was: so is what is known of it."""
    for table in (maps.zero, maps.shut):
        if (mask := table.get(geometry(next(iter(call.arguments.values()))))) is not None:
            table[geometry(call.first)] = mask
    return _pointwise(maps, call)


_SIDES = {"masked_fill": {"self": False, "value": True}, "where": {"self": True, "other": False}}
"""Which argument counts where the mask is True, and which where it is False."""


def _note_values(maps: Maps, call: Call, unread: dict[str, torch.Tensor]) -> None:
    """Keep in mind which elements are 0, and to which a softmax gives no weight, as far as constants say so."""
    given, zero, shut = call.arguments, None, None
    own = [table.get(geometry(given["self"])) if "self" in call.parts else None for table in (maps.zero, maps.shut)]
    if call.op == "mul":
        zero = next(iter(unread.values()), own[0])
    elif call.op in ("add", "sub"):
        other = maps.constant(given["other"])
        if "self" in call.parts and given["alpha"] == 1 and other is not None:
            low = (other if call.op == "add" else -other) <= _NO_WEIGHT
            shut = low if own[1] is None else low | own[1]
    elif unread:
        zero = shut = torch.tensor(False)
        for name, hidden in unread.items():
            value = None if name in call.parts else maps.constant(given[name])
            if value is not None:
                zero, shut = zero | (~hidden & (value == 0)), shut | (~hidden & (value <= _NO_WEIGHT))
            elif name == "self":
                kept = [torch.tensor(False) if old is None else ~hidden & old for old in own]
                zero, shut = zero | kept[0], shut | kept[1]
    for found, table in ((zero, maps.zero), (shut, maps.shut)):
        if found is not None and bool(found.any()):
            table[geometry(call.first)] = found.expand(call.first.shape)


_NO_WEIGHT = -1000  # the exponential is 0, in double precision too


def _copy(maps: Maps, call: Call) -> Parts:
    shape = call.first.shape
    (_, parts), = call.parts.get("src", [(None, [])])  # fmt: skip
    return [Part(step, rows.expand(shape), cols.expand(shape)) for step, rows, cols in parts]


ELEMENTWISE: dict[str, Rule] = {
    **dict.fromkeys(
        ("_prelu_kernel", "log_sigmoid_forward", "rrelu_with_noise", "rrelu_with_noise_functional",
         "lift_fresh_copy", "bernoulli", "_fused_dropout", "nan_to_num", "hardswish", "real", "imag", "_conj",
         "resolve_conj"),
        _pointwise,
    ),
    **dict.fromkeys(("_to_copy", "clone", "native_dropout"), _same_values),
    **dict.fromkeys(("where", "masked_fill", "mul", "add", "sub"), _masked),
    "copy": _copy,
    "fill": lambda maps, call: [],
    "zero": lambda maps, call: [],
}  # fmt: skip
"""Torch tags most others itself."""


# --- elements that are moved ------------------------------------------------------------------------------------------


def _moves(maps: Maps, call: Call) -> list[Parts]:
    """An operator that only moves elements, run on the numbers of their rows and columns."""
    name = next(iter(call.arguments))
    _, parts = call.only(name)
    rest = {key: value for key, value in call.arguments.items() if key != name}
    if "value" in rest:
        rest["value"] = 0  # padding comes from nowhere
    rest |= {key: _values(maps, call, value) for key, value in rest.items() if isinstance(value, torch.Tensor)}
    views = ("view", "_unsafe_view", "_reshape_alias", "reshape")
    run = (
        (lambda index: index.reshape(call.first.shape)) if call.op in views else lambda index: call.func(index, **rest)
    )
    states: list[Parts] = []
    for table in (maps.zero, maps.shut):
        if (mask := table.get(geometry(call.arguments[name]))) is not None and isinstance(call.out, torch.Tensor):
            table[geometry(call.out)] = run(mask)
    for step, rows, cols in parts:
        moved = [[thin(leaf) for leaf in tree_leaves(run(index))] for index in (rows, cols)]
        for position, both in enumerate(zip(*moved, strict=True)):
            states += [[] for _ in range(position + 1 - len(states))]
            if bool(compact(both[0]).any()):
                states[position].append(Part(step, *both))
    return states or [[]]


def _values(maps: Maps, call: Call, index: torch.Tensor) -> torch.Tensor:
    """The values of a constant tensor that picks elements."""
    real = maps.constants.get(geometry(index)) if index.is_meta else index
    if real is None:
        raise NoRule(f"{call.op} by a computed tensor")
    return real


def _index(maps: Maps, call: Call) -> list[Parts]:
    _, parts = call.only("self")
    indices = [None if i is None else _values(maps, call, i) for i in call.arguments["indices"]]
    return [[Part(step, *(thin(call.func(i, indices)) for i in both)) for step, *both in parts]]


def _folded(maps: Maps, call: Call) -> Parts:
    """Columns of windows, laid back on the map and added up: for each place in the window a part of its own."""
    x, parts = call.only("self")
    size, kernel = call.arguments["output_size"], call.arguments["kernel_size"]
    taps, out = math.prod(kernel), call.first.shape
    if x.ndim != 3 or taps > _MOST_TAPS:
        raise NoRule(f"{call.op} of {taps} places in each window")
    rest = {key: call.arguments[key] for key in ("kernel_size", "dilation", "padding", "stride")}
    places = torch.arange(1.0, math.prod(size) + 1).view(1, 1, *size)
    places = torch.ops.aten.im2col(places, **rest)[0].long()  # (taps, windows), 0 in the padding
    found = []
    for step, *both in parts:
        for tap in range(taps):
            laid = []
            for index in both:
                columns = index.reshape(out[0], out[1], taps, -1)[:, :, tap]
                flat = torch.zeros(*out[:2], math.prod(size) + 1)
                laid.append(thin(flat.index_copy(2, places[tap], columns)[..., 1:].reshape(out)))
            found.append(Part(step, *laid))
    return distinct([part for part in found if bool(part.rows.any())])


_MOST_TAPS = 64
"""Places in a window that is laid back, at most: each is a part."""


def _joined(maps: Maps, call: Call) -> list[Parts]:
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
                joined.append(thin(torch.constant_pad_nd(compact(index, dim), sides)).expand(shape))
            new = Part(step, *joined)
            positions = call.op == "cat" and any(dim in varied(index) for index in both)
            alike = [p for p in states if p.step is step and (positions or _alike(p, new, dim))]
            others = [p for p in states if not any(p is a for a in alike)]
            states = others + extended(alike, new)
    return [states]


def _alike(a: Part, b: Part, dim: int) -> bool:
    """Whether two parts of a joined tensor hold the same positions, each in its own stretch of ``dim``."""
    return all(torch.equal(compact(x.amax(dim)), compact(y.amax(dim))) for x, y in zip(a[1:], b[1:], strict=True))


MOVES: dict[str, Rule] = {
    **dict.fromkeys(
        ("view", "_unsafe_view", "_reshape_alias", "reshape", "permute", "transpose", "t", "slice", "select", "split",
         "split_with_sizes", "chunk", "unbind", "unsqueeze", "squeeze", "expand", "alias", "detach", "lift_fresh",
         "flip", "roll", "rot90", "repeat", "index_select", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d",
         "reflection_pad3d", "replication_pad1d", "replication_pad2d", "replication_pad3d", "pixel_shuffle",
         "pixel_unshuffle", "channel_shuffle", "native_channel_shuffle", "im2col", "unfold", "diagonal", "tril",
         "triu", "movedim", "gather", "take", "unsafe_split", "unsafe_split_with_sizes", "unsafe_chunk"),
        _moves,
    ),
    "as_strided": lambda maps, call: maps.of(call.first),
    "index": _index,
    "col2im": _folded,
    "cat": _joined,
    "stack": _joined,
}  # fmt: skip


# --- windows ----------------------------------------------------------------------------------------------------------


def _windows(maps: Maps, call: Call) -> Parts:
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
        return maps.mix(call, x, parts, range(x.ndim), out)
    if all(k == s == 1 and p == 0 for k, s, p in zip(kernel, stride, padding, strict=True)):
        return maps.mix(call, x, parts, [channels] if convolution else [], out)
    step, place = _as_map(maps, call, x, parts)
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
        step = maps.note([(step, *axes)], (out[place[0]], out[place[1]]))  # type: ignore[list-item]
    return [canonical(step, out, place)]


def _as_map(maps: Maps, call: Call, x: torch.Tensor, parts: Parts) -> tuple[Step, Place]:
    settled = maps.settle(parts, x.shape)
    if settled is None:
        raise NoRule(f"{call.op} over positions in one row")
    return settled


def _adaptive(maps: Maps, call: Call) -> Parts:
    """Pooling to a given size: ``t`` of ``out`` reads floor(t n / out) to ceil((t+1) n / out)."""
    x, parts = call.only("self")
    count, out = int(call.op.split("pool")[1][0]), call.first.shape
    step, place = _as_map(maps, call, x, parts)
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
        step = maps.note([(step, *axes)], (out[place[0]], out[place[1]]), why)  # type: ignore[list-item]
    return [canonical(step, out, place)]


def _interpolation(maps: Maps, call: Call) -> Parts:
    """Interpolation, whatever its mode, works along each axis alone: its weights are those of a unit matrix."""
    x, parts = call.only("self")
    out = call.first.shape
    step, place = _as_map(maps, call, x, parts)
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
        step = maps.note([(step, *axes)], (out[place[0]], out[place[1]]))  # type: ignore[list-item]
    return [canonical(step, out, place)]


_ROUNDING = 1e-12  # weights of interpolation below it are rounding

WINDOWS: dict[str, Rule] = {
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
}  # fmt: skip


# --- along some dimensions --------------------------------------------------------------------------------------------


def _along(dims: Callable[[Call, torch.Tensor], Iterable[int]]) -> Rule:
    """An operator that combines all elements along some dimensions."""

    def rule(maps: Maps, call: Call) -> Parts:
        x, parts = call.only(next(iter(call.arguments)))
        return maps.mix(call, x, parts, dims(call, x), call.first.shape)

    return rule


def _cumulative(maps: Maps, call: Call) -> list[Parts]:
    """Each element reads those before it along one dimension."""
    x, parts = call.only("self")
    dim = call.arguments["dim"] % max(x.ndim, 1)
    if all(flattened(part, {dim}) is not None for part in parts):
        return [maps.mix(call, x, parts, [dim], call.first.shape)] * 2
    step, place = _as_map(maps, call, x, parts)
    if dim not in place:
        raise NoRule(f"{call.op} over groups of positions")
    before = Listed(tuple(tuple(range(t + 1)) for t in range(x.shape[dim])))
    axes = [before if at == dim else SAME for at in place]
    what = "rows" if dim == place[0] else "columns"
    step = maps.note([(step, *axes)], step.size, f"{call.op} over {what}")  # type: ignore[list-item]
    return [[canonical(step, x.shape, place)]] * 2  # of cummax, the places too


def _softmax(maps: Maps, call: Call) -> Parts:
    """All elements along one dimension, but for those that a mask shuts out."""
    x, parts = call.only("self")
    shut = maps.shut.get(geometry(x))
    if shut is None:
        return maps.mix(call, x, parts, _dims(call, x), call.first.shape)
    if call.op != "_log_softmax":
        maps.zero[geometry(call.first)] = shut
    seen = [Part(step, *(thin(torch.where(shut, 0, index)) for index in both)) for step, *both in parts]
    return _some_of(maps, call, seen, {call.arguments["dim"] % x.ndim})


def _some_of(maps: Maps, call: Call, parts: Parts, dims: set[int]) -> Parts:
    """What is read where the elements along ``dims`` are combined, of which other ones count at each place."""
    out = call.first.shape
    flat = [flattened(part, dims) or maps.mix_groups(call, part, dims) for part in parts]
    return distinct([Part(step, spread(rows, out), spread(cols, out)) for step, rows, cols in flat])


def _halves(maps: Maps, call: Call) -> Parts:
    """Each element of one half reads one of the other."""
    x, parts = call.only("self")
    if any(flattened(part, {call.arguments["dim"] % x.ndim}) is None for part in parts):
        raise NoRule(f"{call.op} over positions")
    return maps.mix(call, x, parts, [call.arguments["dim"]], call.first.shape)


def _dims(call: Call, x: torch.Tensor) -> Iterable[int]:
    """Those that ``dim`` names; all of them if it names none."""
    dim = call.arguments.get("dim")
    return range(x.ndim) if dim is None or dim == [] else [dim] if isinstance(dim, int) else dim


def _warped(maps: Maps, call: Call) -> Parts:
    """Sampling where a grid points: anywhere, if the grid is computed from the picture."""
    if "grid" not in call.parts:
        raise NoRule(f"{call.op}, which reads where its grid points")
    parts = [part for pairs in call.parts.values() for _, parts in pairs for part in parts]
    return [constant(maps.whole(parts, "it reads where its grid points"), call.first.shape)]


def _reduction(maps: Maps, call: Call) -> Parts:
    return _pointwise(maps, call) if "other" in call.arguments else _along(_dims)(maps, call)


def _batch_norm(maps: Maps, call: Call) -> Parts:
    x, parts = call.only("input")
    if not call.arguments.get("training", True) or "no_training" in call.op:
        return parts
    return maps.mix(call, x, parts, [dim for dim in range(x.ndim) if dim != 1], call.first.shape)


ALONG: dict[str, Rule] = {
    **dict.fromkeys(
        ("sort", "topk", "kthvalue", "_fft_c2c", "_fft_r2c",
         "_fft_c2r"),
        _along(_dims),
    ),
    **dict.fromkeys(("_softmax", "_log_softmax", "_safe_softmax"), _softmax),
    **dict.fromkeys(("cumsum", "cumprod", "logcumsumexp", "cummax", "cummin"), _cumulative),
    "glu": _halves,
    "view_as_real": lambda maps, call: [Part(s, *(i.unsqueeze(-1).expand(call.first.shape) for i in both))
                                        for s, *both in call.only("self")[1]],
    "view_as_complex": _along(lambda call, x: [-1]),
    "affine_grid_generator": _along(lambda call, x: range(x.ndim)),
    "grid_sampler_2d": _warped,
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
}  # fmt: skip


# --- products of matrices ---------------------------------------------------------------------------------------------


def _product(first: str, second: str, bias: str | None = None) -> Rule:
    """A product of matrices, with a bias or without."""

    def rule(maps: Maps, call: Call) -> Parts:
        out, found = call.first.shape, []
        for name, other, dim in ((first, second, -1), (second, first, -2)):
            zero = maps.zero.get(geometry(call.arguments[other]))
            for x, parts in call.parts.get(name, []):
                if zero is None:
                    found += maps.mix(call, x, parts, [dim], out)
                else:
                    found += _some_of(maps, call, _without(call, parts, zero, name == first), {x.ndim - 1})
        for _, parts in call.parts.get(bias or "", []):
            found += [Part(step, rows.expand(out), cols.expand(out)) for step, rows, cols in parts]
        return distinct(found)

    return rule


def _without(call: Call, parts: Parts, zero: torch.Tensor, left: bool) -> Parts:
    """The elements of one factor (i, j) or (j, c), as (i, j, c), without those that the other one's zeros meet."""
    mine, theirs = (-1, -3) if left else (-3, -1)
    zero, kept = zero.unsqueeze(theirs), []
    for step, *both in parts:
        shape = torch.broadcast_shapes(both[0].unsqueeze(mine).shape, zero.shape)
        small = [compact(index).unsqueeze(mine) for index in both]
        if math.prod(torch.broadcast_shapes(small[0].shape, compact(zero).shape)) > _MOST_TRIPLES:
            raise NoRule(f"{call.op} with so large a mask")
        kept.append(Part(step, *(thin(torch.where(compact(zero), 0, index)).expand(shape) for index in small)))
    return [part for part in kept if bool(part.rows.any())]


_MOST_TRIPLES = 20_000_000
"""Elements of both factors of a masked product, paired, at most."""

PRODUCTS: dict[str, Rule] = {
    "mm": _product("self", "mat2"),
    "bmm": _product("self", "mat2"),
    "addmm": _product("mat1", "mat2", "self"),
    "baddbmm": _product("batch1", "batch2", "self"),
}  # fmt: skip

RULES = ELEMENTWISE | MOVES | WINDOWS | ALONG | PRODUCTS
