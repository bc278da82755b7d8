"""Whether a config can be trained at all, found out before anything starts."""

from dataclasses import dataclass

import torch

from cnnlab_core.data import find_data
from cnnlab_core.data.own import own_path
from cnnlab_core.data.sources import Source
from cnnlab_core.errors import InputError
from cnnlab_core.training.config import Config
from cnnlab_core.training.nets import build_net


@dataclass(frozen=True)
class Facts:
    """What is known before the start: the data, its training pictures and their side, the weights of the network."""

    source: Source
    pictures: int
    side: int
    classes: int
    parameters: int


_SHAPES = {"cifar10": (50_000, 32, 10), "shapes": (10_000, 32, 10)}


def check(config: Config) -> Facts:
    """Raise ``InputError`` for a config whose data or network can't be; else what is known about it."""
    source = find_data(config.data)
    pictures, side, classes = _SHAPES[config.data] if config.data in _SHAPES else _shape_of_own(config.data)
    if config.crop >= side:
        raise InputError(f"Pictures of {side} × {side} can be shifted by at most {side - 1} pixels, not {config.crop}.")
    with torch.device("meta"):
        network = build_net(config.net, classes, side, config.stack)
    return Facts(source, pictures, side, classes, sum(p.numel() for p in network.parameters()))


def _shape_of_own(name: str) -> tuple[int, int, int]:
    """Training pictures, their side and the number of classes of an imported set, from its file's header."""
    from cnnlab_core.data.dataset import peek

    return peek(own_path(name.removeprefix("own:")))
