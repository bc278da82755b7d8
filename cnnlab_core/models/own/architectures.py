"""Which network some weights belong to, and that network with these weights in it."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
import torchvision
from torch import nn
from torch.overrides import TorchFunctionMode
from torchvision.models.resnet import BasicBlock, ResNet

from cnnlab_core.errors import InputError, WeightsError
from cnnlab_core.models.own import timm_networks
from cnnlab_core.models.own.stored import Place
from cnnlab_core.runtime.assets import read_asset

CIFAR_RESNET = "cifar_resnet"
"""The residual networks of three groups for 32 × 32 pictures (He et al. 2015, arXiv:1512.03385, section 4.2)."""
HEADLESS_CLASSES = 10
"""Classes of a network whose file has no classifier."""

_HEADS = ("fc", "classifier", "head", "heads", "linear", "last_linear", "output")
_LEFT_OUT = ("AuxLogits", "aux1", "aux2")
Shapes = Mapping[str, Sequence[int]]


@cache
def architectures() -> tuple[str, ...]:
    """The names by which a network can be asked for: torchvision's classifiers, ``cifar_resnet``, and timm's."""
    return (*sorted(torchvision.models.list_models(module=torchvision.models)), CIFAR_RESNET, *timm_networks.names())


def guess(shapes: Shapes) -> tuple[str, ...]:
    """The architectures whose layers have these names and shapes, whatever their classes, channels and first window."""
    if _is_cifar_resnet(shapes):
        return (CIFAR_RESNET,)
    known = json.loads(read_asset("imagenet", "architectures.json"))
    return tuple(name for name, print_ in known.items() if print_ == fingerprint(shapes))


def fingerprint(shapes: Shapes) -> str:
    """What is the same in an architecture for any classes, channels of its pictures, and first window."""
    lines = []
    for name, shape in shapes.items():
        top = name.split(".")[0]
        if top in (*_HEADS, *_LEFT_OUT) or name.endswith(("num_batches_tracked", "pos_embedding")):
            continue
        window = len(shape) == 4 and shape[1] in (1, 3)  # the first layer, or of one map each
        lines.append(f"{name}:{shape[0] if window else 'x'.join(map(str, shape))}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:12]


def build(architecture: str, classes: int, shapes: Shapes | None = None) -> nn.Module:
    """The architecture for so many classes on the meta device, in the form that the ``shapes`` of its weights ask for.

    Raises ``InputError`` for a name that isn't known.
    """
    if architecture not in architectures():
        near = [name for name in architectures() if architecture.lower().replace("-", "") in name.replace("_", "")]
        hint = f" Did you mean {' or '.join(near[:3])}?" if near and architecture else ""
        places = "torchvision or timm" if timm_networks.names() else "torchvision"
        raise InputError(f"There is no architecture “{architecture[:60]}” in {places}.{hint}")
    with _WeightsOnMeta():
        if is_timms(architecture):
            return timm_networks.build(architecture, classes, shapes or {})
        if architecture == CIFAR_RESNET:
            return CifarResNet(classes, shapes or {})
        options: dict[str, object] = {}
        if architecture in ("googlenet", "inception_v3"):
            options = {"aux_logits": False, "init_weights": False}
        elif architecture.startswith("vit_") and shapes and "encoder.pos_embedding" in shapes:
            patches, window = shapes["encoder.pos_embedding"][1] - 1, int(architecture.rpartition("_")[2])
            options = {"image_size": window * math.isqrt(patches)}
        network = torchvision.models.get_model(architecture, weights=None, num_classes=classes, **options)
        stem = shapes.get(_stem(network) + ".weight") if shapes else None
        if stem and len(stem) == 4:
            _take_stem(network, stem)
    return network


def is_timms(architecture: str) -> bool:
    """Whether an architecture is called by timm's name."""
    return architecture.startswith(timm_networks.PREFIX)


