"""A network of one's own becomes one of the lab's: bounded, tried, named by all that it is."""

import copy
import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from uuid import uuid4

import torch
from PIL import Image
from torch import nn
from torch.nn.parameter import is_lazy

from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.classification.softmax import Prediction, top_k
from cnnlab_core.errors import DeviceError, InputError, WeightsError
from cnnlab_core.images import to_tensor
from cnnlab_core.models.costs import Costs, costs, refuse_dear, refuse_more
from cnnlab_core.models.cuts import whole_graph
from cnnlab_core.models.exports import MOST_CLASSES, SIDES, clean_line
from cnnlab_core.models.folding import quick_copy
from cnnlab_core.models.graph import first_line
from cnnlab_core.models.loaded import LoadedModel, crop
from cnnlab_core.models.own import architectures, onnx_graph, stored, timm_networks
from cnnlab_core.models.own.pixels import Pixels, usual
from cnnlab_core.models.own.table import bytes_in_memory, remember
from cnnlab_core.models.own.understood import (
    Understood,
    choose_weights,
    class_names,
    classes_in,
    read_tensors,
    rename,
)
from cnnlab_core.models.registry import imagenet_classes
from cnnlab_core.models.spec import ModelSpec, Preprocessing, WeightsFile
from cnnlab_core.runtime.apart import EndedError, apart
from cnnlab_core.runtime.gate import Waiting
from cnnlab_core.runtime.jobs import plainly
from cnnlab_core.runtime.limits import NETWORK_MB, NETWORK_PARAMETERS, NETWORK_SECONDS, NETWORKS_MB
from cnnlab_core.runtime.short_repr import short_repr

_SMALL = 96
"""Networks for smaller pictures than these are taken to see all of a photo, and no normalisation."""
_SAME = 1e-3
"""Answers that differ by less, as a share of the largest, are the same but for rounding."""


@short_repr
@dataclass(frozen=True, eq=False)
class Own:
    """A network of one's own.

    ``bare`` takes pixels as ``pixels`` says, without a first layer for grey or BGR; ``network`` is what the lab calls,
    and ``skeleton`` its structure on the meta device. All of them are only read.
    """

    spec: ModelSpec
    pixels: Pixels
    categories: tuple[str, ...]
    bare: nn.Module
    network: nn.Module
    skeleton: nn.Module
    understood: Understood
    costs: Costs | None
    code: str = ""
    """Of a module, whose weights don't tell what its code does with them, a mark of its own."""
    _elsewhere: dict[str, nn.Module] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return _device_of(self.network)

    @cached_property
    def size(self) -> int:
        """Bytes of its weights."""
        return sum(tensor.numel() * tensor.element_size() for tensor in _tensors(self.network).values())

    @cached_property
    def _quick(self) -> nn.Module | None:
        return quick_copy(self.network)

    def on(self, device: torch.device) -> LoadedModel:
        """The model on a device."""
        network, quick = self.network, self._quick
        if device != self.device:
            with self._lock:
                network, quick = self._elsewhere.get(str(device)) or copy.deepcopy(self.network).to(device), None
                self._elsewhere[str(device)] = network
        return LoadedModel(self.spec, "pretrained", device, network, self.categories, quick, self)

    def seen_as(self, pixels: Pixels) -> "Own":
        """The same network that gets its pixels in another way."""
        return _owned(self.bare, pixels, self.spec.preprocessing.crop, self.categories, self.spec.title,
                      self.understood, self.costs, self.code)  # fmt: skip


@by_annotation
def alternatives(own: Own, picture: Image.Image, k: int = 3) -> dict[str, list[Prediction]]:
    """What is named in a picture if pixels are brought to the network in each of the usual ways, and as it is set.

    A wrong way shows: what it names is far from what is seen, or it names the same in every picture.

    Returns:
        The ``k`` most probable classes by the way's name, that which is set first, as “as set”.
    """
    x = to_tensor(crop(picture, own.spec.preprocessing)).to(own.device)
    named = {}
    for name, pixels in {"as set": own.pixels, **usual(1 if own.pixels.order == "grey" else 3)}.items():
        if name == "as set" or pixels != own.pixels:
            with torch.no_grad():
                given = pixels(x)
                logits = own.bare(given)[0].double().cpu().numpy()
            named[name] = top_k(logits, own.categories, min(k, len(own.categories)))
    return named


