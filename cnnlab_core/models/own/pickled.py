"""What torch.save writes, read without running it. Needs no torch.

A pickle is a small program. This reads it as data: it knows the instructions that describe numbers, texts, tables and
tensors, and nothing that a file names is ever imported or called. So it needs no trust in ``torch.load``, whose
``weights_only`` has had holes (CVE-2025-32434 before torch 2.6, CVE-2026-24747 before 2.10).
"""

import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from cnnlab_core.errors import WeightsError

STORAGES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool",
}  # fmt: skip
BYTES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1, "bool": 1,
}  # fmt: skip
"""The kinds of numbers that a file of weights may hold, and the bytes of each."""

_MOST_STEPS = 2_000_000
_MOST_INT = 2**63
_INERT = ("argparse.", "collections.", "datetime.", "numpy.", "pathlib.", "_codecs.encode", "types.SimpleNamespace")
"""What may lie beside the weights, such as the arguments of a training script: it is passed over."""


@dataclass(frozen=True)
class Storage:
    """A stretch of ``count`` numbers of one kind, by its key in the file."""

    dtype: str
    key: str
    count: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage; ``offset`` and ``stride`` count numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class Named:
    """Something of Python's, by its name only."""

    name: str


class _Mark:
    """Where the arguments of an instruction begin."""


def read_pickle(file: IO[bytes]) -> Any:
    """The dicts, lists, numbers, texts and tensors of the next pickle in ``file``, which is left behind its end.

    Raises ``WeightsError`` for anything else, by name, and for a damaged one.
    """
    try:
        return _read(pickletools.genops(file))
    except WeightsError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, StopIteration):
        raise WeightsError("This file is damaged: its table of weights can't be read.") from None


def _read(instructions: Iterator[tuple[Any, Any, Any]]) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for steps, (code, argument, _) in enumerate(instructions):
        if steps > _MOST_STEPS:
            raise WeightsError("This file lists far more things than the weights of a network.")
        match code.name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return stack.pop()
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[code.name])
            case "INT" | "BININT" | "BININT1" | "BININT2" | "LONG" | "LONG1" | "LONG4" | "FLOAT" | "BINFLOAT":
                stack.append(argument if abs(argument) < _MOST_INT else 0)
            case "UNICODE" | "BINUNICODE" | "SHORT_BINUNICODE" | "BINUNICODE8":
                stack.append(argument)
            case "STRING" | "BINSTRING" | "SHORT_BINSTRING" | "BINBYTES" | "SHORT_BINBYTES" | "BINBYTES8":
                stack.append(argument)
            case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_SET":
                stack.append({} if code.name == "EMPTY_DICT" else [])
            case "EMPTY_TUPLE":
                stack.append(())
            case "MARK":
                stack.append(_Mark)
            case "POP":
                stack.pop()
            case "POP_MARK":
                _above_mark(stack)
            case "DUP":
                stack.append(stack[-1])
            case "TUPLE":
                stack.append(tuple(_above_mark(stack)))
            case "LIST" | "FROZENSET":
                stack.append(_above_mark(stack))
            case "DICT":
                stack.append(_pairs(_above_mark(stack)))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(code.name[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "APPEND":
                item = stack.pop()
                _into(stack[-1], [item])
            case "APPENDS" | "ADDITEMS":
                items = _above_mark(stack)
                _into(stack[-1], items)
            case "SETITEM":
                items = [stack.pop(-2), stack.pop()]
                _into(stack[-1], items, pairs=True)
            case "SETITEMS":
                items = _above_mark(stack)
                _into(stack[-1], items, pairs=True)
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_named(argument.replace(" ", ".", 1)))
            case "STACK_GLOBAL":
                name = stack.pop()
                stack.append(_named(f"{stack.pop()}.{name}"))
            case "BINPERSID":
                stack.append(_storage(stack.pop()))
            case "REDUCE" | "NEWOBJ":
                arguments = stack.pop()
                stack.append(_made(stack.pop(), arguments))
            case "BUILD":
                stack.pop()  # what an object holds beside its items; of the weights' own table, versions
            case other:
                raise WeightsError(f"This file holds an instruction ({other}) that no table of weights needs.")
    raise ValueError


def _above_mark(stack: list[Any]) -> list[Any]:
    place = next(place for place in range(len(stack) - 1, -1, -1) if stack[place] is _Mark)
    items = stack[place + 1 :]
    del stack[place:]
    return items


def _pairs(items: list[Any]) -> dict[Any, Any]:
    keys, values = items[::2], items[1::2]
    return {key: value for key, value in zip(keys, values, strict=True) if isinstance(key, str | int)}


def _into(place: Any, items: list[Any], *, pairs: bool = False) -> None:
    if isinstance(place, dict) and pairs:
        place.update(_pairs(items))
    elif isinstance(place, list) and not pairs:
        place.extend(items)
    elif not isinstance(place, Named):
        raise TypeError


def _named(name: str) -> Named:
    """A name that files of weights have in them; any other is refused, though nothing would come of it."""
    module, _, last = name.rpartition(".")
    torchs = (module in ("torch", "torch.storage") and (last in STORAGES or last in BYTES)) or name in (
        "torch.Size", "torch.device", "torch.storage.UntypedStorage", "torch.nn.parameter.Parameter",
        "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
        "torch.serialization._get_layout",
    )  # fmt: skip
    if not torchs and not name.startswith(_INERT) and name not in ("builtins.set", "__builtin__.set"):
        raise WeightsError(
            f"This file holds more than weights: Python objects ({name[:80]}), which could run code, so it was "
            "refused. Save only the weights: torch.save(model.state_dict(), path)."
        )
    return Named(name)


def _storage(identity: Any) -> Storage:
    kind, storage, key, _, count, *view = identity
    dtype = STORAGES.get(storage.name.rpartition(".")[2])
    if kind != "storage" or any(part is not None for part in view):
        raise ValueError
    if dtype is None:
        raise WeightsError(f"This file holds numbers of a kind that weights don't have ({storage.name}).")
    return Storage(dtype, str(key), _count(count))


def _made(what: Named, arguments: tuple[Any, ...]) -> Any:
    match what.name:
        case "torch._utils._rebuild_tensor_v2" | "torch._utils._rebuild_tensor":
            storage, offset, shape, stride = arguments[:4]
            if not isinstance(storage, Storage):
                raise TypeError
            return Tensor(storage, _count(offset), tuple(map(_count, shape)), tuple(map(_count, stride)))
        case "torch._utils._rebuild_parameter" | "torch.nn.parameter.Parameter":
            return arguments[0]
        case "torch.Size":
            return tuple(map(_count, arguments[0]))
        case "collections.OrderedDict" | "collections.Counter":
            items = arguments[0] if arguments else {}
            return dict(items) if isinstance(items, dict) else _pairs([part for pair in items for part in pair])
        case "collections.defaultdict":
            return {}
        case "builtins.set" | "__builtin__.set":
            return list(arguments[0]) if arguments else []
        case name:
            return Named(name)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    if value < 0:
        raise WeightsError("This file is damaged or made up: one of its tensors has a negative size.")
    return value
