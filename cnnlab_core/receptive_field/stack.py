"""The receptive fields of a stack of layers (see :mod:`cnnlab_core.models.stack`), and stacks worth looking at."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from cnnlab_core.errors import InputError
from cnnlab_core.models.stack import Row, build_layers, map_sides
from cnnlab_core.receptive_field.fields import ReceptiveField, receptive_fields

MOST_SIDE = 1024
"""Of the pictures, in pixels."""


@dataclass(frozen=True)
class Preset:
    """A stack worth looking at, and the side of the pictures that it takes."""

    text: str
    side: int
    about: str


PRESETS: dict[str, Preset] = {
    "AlexNet 2012": Preset(
        "c11s4,m3s2,c5p2,m3s2,c3p1,c3p1,c3p1,m3s2",
        227,
        "As in the paper: 227 × 227, no padding in the first layer, 55 × 55 after it.",
    ),
    "AlexNet torchvision": Preset(
        "c11s4p2,m3s2,c5p2,m3s2,c3p1,c3p1,c3p1,m3s2",
        224,
        "224 × 224 with padding 2: 55 × 55 again, but every field begins 2 pixels earlier.",
    ),
    "VGG-16 front": Preset(
        "c3p1,c3p1,m2s2,c3p1,c3p1,m2s2,c3p1,c3p1,c3p1,m2s2",
        224,
        "Only 3 × 3, again and again; each pooling doubles what the next 3 × 3 adds.",
    ),
    "Dilated": Preset(
        "c3p1,c3p2d2,c3p4d4,c3p8d8,c3p16d16",
        128,
        "The dilation doubles from layer to layer: the field grows as fast as with pooling, the map stays as it is.",
    ),
    "Three 3 × 3": Preset("c3,c3,c3", 32, "Together they see 7 × 7, with 27 weights where one 7 × 7 has 49."),
    "One 7 × 7": Preset("c7", 32, "Sees what three 3 × 3 see, in one step."),
}


def stack_fields(rows: Sequence[Row], side: int) -> list[ReceptiveField]:
    """The field of each row's units on pictures ``side`` × ``side``; they are named conv1, pool1, conv2, ...

    Raises ``InputError`` that says which row can't be and which number to change.
    """
    if not 1 <= side <= MOST_SIDE:
        raise InputError(f"The input is 1 to {MOST_SIDE} pixels wide, not {side}.")
    map_sides(rows, side)
    with torch.device("meta"):
        network = build_layers(rows).eval()
    fields = receptive_fields(network, (side, side))
    return [fields[name] for name, _ in network.named_children()]
