"""Collections of labelled pictures to learn from, and how many pictures of each class are drawn from one.

Names: those of ``cnnlab_core.data`` (``shapes``, ``cifar10``, ``digits``, ``own:<name>``), and ``pets`` for
Oxford-IIIT Pet.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.data import Dataset, Pictures, Source, list_data, open_data_steps
from cnnlab_core.errors import DataError, InputError
from cnnlab_core.images import open_apart_steps
from cnnlab_core.runtime.downloads import DownloadStep
from cnnlab_core.runtime.jobs import finish, plainly
from cnnlab_core.runtime.short_repr import short_repr
from cnnlab_core.transfer import pets

FEWEST = 6
"""Pictures drawn of each class, at least: for training, validation and test."""


@dataclass(frozen=True)
class Item:
    """A labelled picture: bytes that identify it, and the steps to the picture itself, made when they are called for.

    What was downloaded is decoded apart, as what visitors bring is.
    """

    label: int
    content: Callable[[], bytes]
    steps: Callable[[], Generator[Any, None, Image.Image]]

    def picture(self) -> Image.Image:
        """The picture. Raises ``ImageError`` for a damaged file."""
        return finish(self.steps())


@short_repr
@dataclass(frozen=True)
class Collection:
    """All pictures of a collection, split as they were published."""

    name: str
    title: str
    classes: tuple[str, ...]
    train: tuple[Item, ...]
    test: tuple[Item, ...]


@short_repr
@dataclass(frozen=True)
class Drawn:
    """What is used of a collection, the classes in turn: for training, to choose the penalty, and for the test."""

    classes: tuple[str, ...]
    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    test: tuple[Item, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        return self.train + self.validation + self.test


def list_collections() -> list[Source]:
    """Every collection, the generated one first; ``megabytes`` have to be downloaded first, 0 if it is here."""
    known = {source.name: source for source in list_data()}
    return [
        known.pop("shapes"),
        *known.values(),
        Source("pets", "Oxford-IIIT Pet (37 breeds)", 0 if pets.is_here() else pets.MEGABYTES),
    ]


@by_annotation
def open_collection_steps(name: str) -> Generator[DownloadStep, None, Collection]:
    """The collection called ``name``, downloaded first if need be.

    Raises ``InputError`` for an unknown name and ``DataError`` or ``DownloadError`` for one that isn't available.
    """
    if name != "pets":
        return _of_dataset((yield from open_data_steps(name)))
    sets = yield from pets.open_pets_steps()
    parts = [
        tuple(
            Item(label, path.read_bytes, partial(_opened, path))
            for path, label in zip(found._images, found._labels, strict=True)
        )
        for found in sets
    ]
    return Collection("pets", "Oxford-IIIT Pet", tuple(sets[0].classes), *parts)


open_collection = plainly(open_collection_steps)


@by_annotation
def draw(collection: Collection, each: int, *, seed: int = 0) -> Drawn:
    """Draw ``each`` pictures of every class: half for training, a sixth for validation, a third for the test.

    Test pictures come from the published test part, all others from the training part. A class with fewer pictures is
    used entirely. Drawing more keeps the pictures of a smaller draw. Raises ``InputError`` for fewer than 6 and
    ``DataError`` for a class that has too few.
    """
    if each < FEWEST:
        raise InputError(f"Draw at least {FEWEST} pictures per class, not {each}.")
    whole("seed", seed)
    held, tested = max(1, each // 6), max(1, each // 3)
    train, test = (_by_class(collection, part, seed) for part in ("train", "test"))
    for name, training, testing in zip(collection.classes, train, test, strict=True):
        if len(training) < 2 or not testing:
            raise DataError(f"The class “{name}” has too few pictures to learn from and to test on. Add some.")
    # Validation pictures come from the end, so that the training pictures stay the same when more are drawn.
    held_back = [members[::-1][: min(held, len(members) // 2)] for members in train]
    learned = [
        members[: min(each - held - tested, len(members) - len(back))]
        for members, back in zip(train, held_back, strict=True)
    ]
    return Drawn(
        collection.classes, _in_turn(learned), _in_turn(held_back), _in_turn([members[:tested] for members in test])
    )


def _by_class(collection: Collection, part: str, seed: int) -> list[list[Item]]:
    """The items of each class in a seeded order."""
    items: tuple[Item, ...] = getattr(collection, part)
    order = np.random.default_rng([seed, part == "test"]).permutation(len(items))
    members: list[list[Item]] = [[] for _ in collection.classes]
    for index in order:
        members[items[index].label].append(items[index])
    return members


def _in_turn(members: list[list[Item]]) -> tuple[Item, ...]:
    """One of each class, then the next of each, so that the first N are always balanced."""
    most = max(len(found) for found in members)
    return tuple(found[turn] for turn in range(most) for found in members if turn < len(found))


def _of_dataset(dataset: Dataset) -> Collection:
    return Collection(dataset.name, dataset.title, dataset.classes, _items(dataset.train), _items(dataset.read_test()))


def _items(pictures: Pictures) -> tuple[Item, ...]:
    images = pictures.images.numpy()
    shape = repr(images.shape[1:]).encode()
    return tuple(
        Item(int(label), partial(_content, images, index, shape), partial(_picture, images, index))
        for index, label in enumerate(pictures.labels.tolist())
    )


def _content(images: np.ndarray, index: int, shape: bytes) -> bytes:
    return shape + images[index].tobytes()


def _picture(images: np.ndarray, index: int) -> Generator[Any, None, Image.Image]:
    return Image.fromarray(images[index])
    yield


def _opened(path: Path) -> Generator[Any, None, Image.Image]:
    return (yield from open_apart_steps(path.read_bytes()))
