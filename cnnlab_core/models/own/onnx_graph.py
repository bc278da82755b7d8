"""From the graph of an ONNX file to a network of torch's own layers.

Layers with weights become ``nn.Conv2d``, ``nn.Linear`` and the like, all else the torch function of the same name, so
torch.fx, receptive fields and gradients see what they see in any network. A file exported for one picture answers
batches too: the axis of the batch is followed through the graph, and every reshape is told where it goes.
(Operators: https://onnx.ai/onnx/operators/.)
"""

import math
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from cnnlab_core.errors import WeightsError
from cnnlab_core.models.exports import SIDES

Shapes = tuple[torch.Tensor, torch.Tensor]
"""A value for two and for three pictures: of the network's own, tensors on the meta device; of shapes, numbers."""

_BATCHES = (2, 3)
_PICTURE = "<picture>"


@dataclass(frozen=True)
class Call:
    """A step: the layer at a path or a function; the names of what it reads, of what it makes, and of what it ends."""

    do: str | Callable[..., Any]
    reads: tuple[str, ...]
    makes: str
    drops: tuple[str, ...] = ()


class Part(nn.Module):
    """A place in the network's names."""


class Converted(nn.Module):
    """A network made from an ONNX graph: its steps, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.answer = ""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the graph's answer is for normalised pictures (N, C, H, W)."""
        values: dict[str, Any] = {_PICTURE: x}
        for call in self.calls:
            read = [values[name] if name in values else getattr(self, name) for name in call.reads]
            values[call.makes] = (self.get_submodule(call.do) if isinstance(call.do, str) else call.do)(*read)
            for name in call.drops:
                del values[name]
        return values[self.answer]


def convert(graph: dict[str, Any], tensors: dict[str, torch.Tensor], side: int | None = None) -> tuple[
    Converted, int, int, list[str]
]:  # fmt: skip
    """The network of an ONNX graph (see ``onnx_file.read_onnx``).

    Args:
        side: rows and columns of its pictures, where the file leaves them open.

    Returns:
        The network in eval mode, the channels and the side of its pictures, and sentences of what was done.

    Raises:
        WeightsError: for an operator that isn't known, by name, and a graph that isn't a classifier's.
    """
    maker = _Maker(graph, tensors)
    channels, side = maker.begin(side)
    maker.steps()
    return maker.finish(), channels, side, maker.notes


