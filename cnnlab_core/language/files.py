"""Networks that continue a text, as files: a description (JSON) beside its weights (safetensors).

They lie where networks for pictures do (see ``cnnlab_core.models.exports``) and differ by the form that they name.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from cnnlab_core.checks import by_annotation
from cnnlab_core.data.text import MOST_CHARACTERS
from cnnlab_core.errors import InputError, LabError, WeightsError
from cnnlab_core.language.model import CharacterModel
from cnnlab_core.language.network import CELLS, RecurrentNetwork
from cnnlab_core.models.exports import SHIPPED, exports_folder, is_file_name, read_description

TEXT_FORM = "cnnlab-text-1"
MOST_HIDDEN = 512
MOST_EMBEDDING = 256
MOST_LAYERS = 2


def character_models() -> tuple[str, ...]:
    """The names under which networks can be loaded: the lab's own, then ``run:<id>``."""
    return tuple(
        f"{prefix}{path.stem}"
        for folder, prefix in ((SHIPPED, ""), (exports_folder(), "run:"))
        for path in sorted(folder.glob("*.json"))
        if is_file_name(path.stem) and _describes_one(path)
    )


@by_annotation
def load_character_model(name: str = "names_lstm") -> CharacterModel:
    """The network called ``name``, shared by all who ask for it: frozen, in float32, on the CPU.

    Raises ``InputError`` for an unknown name and ``WeightsError`` for files that are damaged.
    """
    if name not in character_models():
        raise InputError(f"There is no network “{name[:60]}”. Choose one of {', '.join(character_models())}.")
    folder = exports_folder() if name.startswith("run:") else SHIPPED
    path = folder / f"{name.removeprefix('run:')}.json"
    return _loaded(path, name, path.stat().st_mtime_ns)


@by_annotation
def describe_character_model(name: str) -> dict[str, Any]:
    """What the file of a network says of it: title, about, licence, source, scores, config."""
    load_character_model(name)
    folder = exports_folder() if name.startswith("run:") else SHIPPED
    return read_description(folder / f"{name.removeprefix('run:')}.json", TEXT_FORM)


def build_character_model(about: Mapping[str, Any], state: Mapping[str, torch.Tensor], **more: str) -> CharacterModel:
    """A frozen network of a description's ``network`` and ``characters``, and its weights.

    Raises ``WeightsError`` where they don't fit each other, or are larger than what the lab trains.
    """
    try:
        shape = about["network"]
        kind, sizes = str(shape["kind"]), [int(shape[name]) for name in ("embedding", "hidden", "layers")]
        characters = [str(character) for character in about["characters"]]
        in_bounds = all(
            1 <= size <= most for size, most in zip(sizes, (MOST_EMBEDDING, MOST_HIDDEN, MOST_LAYERS), strict=True)
        )
        single = all(len(character) == 1 for character in characters) and len(set(characters)) == len(characters)
        if not (kind in CELLS and in_bounds and single and 2 <= len(characters) <= MOST_CHARACTERS):
            raise ValueError
        network = RecurrentNetwork(kind, len(characters), *sizes)
        network.load_state_dict({name: value.float() for name, value in state.items()})
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError):
        raise WeightsError("These weights don't fit the network that is described. Export it again.") from None
    return CharacterModel(network.eval().requires_grad_(False), characters, **more)


def _describes_one(path: Path) -> bool:
    try:
        read_description(path, TEXT_FORM)
        return True
    except LabError:
        return False


@lru_cache(maxsize=8)
def _loaded(path: Path, name: str, modified: int) -> CharacterModel:  # its time: a changed file anew
    about = read_description(path, TEXT_FORM)
    try:
        content = path.with_suffix(".safetensors").read_bytes()
        if hashlib.sha256(content).hexdigest() != about["sha256"]:
            raise ValueError
        state = load(content)
    except (OSError, KeyError, ValueError, SafetensorError):
        raise WeightsError(f"The weights of {name} are missing or damaged. Export the network again.") from None
    return build_character_model(about, state, name=name, title=str(about.get("title", name))[:80])
