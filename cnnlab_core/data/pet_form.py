"""Oxford-IIIT Pet as it is downloaded: flat pictures ``images/Breed_12.jpg``, and lists in ``annotations``.

A name says the breed, with a capital letter if it is of cats. ``trainval.txt`` and ``test.txt`` say what each picture
is for, ``list.txt`` names them all; each line is ``image class-id species breed-id``. Any of the lists may be missing.
https://www.robots.ox.ac.uk/~vgg/data/pets/
"""

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Protocol, TypeVar

from cnnlab_core.errors import DataError

_NAME = re.compile(r"(.+)_\d+")
_LISTS = ("list.txt", "trainval.txt", "test.txt")
_SPECIES = ("cats", "dogs")


class HasPath(Protocol):
    """A file: its path, and how to read it."""

    @property
    def path(self) -> PurePosixPath: ...

    @property
    def read(self) -> Callable[[], bytes]: ...


File = TypeVar("File", bound=HasPath)
Parts = dict[str, dict[str, list[File]]]


def sorted_by_breed(
    pictures: Sequence[File], lists: Sequence[HasPath]
) -> tuple[dict[str, dict[str, list[File]]], tuple[str, ...]] | None:
    """The pictures by part ("train", perhaps "test") and breed, and what is to be said of them; None for another form.

    Args:
        pictures: all of them, those in ``annotations`` (outlines of the animals) too, which are left aside.
        lists: files that may be lists, by their name.

    Raises ``DataError`` for a list that can't be understood, or if there are fewer than two breeds.
    """
    shown = [file for file in pictures if not _is_annotation(file)]
    flat = {file.path.stem: file for file in sorted(shown, key=lambda file: -len(file.path.parts))}
    in_one_folder = len({file.path.parent for file in shown}) == 1
    lists = [file for file in lists if file.path.name in _LISTS and (in_one_folder or _is_annotation(file))]
    found = {name: _read(file) for name, file in {file.path.name: file for file in lists}.items()}
    breeds = {_breed(name) for name in flat}
    if not found and not (in_one_folder and len(breeds) > 1 and all(map(_NAME.fullmatch, flat))):
        return None
    listed = {name: entry for entries in found.values() for name, entry in entries.items()}
    named = {name: file for name, file in flat.items() if _NAME.fullmatch(name) and (not listed or name in listed)}
    species = {_breed(name): listed[name] if listed else int(name[0].islower()) for name in named}
    if len(species) < 2:
        raise DataError("These are pictures of fewer than two breeds, so there is nothing to tell apart. Add another.")
    train, test = (set(found.get(name, ())) for name in ("trainval.txt", "test.txt"))
    if both := sorted(train & test):
        raise DataError(f"“{both[0]}” is in trainval.txt and in test.txt. Remove it from one of them.")
    if train and not test:
        test = set(listed.keys() - train)
    titles = {breed: breed.replace("_", " ").title() for breed in species}
    parts: dict[str, dict[str, list[File]]] = {}
    for name, file in named.items():
        part = parts.setdefault("test" if name in test else "train", {})
        part.setdefault(titles[_breed(name)], []).append(file)
    counts = " and ".join(f"{list(species.values()).count(kind)} of {name}" for kind, name in enumerate(_SPECIES))
    how = "training and test as listed" if "test" in parts else "a sixth of each kept for the test"
    notes = [f"Oxford-IIIT Pet, breeds: {counts}; {how}"]
    if len(shown) > len(flat):
        notes.append(f"{len(shown) - len(flat)} left out, as another has the same name")
    strange, missing = flat.keys() - named.keys(), listed.keys() - flat.keys()
    for names, what in ((strange, "left out, as in no list"), (missing, "missing")):
        if names:
            notes.append(f"{len(names)} {what}: {min(names)}{', …' if len(names) > 1 else ''}")
    return parts, tuple(notes)


def _is_annotation(file: HasPath) -> bool:
    return "annotations" in str(file.path.parent).lower()


def _breed(name: str) -> str:
    return name.rpartition("_")[0]


def _read(file: HasPath) -> dict[str, int]:
    """The species (0: cats, 1: dogs) of each picture in a list."""
    entries = {}
    for number, line in enumerate(file.read().decode("utf-8", "replace").splitlines(), 1):
        name, *numbers = line.split("#")[0].split() or [""]
        if not name:
            continue
        if len(numbers) != 3 or not _NAME.fullmatch(name) or numbers[1] not in ("1", "2"):
            raise DataError(
                f"Line {number} of {file.path.name} is “{line[:50]}”. It has to be “image class-id species breed-id”, "
                "such as “Abyssinian_100 1 1 1”, with species 1 for cats, 2 for dogs."
            )
        entries[name] = int(numbers[1]) - 1
    return entries
