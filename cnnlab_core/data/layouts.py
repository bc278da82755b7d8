"""Folders of pictures as people have them: which folder is a class, which a part of the set, and which is neither.

Understood are ``cats/… dogs/…``; parts around the classes, however they are called (``training_set/cats/…``,
``seg_test/seg_test/sea/…``, ``train/… valid/… test/…``) or inside them (``cats/train/…``); Tiny-ImageNet, whose
``val_annotations.txt`` tells the classes of ``val/images``; and one folder around it all. What could be read in two
ways is refused: a folder that isn't one is never taken as a class.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

from cnnlab_core.data.pet_form import File, HasPath, Parts
from cnnlab_core.errors import DataError

Trails = list[tuple[tuple[str, ...], File]]
"""Files with the folders that they lie in, from the outside in."""

_WORDS = {
    "train": ("train", "training", "trainset", "trainingset", "traindata"),
    "val": ("val", "valid", "validation", "dev", "devset", "holdout", "valset", "validationset"),
    "test": ("test", "testing", "eval", "evaluation", "testset", "testingset", "testdata"),
    "none": ("pred", "predict", "prediction", "predictions", "unlabeled", "unlabelled"),
}
_PARTS = {word: part for part, words in _WORDS.items() for word in words}
_GENERAL = {"all", "data", "dataset", "images", "image", "imgs", "img", "masks", "labels", "annotations"}
"""What no class is called."""
_TRIMMINGS = _GENERAL | {"set", "seg", "split", "folder", "pictures", "photos"}
_LONGEST = 60
MOST_FOLDERS = 20_000
"""Folders that hold the pictures of a set, at most."""
_MOST_LISTS = 10


def is_hidden(path: PurePath) -> bool:
    """Whether a file was put there by a system and not by a person."""
    return any(part.startswith((".", "__MACOSX", "@eaDir")) for part in path.parts)


def printable(name: str, longest: int = _LONGEST) -> str:
    """A name without what can't be seen, cut to ``longest`` letters."""
    return "".join(letter for letter in name if letter.isprintable()).strip()[:longest].strip()


def sorted_into_classes(pictures: Sequence[File], texts: Sequence[HasPath]) -> tuple[Parts[File], tuple[str, ...]]:
    """Files by part ("train", perhaps "test") and class, and what is to be said of them.

    ``texts`` may be lists of annotations, by their names. Raises ``DataError`` for what isn't in class folders.
    """
    if (folders := len({file.path.parent for file in pictures})) > MOST_FOLDERS:
        raise DataError(f"These pictures lie in {folders:,} folders. Put those of a class into one folder.")
    trails = _unwrapped([(file.path.parts[:-1], file) for file in pictures])
    if loose := [file for trail, file in trails if not trail]:
        raise _not_in_a_class(loose[0])
    if all(len(trail) > 1 for trail, _ in trails) and not _parted({trail[0] for trail, _ in trails}):
        inner = {trail[1] for trail, _ in trails}
        if inner and inner == _parted(inner).keys():  # cats/train: parts inside the classes
            trails = [((trail[1], trail[0], *trail[2:]), file) for trail, file in trails]
    tops = {trail[0] for trail, _ in trails}
    if parts := _parted(tops):
        if others := sorted(tops - parts.keys()):
            raise DataError(
                f"The folder “{printable(others[0])}” stands beside {_listed(parts)}, so it is neither a class nor a "
                "part of the set. Move it into the part that it belongs to, or leave it out."
            )
        found, notes = _by_part(trails, parts, _annotated(pictures, texts))
    else:
        strange = [name for name in tops if _told(name)[:2] in (("val", ""), ("test", ""), ("none", ""))]
        strange += [name for name in tops if name.lower() in _GENERAL]
        if strange and len(tops) > 1:
            raise DataError(
                f"The folder “{printable(min(strange))}” stands beside class folders, but its name isn't that of a "
                "class. Sort its pictures into the classes or leave it out; if it is a class, call it something else."
            )
        inside: dict[str, set[str]] = {top: set() for top in tops}
        for trail, _ in trails:
            inside[trail[0]].update(trail[1:2])
        alike = set.intersection(*inside.values()) if len(tops) > 1 else set()
        if len(alike) > 1:
            raise DataError(
                f"The folders {_listed(tops)} all hold folders called {_listed(alike)}, so it isn't clear which are "
                "the classes. Put one folder for each class side by side, or call the parts train, val and test."
            )
        found = {"train": _by_class(trails)}
        notes = _merged(found["train"], trails)
    return _named(found), tuple(notes)


def _unwrapped(trails: Trails[File], classes: Iterable[str] = ()) -> Trails[File]:
    """Without the folders around it all; one that has no folders in it is kept, if it can be a class."""
    while len({trail[:1] for trail, _ in trails}) == 1 and trails[0][0]:
        top = trails[0][0][0]
        if top in classes or not (all(len(trail) > 1 for trail, _ in trails) or _is_general(top)):
            break
        trails = [(trail[1:], file) for trail, file in trails]
    return trails


def _is_general(name: str) -> bool:
    return name.lower() in _GENERAL or _told(name)[0] != ""


def _told(name: str) -> tuple[str, str]:
    """The part that a folder's name tells, if it tells one, and what else it says."""
    words = [word for word in re.findall(r"[^\W\d_]+", name.lower()) if word not in _TRIMMINGS]
    parts = [word for word in words if word in _PARTS]
    return (_PARTS[parts[0]], " ".join(w for w in words if w != parts[0])) if len(parts) == 1 else ("", name)


