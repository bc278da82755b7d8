"""The parts of an ONNX file, read by the form of protocol buffers. Needs neither torch nor the onnx package.

ONNX is a message of messages (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); the numbers of the fields that
matter here stand below. Tensors stay where they are: their places in the file are told.
"""

import struct
from collections.abc import Iterator
from typing import Any

from cnnlab_core.errors import WeightsError
from cnnlab_core.models.own.pickled import BYTES

_DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 16: "bfloat16",
}  # fmt: skip
_MOST_NODES = 20_000
_MOST_VALUES = 200_000
"""Whole numbers and strings that are told by themselves, of all attributes together."""
_DAMAGED = "This ONNX file is damaged or incomplete. Export the network again."

Span = tuple[int, int]


def looks_like_onnx(content: bytes) -> bool:
    """Whether a file begins as a message with ONNX's version (field 1, a small number)."""
    return len(content) > 16 and content[0] == 0x08 and content[1] < 32


def read_onnx(content: bytes) -> tuple[dict[str, tuple], dict[str, Any], dict[str, Any]]:
    """The tensors' places (dtype, shape, stride, begin), the graph, and the words beside it.

    The graph has ``inputs`` and ``outputs`` (names, of inputs with their shapes, None where it is open), ``nodes``
    (operator, inputs, outputs, attributes, name) and small whole-number tensors as ``values``.
    """
    try:
        return _Reader(content).model()
    except WeightsError:
        raise
    except (IndexError, ValueError, KeyError, TypeError, struct.error, RecursionError, OverflowError):
        raise WeightsError(_DAMAGED) from None


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._tensors: dict[str, tuple] = {}
        self._values: dict[str, list] = {}
        self._told = 0

    def model(self) -> tuple[dict[str, tuple], dict[str, Any], dict[str, Any]]:
        graph: Span | None = None
        words: dict[str, Any] = {}
        opset = 0
        for number, value in self._fields((0, len(self._content))):
            if number == 7 and isinstance(value, tuple):
                graph = value
            elif number == 8 and isinstance(value, tuple):
                about = dict(self._fields(value))
                if not about.get(1) or self._text(about[1]) in ("", "ai.onnx"):
                    opset = about.get(2, 0)
            elif number == 14 and isinstance(value, tuple):  # metadata: pairs of texts
                about = dict(self._fields(value))
                words[self._text(about[1])[:200]] = self._text(about[2])[:100_000]
            elif number == 25:
                raise WeightsError(
                    "This ONNX file has functions of its own. Export it with optimize=True, or simplify it, so that "
                    "only ONNX's operators are left."
                )
        if graph is None:
            raise WeightsError(_DAMAGED)
        return self._tensors, {"opset": opset, **self._graph(graph)}, words

    def _graph(self, span: Span) -> dict[str, Any]:
        nodes: list[dict[str, Any]] = []
        inputs: list[tuple[str, list[int | None] | None]] = []
        outputs: list[str] = []
        for number, value in self._fields(span):
            if number == 1:
                nodes.append(self._node(value, len(nodes)))
                if len(nodes) > _MOST_NODES:
                    raise WeightsError(f"This ONNX file has more than {_MOST_NODES} operators.")
            elif number == 5:
                self._tensor(value)
            elif number == 11:
                inputs.append(self._input(value))
            elif number == 12:
                outputs.append(self._text(dict(self._fields(value))[1]))
            elif number == 15:
                raise WeightsError("This ONNX file has sparse weights. Export it with dense ones.")
        free = [entry for entry in inputs if entry[0] not in self._tensors and entry[0] not in self._values]
        return {"inputs": free, "outputs": outputs, "nodes": nodes, "values": self._values}

    def _node(self, span: Span, index: int) -> dict[str, Any]:
        node: dict[str, Any] = {"inputs": [], "outputs": [], "name": "", "operator": "", "attributes": {}}
        for number, value in self._fields(span):
            if number in (1, 2):
                node["inputs" if number == 1 else "outputs"].append(self._text(value))
            elif number in (3, 4):
                node["name" if number == 3 else "operator"] = self._text(value)[:200]
            elif number == 5:
                name, found = self._attribute(value, f"constant of node {index}")
                node["attributes"][name] = found
            elif number == 7 and (domain := self._text(value)) not in ("", "ai.onnx"):
                node["domain"] = domain[:80]
        return node

    def _attribute(self, span: Span, tensor: str) -> tuple[str, Any]:
        name = ""
        found: Any = None
        several: list[Any] = []
        for number, value in self._fields(span):
            if number == 1:
                name = self._text(value)
            elif number == 2:
                found = struct.unpack("<f", value.to_bytes(4, "little"))[0]
            elif number == 3:
                found = _signed(value)
            elif number == 4:
                found = self._text(value)
            elif number == 5:
                found = {"tensor": self._tensor(value, tensor)}
            elif number == 6:
                raise WeightsError("This ONNX file has branches or loops. Only networks without them can be read.")
            elif number == 7:
                several += self._numbers(value, "f", 4)
            elif number == 8:
                several += self._numbers(value, "")
            elif number == 9:
                several.append(self._text(value))
        return name, several if several or found is None else found

    def _tensor(self, span: Span, name: str = "") -> str:
        """Put a tensor's place, or what few whole numbers it holds, under its name; gives the name."""
        shape: list[int] = []
        kind = 0
        raw: Any = None
        numbers: list[int] | None = None
        for number, value in self._fields(span):
            if number == 1:
                shape += self._numbers(value, "")
            elif number == 2:
                kind = value
            elif number == 8:
                name = name or self._text(value)
            elif number == 9:
                raw = value
            elif number in (4, 10):  # floats and doubles, packed: as they lie
                if not isinstance(value, tuple):
                    raise WeightsError(_DAMAGED)
                raw = value
            elif number in (5, 7):
                numbers = [*(numbers or []), *self._numbers(value, "")]
            elif number in (13, 14) and value != 0:
                raise WeightsError(
                    "This ONNX file keeps its weights in another file. Export it with external_data=False."
                )
        if kind not in _DTYPES:
            raise WeightsError(f"A tensor of this ONNX file holds numbers of kind {kind}, which the lab doesn't know.")
        dtype = _DTYPES[kind]
        count = 1
        for length in shape:
            count *= length
        if min(shape, default=0) < 0 or count > len(self._content):
            raise WeightsError(_DAMAGED)
        if numbers is None and raw is not None and dtype in ("int64", "int32", "bool") and count <= 4096:
            begin, end = raw
            if end - begin != count * BYTES[dtype]:
                raise WeightsError(_DAMAGED)
            letter = {"int64": "q", "int32": "i", "bool": "?"}[dtype]
            numbers = list(struct.unpack_from(f"<{count}{letter}", self._content, begin))
        if numbers is not None:
            if len(numbers) != count or dtype in ("float16", "bfloat16"):
                raise WeightsError(_DAMAGED)
            self._tell(count)
            self._values[name] = [dtype, shape, numbers]
        else:
            begin, end = raw if raw is not None else (0, 0)
            if end - begin != count * BYTES[dtype]:
                raise WeightsError(_DAMAGED)
            stride = [1] * len(shape)
            for axis in range(len(shape) - 2, -1, -1):
                stride[axis] = stride[axis + 1] * shape[axis + 1]
            self._tensors[name] = (dtype, tuple(shape), tuple(stride), begin)
        return name

    def _input(self, span: Span) -> tuple[str, list[int | None] | None]:
        about = dict(self._fields(span))
        name = self._text(about[1])
        shape: list[int | None] = []
        try:
            tensor = dict(self._fields(dict(self._fields(about[2]))[1]))
            for number, value in self._fields(tensor[2]):
                if number == 1:
                    length = dict(self._fields(value)).get(1)
                    shape.append(length if isinstance(length, int) and 0 < length < 2**31 else None)
        except KeyError:
            return name, None
        return name, shape

    # --- the wire ---

    def _fields(self, span: Span) -> Iterator[tuple[int, Any]]:
        """The fields of a message: whole numbers, or the spans of what lies inside."""
        if not isinstance(span, tuple):
            raise WeightsError(_DAMAGED)
        at, end = span
        while at < end:
            key, at = self._varint(at, end)
            match key & 7:
                case 0:
                    value, at = self._varint(at, end)
                    yield key >> 3, value
                case 2:
                    length, at = self._varint(at, end)
                    if length > end - at:
                        raise WeightsError(_DAMAGED)
                    yield key >> 3, (at, at + length)
                    at += length
                case 1 | 5:
                    size = 8 if key & 7 == 1 else 4
                    yield key >> 3, int.from_bytes(self._content[at : at + size], "little")
                    at += size
                case _:
                    raise WeightsError(_DAMAGED)

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while at < end and shift < 70:
            byte = self._content[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, at
            shift += 7
        raise WeightsError(_DAMAGED)

    def _numbers(self, value: Any, letter: str, size: int = 0) -> list[Any]:
        """Numbers that were written packed, or one by one."""
        if not isinstance(value, tuple):
            return [struct.unpack(f"<{letter}", value.to_bytes(size, "little"))[0] if letter else _signed(value)]
        at, end = value
        if letter:
            self._tell((end - at) // size)
            return list(struct.unpack(f"<{(end - at) // size}{letter}", self._content[at:end]))
        found = []
        while at < end:
            number, at = self._varint(at, end)
            found.append(_signed(number))
            self._tell(1)
        return found

    def _tell(self, count: int) -> None:
        self._told += count
        if self._told > _MOST_VALUES:
            raise WeightsError("This ONNX file has far more whole numbers among its settings than a network needs.")

    def _text(self, span: Any) -> str:
        begin, end = span
        return self._content[begin : min(end, begin + 200_000)].decode("utf-8", errors="replace")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
