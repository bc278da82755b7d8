"""Which tensors of a file are the network's, and what they are called there."""

import ast
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cnnlab_core.errors import InputError, WeightsError
from cnnlab_core.models.exports import clean_line
from cnnlab_core.models.own.pickled import BYTES
from cnnlab_core.models.own.stored import Contents, Place

Path = tuple[str, ...]

_WRAPPERS = ("module", "model", "network", "net", "_orig_mod", "backbone", "ema", "model_ema", "ema_model", "student")
"""What stands before the names of a network's own layers, where it was part of something."""
_COUNTERS = ("num_batches_tracked", "n_averaged", "updates", "decay", "num_updates")
_OLD_NAMES = (
    (r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.", r"\1\2.", "names of DenseNet's layers before torchvision 0.3"),
    (r"\.shortcut\.", ".downsample.", "its “shortcut” is what torchvision calls “downsample”"),
    (r"^linear\.", "fc.", "its “linear” is what torchvision calls “fc”"),
)
MOST_TEXT = 2_000_000
"""Characters of a text of class names."""


@dataclass(frozen=True)
class Understood:
    """What a file was taken for.

    ``architecture`` is how the network is built, ``classes`` and ``channels`` are counted in its tensors, and ``notes``
    are sentences of what was done to make them fit.
    """

    architecture: str
    classes: int
    channels: int
    side: int
    notes: tuple[str, ...]


def choose_weights(contents: Contents, part: str = "") -> tuple[dict[str, Place], list[str]]:
    """The tensors of one network by its layers' names, and sentences of what was done.

    Args:
        part: the table to take, as ``model`` or ``model_ema``, where a file holds several.
    """
    tables: dict[Path, dict[str, Place]] = {}
    for path, place in contents.tensors:
        tables.setdefault(tuple(path[:-1]), {})[path[-1]] = place
    weighty = {path: sum(len(place.shape) > 1 for place in table.values()) for path, table in tables.items()}
    most = max(weighty.values(), default=0)
    if not most:
        raise WeightsError("This file holds no weights of layers. Save them by torch.save(model.state_dict(), path).")
    rivals = [path for path in tables if 2 * weighty[path] >= most]
    names = [".".join(path) for path in rivals]
    notes = []
    chosen = 0
    if part:
        if part not in names:
            raise InputError(f"This file has no weights under “{part[:80]}”, but under {_listed(names)}.")
        chosen = names.index(part)
    elif len(rivals) > 1:
        averaged = [place for place, name in enumerate(names) if re.search("ema|averag|swa", name, re.IGNORECASE)]
        chosen = averaged[0] if averaged else max(range(len(rivals)), key=lambda place: weighty[rivals[place]])
        why = "the running average of the weights, which is what is usually evaluated" if averaged else "the most"
        notes.append(f"The file holds several sets of weights ({_listed(names)}): “{names[chosen]}” was taken, {why}.")
    elif names[chosen]:
        notes.append(f"The weights lie under “{names[chosen]}” in the file.")
    return _without_prefixes(tables[rivals[chosen]], notes), notes


def _without_prefixes(table: dict[str, Place], notes: list[str]) -> dict[str, Place]:
    while True:
        tops = Counter(name.split(".")[0] for name in table if "." in name and not name.endswith(_COUNTERS))
        top = next((top for top, count in tops.items() if top in _WRAPPERS and 5 * count >= 2 * tops.total()), None)
        if top is None:
            return {name: place for name, place in table.items() if not name.endswith(_COUNTERS[1:])}
        inside = {name.removeprefix(f"{top}."): place for name, place in table.items() if name.startswith(f"{top}.")}
        others = {name: place for name, place in table.items() if not name.startswith(f"{top}.")}
        table = {**others, **inside}
        notes.append(f"The prefix “{top}.” was taken off the names.")


def rename(table: dict[str, Place], notes: list[str]) -> dict[str, Place]:
    """The table with the names that torchvision uses today."""
    for pattern, replacement, what in _OLD_NAMES:
        renamed = {re.sub(pattern, replacement, name): place for name, place in table.items()}
        if renamed.keys() != table.keys() and len(renamed) == len(table):
            table = renamed
            notes.append(f"Renamed: {what}.")
    return table


def read_tensors(content: bytes, table: Mapping[str, Place]) -> dict[str, torch.Tensor]:
    """Copies of the numbers at these places of a file, floats as float32.

    Raises ``WeightsError`` where some of them are no numbers (NaN) or infinite.
    """
    tensors = {}
    for name, place in table.items():
        if 0 in place.shape:
            tensors[name] = torch.empty(place.shape, dtype=torch.float32)
            continue
        stored = "uint8" if place.dtype == "bool" else place.dtype
        span = bytearray(content[place.begin : place.end])
        flat = torch.frombuffer(span, dtype=getattr(torch, stored), count=len(span) // BYTES[place.dtype])
        tensor = flat.as_strided(place.shape, place.stride)
        if tensor.is_floating_point():
            tensor = tensor.float().contiguous()
            if not torch.isfinite(tensor).all():
                bad = int((~torch.isfinite(tensor)).sum())
                raise WeightsError(
                    f"Of the {tensor.numel():,} weights {name[:80]}, {bad:,} are no numbers (NaN) or infinite, so what "
                    "this network answers isn't either. Save it as it was before its training failed."
                )
        tensors[name] = (tensor != 0 if place.dtype == "bool" else tensor).clone(memory_format=torch.contiguous_format)
    return tensors


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"“{name[:60] or 'the top'}”" for name in names[:6])


# --- names of classes -----------------------------------------------------------------------------------------


def class_names(text: str) -> tuple[str, ...]:
    """The names of classes in a text: one on each line, or a JSON list, or a JSON table from numbers to names or back.

    Raises ``InputError`` for a text that is none of these.
    """
    if len(text) > MOST_TEXT:
        raise InputError(
            f"The names of the classes have at most {MOST_TEXT:,} characters, but this text {len(text):,}."
        )
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return _names_in(json.loads(text))
        except (ValueError, RecursionError):
            raise InputError(
                "The names of the classes look like JSON, but can't be read. Give one on each line."
            ) from None
    names = tuple(clean_line(line)[:60] for line in text.splitlines() if line.strip())
    if len(names) < 2:
        raise InputError(
            "Give the names of two classes or more, one on each line, in the order of the network's answers."
        )
    return names


def classes_in(words: Mapping[str, Any], count: int) -> tuple[str, ...] | None:
    """The names of ``count`` classes among the words that lie beside the weights, if they are there."""
    for key in ("classes", "class_names", "names", "labels", "categories", "class_to_idx", "idx_to_class", "id2label"):
        found: Any = None
        if isinstance(words.get(key), str):  # of safetensors and ONNX: a text
            try:
                found = json.loads(words[key])
            except (ValueError, RecursionError):
                try:
                    found = ast.literal_eval(words[key])
                except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
                    continue
        else:  # of a checkpoint: each under its own path
            pattern = re.compile(rf"(?:^|.*\.){key}\.([^.]*.*)")
            found = {match[1]: value for path, value in words.items() if (match := pattern.fullmatch(path))}
        try:
            names = _names_in(found)
        except InputError:
            continue
        if len(names) == count:
            return names
    return None


def _names_in(found: Any) -> tuple[str, ...]:
    if isinstance(found, dict) and found:
        if all(isinstance(value, int) for value in found.values()):
            found = {place: name for name, place in found.items()}
        try:
            numbered = {int(place): name for place, name in found.items()}
        except ValueError:
            raise InputError("A table of classes goes from numbers to names, or from names to numbers.") from None
        if sorted(numbered) != list(range(len(numbered))):
            raise InputError("The numbers of the classes go from 0 up, without a gap.")
        found = [numbered[place] for place in range(len(numbered))]
    if not isinstance(found, list | tuple) or len(found) < 2 or not all(isinstance(n, str | int) for n in found):
        raise InputError("The names of the classes are a list of two or more, or a table from numbers to names.")
    return tuple(clean_line(name)[:60] for name in found)
