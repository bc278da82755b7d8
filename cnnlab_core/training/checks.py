"""Whether a config can be trained at all, found out before anything starts."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from cnnlab_core.checks import by_annotation
from cnnlab_core.data import digits, find_data, open_text, split_validation
from cnnlab_core.data.dataset import peek
from cnnlab_core.data.own import own_path
from cnnlab_core.data.sources import Source
from cnnlab_core.errors import InputError
from cnnlab_core.language import RecurrentNetwork
from cnnlab_core.training.config import Config
from cnnlab_core.training.memory import refuse_large, step_bytes
from cnnlab_core.training.nets import build_net
from cnnlab_core.training.text import cut


@dataclass(frozen=True)
class Facts:
    """What is known before the start: the data, its training pictures and their side, the weights of the network.

    ``learned_from`` are the training pictures that are neither held out nor beyond the limit, ``steps`` those of an
    epoch. Of a text they are characters, ``classes`` is how many different ones there are, and ``side`` is 0.
    ``step_bytes`` are in memory at the peak of a step (see ``memory.step_bytes``).
    """

    source: Source
    pictures: int
    learned_from: int
    side: int
    classes: int
    parameters: int
    steps: int
    step_bytes: int


_COPIES = 2
"""How many times the pictures are in memory: all, and those that are held out and tested."""
MOST_NUMBERS = 500_000_000
"""Numbers that a step on text may have in memory."""
_LABELS: dict[str, tuple[Callable[[], torch.Tensor], int]] = {
    "cifar10": (lambda: torch.arange(10).repeat(5000), 32),
    "shapes": (lambda: torch.arange(10).repeat(1000), 32),
    "marked_shapes": (lambda: torch.arange(10).repeat(1000), 32),
    "digits": (digits.train_labels, digits.SIDE),
}
"""How many training pictures of each class there are, in some order, and their side."""


@by_annotation
def check(config: Config) -> Facts:
    """Raise ``InputError`` for a config whose data, network or first step can't be; else what is known about it."""
    source = find_data(config.data)
    if config.kind == "text":
        return _check_text(config, source)
    if config.data in _LABELS:
        read, side = _LABELS[config.data]
        labels, classes = read(), 10
    else:
        labels, side, classes = peek(own_path(config.data.removeprefix("own:")))
    if config.crop >= side:
        raise InputError(f"Pictures of {side} × {side} can be shifted by at most {side - 1} pixels, not {config.crop}.")
    kept = len(split_validation(labels, config.validation, config.seed, config.limit).train)
    if config.cutout > side:
        raise InputError(
            f"Pictures of {side} × {side} can't lose a square of {config.cutout}. Make the cutout smaller."
        )
    if config.first_side > side:
        raise InputError(f"Pictures of {side} × {side} can't begin with {config.first_side} pixels a side. Use fewer.")
    taken = 0
    with torch.device("meta"), torch.enable_grad():
        for seen in sorted({config.first_side or side, side}):
            network = build_net(config.net, classes, seen, config.stack)
            taken = max(taken, _try_a_step(network, min(config.batch, kept), seen))
    parameters = sum(p.numel() for p in network.parameters())
    taken += 4 * parameters * bool(config.average)
    refuse_large(taken + _COPIES * 3 * side * side * len(labels))
    return Facts(source, len(labels), kept, side, classes, parameters, max(1, kept // config.batch), taken)


def _check_text(config: Config, source: Source) -> Facts:
    text = open_text(config.data)
    learned, _ = text.split(config.validation)
    count = len(text.characters)
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[config.net]
    # Forward and back: logits and their gradient, gates and states of each layer.
    numbers = config.batch * config.window * (3 * count + 2 * config.layers * (gates + 2) * config.hidden)
    if numbers > MOST_NUMBERS:
        raise InputError(
            f"A step of {config.batch} × {config.window} characters needs {4e-9 * numbers:.1f} GB, more than "
            f"{4e-9 * MOST_NUMBERS:.0f} GB. Use a smaller batch, fewer steps back in time, or a smaller hidden size."
        )
    with torch.device("meta"):
        network = RecurrentNetwork(config.net, count, config.embedding, config.hidden, config.layers)
    parameters = sum(p.numel() for p in network.parameters())
    taken = 4 * (numbers + 4 * parameters)
    refuse_large(taken)
    return Facts(source, len(text.train), len(learned), 0, count, parameters, cut(len(learned), config)[2], taken)


def _try_a_step(network: torch.nn.Module, batch: int, side: int) -> int:
    """Forward and back on the meta device, where nothing is computed but shapes; the bytes that a step takes."""
    try:
        return step_bytes(network, torch.empty(batch, 3, side, side))
    except (ValueError, RuntimeError) as error:
        if batch == 1 and "more than 1 value per channel" in str(error):
            raise InputError(
                "With one picture in each step, a batch norm on maps of 1 × 1 has a single value for each channel, and "
                "nothing to take a variance of. Use a batch of 2 or more, or leave that norm out."
            ) from None
        raise InputError(f"Not even one step of this network can be done: {error}") from None
