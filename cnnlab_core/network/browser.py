"""A sequential network for the browser: its layers and weights as plain data, for ``assets/network/forward.js``."""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from cnnlab_core import checks
from cnnlab_core.errors import InputError
from cnnlab_core.models import LoadedModel
from cnnlab_core.models.stack import Grey

MOST_WEIGHTS = 300_000
"""Weights of a network that is sent to a browser: more than a megabyte of text."""


@checks.by_annotation
def browser_network(model: LoadedModel, *, fold: bool = False) -> dict[str, Any]:
    """A network as ``BrowserNetwork`` in the browser takes it.

    A network that begins with ``grey`` takes one channel there: the grey that a picture's three equal channels have.

    Args:
        model: a plain sequence of convolutions, batch norms, ReLUs, poolings and dense layers, however they nest.
        fold: batch norms are multiplied into the convolutions before them, in float64: fewer layers, equal logits.

    Returns:
        ``title``; ``classes``; ``shape`` of the pixels, (channels, rows, columns); ``layers`` in forward order, from
        "normalise" to "softmax", each a dict of ``kind``, ``name`` and its numbers, weights as base64 of little-endian
        float32. It is JSON as it stands.

    Raises:
        InputError: for a network that branches, is too large to send, or has a layer that the browser doesn't know.
    """
    title, steps = model.spec.title, model.spec.preprocessing
    weights = sum(parameter.numel() for parameter in model.network.parameters())
    if weights > MOST_WEIGHTS:
        raise InputError(f"{title} has {weights:,} weights. Up to {MOST_WEIGHTS:,} are sent to a browser.")
    mean, deviation = np.array(steps.mean), np.array(steps.std)
    modules = list(_leaves("", model.network))
    if isinstance(modules[0][1], Grey):
        # The mean of (x - mean) / std over the colours, for an x that is equal in all of them.
        spread = 1 / np.mean(1 / deviation)
        mean, deviation = np.array([np.mean(mean / deviation) * spread]), np.array([spread])
        modules = modules[1:]
    layers: list[dict[str, Any]] = [
        {"kind": "normalise", "name": "normalise", "mean": mean.tolist(), "deviation": deviation.tolist()}
    ]
    folded = False
    for place, (name, module) in enumerate(modules):
        if folded:
            folded = False
            continue
        after = modules[place + 1][1] if place + 1 < len(modules) else None
        norm = after if fold and isinstance(module, nn.Conv2d) and isinstance(after, nn.BatchNorm2d) else None
        folded = norm is not None
        layers += [{"name": name, **layer} for layer in _layers(title, name, module, norm)]
    layers.append({"kind": "softmax", "name": "softmax"})
    return {
        "title": title,
        "classes": list(model.categories),
        "shape": [len(mean), steps.crop, steps.crop],
        "layers": layers,
    }


def _leaves(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The layers of nested ``Sequential``s in forward order, with their paths."""
    if not isinstance(module, nn.Sequential):
        yield name, module
        return
    for child, inner in module.named_children():
        yield from _leaves(f"{name}.{child}" if name else child, inner)


def _layers(title: str, name: str, module: nn.Module, norm: nn.BatchNorm2d | None) -> list[dict[str, Any]]:
    """What a layer is in the browser: nothing for one that does nothing there."""
    match module:
        case nn.Conv2d() if module.padding_mode == "zeros" and not isinstance(module.padding, str):
            return [_convolution(module, norm)]
        case nn.BatchNorm2d() if module.running_mean is not None:
            scale, mean, deviation, shift = _norm(module)
            numbers = {"mean": mean, "deviation": deviation, "gamma": scale, "beta": shift}
            return [{"kind": "norm", **{key: value.tolist() for key, value in numbers.items()}}]
        case nn.ReLU():
            return [{"kind": "relu"}]
        case nn.MaxPool2d() if not (module.ceil_mode or module.return_indices):
            return [{"kind": "max pool", **_window(module)}]
        case nn.AvgPool2d() if not (module.ceil_mode or module.divisor_override) and module.count_include_pad:
            return [{"kind": "average pool", **_window(module)}]
        case nn.AdaptiveAvgPool2d() if module.output_size in (1, (1, 1)):
            return [{"kind": "average"}]
        case nn.Flatten() if (module.start_dim, module.end_dim) == (1, -1):
            return [{"kind": "flatten"}]
        case nn.Linear():
            bias = {} if module.bias is None else {"bias": _text(module.bias)}
            return [{"kind": "linear", "filters": module.out_features, "weights": _text(module.weight), **bias}]
        case nn.Dropout() | nn.Dropout2d() | nn.Identity():
            return []
    raise InputError(
        f"{title} can't run in the browser: its layer “{name or title}” is {_article(type(module).__name__)}, in a "
        "form that isn't known there. Known are convolution, batch norm, ReLU, pooling, flatten and dense layers."
    )


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'AEIOU' else 'a'} {word}"


def _convolution(module: nn.Conv2d, norm: nn.BatchNorm2d | None) -> dict[str, Any]:
    weight = module.weight.detach().double().cpu()
    bias = None if module.bias is None else module.bias.detach().double().cpu()
    if norm is not None:
        scale, mean, deviation, shift = map(torch.from_numpy, _norm(norm))
        times = scale / deviation
        weight, bias = weight * times[:, None, None, None], shift + (-mean if bias is None else bias - mean) * times
    about = {
        "kind": "convolution",
        "filters": module.out_channels,
        "channels": module.in_channels // module.groups,
        "groups": module.groups,
        **_window(module),
        "weights": _text(weight),
    }
    return about if bias is None else {**about, "bias": _text(bias)}


def _norm(module: nn.BatchNorm2d) -> tuple[np.ndarray, ...]:
    """Gamma, mean, deviation and beta of a batch norm that has learned, float64."""
    mean, variance = (value.double().cpu().numpy() for value in (module.running_mean, module.running_var))  # type: ignore[union-attr]
    ones, zeros = np.ones_like(mean), np.zeros_like(mean)
    gamma, beta = (
        usual if value is None else value.detach().double().cpu().numpy()
        for value, usual in ((module.weight, ones), (module.bias, zeros))
    )
    return gamma, mean, np.sqrt(variance + module.eps), beta


def _window(module: nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d) -> dict[str, list[int]]:
    both = {
        "kernel": module.kernel_size,
        "stride": module.stride,
        "padding": module.padding,
        "dilation": getattr(module, "dilation", 1),
    }
    return {name: [value, value] if isinstance(value, int) else list(value) for name, value in both.items()}  # type: ignore[arg-type]


def _text(values: torch.Tensor) -> str:
    return base64.b64encode(values.detach().cpu().numpy().astype("<f4").tobytes()).decode()