# --- from a module ------------------------------------------------------------------------------------------------


@by_annotation
def own_of(
    module: nn.Module,
    *,
    side: int,
    channels: int = 3,
    categories: Sequence[str] | None = None,
    pixels: Pixels | None = None,
    title: str = "Your network",
) -> Own:
    """A module as a network of one's own; what each argument is, ``LoadedModel.from_module`` says."""
    whole("side", side, 1, 4096)
    if channels not in (1, 3):
        raise InputError(f"channels is {channels}: the lab's pictures have one or three.")
    if any(map(is_lazy, (*module.parameters(), *module.buffers()))):
        raise InputError(
            "The network has lazy layers, whose sizes aren't known yet. Give it a picture once, then bring it."
        )
    bare = _copied(module, _in_float32)
    if bare._forward_hooks or bare._forward_pre_hooks:  # a graph has those of parts, but not of the whole
        bare = nn.Sequential(OrderedDict(network=bare)).eval()
    pixels = pixels or Pixels()
    if channels == 1:
        pixels = replace(pixels, order="grey")
    elif pixels.order == "grey":
        raise InputError("A network that takes grey pictures takes one channel: channels=1.")
    classes = _try(bare, channels, side)
    _refuse_overwriting(module, bare, channels, side)
    understood = Understood(type(module).__name__, classes, channels, side, ())
    return _owned(bare, pixels, side, _named(categories, classes), title, understood, None, uuid4().hex)


def _noise(network: nn.Module, channels: int, side: int) -> torch.Tensor:
    return torch.rand(2, channels, side, side, generator=torch.Generator().manual_seed(0)).to(_device_of(network))