class _WeightsOnMeta(TorchFunctionMode):
    """Weights are made on the meta device, without storage or beginnings; RegNet's widths, say, are computed."""

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name, first = getattr(func, "__name__", ""), args[0] if args else kwargs.get("tensor")
        if isinstance(first, torch.Tensor) and first.is_meta and name.endswith("_") and not name.startswith("_"):
            return first
        if func in (torch.empty, torch.zeros, torch.ones, torch.randn) and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def _take_stem(network: nn.Module, shape: Sequence[int]) -> None:
    """Give the first convolution as many channels as its weights have; a ResNet's may be that for small pictures."""
    path = _stem(network)
    first = network.get_submodule(path)
    assert isinstance(first, nn.Conv2d)
    small = isinstance(network, ResNet) and tuple(shape[2:]) == (3, 3)
    if shape[1] == first.in_channels and not small:
        return
    place, _, name = path.rpartition(".")
    options: dict[str, object] = {"kernel_size": first.kernel_size, "stride": first.stride, "padding": first.padding}
    if small:
        options = {"kernel_size": 3, "stride": 1, "padding": 1}
        network.maxpool = nn.Identity()
    layer = nn.Conv2d(shape[1], first.out_channels, bias=first.bias is not None, **options)  # type: ignore[arg-type]
    setattr(network.get_submodule(place), name, layer)


def _answering(network: nn.Module, head: str, classes: int) -> nn.Module:
    """The network on the meta device with so many classes."""
    last, (place, _, name) = network.get_submodule(head), head.rpartition(".")
    with torch.device("meta"):
        if isinstance(last, nn.Linear):
            layer: nn.Module = nn.Linear(last.in_features, classes, last.bias is not None)
        else:
            layer = nn.Conv2d(last.in_channels, classes, last.kernel_size, bias=last.bias is not None)  # type: ignore
    setattr(network.get_submodule(place), name, layer)
    return network


def _stem(network: nn.Module) -> str:
    return next((name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)), "")


def _head(network: nn.Module) -> str:
    return [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)][-1]


def fit(
    architecture: str, table: dict[str, Place], headless: int = HEADLESS_CLASSES
) -> tuple[nn.Module, dict[str, Place], int, int, list[str]]:
    """The architecture as these weights ask for it.

    Args:
        table: the places of the weights by their layers' names.
        headless: how many classes a network gets whose file has no classifier.

    Returns:
        The network on the meta device, the places of its weights by its own names, the numbers of its classes and of
        its pictures' channels, and sentences of what was done.

    Raises:
        WeightsError: what doesn't fit, with the layer's name and both shapes.
    """
    notes: list[str] = []
    shapes = {name: place.shape for name, place in table.items()}
    plain = build(architecture, 1000, shapes)
    head = timm_networks.head_of(plain, architecture) if is_timms(architecture) else _head(plain)
    table = dict(table)
    weight = f"{head}.weight"
    if weight not in table and (found := _other_head(plain, head, table)):
        for part in ("weight", "bias"):
            if f"{found}.{part}" in table:
                table[f"{head}.{part}"] = table.pop(f"{found}.{part}")
        notes.append(f"Its classifier is called “{found}” in the file; here it is “{head}”.")
    classes = table[weight].shape[0] if weight in table and table[weight].shape else headless
    if weight not in table:
        notes.append(
            f"The file has no classifier ({head}): one of {classes} classes with random weights stands in its place. "
            "Its maps, receptive fields and features are the network's own; its answers mean nothing."
        )
    if classes < 2:
        raise WeightsError(
            f"This network answers with {classes} number. The lab needs one for each of two or more classes."
        )
    network = build(architecture, classes, shapes) if is_timms(architecture) else _answering(plain, head, classes)
    wanted = network.state_dict()
    for name in wanted if is_timms(architecture) else ():  # VOLO's own part is called “network”, as wrappers are
        if name not in table and (rest := name.partition(".")[2]) in table and rest not in wanted:
            table[name] = table.pop(rest)
    first = _stem(network)
    if isinstance(network, ResNet) and isinstance(network.maxpool, nn.Identity):
        notes.append(
            "Its first convolution is 3 × 3, so it was taken for the form for small pictures: stride 1, no max pooling."
        )
    channels = timm_networks.takes(network)[0] if is_timms(architecture) else wanted[f"{first}.weight"].shape[1]
    if channels not in (1, 3):
        raise WeightsError(f"This network takes {channels} channels ({first}). The lab's pictures have one or three.")
    missing = [
        name for name in wanted if name not in table and not name.endswith("num_batches_tracked")
        and not (name.startswith(f"{head}.") and weight not in table)
    ]  # fmt: skip
    odd = [name for name in wanted if name in table and tuple(table[name].shape) != tuple(wanted[name].shape)]
    if odd:
        name, more = odd[0], f" So have {len(odd) - 1} others." if len(odd) > 1 else ""
        raise WeightsError(
            f"These weights aren't those of {architecture}: its layer {name.rpartition('.')[0]} has a "
            f"{name.rpartition('.')[2]} of {_times(wanted[name].shape)}, the file one of {_times(table[name].shape)}."
            f"{more}"
        )
    if missing:
        raise WeightsError(
            f"These weights aren't all of {architecture}: {len(missing)} of its {len(wanted)} tensors aren't in the "
            f"file, such as {missing[0]} ({_times(wanted[missing[0]].shape)})."
        )
    extra = [name for name in table if name not in wanted]
    if extra:
        count = f"{len(extra)} tensors" if len(extra) > 1 else "a tensor"
        notes.append(
            f"Left out: {count} that {architecture} doesn't have ({', '.join(extra[:3])}{', …' * (len(extra) > 3)})."
        )
    return network, {name: place for name, place in table.items() if name in wanted}, classes, channels, notes


