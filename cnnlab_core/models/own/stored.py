"""Where the tensors of a file lie: read in the helper beside the lab (``runtime.apart``), which has no torch.

What comes back is a table of places in the file, each checked to lie inside it; numbers are copied from these places
and from nowhere else. So no length that a file claims is ever believed.
"""

import io
import json
import math
import struct
import zipfile
from dataclasses import asdict, dataclass, field
from typing import Any

from cnnlab_core.errors import WeightsError
from cnnlab_core.models.own.onnx_file import looks_like_onnx, read_onnx
from cnnlab_core.models.own.pickled import BYTES, Storage, Tensor, read_pickle

_SAFETENSORS = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_MOST_HEADER = 32_000_000
_MOST_TENSORS = 100_000
_MOST_WORDS = 100_000
_DEEPEST = 6
_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # what torch wrote first before it wrote zips
_DAMAGED = "This file is damaged or incomplete: {}. Save the weights again."


@dataclass(frozen=True)
class Place:
    """A tensor's numbers: their kind, shape and stride, and where in the file the first of them begins, in bytes."""

    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    begin: int

    @property
    def end(self) -> int:
        """The byte behind its last number."""
        last = sum((length - 1) * step for length, step in zip(self.shape, self.stride, strict=True))
        return self.begin + BYTES[self.dtype] * ((last + 1) if 0 not in self.shape else 0)


@dataclass
class Contents:
    """What lies in a file: tensors by the path of their names, short ``words`` by theirs (settings, names of classes),
    and of an ONNX file its graph."""

    form: str
    tensors: list[tuple[list[str], Place]] = field(default_factory=list)
    words: dict[str, Any] = field(default_factory=dict)
    graph: dict[str, Any] | None = None


def contents(content: bytes) -> bytes:
    """The ``Contents`` of a file's bytes as JSON. Raises ``WeightsError`` with a sentence for anything else."""
    if content[:4] == b"PK\x03\x04":
        found = _zipped(content)
    elif content.startswith(_MAGIC):
        found = _before_zips(content)
    elif len(content) > 9 and content[8:9] == b"{" and content[:8] != b"{" * 8:
        found = _safetensors(content)
    elif content[:1] == b"\x80":
        read_pickle(io.BytesIO(content))  # says what it holds, if it isn't allowed
        raise WeightsError("This is a pickle without weights. Save them by torch.save(model.state_dict(), path).")
    elif looks_like_onnx(content):
        tensors, graph, words = read_onnx(content)
        found = Contents("ONNX", [([name], Place(*place)) for name, place in tensors.items()], words, graph)
    else:
        raise WeightsError(
            "This file holds no weights that the lab can read. Use .safetensors, a .pt or .pth with a state_dict, or "
            "ONNX."
        )
    if len(found.tensors) > _MOST_TENSORS:
        raise WeightsError(f"This file holds {len(found.tensors)} tensors, more than a network has.")
    for path, place in found.tensors:
        _check(".".join(path), place, len(content))
    return json.dumps(asdict(found)).encode()


def read_contents(answer: bytes) -> Contents:
    """What ``contents`` found."""
    said = json.loads(answer)
    tensors = [
        (list(path), Place(at["dtype"], tuple(at["shape"]), tuple(at["stride"]), at["begin"]))
        for path, at in said.pop("tensors")
    ]
    return Contents(tensors=tensors, **said)


def _check(name: str, place: Place, size: int) -> None:
    if len(place.shape) > 8 or len(place.shape) != len(place.stride) or place.dtype not in BYTES:
        raise WeightsError(_DAMAGED.format(f"{name[:80]} has a shape that no tensor has"))
    if min((*place.shape, place.begin), default=0) < 0:
        raise WeightsError(f"This file is damaged or made up: {name[:80]} has a negative size.")
    if place.begin + BYTES[place.dtype] * math.prod(place.shape) > size or place.end > size:
        raise WeightsError(_DAMAGED.format(f"{name[:80]} would lie beyond its end"))


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _safetensors(content: bytes) -> Contents:
    (length,) = struct.unpack_from("<Q", content)
    if length > min(_MOST_HEADER, len(content) - 8):
        raise WeightsError(_DAMAGED.format("its table is longer than itself"))
    try:
        table = json.loads(content[8 : 8 + length].decode("utf-8"))
        words = {str(key): str(value) for key, value in (table.pop("__metadata__", None) or {}).items()}
        found, taken = Contents("safetensors", words=words), []
        for name, about in table.items():
            begin, end = (int(place) for place in about["data_offsets"])
            shape = tuple(int(length) for length in about["shape"])
            if about["dtype"] not in _SAFETENSORS:
                raise WeightsError(f"{name[:80]} holds numbers of the kind {str(about['dtype'])[:20]}: save float32.")
            place = Place(_SAFETENSORS[about["dtype"]], shape, _contiguous(shape), 8 + length + begin)
            if min((*shape, begin), default=0) < 0 or end - begin != BYTES[place.dtype] * math.prod(shape):
                raise WeightsError(_DAMAGED.format(f"{name[:80]} has other bytes than its shape takes"))
            taken.append((begin, end, name))
            found.tensors.append(([name], place))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WeightsError(_DAMAGED.format("its table of tensors can't be read")) from None
    for (_, end, one), (begin, _, other) in zip(sorted(taken), sorted(taken)[1:], strict=False):
        if begin < end:
            raise WeightsError(_DAMAGED.format(f"{one[:80]} and {other[:80]} lie on the same bytes"))
    return found


