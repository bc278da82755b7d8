"""Whether a config can be trained at all, found out before anything starts."""

from dataclasses import dataclass

import torch

from cnnlab_core.data import find_data
from cnnlab_core.data.own import own_path
from cnnlab_core.data.sources import Source
from cnnlab_core.training.config import Config
from cnnlab_core.training.nets import build_net


@dataclass(frozen=True)
class Facts:
    """What is known before the start: the data, its pictures' side, and the weights the network will have."""

    source: Source
    side: int
    classes: int
    parameters: int


def check(config: Config) -> Facts:
    """Raise ``InputError`` for a config whose data or network can't be; else what is known about it."""
    source = find_data(config.data)
    side, classes = 32, 10
    if config.data.startswith("own:"):
        side, classes = _shape_of_own(config.data)
    with torch.device("meta"):
        network = build_net(config.net, classes, side, config.stack)
    return Facts(source, side, classes, sum(p.numel() for p in network.parameters()))


def _shape_of_own(name: str) -> tuple[int, int]:
    """Side and number of classes of an imported set, from its file's header."""
    from cnnlab_core.data.dataset import peek

    return peek(own_path(name.removeprefix("own:")))