def _other_head(network: nn.Module, head: str, table: Mapping[str, Place]) -> str | None:
    """Where the file has its only layer of a classifier, if that has another name than torchvision's."""
    last = network.get_submodule(head)
    features = last.in_features if isinstance(last, nn.Linear) else 0
    names = [name.removesuffix(".weight") for name, place in table.items()
             if name.split(".")[0] in _HEADS and name.endswith(".weight") and len(place.shape) == 2]  # fmt: skip
    own = network.state_dict()
    names = [name for name in names if f"{name}.weight" not in own]
    return names[0] if len(names) == 1 and table[f"{names[0]}.weight"].shape[1] == features else None


def _times(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) or "a single number"


# --- residual networks for small pictures ---------------------------------------------------------------------


class CifarResNet(nn.Module):
    """A ResNet of three groups for small pictures, as deep and wide as the ``shapes`` of its weights say."""

    def __init__(self, classes: int, shapes: Shapes) -> None:
        super().__init__()
        widths = [shapes[f"layer{group}.0.conv1.weight"][0] for group in (1, 2, 3)]
        before = shapes["conv1.weight"][0]
        self.conv1 = nn.Conv2d(shapes["conv1.weight"][1], before, 3, padding=1, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(before), nn.ReLU()
        for group, width in enumerate(widths, 1):
            blocks = 1 + max(int(match[1]) for name in shapes if (match := re.match(rf"layer{group}\.(\d+)\.", name)))
            stride = 1 if group == 1 else 2
            shortcut: nn.Module | None = None
            if f"layer{group}.0.downsample.0.weight" in shapes:
                shortcut = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))
            elif before != width or stride > 1:
                shortcut = _Thinned(stride, width - before)
            layers = [BasicBlock(before, width, stride, shortcut)]
            layers += [BasicBlock(width, width) for _ in range(blocks - 1)]
            setattr(self, f"layer{group}", nn.Sequential(*layers))
            before = width
        self.avgpool, self.flatten = nn.AdaptiveAvgPool2d(1), nn.Flatten()
        self.fc = nn.Linear(before, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes)."""
        x = self.relu(self.bn1(self.conv1(x)))
        for group in ("layer1", "layer2", "layer3"):
            x = self.get_submodule(group)(x)
        return self.fc(self.flatten(self.avgpool(x)))


class _Thinned(nn.Module):
    """Every second row and column, and maps of zeros on both sides: He et al.'s option A, which has no weights."""

    def __init__(self, stride: int, more: int) -> None:
        super().__init__()
        self.stride, self.more = stride, more

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        below = self.more // 2
        x = x[:, :, :: self.stride, :: self.stride]
        return nn.functional.pad(x, (0, 0, 0, 0, below, self.more - below))


def _is_cifar_resnet(shapes: Shapes) -> bool:
    needed = ["conv1.weight", *(f"layer{group}.0.conv{n}.weight" for group in (1, 2, 3) for n in (1, 2))]
    return (
        all(name in shapes and len(shapes[name]) == 4 for name in needed)
        and tuple(shapes["conv1.weight"][2:]) == (3, 3)
        and not any(name.startswith("layer4.") or ".conv3." in name for name in shapes)
    )
