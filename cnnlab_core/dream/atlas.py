"""An atlas of a network: at the end of every stage, what some of its channels look for. Kept on disk.

Each picture is a PNG of its own, so that an atlas that was interrupted goes on where it stopped.
"""

import hashlib
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from cnnlab_core.dream.layers import stages
from cnnlab_core.dream.objectives import channel
from cnnlab_core.dream.visualising import visualise
from cnnlab_core.errors import InputError
from cnnlab_core.images import png, to_picture
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.runtime.assets import asset
from cnnlab_core.runtime.files import cache_folder, write_atomically

SIDE = 112
STEPS = 48
EACH = 6

SHIPPED = asset("atlas")
"""The default model's atlas comes with the lab: what a first look shows needs no minute of waiting."""

_VERSION = 1
"""To be raised when the same settings give other pictures."""


@dataclass(frozen=True)
class Entry:
    """One picture of the atlas: what ``channel`` of ``node`` looks for."""

    node: str
    channel: int
    picture: Image.Image


@dataclass(frozen=True)
class AtlasStep:
    """After some work: the ``entries`` that are there, of ``total``, and how much of all the work is done."""

    entries: tuple[Entry, ...]
    total: int
    share: float


def atlas_places(spec: ModelSpec, each: int = EACH) -> list[tuple[str, int]]:
    """The (node, channel) of every picture: ``each`` channels of every stage, evenly spread over its channels."""
    return [
        (stage.name, index * stage.shape[0] // count)
        for stage in stages(spec)
        for count in [min(each, stage.shape[0])]
        for index in range(count)
    ]


def atlas(model: LoadedModel, *, each: int = EACH) -> Generator[AtlasStep, None, tuple[Entry, ...]]:
    """Visualise ``each`` channels of every stage (48 steps of Adam from seeded noise, 112 pixels wide).

    What lies in the cache is read; what doesn't is computed and put there. A channel that nothing excites is left out.
    """
    places = atlas_places(model.spec, each)
    weights = model.identity
    entries: list[Entry] = []
    for done, (node, index) in enumerate(places):
        file = _file(model.spec, weights, node, index)
        picture = _read(file)
        if picture is None:
            try:
                steps = visualise(model, channel(node, index), size=SIDE, steps=STEPS, generator=_seeded(index))
                while True:
                    try:
                        step = next(steps)
                    except StopIteration as stop:
                        picture = to_picture(stop.value.image)
                        break
                    yield AtlasStep(tuple(entries), len(places), (done + step.share) / len(places))
            except InputError:  # nothing to climb
                continue
            _write(file, png(picture))
        entries.append(Entry(node, index, picture))
        yield AtlasStep(tuple(entries), len(places), (done + 1) / len(places))
    return tuple(entries)


def is_cached(spec: ModelSpec, *, each: int = EACH) -> bool:
    """Whether all of the atlas of a model with its pretrained weights lies on disk; told without loading it."""
    return all(_file(spec, spec.weights.identity, node, index).is_file() for node, index in atlas_places(spec, each))


def _file(spec: ModelSpec, weights: str, node: str, index: int) -> Path:
    """The file of a picture, as it came with the lab or in the cache; other weights or settings have another name."""
    parts = (_VERSION, weights, node, index, SIDE, STEPS)
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:20]
    shipped = SHIPPED / spec.name / f"{digest}.png"
    return shipped if shipped.is_file() else cache_folder() / "atlas" / spec.name / shipped.name


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _read(file: Path) -> Image.Image | None:
    """The picture, or None if it isn't there or is damaged (a PNG carries check sums)."""
    try:
        with Image.open(file) as picture:
            picture.load()
            return picture.convert("RGB") if picture.size == (SIDE, SIDE) else None
    except (OSError, SyntaxError, ValueError):  # what Pillow raises for damaged files
        return None


def _write(file: Path, content: bytes) -> None:
    with suppress(OSError):  # a cache that can't be written is done without
        write_atomically(file, content)