def _in_float32(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.clone().float() if tensor.is_floating_point() else tensor.clone()


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _device_of(module: nn.Module) -> torch.device:
    return next((tensor.device for tensor in _tensors(module).values()), torch.device("cpu"))


def _copied(module: nn.Module, tensor: Any, *, in_place: bool = False) -> nn.Module:
    """The module's structure with what ``tensor`` makes of its tensors, in eval mode, frozen and out of place."""
    memo: dict[int, Any] = {}
    for part in module.modules():
        for value in (*part._parameters.values(), *part._buffers.values(), *vars(part).values()):
            if isinstance(value, torch.Tensor) and id(value) not in memo:
                made = tensor(value.detach())
                memo[id(value)] = nn.Parameter(made, False) if isinstance(value, nn.Parameter) else made
    try:
        copied = copy.deepcopy(module, memo)
    except Exception as error:
        raise InputError(f"This module can't be copied ({type(error).__name__}: {first_line(error)}).") from error
    for part in () if in_place else copied.modules():
        if hasattr(part, "inplace"):
            setattr(part, "inplace", False)  # noqa: B010  not every module has it
    return copied.eval()


@torch.inference_mode(False)
@torch.no_grad()
def _refuse_overwriting(module: nn.Module, bare: nn.Module, channels: int, side: int) -> None:
    """Raise ``InputError`` for a module that goes on with values which a layer has written over: neither its copy out
    of place nor its graph would answer as it does."""
    x = _noise(bare, channels, side)
    as_it_is = _copied(module, _in_float32, in_place=True)(x)
    ways = [bare]
    with suppress(InputError):  # one that can't be traced
        ways.append(whole_graph(bare))
    for way in ways:
        if (way(x) - as_it_is).abs().max() > _SAME * (1 + as_it_is.abs().max()):
            raise InputError(
                "The network goes on with values that a layer has written over (inplace=True, relu_, +=), and what it "
                "computes on the way can't be shown. Let it write nowhere, and see whether it still answers the same."
            )


@torch.inference_mode(False)
@torch.no_grad()
def _try(network: nn.Module, channels: int, side: int) -> int:
    """Let it answer two pictures, together and one by one; gives the number of its classes.

    Raises ``InputError`` unless the answers are logits, finite, and the same for a picture alone and beside others.
    """
    x = _noise(network, channels, side)
    try:
        together = network(x)
    except Exception as error:
        raise InputError(
            f"The network doesn't take two pictures of {channels} × {side} × {side}: {first_line(error)}."
        ) from error
    if not isinstance(together, torch.Tensor) or together.ndim != 2 or len(together) != 2 or together.shape[1] < 2:
        what = f"shape {tuple(together.shape)}" if isinstance(together, torch.Tensor) else type(together).__name__
        raise InputError(
            f"The network has to answer two pictures with logits (2, classes), but answers with {what}. Wrap it in a "
            "module that returns them."
        )
    if not torch.isfinite(together).all():
        raise InputError("What the network answers isn't finite (NaN or infinity), so nothing can be done with it.")
    alone = torch.cat([network(x[:1]), network(x[1:])])
    if (together - alone).abs().max() > _SAME * (1 + alone.abs().max()):
        raise InputError(
            "The network answers a picture otherwise when it is alone than beside another, so its answers depend on "
            "chance or on the batch. Put it into eval mode, or export it for any number of pictures."
        )
    return together.shape[1]


def _named(names: Sequence[str] | None, classes: int) -> tuple[str, ...]:
    if names is None:
        return imagenet_classes() if classes == 1000 else tuple(f"class {index}" for index in range(classes))
    cleaned = tuple(clean_line(name)[:60] for name in names)
    if len(cleaned) != classes:
        raise InputError(f"The network has {classes} classes, but there are {len(cleaned)} names.")
    return cleaned


def _owned(
    bare: nn.Module, pixels: Pixels, side: int, categories: tuple[str, ...], title: str, understood: Understood,
    found: Costs | None, code: str = "",
) -> Own:  # fmt: skip
    network = pixels.before(bare)
    digest = hashlib.sha256(
        repr((pixels, side, categories, title, type(bare).__qualname__, str(bare), understood, code)).encode()
    )
    for name, tensor in _tensors(bare).items():
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if tensor.ndim else
                      str(tensor.item()).encode())  # fmt: skip
    name = f"own:{digest.hexdigest()[:16]}"
    weights = sum(parameter.numel() for parameter in bare.parameters())
    mean, std = pixels.statistics
    whole_photo = side < 160
    spec = ModelSpec(
        name=name,
        title=clean_line(title)[:80] or "Your network",
        builder="cnnlab_core.models.own.table:skeleton",
        options=(("name", name),),
        weights=WeightsFile(name, round(4e-6 * weights, 1), sha256=digest.hexdigest(), held=True),
        preprocessing=Preprocessing(side if whole_photo else round(side * 256 / 224), side, mean=mean, std=std),
        parameters=weights,
        top1=0.0,
        licence="your own",
        source="brought by its owner",
        about=f"Your own network: {understood.architecture}, {len(categories)} classes, pictures of {side} × {side}.",
        measured="",
        classes=categories,
    )
    return remember(
        Own(spec, pixels, categories, bare, network, _copied(network, lambda t: t.to("meta")), understood, found, code)
    )


# --- from a file --------------------------------------------------------------------------------------------------