def _parted(names: Iterable[str]) -> dict[str, str]:
    """The parts by their folders' names, if these are parts: two kinds at least, or it could be a class called train.

    A name may say more than its part if another says the same: ``flowers_train`` beside ``flowers_test``.
    """
    told = {name: _told(name) for name in names}
    known: dict[str, set[str]] = {}
    for part, rest in told.values():
        known.setdefault(rest, set()).update({part} - {""})
    parts = {name: part for name, (part, rest) in told.items() if part and (not rest or known[rest] - {part})}
    kinds = set(parts.values())
    return parts if len(kinds) > 1 and kinds & {"train", "val"} else {}


def _by_part(
    trails: Trails[File], parts: Mapping[str, str], annotated: Mapping[PurePath, str]
) -> tuple[dict[str, dict[str, list[File]]], list[str]]:
    split: dict[str, Trails[File]] = {}
    for trail, file in trails:
        known = annotated.get(file.path)
        split.setdefault(parts[trail[0]], []).append(((known,) if known else trail[1:], file))
    if "train" not in split:
        split["train"] = split.pop("val")
    train = _unwrapped(split.pop("train"))
    if loose := [file for trail, file in train if not trail]:
        raise _not_in_a_class(loose[0])
    found = {"train": _by_class(train)}
    notes = _merged(found["train"], train)
    for part, inside in split.items():
        held = _unwrapped(inside, found["train"].keys())
        labelled = [] if part == "none" else [(trail, file) for trail, file in held if trail]
        if count := len(held) - len(labelled):
            folders = [name for name, kind in parts.items() if kind == part]
            notes.append(f"{count} of {_listed(folders)} left out, as nothing tells their classes")
        if labelled:
            found[part] = _by_class(labelled)
    if held_out := found.pop("val", None):
        if "test" in found:
            notes.append("the validation pictures are among the training pictures: each run holds out its own")
            for name, files in held_out.items():
                found["train"].setdefault(name, []).extend(files)
        else:
            notes.append("the validation pictures are the test")
            found["test"] = held_out
    return found, notes


def _by_class(trails: Trails[File]) -> dict[str, list[File]]:
    """By the outermost folder, whose name is the same in every way of writing its accents."""
    found: dict[str, Trails[File]] = {}
    for trail, file in trails:
        found.setdefault(unicodedata.normalize("NFC", trail[0]), []).append((trail[1:], file))
    flat = {name: inside for name, inside in found.items() if any(not trail for trail, _ in inside)}
    deep = [name for name, inside in found.items() if name not in flat and len({t[0] for t, _ in inside}) > 1]
    if flat and deep:
        raise DataError(
            f"The folder “{printable(deep[0])}” has folders of pictures and “{printable(next(iter(flat)))}” has "
            "pictures, so it isn't clear which are the classes. Put one folder for each class side by side."
        )
    return {name: [file for _, file in inside] for name, inside in found.items()}


def _merged(classes: Iterable[str], trails: Trails[File]) -> list[str]:
    """A note if folders inside the class folders were taken as their class's."""
    inner: dict[str, set[str]] = {}
    for trail, _ in trails:
        inner.setdefault(unicodedata.normalize("NFC", trail[0]), set()).update(trail[1:2])
    several = [name for name in classes if len(inner.get(name, ())) > 1]
    return [f"the folders inside a class count as that class: {_listed(inner[several[0]])}"] if several else []


def _annotated(pictures: Sequence[File], texts: Sequence[HasPath]) -> dict[PurePath, str]:
    """The classes of pictures as lists called ``…annotations.txt`` in a folder above tell: ``file class …``."""
    lists = [text for text in texts if text.path.name.lower().endswith("annotations.txt")]
    if len(lists) > _MOST_LISTS:
        raise DataError(
            f"There are {len(lists)} lists of annotations, more than {_MOST_LISTS}. Leave some of them out."
        )
    listed = {
        (text.path.parent, line.split()[0]): line.split()[1]
        for text in lists
        for line in text.read().decode("utf-8", "replace").splitlines()
        if len(line.split()) > 1
    }
    return {
        file.path: listed[folder, file.path.name]
        for file in pictures
        for folder in file.path.parents
        if (folder, file.path.name) in listed
    }


def _named(parts: Parts[File]) -> Parts[File]:
    """With names that can be shown instead of the folders': those that look the same get a number."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    numbers: Counter[str] = Counter()
    for folder in sorted({folder for classes in parts.values() for folder in classes}):
        names[folder] = name = printable(folder) or "unnamed"
        while names[folder] in taken:
            numbers[name] += 1
            names[folder] = f"{name[: _LONGEST - 6].strip()} ({numbers[name] + 1})"
        taken.add(names[folder])
    return {part: {names[folder]: files for folder, files in classes.items()} for part, classes in parts.items()}


def _listed(names: Iterable[str]) -> str:
    first = [f"“{printable(name)}”" for name in sorted(names)[:3]]
    return first[0] if len(first) == 1 else f"{', '.join(first[:-1])} and {first[-1]}"


def _not_in_a_class(file: HasPath) -> DataError:
    return DataError(
        f"“{printable(file.path.name)}” isn't in a class folder. Put every picture into the folder of its class."
    )