def _zipped(content: bytes) -> Contents:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            entries = {entry.filename: entry for entry in file.infolist()}
            table = next((name for name in entries if name.split("/")[-1] == "data.pkl" and name.count("/") < 2), None)
            if table is None:
                raise WeightsError("This zip holds no weights saved by torch.save.")
            folder = table[: -len("data.pkl")]
            if any(name.startswith(f"{folder}code/") for name in entries):
                raise WeightsError(
                    "This is a TorchScript file: a program, not only weights. Save the weights: "
                    "torch.save(model.state_dict(), path), or export the network as ONNX."
                )
            if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries.values()):
                raise WeightsError("This zip is compressed or locked, which torch.save never does: save it again.")
            if entries[table].file_size > _MOST_HEADER:
                raise WeightsError("The table of weights in this file is far too long.")
            order = entries.get(f"{folder}byteorder")
            if order and file.read(order)[:10] != b"little":
                raise WeightsError("This file was written on a machine with another order of bytes. Use safetensors.")
            tree = read_pickle(io.BytesIO(file.read(table)))
    except (zipfile.BadZipFile, ValueError, KeyError, IndexError, struct.error, EOFError, OSError, NotImplementedError):
        raise WeightsError(_DAMAGED.format("its parts can't be read")) from None

    def begins(storage: Storage) -> int:
        entry = entries.get(f"{folder}data/{storage.key}")
        if entry is None or entry.file_size < BYTES[storage.dtype] * storage.count:
            raise WeightsError(_DAMAGED.format("numbers of its weights are missing"))
        head = content[entry.header_offset : entry.header_offset + 30]
        if len(head) < 30 or head[:4] != b"PK\x03\x04":
            raise WeightsError(_DAMAGED.format("its parts can't be read"))
        return entry.header_offset + 30 + sum(struct.unpack_from("<HH", head, 26))

    return _gathered("checkpoint", tree, begins)


def _before_zips(content: bytes) -> Contents:
    """The form before torch 1.6: the table, then the storages one behind the other, each behind its length."""
    file = io.BytesIO(content)
    _, _, about, tree, keys = (read_pickle(file) for _ in range(5))
    if not isinstance(about, dict) or about.get("little_endian") is not True or not isinstance(keys, list):
        raise WeightsError(_DAMAGED.format("its parts can't be read"))
    sizes = {storage.key: BYTES[storage.dtype] for _, tensor in _tensors(tree) if (storage := tensor.storage)}
    places, begin = {}, file.tell()
    for key in map(str, keys):
        count = int.from_bytes(content[begin : begin + 8], "little", signed=True)
        if count < 0 or begin + 8 > len(content):
            raise WeightsError(_DAMAGED.format("numbers of its weights are missing"))
        places[key] = begin + 8, count
        begin += 8 + sizes.get(key, 4) * count

    def begins(storage: Storage) -> int:
        place, count = places.get(storage.key, (0, -1))
        if count < storage.count:
            raise WeightsError(_DAMAGED.format("numbers of its weights are missing"))
        return place

    return _gathered("checkpoint", tree, begins)


def _gathered(form: str, tree: Any, begins: Any) -> Contents:
    found = Contents(form, words=_words(tree))
    for path, tensor in _tensors(tree):
        if len(tensor.shape) != len(tensor.stride) or math.prod(tensor.shape) > tensor.storage.count:
            raise WeightsError(_DAMAGED.format(f"{'.'.join(path)[:80]} has more numbers than are stored"))
        size = BYTES[tensor.storage.dtype]
        place = Place(tensor.storage.dtype, tensor.shape, tensor.stride, begins(tensor.storage) + size * tensor.offset)
        if place.end > begins(tensor.storage) + size * tensor.storage.count:
            raise WeightsError(_DAMAGED.format(f"{'.'.join(path)[:80]} would lie beyond its storage"))
        found.tensors.append((path, place))
    return found


def _tensors(tree: Any) -> list[tuple[list[str], Tensor]]:
    return [(path, leaf) for path, leaf in _leaves(tree) if isinstance(leaf, Tensor)]


def _words(tree: Any) -> dict[str, Any]:
    """Short values that stand beside the weights: what may say what the network is, and what its classes are."""
    found: dict[str, Any] = {}
    for path, leaf in _leaves(tree):
        if (
            isinstance(leaf, str | int | float)
            and len(found) < _MOST_WORDS
            and not (isinstance(leaf, float) and not math.isfinite(leaf))
        ):
            found[".".join(path)[:200]] = leaf[:200] if isinstance(leaf, str) else leaf
    return found


def _leaves(tree: Any) -> list[tuple[list[str], Any]]:
    """All that stands in dicts and lists, with the path to it; not what an optimiser keeps."""
    leaves: list[tuple[list[str], Any]] = []
    todo: list[tuple[list[str], Any]] = [([], tree)]
    while todo:
        path, value = todo.pop()
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
        if inside is None:
            leaves.append((path, value))
        elif len(path) < _DEEPEST and len(leaves) + len(todo) < 4 * _MOST_WORDS:
            todo += [([*path, str(key)], part) for key, part in inside if "optim" not in str(key)][::-1]
    return leaves