class _Maker:
    def __init__(self, graph: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        self.notes: list[str] = []
        self.network = Converted()
        self._graph = graph
        self.opset = graph["opset"]
        self.known: dict[str, torch.Tensor] = dict(tensors)
        for name, (dtype, shape, numbers) in graph["values"].items():
            self.known[name] = torch.tensor(numbers, dtype=getattr(torch, dtype)).reshape(shape)
        self.shapes: dict[str, Shapes] = {}  # shapes as numbers, for two and three pictures
        self.live: dict[str, Shapes] = {}  # what depends on the pixels
        self._stands_for: dict[str, str] = {}
        self._readers = Counter(name for node in graph["nodes"] for name in node["inputs"])
        self._held: dict[str, str] = {}

    # --- the way in and out ---

    def begin(self, side: int | None) -> tuple[int, int]:
        """Take the network's input for what it is: its channels and side."""
        inputs = self._graph["inputs"]
        if len(inputs) != 1:
            raise WeightsError(f"This ONNX network takes {len(inputs)} inputs. The lab gives it one: a picture.")
        name, shape = inputs[0]
        if not shape or len(shape) != 4:
            raise WeightsError(f"This ONNX network doesn't take pictures (N, C, H, W), but {shape or 'any shape'}.")
        last = shape[3] in (1, 3) and shape[1] not in (1, 3)
        channels, rows, cols = (shape[3], *shape[1:3]) if last else tuple(shape[1:])
        channels = channels or 3
        rows, cols = rows or cols or side or 224, cols or rows or side or 224
        if channels not in (1, 3):
            raise WeightsError(f"This ONNX network takes {channels} channels. The lab's pictures have one or three.")
        if rows != cols:
            raise WeightsError(f"This ONNX network takes pictures of {rows} × {cols}. The lab's are square.")
        if not 1 <= rows <= SIDES[1]:
            raise WeightsError(
                f"This ONNX network takes pictures of {rows} × {rows}. A visitor's network may take up to {SIDES[1]}."
            )
        if side and side != rows:
            self.notes.append(f"The file says {rows} × {rows} pixels, so that is what its pictures are resized to.")
        self.live[_PICTURE] = tuple(torch.empty(n, channels, rows, rows, device="meta") for n in _BATCHES)  # type: ignore[assignment]
        self._stands_for[name] = _PICTURE
        if last:
            self.notes.append("It takes its channels last (N, H, W, C): a step before it reorders them.")
            self._stands_for[name] = self._call(lambda x: x.permute(0, 2, 3, 1), [_PICTURE], f"{name}_last")
        return channels, rows

    def finish(self) -> Converted:
        network = self.network
        answer = self._stands_for.get(self._answer, self._answer)
        if answer not in self.live:
            raise WeightsError("The answer of this ONNX network doesn't depend on the picture.")
        two, three = (value.shape for value in self.live[answer])
        if len(two) == 4 and two[2:] == (1, 1):
            answer = self._call(lambda x: x.flatten(1), [answer], "flat_answer")
            two, three = (value.shape for value in self.live[answer])
        if len(two) != 2 or (two[0], three[0]) != _BATCHES or two[1] < 2:
            raise WeightsError(
                f"This ONNX network answers with {list(two[1:])} numbers for a picture, not with a number for each of "
                "two or more classes."
            )
        network.answer = answer
        needed, kept = {answer, _PICTURE}, []
        for call in reversed(network.calls):
            if call.makes in needed:
                done = {name for name in call.reads if name in self.live} - needed
                kept.append(replace(call, drops=tuple(done)))
                needed |= set(call.reads)
        network.calls = kept[::-1]
        return network.eval().requires_grad_(False)

    def steps(self) -> None:
        """All nodes that the answer needs, in their order."""
        nodes = self._graph["nodes"]
        makers = {name: node for node in nodes for name in node["outputs"]}
        outputs = [name for name in self._graph["outputs"] if name in makers]
        if not outputs:
            raise WeightsError("This ONNX network has no answer.")
        known = {name.removeprefix("_op_").lower() for name in dir(self) if name.startswith("_op_")} | _PLAIN.keys()
        unknown: Counter[str] = Counter()
        for self._answer in outputs:
            needed = self._needed(self._answer, makers)
            unknown = Counter(
                (f"{node['domain']}." if node.get("domain") else "") + node["operator"]
                for node in nodes
                if id(node) in needed and (node.get("domain") or node["operator"].lower() not in known)
            )
            if not unknown:
                break
        if unknown:
            names = ", ".join(f"{name} ({count} times)" if count > 1 else name for name, count in unknown.items())
            raise WeightsError(f"This ONNX network has operators that the lab doesn't know: {names}.")
        last = makers.get(self._answer)
        while last and last["operator"] in ("Softmax", "LogSoftmax", "Identity"):
            if last["operator"] != "Identity":
                self.notes.append(f"Its last step, {last['operator'].lower()}, is left out: the lab works with logits.")
            self._answer = last["inputs"][0]
            last = makers.get(self._answer)
        needed = self._needed(self._answer, makers)
        for index, node in enumerate(nodes):
            if id(node) in needed:
                try:
                    self._step({"index": index, **node})
                except (RuntimeError, ValueError, IndexError, KeyError, TypeError, NotImplementedError) as error:
                    raise WeightsError(
                        f"The lab can't follow {node['operator']} ({node['name'] or 'without a name'}) of this ONNX "
                        f"network: {str(error).splitlines()[0][:200] if str(error) else type(error).__name__}."
                    ) from error

    def _needed(self, answer: str, makers: dict[str, Any]) -> set[int]:
        needed: set[int] = set()
        todo = [answer]
        while todo:
            node = makers.get(todo.pop())
            if node is not None and id(node) not in needed:
                needed.add(id(node))
                todo += node["inputs"]
        return needed

    # --- one node ---

    def _step(self, node: dict[str, Any]) -> None:
        operation, out = node["operator"], node["outputs"][0]
        inputs = [self._stands_for.get(name, name) for name in node["inputs"]]
        attributes = {
            name: self.known[value["tensor"]] if isinstance(value, dict) else value
            for name, value in node["attributes"].items()
        }
        special = getattr(self, f"_op_{operation}", None)
        if special:
            made = special({**node, "attributes": attributes}, inputs, attributes)
        else:
            made = self._plain(node, inputs, attributes)
        if made != out:
            self._stands_for[out] = made

    def _plain(self, node: dict[str, Any], inputs: list[str], attributes: dict[str, Any]) -> str:
        """A function of tensors alone: computed now where nothing in it is live."""
        do = _PLAIN[node["operator"].lower()](attributes)
        return self._apply(do, inputs, node)

    def _apply(self, do: Callable[..., Any] | nn.Module, inputs: list[str], node: dict[str, Any]) -> str:
        inputs, out = [name for name in inputs if name], node["outputs"][0]
        if any(name in self.live for name in inputs):
            return self._call(do, inputs, out, node)
        if any(name in self.shapes for name in inputs):
            pairs = [self.shapes[name] if name in self.shapes else (self.known[name],) * 2 for name in inputs]
            self._tell(out, do(*(pair[0] for pair in pairs)), do(*(pair[1] for pair in pairs)))
        else:
            self.known[out] = do(*(self.known[name] for name in inputs))
        return out

    def _tell(self, out: str, two: torch.Tensor, three: torch.Tensor) -> None:
        """Keep what is computed of shapes: a constant, where the number of pictures isn't in it."""
        if two.shape == three.shape and torch.equal(two, three):
            self.known[out] = two
        else:
            self.shapes[out] = two, three

    def _call(self, do: Callable[..., Any] | nn.Module, inputs: list[str], out: str, node: Any = None) -> str:
        """Write a step down, and see what shapes it gives for two and for three pictures."""
        rank = max((self.live[name][0].ndim for name in inputs if name in self.live), default=0)
        values: list[tuple[Any, Any]] = []
        reads: list[str] = []
        numbers: dict[int, float] = {}
        for place, name in enumerate(inputs):
            if name in self.live:
                values.append(self.live[name])
                reads.append(name)
                continue
            if name in self.shapes:
                raise ValueError("its numbers depend on how many pictures there are")
            constant = self.known[name]
            if constant.numel() == 1 and constant.ndim <= rank and not isinstance(do, nn.Module):
                numbers[place] = constant.item()
            else:
                reads.append(self._hold(name, constant))
                values.append((constant.to("meta"),) * 2)
        if numbers:
            do = _with_numbers(do, numbers)
        path: str | Callable[..., Any] = do
        if isinstance(do, nn.Module):
            path = self._place(do, node)
            do = deepcopy(do, {id(p): nn.Parameter(p.to("meta"), False) for p in do.parameters()}
                          | {id(b): b.to("meta") for b in do.buffers()})  # fmt: skip
        with torch.no_grad():
            made = do(*(value[0] for value in values)), do(*(value[1] for value in values))
        self.live[out] = made
        self.network.calls.append(Call(path, tuple(reads), out))
        return out

    def _hold(self, name: str, tensor: torch.Tensor) -> str:
        """A constant as the network's own, under a name that it may have."""
        held = "constant_" + re.sub(r"\W", "_", name)
        while self._held.setdefault(held, name) != name:
            held += "_"
        if held not in self.network._buffers:
            self.network.register_buffer(held, tensor.float() if tensor.is_floating_point() else tensor)
        return held

    def _place(self, layer: nn.Module, node: dict[str, Any]) -> str:
        """Put a layer where its weights' name says that it was, or its node's."""
        weight = node["inputs"][1] if len(node["inputs"]) > 1 else ""
        if weight.endswith(".weight"):
            path = weight.removesuffix(".weight")
        else:
            parts = node["name"].strip("/").split("/")
            parts = parts[:-1] if len(parts) > 1 else parts
            path = ".".join(
                part for part, after in zip(parts, [*parts[1:], ""], strict=True) if not after.startswith(f"{part}.")
            )
        names = [re.sub(r"\W", "_", name) for name in path.split(".") if name]
        names = names or [f"{node['operator'].lower()}_{node['index']}"]
        if hasattr(nn.Module, names[0]) or names[0] in ("calls", "answer"):
            names[0] += "_"
        place: nn.Module = self.network
        for above, name in enumerate(names[:-1]):
            below = names[above + 1]
            if name not in dict(place.named_children()):
                place.add_module(name, nn.Sequential() if below.isdecimal() else Part())
            child = place.get_submodule(name)
            if type(child) not in (Part, nn.Sequential):
                names = [*names[:above], "_".join(names[above:])]
                break
            place = child
        last, count = names[-1], 2
        while names[-1] in dict(place.named_children()):
            names[-1], count = f"{last}_{count}", count + 1
        place.add_module(names[-1], layer)
        return ".".join(names)

    def _constant(self, name: str) -> torch.Tensor:
        if name in self.shapes:
            two, three = self.shapes[name]
            if torch.equal(two, three):
                return two
        if name not in self.known:
            raise ValueError("what has to be a constant is computed from the picture")
        return self.known[name]

    def _numbers(self, name: str) -> list[int]:
        return [int(value) for value in self._constant(name).reshape(-1).tolist()]

    def _batch_axis(self, name: str) -> int | None:
        two, three = (value.shape for value in self.live[name])
        axes = [axis for axis, (a, b) in enumerate(zip(two, three, strict=True)) if a != b]
        if len(axes) > 1:
            raise ValueError("several axes depend on how many pictures there are")
        return axes[0] if axes else None

    # --- shapes ---

    def _op_Constant(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        (name, value), *_ = attributes.items()
        if name in ("value_float", "value_floats"):
            value = torch.tensor(value, dtype=torch.float32)
        self.known[node["outputs"][0]] = value if isinstance(value, torch.Tensor) else torch.tensor(value)
        return node["outputs"][0]

    def _op_Identity(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        return inputs[0]

    _op_Dropout = _op_Identity

    def _op_Cast(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        kind = {1: torch.float32, 6: torch.int64, 7: torch.int64, 9: torch.bool, 10: torch.float32, 11: torch.float32}
        if attributes["to"] not in kind:
            raise ValueError(f"it casts to kind {attributes['to']}")
        to = kind[attributes["to"]]
        if inputs[0] in self.live and self.live[inputs[0]][0].dtype == to:
            return inputs[0]
        return self._apply(lambda x: x.to(to), inputs, node)

    def _op_Shape(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        out, cut = node["outputs"][0], slice(attributes.get("start", 0), attributes.get("end"))
        if inputs[0] in self.live:
            self._tell(out, *(torch.tensor(list(value.shape)[cut]) for value in self.live[inputs[0]]))
        else:
            self.known[out] = torch.tensor(list(self._constant(inputs[0]).shape)[cut])
        return out

    def _op_ConstantOfShape(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        value = attributes.get("value", torch.zeros(1))

        def fill(shape: torch.Tensor) -> torch.Tensor:
            if math.prod(shape.tolist()) > 10**7:
                raise ValueError("it makes a tensor of many millions of numbers")
            return torch.full(tuple(shape.tolist()), value.item(), dtype=value.dtype)

        return self._apply(fill, inputs, node)

    def _op_Reshape(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        name, target = inputs
        if name not in self.live:
            return self._apply(lambda x, shape: x.reshape(shape.tolist()), inputs, node)
        given = [list(value.shape) for value in self.live[name]]
        axis = self._batch_axis(name)
        if target in self.shapes:
            two, three = (self._resolved(one, shape) for one, shape in zip(self.shapes[target], given, strict=True))
            moved = [place for place, (a, b) in enumerate(zip(two, three, strict=True)) if a != b]
            shape = [-1 if place in moved[:1] else length for place, length in enumerate(two)]
            return self._call(_reshaped(shape), [name], node["outputs"][0])
        one = given[0].copy()
        if axis is not None:
            one[axis] = one[axis] // _BATCHES[0]
        shape = self._resolved(self._constant(target), one)
        if math.prod(shape) != math.prod(one):
            raise ValueError(f"{one} can't be {shape}: export it for one picture, or for any number of them")
        if axis is not None:
            shape[_batch_in(shape, math.prod(one[axis:]))] = -1
        return self._call(_reshaped(shape), [name], node["outputs"][0])

    def _resolved(self, target: torch.Tensor, given: list[int]) -> list[int]:
        shape = [given[place] if length == 0 else int(length) for place, length in enumerate(target.tolist())]
        if -1 in shape:
            shape[shape.index(-1)] = math.prod(given) // max(1, -math.prod(shape))
        return shape

    def _op_Flatten(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        if attributes.get("axis", 1) != 1:
            raise ValueError("it flattens from another axis than the first behind the batch")
        return self._apply(lambda x: x.flatten(1), inputs, node)

    def _op_Expand(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        name, target = inputs
        if name not in self.live and target not in self.shapes:
            return self._apply(lambda x, shape: x * torch.ones(shape.tolist(), dtype=x.dtype), inputs, node)
        wanted = self.shapes[target] if target in self.shapes else (self._constant(target),) * 2
        two, three = ([int(length) for length in shape.tolist()] for shape in wanted)
        moved = [place for place, (a, b) in enumerate(zip(two, three, strict=True)) if a != b]
        if name in self.live:
            if self._batch_axis(name) is not None:
                two = [-1 if given != 1 else want for given, want in
                       zip([1] * (len(two) - self.live[name][0].ndim) + list(self.live[name][0].shape), two,
                           strict=True)]  # fmt: skip
            return self._call(lambda x: x.expand(two), [name], node["outputs"][0])
        if moved != [0] or two[0] != _BATCHES[0]:
            raise ValueError("a constant is repeated in another way than once for each picture")
        return self._call(_for_each(two[1:]), [name, _PICTURE], node["outputs"][0])

    def _op_Concat(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        axis = attributes["axis"]
        if any(name in self.live for name in inputs) and axis != 0:
            inputs = [self._each(name, node) for name in inputs]
        if any(name in self.live for name in inputs):
            return self._call(lambda *parts: torch.cat(parts, axis), inputs, node["outputs"][0])
        return self._apply(lambda *parts: torch.cat(parts, axis), inputs, node)

    def _each(self, name: str, node: Any) -> str:
        """A constant for one picture, once for each picture."""
        if name not in self.known or self.known[name].shape[0] != 1:
            return name
        do = _for_each(self.known[name].shape[1:])
        return self._call(do, [name, _PICTURE], f"{name} for each {node['index']}")

    def _op_Squeeze(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        axes = attributes.get("axes") or (self._numbers(inputs[1]) if len(inputs) > 1 else None)
        if axes is None:
            raise ValueError("it doesn't say which axes")
        return self._apply(lambda x: x.squeeze(tuple(axes)), inputs[:1], node)

    def _op_Unsqueeze(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        axes = attributes.get("axes") or self._numbers(inputs[1])

        def unsqueeze(x: torch.Tensor) -> torch.Tensor:
            for axis in sorted(axes):
                x = x.unsqueeze(axis)
            return x

        return self._apply(unsqueeze, inputs[:1], node)

    def _op_Transpose(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        order = attributes.get("perm")
        if order is None:
            raise ValueError("it doesn't say in which order")
        return self._apply(lambda x: x.permute(order), inputs, node)

    def _op_Slice(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        if self.opset < 10 or len(inputs) == 1:
            starts, ends = attributes["starts"], attributes["ends"]
            axes, steps = attributes.get("axes") or range(len(starts)), [1] * len(starts)
        else:
            starts, ends, *more = (self._numbers(name) if name else [] for name in inputs[1:])
            axes = (more[0] if more else None) or range(len(starts))
            steps = (more[1] if len(more) > 1 else None) or [1] * len(starts)
        whole = all(start == -1 and end < -(2**31) + 2 for start, end, step in zip(starts, ends, steps, strict=True))
        if min(steps) < 1 and not (whole and set(steps) == {-1}):
            raise ValueError("it takes a part backwards")

        def cut(x: torch.Tensor) -> torch.Tensor:
            if steps[0] < 0:
                return x.flip(tuple(axes))
            for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
                x = x[(slice(None),) * axis + (slice(start, end if end < 2**31 - 1 else None, step),)]
            return x

        if inputs[0] in self.live:
            rank = self.live[inputs[0]][0].ndim
            axes = [axis % rank for axis in axes]
            if self._batch_axis(inputs[0]) in axes:
                raise ValueError("it takes some of the pictures apart from the others")
        else:
            axes = [axis % max(1, self._rank(inputs[0])) for axis in axes]
        return self._apply(cut, inputs[:1], node)

    def _rank(self, name: str) -> int:
        return (self.shapes[name][0] if name in self.shapes else self._constant(name)).ndim

    def _op_Split(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        axis, outs = attributes.get("axis", 0), node["outputs"]
        sizes = attributes.get("split") or (self._numbers(inputs[1]) if len(inputs) > 1 and inputs[1] else None)
        length = self.live[inputs[0]][0].shape[axis]
        each = -(-length // len(outs))
        sizes = sizes or [each] * (len(outs) - 1) + [length - each * (len(outs) - 1)]
        first = 0
        for out, size in zip(outs, sizes, strict=True):
            self._call(_part_of(axis, first, first + size), inputs[:1], out)
            first += size
        return outs[0]

    def _op_Gather(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        axis, index = attributes.get("axis", 0), self._constant(inputs[1])
        if inputs[0] in self.live and self.live[inputs[0]][0].ndim == 1 and index.ndim > 1 and len(index) == 1:
            # Of all numbers of a picture, laid out one behind the other: what torch writes for as_strided.
            count, places, shape = self.live[inputs[0]][0].numel() // _BATCHES[0], index.flatten().tolist(), index.shape
            if places == list(range(count)):
                return self._apply(lambda x: x.reshape(-1, *shape[1:]), inputs[:1], node)
            return self._apply(lambda x: x.reshape(-1, count)[:, places].reshape(-1, *shape[1:]), inputs[:1], node)
        if inputs[0] in self.live and self._batch_axis(inputs[0]) == axis % self.live[inputs[0]][0].ndim:
            raise ValueError("it takes some of the pictures apart from the others")
        if index.ndim == 0:
            return self._apply(lambda x: x.select(axis, int(index)), inputs[:1], node)
        if inputs[0] in self.live and index.ndim == 1:
            chosen = index.tolist()
            if all(place == chosen[0] + step for step, place in enumerate(chosen)) and chosen[0] >= 0:
                return self._apply(_part_of(axis, chosen[0], chosen[-1] + 1), inputs[:1], node)
            return self._apply(lambda x: torch.cat([x.narrow(axis, i, 1) for i in chosen], axis), inputs[:1], node)
        if axis < 0:
            raise ValueError("it picks a table of places from an axis counted from the end")
        chosen = index.tolist()
        return self._apply(lambda x: x[(slice(None),) * axis + (chosen,)], inputs[:1], node)

    def _op_Pad(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        pads = attributes.get("pads") or self._numbers(inputs[1])
        value = self._constant(inputs[2]).item() if len(inputs) > 2 and inputs[2] else attributes.get("value", 0.0)
        rank = len(pads) // 2
        if len(inputs) > 3 and inputs[3]:
            raise ValueError("it names its axes")
        flat = [pads[axis + part * rank] for axis in reversed(range(rank)) for part in (0, 1)]
        mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}[attributes.get("mode", "constant")]
        if rank == 4 and not any(flat[4:]):
            if mode == "constant" and value == 0:
                return self._apply(nn.ZeroPad2d((flat[0], flat[1], flat[2], flat[3])), inputs[:1], node)
            flat = flat[:4]
        if not any(flat):
            return inputs[0]
        more = {"value": value} if mode == "constant" else {}
        return self._apply(lambda x: F.pad(x, flat, mode, **more), inputs[:1], node)

    def _op_Where(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        return self._apply(lambda a, x, y: torch.where(_as_bool(a), x, y), inputs, node)

    def _op_Tile(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        times = self._numbers(inputs[1])
        return self._apply(lambda x: x.repeat(times), inputs[:1], node)

    def _op_Range(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        return self._apply(lambda a, b, c: torch.arange(a.item(), b.item(), c.item())[: 10**6], inputs, node)

    def _op_ReduceMean(self, node: Any, inputs: list[str], attributes: dict[str, Any], do: Any = torch.mean) -> str:
        axes = attributes.get("axes") or (self._numbers(inputs[1]) if len(inputs) > 1 and inputs[1] else None)
        keep = bool(attributes.get("keepdims", 1))
        if axes is None:
            if inputs[0] in self.live:
                raise ValueError("it joins all pictures")
            axes = list(range(self._rank(inputs[0])))
        if inputs[0] in self.live:
            rank = self.live[inputs[0]][0].ndim
            axes = [axis % rank for axis in axes]
            if self._batch_axis(inputs[0]) in axes:
                raise ValueError("it joins all pictures")
        return self._apply(lambda x: do(x, tuple(axes), keepdim=keep), inputs[:1], node)

    def _op_ReduceSum(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        return self._op_ReduceMean(node, inputs, attributes, torch.sum)

    def _op_ReduceMax(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        return self._op_ReduceMean(node, inputs, attributes, torch.amax)

    def _op_ReduceL2(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        return self._op_ReduceMean(node, inputs, attributes, lambda x, axes, keepdim: (x * x).sum(axes, keepdim).sqrt())

    def _op_ReduceProd(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        keep = bool(attributes.get("keepdims", 1))
        return self._apply(lambda x: x.prod(0, keepdim=keep), inputs[:1], node)

    # --- layers ---

    def _op_Conv(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        weight, bias = self._weights(inputs)
        if weight.ndim != 4:
            raise ValueError(f"its window has {weight.ndim - 2} dimensions, not two")
        kernel = weight.shape[2], weight.shape[3]
        stride = tuple(attributes.get("strides") or (1, 1))
        dilation, groups = tuple(attributes.get("dilations") or (1, 1)), attributes.get("group", 1)
        (top, bottom), (left, right) = self._pads(inputs[0], attributes, kernel, stride, dilation)
        name = inputs[0]
        padding = (top, left)
        if (top, left) != (bottom, right):
            name = self._call(nn.ZeroPad2d((left, right, top, bottom)), [name], f"{node['outputs'][0]} padded",
                              {**node, "operator": "Pad", "inputs": [], "name": f"pad_{node['index']}"})  # fmt: skip
            padding = (0, 0)
        layer = nn.Conv2d(weight.shape[1] * groups, weight.shape[0], kernel, stride, padding, dilation, groups,
                          bias is not None, device="meta")  # fmt: skip
        return self._filled(layer, {"weight": weight, "bias": bias}, [name], node)

    def _pads(
        self, name: str, attributes: dict[str, Any], kernel: Sequence[int], stride: Sequence[int],
        dilation: Sequence[int],
    ) -> list[tuple[int, int]]:  # fmt: skip
        """Rows above and below, columns left and right."""
        how = attributes.get("auto_pad", "NOTSET")
        if how in ("NOTSET", "VALID"):
            pads = attributes.get("pads") or (0, 0, 0, 0)
            return [(0, 0)] * 2 if how == "VALID" else [(pads[0], pads[2]), (pads[1], pads[3])]
        found = []
        for length, k, s, d in zip(self.live[name][0].shape[2:], kernel, stride, dilation, strict=True):
            more = max(0, (-(-length // s) - 1) * s + d * (k - 1) + 1 - length)
            few, many = more // 2, more - more // 2
            found.append((few, many) if how == "SAME_UPPER" else (many, few))
        return found

    def _weights(self, inputs: list[str]) -> tuple[torch.Tensor, torch.Tensor | None]:
        weight = self._constant(inputs[1]).float()
        return weight, self._constant(inputs[2]).float() if len(inputs) > 2 and inputs[2] else None

    def _filled(self, layer: nn.Module, tensors: dict[str, Any], inputs: list[str], node: Any) -> str:
        for name, tensor in tensors.items():
            if tensor is not None:
                held = getattr(layer, name)
                if tuple(held.shape) != tuple(tensor.shape):
                    raise ValueError(f"its {name} is {tuple(tensor.shape)}, not {tuple(held.shape)}")
                tensor = tensor.float().contiguous()
                layer._parameters.update({name: nn.Parameter(tensor, False)}) if name in layer._parameters else (
                    layer._buffers.update({name: tensor})
                )
        return self._call(layer.eval().requires_grad_(False), inputs, node["outputs"][0], node)

    def _op_BatchNormalization(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        scale, shift, mean, variance = (self._constant(name) for name in inputs[1:5])
        eps, rank = attributes.get("epsilon", 1e-5), self.live[inputs[0]][0].ndim
        kind = nn.BatchNorm2d if rank == 4 else nn.BatchNorm1d
        layer = kind(len(scale), eps, device="meta")
        layer._buffers["num_batches_tracked"] = torch.tensor(0)
        tensors = {"weight": scale, "bias": shift, "running_mean": mean, "running_var": variance}
        return self._filled(layer, tensors, inputs[:1], node)

    def _op_LayerNormalization(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        weight, bias = self._weights(inputs)
        rank = self.live[inputs[0]][0].ndim
        if attributes.get("axis", -1) % rank != rank - weight.ndim:
            raise ValueError("it normalises other axes than its weights have")
        layer = nn.LayerNorm(tuple(weight.shape), attributes.get("epsilon", 1e-5), device="meta")
        return self._filled(layer, {"weight": weight, "bias": bias if bias is not None else torch.zeros_like(weight)},
                            inputs[:1], node)  # fmt: skip

    def _op_InstanceNormalization(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        weight, bias = self._weights(inputs)
        if self.live[inputs[0]][0].ndim != 4:  # a group norm, as torch exports it
            return self._call(
                lambda x, w, b: F.instance_norm(x, None, None, w, b, eps=attributes.get("epsilon", 1e-5)),
                inputs, node["outputs"][0],
            )  # fmt: skip
        layer = nn.InstanceNorm2d(len(weight), attributes.get("epsilon", 1e-5), affine=True, device="meta")
        return self._filled(layer, {"weight": weight, "bias": bias}, inputs[:1], node)

    def _op_GroupNormalization(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        weight, bias = self._weights(inputs)
        channels, groups = self.live[inputs[0]][0].shape[1], attributes["num_groups"]
        if len(weight) != channels:  # opset 18: one for each group
            weight, bias = (value.repeat_interleave(channels // groups) for value in (weight, bias))  # type: ignore[union-attr]
        layer = nn.GroupNorm(groups, channels, attributes.get("epsilon", 1e-5), device="meta")
        return self._filled(layer, {"weight": weight, "bias": bias}, inputs[:1], node)

    def _op_LRN(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        usual = {"alpha": 1e-4, "beta": 0.75, "bias": 1.0}
        numbers = (attributes.get(name, value) for name, value in usual.items())
        return self._apply(nn.LocalResponseNorm(attributes["size"], *numbers), inputs[:1], node)

    def _op_Gemm(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        if inputs[0] not in self.live or attributes.get("transA") or inputs[1] in self.live:
            raise ValueError("it isn't a layer with weights")
        weight, bias = self._weights(inputs)
        weight = attributes.get("alpha", 1.0) * (weight if attributes.get("transB") else weight.T)
        bias = None if bias is None else attributes.get("beta", 1.0) * bias.reshape(-1).expand(len(weight))
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
        return self._filled(layer, {"weight": weight, "bias": bias}, inputs[:1], node)

    def _op_MatMul(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        if inputs[1] not in self.known or self.known[inputs[1]].ndim != 2 or inputs[0] not in self.live:
            return self._apply(torch.matmul, inputs, node)
        weight, bias, out = self.known[inputs[1]].float().T, None, node["outputs"][0]
        if self._readers[out] == 1:  # the bias is added in a step of its own
            (after,) = [one for one in self._graph["nodes"] if out in one["inputs"]]
            others = [name for name in after["inputs"] if name != out]
            if after["operator"] == "Add" and others and others[0] in self.known:
                found = self.known[others[0]]
                if found.ndim == 1 and len(found) == len(weight):
                    bias = found
                    after["operator"], after["inputs"] = "Identity", [out]
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
        return self._filled(layer, {"weight": weight, "bias": bias}, inputs[:1], node)

    def _op_MaxPool(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        kernel, stride, dilation = self._window(attributes)
        (top, bottom), (left, right) = self._pads(inputs[0], attributes, kernel, stride, dilation)
        ceil, name = bool(attributes.get("ceil_mode")), inputs[0]
        padding = (top, left)
        if (top, left) != (bottom, right) or 2 * top > kernel[0] or 2 * left > kernel[1]:
            low = [left, right, top, bottom]
            name = self._call(lambda x: F.pad(x, low, value=-torch.inf), [name], f"{node['outputs'][0]} padded")
            padding = (0, 0)
        layer = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil)
        return self._call(layer, [name], node["outputs"][0], node)

    def _op_AveragePool(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        kernel, stride, dilation = self._window(attributes)
        (top, bottom), (left, right) = self._pads(inputs[0], attributes, kernel, stride, dilation)
        counts, ceil, name = bool(attributes.get("count_include_pad")), bool(attributes.get("ceil_mode")), inputs[0]
        padding = (top, left)
        if (top, left) != (bottom, right):
            if not counts:
                raise ValueError("it pads one side more than the other and leaves the padding out")
            name = self._call(nn.ZeroPad2d((left, right, top, bottom)), [name], f"{node['outputs'][0]} padded",
                              {**node, "operator": "Pad", "inputs": [], "name": f"pad_{node['index']}"})  # fmt: skip
            padding = (0, 0)
        return self._call(nn.AvgPool2d(kernel, stride, padding, ceil, counts), [name], node["outputs"][0], node)

    def _window(self, attributes: dict[str, Any]) -> tuple[Any, Any, Any]:
        kernel = tuple(attributes["kernel_shape"])
        if len(kernel) != 2:
            raise ValueError(f"its window has {len(kernel)} dimensions, not two")
        return kernel, tuple(attributes.get("strides") or (1, 1)), tuple(attributes.get("dilations") or (1, 1))

    def _op_Clip(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        bounds = [self._constant(name).item() if name else None for name in inputs[1:]]
        low, high = (*bounds, None, None)[:2] if len(inputs) > 1 else (attributes.get("min"), attributes.get("max"))
        if (low, high) == (0, 6):
            return self._apply(nn.ReLU6(), inputs[:1], node)
        return self._apply(lambda x: x.clamp(low, high), inputs[:1], node)

    def _op_PRelu(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        slopes = self._constant(inputs[1]).reshape(-1)
        return self._filled(nn.PReLU(len(slopes), device="meta"), {"weight": slopes}, inputs[:1], node)

    def _op_Einsum(self, node: Any, inputs: list[str], attributes: dict[str, Any]) -> str:
        return self._apply(lambda *parts: torch.einsum(attributes["equation"], *parts), inputs, node)


def _with_numbers(do: Any, numbers: dict[int, float]) -> Callable[..., Any]:
    def with_numbers(*given: Any) -> Any:
        left: Iterator[Any] = iter(given)
        return do(*(numbers[place] if place in numbers else next(left) for place in range(len(given) + len(numbers))))

    return with_numbers


def _reshaped(shape: Sequence[int]) -> Callable[[Any], Any]:
    shape = tuple(shape)
    return lambda x: x.reshape(shape)


def _for_each(shape: Sequence[int]) -> Callable[[Any, Any], Any]:
    """A constant once for each picture: a sum, since fx can't see that a constant is expanded by a picture's length."""
    ones = (1,) * len(shape)
    return lambda constant, picture: picture.new_zeros((picture.shape[0], *ones)) + constant.expand(1, *shape)


def _part_of(axis: int, first: int, last: int) -> Callable[[Any], Any]:
    return lambda x: x.narrow(axis, first, last - first)


def _batch_in(shape: Sequence[int], behind: int) -> int:
    """The place in a shape for one picture where the axis of the batch goes, ``behind`` which so many numbers lie."""
    below = [math.prod(shape[place + 1 :]) for place in range(len(shape))]
    alone = [place for place, length in enumerate(shape) if length == 1 and below[place] == behind]
    around = [place for place, length in enumerate(shape) if below[place] <= behind <= below[place] * length]
    inner = [place for place in around if place < len(shape) - 1]  # the last axis is features, and stays so
    ones = [place for place, length in enumerate(shape) if length == 1]
    return (alone[:1] or (ones if len(ones) == 1 else []) or inner[-1:] or around or [0])[0]


def _as_bool(x: Any) -> Any:
    return x.to(torch.bool) if isinstance(x, torch.Tensor) and x.dtype != torch.bool else x


def _divided(a: Any, b: Any) -> Any:
    whole = all(isinstance(x, torch.Tensor) and not x.is_floating_point() and not x.is_meta for x in (a, b))
    return torch.div(a, b, rounding_mode="trunc") if whole else a / b


def _larger(a: Any, b: Any) -> Any:
    a, b = (b, a) if isinstance(a, int | float) else (a, b)
    return a.clamp(min=b) if isinstance(b, int | float) else torch.maximum(a, b)


def _smaller(a: Any, b: Any) -> Any:
    a, b = (b, a) if isinstance(a, int | float) else (a, b)
    return a.clamp(max=b) if isinstance(b, int | float) else torch.minimum(a, b)


def _one(kind: Callable[..., Any], **names: tuple[str, float]) -> Callable[[dict[str, Any]], Any]:
    return lambda attributes: kind(**{ours: attributes.get(*theirs) for ours, theirs in names.items()})


def _hard_sigmoid(attributes: dict[str, Any]) -> Any:
    alpha, beta = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return nn.Hardsigmoid()
    return lambda x: (alpha * x + beta).clamp(0, 1)


def _gather_nd(attributes: dict[str, Any]) -> Any:
    if attributes.get("batch_dims"):
        raise ValueError("it takes other places of each picture")
    return lambda x, places: x[tuple(places.unbind(-1))]


_PLAIN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "relu": _one(nn.ReLU), "sigmoid": _one(nn.Sigmoid), "tanh": _one(nn.Tanh), "softplus": _one(nn.Softplus),
    "hardswish": _one(nn.Hardswish), "mish": _one(nn.Mish), "softsign": _one(nn.Softsign),
    "elu": _one(nn.ELU, alpha=("alpha", 1.0)), "celu": _one(nn.CELU, alpha=("alpha", 1.0)), "selu": _one(nn.SELU),
    "leakyrelu": _one(nn.LeakyReLU, negative_slope=("alpha", 0.01)), "hardsigmoid": _hard_sigmoid,
    "gelu": lambda attributes: nn.GELU(attributes.get("approximate", "none")),
    "softmax": lambda attributes: nn.Softmax(attributes.get("axis", -1)),
    "logsoftmax": lambda attributes: nn.LogSoftmax(attributes.get("axis", -1)),
    "globalaveragepool": lambda _: nn.AdaptiveAvgPool2d(1), "globalmaxpool": lambda _: nn.AdaptiveMaxPool2d(1),
    "add": lambda _: operator.add, "sub": lambda _: operator.sub, "mul": lambda _: operator.mul,
    "div": lambda _: _divided, "pow": lambda _: operator.pow, "max": lambda _: _larger, "min": lambda _: _smaller,
    "sum": lambda _: lambda *parts: sum(parts[1:], parts[0]), "mod": lambda _: torch.remainder,
    "erf": lambda _: torch.erf, "exp": lambda _: torch.exp, "log": lambda _: torch.log, "sqrt": lambda _: torch.sqrt,
    "abs": lambda _: torch.abs, "neg": lambda _: torch.neg, "reciprocal": lambda _: torch.reciprocal,
    "floor": lambda _: torch.floor, "ceil": lambda _: torch.ceil, "not": lambda _: torch.logical_not,
    "equal": lambda _: operator.eq, "greater": lambda _: operator.gt, "less": lambda _: operator.lt,
    "and": lambda _: torch.logical_and, "or": lambda _: torch.logical_or, "isnan": lambda _: torch.isnan,
    "scatternd": lambda _: lambda x, places, values: x.index_put(tuple(places.unbind(-1)), values),
    "gathernd": _gather_nd, "castlike": lambda _: lambda x, like: x.to(like.dtype),
}  # fmt: skip
"""Operators that are one layer or function, by what their attributes say."""
