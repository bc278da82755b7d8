"""The networks made of glass as the browser gets them, with a few test pictures to begin with."""

import base64
import json
from functools import cache
from typing import Any

import numpy as np
import torch

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models import LoadedModel
from cnnlab_core.network.browser import browser_network
from cnnlab_core.runtime.assets import read_asset

GLASS = ("glass_digits", "glass_cifar10")
"""The networks that are computed in the browser."""


@by_annotation
def glass_network(model: LoadedModel) -> dict[str, Any]:
    """``browser_network``, and of every layer its ``place`` and ``title`` as the page writes them."""
    described, words = browser_network(model), {layer.name: layer for layer in model.nodes()}
    for layer in described["layers"]:
        if known := words.get(layer["name"]):
            layer |= {"place": known.place, "title": known.title}
    return described


@cache
def shipped_glass(name: str) -> dict[str, Any]:
    """What ``assets/network/make.py`` wrote of a trained one: its ``network`` and ``samples``, one of each class.

    Of a sample there are its ``name`` and its ``pixels`` as base64 of bytes (channels, rows, columns).
    """
    if name not in GLASS:
        raise InputError(f"“{name}” isn't a network made of glass. Those are {' and '.join(GLASS)}.")
    found: dict[str, Any] = json.loads(read_asset("network", f"{name}.json"))
    return found


@by_annotation
def glass_sample(name: str, index: int) -> torch.Tensor:
    """The pixels (1, 3, rows, columns) in [0, 1] of a sample.

    Args:
        name: ``glass_digits`` or ``glass_cifar10``.
        index: which one, from 0: its class.

    Raises:
        InputError: for another name, and for a sample that there isn't.
    """
    samples = shipped_glass(name)["samples"]
    if not 0 <= index < len(samples):
        raise InputError(f"There are samples 0 to {len(samples) - 1}, but {index} was asked for.")
    levels = np.frombuffer(base64.b64decode(samples[index]["pixels"]), np.uint8)
    channels, *sides = shipped_glass(name)["network"]["shape"]
    return torch.from_numpy(levels.reshape(1, channels, *sides) / 255).float().expand(1, 3, *sides)
