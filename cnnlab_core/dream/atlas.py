"""An atlas of a network: what some channels at the end of every stage look for. Kept on disk.

Each picture is a separate PNG, so an interrupted atlas continues where it stopped.
"""

import hashlib
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from cnnlab_core.checks import by_annotation
from cnnlab_core.dream.feature_visualisation import RATE, VisualiseStep, visualise_steps
from cnnlab_core.dream.layers import blocks, maps_of, stages
from cnnlab_core.dream.objectives import channel
from cnnlab_core.errors import InputError
from cnnlab_core.images import png, to_picture
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.models.zoo import DEFAULT_MODEL
from cnnlab_core.runtime.assets import asset
from cnnlab_core.runtime.files import cache_folder, slug, write_atomically
from cnnlab_core.runtime.jobs import Progress, plainly, relay
from cnnlab_core.runtime.short_repr import short_repr

SIDE, STEPS = 112, 48
"""Pixels of a picture's side, and Adam's steps for it."""

DEEP = 1 / 16
"""Units along a side for each pixel of the network's picture, below which a layer is deep."""

DEEP_SIDE, DEEP_STEPS, DEEP_RATE = 160, 72, 0.07
"""For deep layers: a unit sees more than ``SIDE`` pixels, and after 48 steps at 0.05 a picture is grey still (contrast,
the deviation of its values, 0.10; with these 0.15 to 0.18). Lucid takes 512 steps at 0.05."""

EACH = 6
"""Channels of each stage."""

SHIPPED = asset("atlas")
"""The default model's atlas comes with the lab, so that the first look doesn't wait for it."""

_VERSION = 1
"""To be raised when the same settings give different pictures."""


@short_repr
@dataclass(frozen=True)
class Entry:
    """One picture of the atlas: what ``channel`` of ``node`` looks for."""

    node: str
    channel: int
    picture: Image.Image

    def _pictures(self) -> list[Image.Image]:
        return [self.picture]


def atlas_channels(spec: ModelSpec, each: int = EACH) -> list[tuple[str, int]]:
    """The (node, channel) of every picture: ``each`` channels of every stage, evenly spread over its channels."""
    return [
        (stage.name, index * stage.shape[0] // count)
        for stage in stages(spec)
        for count in [min(each, stage.shape[0])]
        for index in range(count)
    ]


@by_annotation
def drawing(spec: ModelSpec, node: str) -> dict[str, Any]:
    """How a layer's channels are drawn: ``size``, ``steps`` and ``learning_rate`` of ``visualise``."""
    side = next((layer.shape[1] for layer in maps_of(spec) if layer.name == node), 0)
    if side and side < DEEP * spec.preprocessing.crop:
        return {"size": DEEP_SIDE, "steps": DEEP_STEPS, "learning_rate": DEEP_RATE}
    return {"size": SIDE, "steps": STEPS, "learning_rate": RATE}


@by_annotation
def block_pictures(spec: ModelSpec) -> dict[str, bytes]:
    """What each block draws, as small WebP files by the block's last node; nothing unless they came with the lab."""
    files = {end.name: SHIPPED / spec.name / f"{end.name}.webp" for end in blocks(spec)}
    return {name: file.read_bytes() for name, file in files.items()} if all(map(Path.is_file, files.values())) else {}


@by_annotation
def preset_picture(name: str) -> bytes:
    """What a preset of the page does to a photo, as a small WebP file that came with the lab."""
    return (SHIPPED / DEFAULT_MODEL / f"{name}.webp").read_bytes()


def atlas_steps(
    model: LoadedModel, *, each: int = EACH
) -> Generator[Progress[tuple[Entry, ...]], None, tuple[Entry, ...]]:
    """Visualise ``each`` channels of every stage from seeded noise, as ``drawing`` says.

    Pictures in the cache are read, all others computed and put there. A channel that nothing excites is left out.
    Every step's ``latest`` are the entries so far.
    """
    channels = atlas_channels(model.spec, each)
    weights = model.identity
    entries: list[Entry] = []
    for done, (node, index) in enumerate(channels):

        def so_far(step: VisualiseStep, done: int = done) -> Progress[tuple[Entry, ...]]:
            return Progress(done + step.share, len(channels), tuple(entries))

        file = _file(model.spec, weights, node, index)
        picture = _read(file)
        if picture is None:
            try:
                steps = visualise_steps(
                    model, channel(node, index), generator=_seeded(index), **drawing(model.spec, node)
                )
                picture = to_picture((yield from relay(steps, so_far)).image)
            except InputError:  # nothing to climb
                continue
            _write(file, png(picture))
        entries.append(Entry(node, index, picture))
        yield Progress(done + 1, len(channels), tuple(entries))
    return tuple(entries)


atlas = plainly(atlas_steps)


def is_cached(spec: ModelSpec, *, each: int = EACH) -> bool:
    """Whether the whole atlas of a model with its pretrained weights is on disk; the model isn't loaded."""
    return all(_file(spec, spec.weights.identity, node, index).is_file() for node, index in atlas_channels(spec, each))


def _file(spec: ModelSpec, weights: str, node: str, index: int) -> Path:
    """The file of a picture, as it came with the lab or in the cache; other weights or settings have another name."""
    how = drawing(spec, node)
    parts = (_VERSION, weights, node, index, how["size"], how["steps"])
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:20]
    shipped = SHIPPED / spec.name / f"{digest}.png"
    return shipped if shipped.is_file() else cache_folder() / "atlas" / slug(spec.name) / shipped.name


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _read(file: Path) -> Image.Image | None:
    """The picture, or None if it isn't there or is damaged (a PNG carries check sums)."""
    try:
        with Image.open(file) as picture:
            picture.load()
            return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError):  # what Pillow raises for damaged files
        return None


def _write(file: Path, content: bytes) -> None:
    with suppress(OSError):  # without a cache, it is computed again next time
        write_atomically(file, content)
