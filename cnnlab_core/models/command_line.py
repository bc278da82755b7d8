"""How the lab's commands are told which network, and which of its classes."""

import argparse
from pathlib import Path

from cnnlab_core.errors import InputError
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.own import own_from_file
from cnnlab_core.models.registry import load_model
from cnnlab_core.models.zoo import DEFAULT_MODEL
from cnnlab_core.runtime.device import pick_device


def add_network(parser: argparse.ArgumentParser) -> None:
    """The arguments that ``network_of`` reads."""
    parser.add_argument("--network", default=DEFAULT_MODEL, help=f"by name (default {DEFAULT_MODEL}), or a file of "
                        "weights: .safetensors, .pt, .pth or .onnx")  # fmt: skip
    parser.add_argument("--architecture", default="", help="of a file, if its weights don't tell")
    parser.add_argument("--weights", default="pretrained", choices=("pretrained", "random"))


def network_of(options: argparse.Namespace) -> LoadedModel:
    """The network that was asked for. Raises ``InputError`` or ``WeightsError``."""
    file = Path(options.network).expanduser()
    if not file.is_file():
        return load_model(options.network, options.weights)
    own = own_from_file(file.read_bytes(), title=file.stem, architecture=options.architecture)
    return own.on(pick_device())


def class_of(model: LoadedModel, text: str) -> int:
    """A class by its number, its name, or a part of its name that no other has. Raises ``InputError``."""
    names = [name.lower() for name in model.categories]
    wanted = text.strip().lower()
    if wanted.isascii() and wanted.isdecimal() and int(wanted) < len(names):
        return int(wanted)
    found = [i for i, name in enumerate(names) if name == wanted] or [i for i, n in enumerate(names) if wanted in n]
    if len(found) == 1:
        return found[0]
    few = f"{len(found)} classes, such as {', '.join(model.categories[i] for i in found[:3])}" if found else "no class"
    raise InputError(f"{model.spec.title} has {few} called “{text[:40]}”. Give its number or its whole name.")