@by_annotation
def own_from_file_steps(
    content: bytes | bytearray,
    *,
    title: str = "Your network",
    architecture: str = "",
    part: str = "",
    names: str = "",
    side: int | None = None,
    pixels: Pixels | None = None,
    headless: int = architectures.HEADLESS_CLASSES,
) -> Generator[Waiting, None, Own]:
    """The network in a file: steps while its reader is waited for, and the network.

    The file is read as data, in a process beside the lab whose memory and time are bounded; nothing in it is run.

    Args:
        content: bytes of .safetensors, of what torch.save made of a state_dict, or of ONNX.
        architecture: torchvision's name of it, ``cifar_resnet``, or timm's, as ``timm/resnet18`` (where timm is
            installed); told by the weights if it isn't given and isn't timm's. (ONNX has its own.)
        part: the table of weights to take where a file holds several, such as ``model_ema``.
        names: its classes, as ``class_names`` reads them; what the file itself says, if it isn't given.
        side: rows and columns of its pictures; the usual ones if it isn't given.
        pixels: what it wants of them; the usual of its kind if it isn't given: see ``alternatives``.
        headless: how many classes it gets if the file has no classifier.

    Raises:
        WeightsError: what can't be read or doesn't fit, with the layer's name and both shapes.
        InputError: what can't be chosen, and what is more than is allowed here.
        DeviceError: where the networks of all visitors take all the memory that is set aside for them.
    """
    table = yield from table_steps(content)
    return own_from_table(content, table, title, architecture, part, names, side, pixels, headless)


own_from_file = plainly(own_from_file_steps)


def table_steps(content: bytes | bytearray) -> Generator[Waiting, None, bytes]:
    """What ``stored.contents`` says of a file, which is read in the helper. Raises as ``own_from_file``."""
    refuse_more(len(content), 10**6, NETWORK_MB, "MB in its file")
    try:
        return (yield from apart().steps(f"{stored.__name__}:contents", bytes(content), seconds=NETWORK_SECONDS.now()))
    except EndedError:
        raise WeightsError(
            "This file is damaged, or takes more time or memory to read than is allowed here. Save only the weights: "
            "torch.save(model.state_dict(), path)."
        ) from None


@torch.inference_mode(False)
@torch.no_grad()
def own_from_table(
    content: bytes | bytearray, table: bytes, title: str = "Your network", architecture: str = "", part: str = "",
    names: str = "", side: int | None = None, pixels: Pixels | None = None,
    headless: int = architectures.HEADLESS_CLASSES,
) -> Own:  # fmt: skip
    """The network in a file of which ``table_steps`` has said what is in it; all else as ``own_from_file``."""
    whole("headless", headless, 2, MOST_CLASSES)
    if side is not None:
        whole("side", side, SIDES[0], SIDES[1])
    content, contents = bytes(content), stored.read_contents(table)
    refuse_more(
        sum(math.prod(place.shape) for _, place in contents.tensors), 10**6, NETWORK_PARAMETERS, "million numbers"
    )
    if contents.graph is not None:
        if architecture:
            raise InputError("An ONNX file has its architecture in it: leave the choice of one out.")
        tensors = {".".join(path): place for path, place in contents.tensors}
        network: nn.Module
        network, channels, side, notes = onnx_graph.convert(contents.graph, read_tensors(content, tensors), side)
        architecture = f"ONNX, operators of version {contents.graph['opset']}"
        found = _bounded(network, channels, side)
        classes = _try(network, channels, side)
    else:
        places, notes = choose_weights(contents, part)
        if not architectures.is_timms(architecture):
            places = rename(places, notes)
        architecture = architecture or _guessed(places, contents.words)
        network, places, classes, channels, more = architectures.fit(architecture, places, headless)
        notes += more
        side = side or _usual_side(network, architecture)
        found = _bounded(network, channels, side)
        network = _filled(network, read_tensors(content, places))
        _try(network, channels, side)
        if architectures.is_timms(architecture):
            _refuse_overwriting(network, network, channels, side)
            pixels = pixels or _timms_pixels(network, channels)
    if pixels is None:
        ways = usual(channels)
        pixels = next(iter(ways.values())) if channels == 3 and side >= _SMALL else ways["0..1"]
    if (channels == 1) != (pixels.order == "grey"):
        raise InputError(f"This network takes {channels} channel{'s' * (channels > 1)}, which isn't {pixels.order}.")
    said = class_names(names) if names.strip() else classes_in(contents.words, classes)
    if said is not None and not names.strip():
        notes.append("The names of its classes are those in the file.")
    understood = Understood(architecture, classes, channels, side, tuple(notes))
    return _owned(network, pixels, side, _named(said, classes), title, understood, found)


