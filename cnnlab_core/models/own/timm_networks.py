"""timm's architectures by name, where timm is installed (Wightman 2019, github.com/huggingface/pytorch-image-models).

Only names of the package's own list are built: “hf-hub:…” and folders, whose settings timm would follow, aren't in it.
Nothing is downloaded: the weights are those of the file.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from cnnlab_core.errors import InputError, WeightsError
from cnnlab_core.models.graph import first_line

PREFIX = "timm/"
"""What stands before timm's name of an architecture: some are torchvision's, too."""
Shapes = Mapping[str, Sequence[int]]


@cache
def names() -> tuple[str, ...]:
    """timm's architectures, each after ``PREFIX``; none where timm isn't installed."""
    if find_spec("timm") is None:
        return ()
    import timm

    return tuple(PREFIX + name for name in timm.list_models())


def build(architecture: str, classes: int, shapes: Shapes) -> nn.Module:
    """One of ``names`` for so many classes, and for the channels and size of pictures that the ``shapes`` ask for.

    Raises ``InputError`` for one that can't be built for them.
    """
    plain = _made(architecture, num_classes=classes)
    channels, side, _ = plain.pretrained_cfg["input_size"]  # type: ignore[index]
    stem = shapes.get(f"{_first(plain, 'first_conv')}.weight", ())
    own_stem = dict(plain.named_parameters()).get(f"{_first(plain, 'first_conv')}.weight")
    options: dict[str, Any] = {}
    if own_stem is not None and len(stem) == 4 and stem[1] != own_stem.shape[1]:
        channels = options["in_chans"] = max(1, channels * stem[1] // own_stem.shape[1])
    if (size := _side_of_patches(plain, shapes.get("pos_embed", ()))) is not None:
        side = options["img_size"] = size
    network = _made(architecture, num_classes=classes, **options) if options else plain
    network.pretrained_cfg = {**network.pretrained_cfg, "input_size": (channels, side, side)}  # type: ignore
    return network


def _made(architecture: str, **options: Any) -> nn.Module:
    import timm

    try:
        network: nn.Module = timm.create_model(architecture.removeprefix(PREFIX), pretrained=False, **options)
    except Exception as error:
        raise InputError(f"timm can't build {architecture} for these weights: {first_line(error)}.") from error
    return network


def _side_of_patches(network: nn.Module, wanted: Sequence[int]) -> int | None:
    """The size of pictures whose patches have so many embedded places, if it isn't the network's own."""
    own, patches = getattr(network, "pos_embed", None), getattr(network, "patch_embed", None)
    if patches is None or not (
        isinstance(own, nn.Parameter) and own.ndim == len(wanted) == 3 and hasattr(patches, "num_patches")
    ):
        return None
    count = wanted[1] - (own.shape[1] - patches.num_patches)  # without those of tokens
    if own.shape[1] == wanted[1] or count < 1 or math.isqrt(count) ** 2 != count:
        return None
    return math.isqrt(count) * int(patches.patch_size[0])


def head_of(network: nn.Module, architecture: str) -> str:
    """The name of its classifier; of several, the first. Raises ``WeightsError`` for none."""
    head = _first(network, "classifier")
    if not isinstance(dict(network.named_modules()).get(head), nn.Linear | nn.Conv2d):
        raise WeightsError(f"{architecture} has no classifier, so it answers with no classes. Choose one that has.")
    return head


def _first(network: nn.Module, what: str) -> str:
    """The name of a layer that timm says of an architecture; of several the first, "" for none."""
    named = network.pretrained_cfg.get(what)  # type: ignore[union-attr, operator]
    return named if isinstance(named, str) else next(iter(named or ()), "")


def takes(network: nn.Module) -> tuple[int, int]:
    """The channels, and the rows and columns, of the pictures it was built for."""
    channels, side, _ = network.pretrained_cfg["input_size"]  # type: ignore[index]
    return channels, side


def statistics(network: nn.Module) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean and deviation of the pixels in [0, 1] that timm's weights of this architecture want."""
    return tuple(network.pretrained_cfg["mean"]), tuple(network.pretrained_cfg["std"])  # type: ignore[index]


def fill_tables(network: nn.Module) -> None:
    """Compute the tables that aren't saved with the weights, such as those of relative places, where timm knows how."""
    for part in network.modules():
        lost = {name: table for name, table in part._buffers.items() if table is not None and table.is_meta}
        if lost and hasattr(part, "init_non_persistent_buffers"):
            part._buffers |= {name: torch.empty_like(table, device="cpu") for name, table in lost.items()}
            part.init_non_persistent_buffers()  # type: ignore[operator]