def _guessed(places: Mapping[str, stored.Place], words: Mapping[str, Any]) -> str:
    """The architecture by its weights; where several would do, the one that the file names, or that fits whole."""
    found = architectures.guess({name: place.shape for name, place in places.items()})
    said = [
        str(words[key]) for key in ("arch", "architecture", "model_name", "args.model", "args.arch") if key in words
    ]
    if not found:
        known = (*said, *(timm_networks.PREFIX + name for name in said))
        found = tuple(name for name in known if name in architectures.architectures())
    for name in sorted(found, key=lambda name: name not in said):
        try:
            architectures.fit(name, dict(places))
        except WeightsError:
            if len(found) == 1:
                raise
        else:
            return name
    if found:
        raise WeightsError(
            f"These weights look like {' or '.join(found)}, but fit none of them. Name the architecture."
        )
    first = ", ".join(list(places)[:3])
    raise WeightsError(
        f"These weights are of none of torchvision's classifiers, nor of a ResNet for small pictures: their layers are "
        f"called {first[:200]}, … If they are of one of timm's networks, name it, as timm/resnet18; else export the "
        "network as ONNX."
    )


def _timms_pixels(network: nn.Module, channels: int) -> Pixels | None:
    """What timm's weights of this architecture want, of colour pictures."""
    (red, green, blue), (reds, greens, blues) = timm_networks.statistics(network)
    return Pixels("0..1", (red, green, blue), (reds, greens, blues)) if channels == 3 else None


def _usual_side(network: nn.Module, architecture: str) -> int:
    if architectures.is_timms(architecture):
        return timm_networks.takes(network)[1]
    if isinstance(network, architectures.CifarResNet) or isinstance(getattr(network, "maxpool", None), nn.Identity):
        return 32
    return getattr(network, "image_size", 299 if architecture == "inception_v3" else 224)


def _bounded(network: nn.Module, channels: int, side: int) -> Costs:
    """What it costs, if that and what all visitors' networks take is allowed."""
    skeleton = _copied(network, lambda tensor: tensor.to("meta"))
    try:
        found = costs(skeleton, (1, channels, side, side))
    except Exception as error:
        raise InputError(
            f"The network doesn't take pictures of {channels} × {side} × {side}: {first_line(error)}."
        ) from error
    refuse_dear(found)
    if bytes_in_memory() + 4 * found.parameters > NETWORKS_MB.now() * 10**6:
        raise DeviceError(
            "The networks that visitors have brought take all the memory that is set aside for them. Try again later, "
            "or raise CNNLAB_NETWORKS_MB."
        )
    return found


def _filled(network: nn.Module, tensors: dict[str, torch.Tensor]) -> nn.Module:
    """The network with its weights; counters that a file leaves out are 0, a classifier that is missing is random."""
    wanted = network.state_dict()
    generator = torch.Generator().manual_seed(0)
    for name, value in wanted.items():
        if name not in tensors:
            tensors[name] = torch.zeros(value.shape, dtype=value.dtype)
            if value.ndim > 1:
                tensors[name].normal_(0.0, value[0].numel() ** -0.5, generator=generator)
    network.load_state_dict({name: value.to(wanted[name].dtype) for name, value in tensors.items()}, assign=True)
    timm_networks.fill_tables(network)
    for part in network.modules():
        if hasattr(part, "inplace"):
            setattr(part, "inplace", False)  # noqa: B010  not every module has it
        for name, buffer in part._buffers.items():  # those that aren't saved, of Swin's windows for one
            if buffer is not None and buffer.is_meta:
                raise WeightsError(f"A part of this network ({name}) isn't saved with its weights. Export it as ONNX.")
    return network.eval().requires_grad_(False)
