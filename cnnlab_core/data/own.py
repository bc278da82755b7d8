"""Importing a set of pictures: a folder, or a zip, with a folder for each class.

``cats/… dogs/…``, or ``train/cats/… test/cats/…``; a single folder around everything is skipped. Without a test folder,
a sixth of each class is kept for the test. Or Oxford-IIIT Pet as it is downloaded (see ``pet_form``). Zips are read in
memory, file by file, and never unpacked to disk, so that no name in them can lead anywhere; every size is checked as it
is read, whatever the zip claims.
"""

import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import torch
from PIL import Image, ImageOps

from cnnlab_core.data.dataset import Dataset, Pictures, data_folder, read_dataset, write_dataset
from cnnlab_core.data.pet_form import sorted_by_breed
from cnnlab_core.errors import DataError, ImageError, InputError
from cnnlab_core.images import open_image
from cnnlab_core.runtime.jobs import Progress

MOST_PICTURES = 100_000
"""Pictures in a set, at most."""

MOST_CLASSES = 200
"""Classes in a set, at most."""

FEWEST_PICTURES = 6
"""Pictures in the smallest class, at least: for training, validation and test."""

MOST_FILE_BYTES = 40_000_000
"""Bytes of one picture's file, at most."""

MOST_BYTES = 2_000_000_000
"""Bytes of all files together once unpacked, and of the finished set, at most."""

SIDES = (16, 128)
"""The smallest and the largest side, in pixels, that pictures can be imported at."""

MOST_NOTES = 20
"""Pictures left out that are named one by one, at most."""

_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".avif", ".jp2"}
_TRAIN, _TEST = {"train", "training", "val", "valid", "validation"}, {"test", "testing"}
_TEST_SEED = 6
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
DAMAGED = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
"""What zipfile raises, sooner or later, for a file in a damaged zip."""


@dataclass(frozen=True)
class _File:
    """A picture's file: its path below the folder or zip, and how to read it."""

    path: PurePosixPath
    read: Callable[[], bytes]


def own_folder() -> Path:
    """Where imported sets are kept."""
    return data_folder() / "own"


def own_names() -> list[str]:
    """The names of the imported sets; other files in the folder are ignored."""
    return sorted(path.stem for path in own_folder().glob("*.safetensors") if _NAME.fullmatch(path.stem))


def own_path(name: str) -> Path:
    """The file of the imported set ``name``. Raises ``InputError`` for a name that can't be a file's."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"A data set can't be called “{name[:40]}”. Use up to 40 small letters, digits, - and _, such as “leaves”."
        )
    return own_folder() / f"{name}.safetensors"


def import_pictures(source: Path | bytes, name: str, *, side: int = 32) -> Generator[Progress[None], None, Dataset]:
    """Read a folder or zip of class folders, or of Oxford-IIIT Pet's files, into the set ``own:<name>``.

    Each picture is cropped to a square of ``side``. Those that can't be read are left out, as the set's notes say.

    Raises ``InputError`` for a bad name or side, and ``DataError`` for a set that is empty, too large, damaged or
    already there.
    """
    path = own_path(name)
    if path.exists():
        raise DataError(f"There is a data set called “{name}” already. Choose another name, or delete that one first.")
    if not SIDES[0] <= side <= SIDES[1]:
        raise InputError(f"Pictures can be {SIDES[0]} to {SIDES[1]} pixels wide, not {side}.")
    with ExitStack() as opened:
        files = list(_in_folder(source) if isinstance(source, Path) and source.is_dir() else _in_zip(source, opened))
        pictures = _pictures_among(files)
        texts = [file for file in files if file.path.suffix == ".txt" and not _is_hidden(file.path)]
        try:
            parts, notes = sorted_by_breed(pictures, texts) or (_sorted_into_classes(pictures), ())
        except DAMAGED as error:
            raise DataError(
                f"A list among the annotations can't be read ({error}). Replace it or leave it out."
            ) from None
        dataset = yield from _read(_checked(parts), name, side, notes)
    write_dataset(path, dataset)
    return read_dataset(path)


# --- finding --------------------------------------------------------------------------------------------------


def _pictures_among(files: Iterable[_File]) -> list[_File]:
    """The files with a picture's name, without hidden ones."""
    found = [file for file in files if _is_picture(file.path)]
    if len(found) > MOST_PICTURES:
        raise DataError(f"There are {len(found)} pictures here, more than {MOST_PICTURES}. Use a part of them.")
    return found


def _is_picture(path: PurePosixPath) -> bool:
    return path.suffix.lower() in _SUFFIXES and not _is_hidden(path)


def _is_hidden(path: PurePosixPath) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _in_folder(folder: Path) -> Iterator[_File]:
    def reader(path: Path) -> Callable[[], bytes]:
        return lambda: _bounded(path.open("rb"))

    for path in sorted(folder.rglob("*")):  # doesn't follow links to folders
        if path.is_file() and not path.is_symlink():
            yield _File(PurePosixPath(path.relative_to(folder).as_posix()), reader(path))


def _in_zip(source: Path | bytes, opened: ExitStack) -> Iterator[_File]:
    try:
        packed = opened.enter_context(zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source))
    except FileNotFoundError:
        raise DataError(f"There is no folder or zip at {source!s}. Check its name and place.") from None
    except (zipfile.BadZipFile, OSError, ValueError):
        raise DataError("This isn't a folder or a zip file, or it is damaged. Zip the class folders again.") from None
    members = [member for member in packed.infolist() if not member.is_dir()]
    if any(member.flag_bits & 1 for member in members):
        raise DataError("This zip is locked with a password. Zip the class folders again without one.")
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise DataError(f"This zip unpacks to more than {MOST_BYTES // 10**9} GB. Make the pictures smaller.")

    def reader(member: zipfile.ZipInfo) -> Callable[[], bytes]:
        return lambda: _bounded(packed.open(member))

    for member in sorted(members, key=lambda member: member.filename):
        yield _File(PurePosixPath(member.filename.replace("\\", "/")), reader(member))


def _bounded(file: IO[bytes]) -> bytes:
    """The content of a file, which is then closed; ``ImageError`` if it is longer than a picture's file may be."""
    with file:
        content = file.read(MOST_FILE_BYTES + 1)
    if len(content) > MOST_FILE_BYTES:
        raise ImageError(f"This file is larger than {MOST_FILE_BYTES // 10**6} MB.")
    return content


def _sorted_into_classes(files: list[_File]) -> dict[str, dict[str, list[_File]]]:
    """Files by part ("train", perhaps "test") and class. Raises ``DataError`` when they aren't in class folders."""
    trails = [(list(file.path.parts[:-1]), file) for file in files]
    while trails and all(len(trail) > 1 for trail, _ in trails) and len({trail[0] for trail, _ in trails}) == 1:
        trails = [(trail[1:], file) for trail, file in trails]  # one folder around it all
    tops = {trail[0].lower() if trail else "" for trail, _ in trails}
    parted = tops <= _TRAIN | _TEST and bool(tops & _TRAIN) and all(len(trail) > 1 for trail, _ in trails)
    parts: dict[str, dict[str, list[_File]]] = {}
    for trail, file in trails:
        part = "test" if parted and trail[0].lower() in _TEST else "train"
        folders = trail[1:] if parted else trail
        if not folders:
            raise DataError(
                f"“{file.path.name}” isn't in a class folder. Put every picture into the folder of its class."
            )
        parts.setdefault(part, {}).setdefault(_class_name(folders[0]), []).append(file)
    return parts


def _class_name(folder: str) -> str:
    return "".join(letter for letter in folder if letter.isprintable()).strip()[:60] or "unnamed"


def _checked(parts: dict[str, dict[str, list[_File]]]) -> dict[str, dict[str, list[_File]]]:
    train = parts.get("train", {})
    if not 2 <= len(train) <= MOST_CLASSES:
        raise DataError(
            f"Found {len(train)} class folders with pictures, but training needs 2 to {MOST_CLASSES}. Make a folder "
            "for each class and put its pictures (PNG, JPEG, WebP, …) into it."
        )
    smallest = min(train, key=lambda name: len(train[name]))
    if len(train[smallest]) < FEWEST_PICTURES:
        raise DataError(
            f"The class “{smallest}” has only {len(train[smallest])} pictures. Give each at least {FEWEST_PICTURES}."
        )
    if strange := sorted(set(parts.get("test", {})) - set(train)):
        raise DataError(f"The test folder's class “{strange[0]}” isn't in the training folder. Use the same names.")
    return parts


# --- reading --------------------------------------------------------------------------------------------------


def _read(
    parts: dict[str, dict[str, list[_File]]], name: str, side: int, notes: tuple[str, ...]
) -> Generator[Progress[None], None, Dataset]:
    classes = tuple(sorted(parts["train"]))
    work = [(part, label, file) for part, kinds in parts.items() for label in classes for file in kinds.get(label, [])]
    if len(work) * side * side * 3 > MOST_BYTES:
        raise DataError(f"{len(work)} pictures of {side} × {side} are too many to hold in memory. Use a smaller side.")
    images = np.empty((len(work), side, side, 3), np.uint8)
    good = np.zeros(len(work), bool)
    failed: list[tuple[str, str]] = []
    spent = 0
    for number, (_, _, file) in enumerate(work):
        try:
            content = file.read()
            spent += len(content)
            images[number] = np.asarray(ImageOps.fit(open_image(content), (side, side), Image.Resampling.BICUBIC))
            good[number] = True
        except (ImageError, *DAMAGED) as error:
            failed.append((file.path.name, str(error)))
        if spent > MOST_BYTES:  # whatever the zip said about its sizes
            raise DataError(f"This unpacks to more than {MOST_BYTES // 10**9} GB. Make the pictures smaller.")
        yield Progress(number + 1, len(work))
    which = np.array([part for part, _, _ in work])
    labels = np.array([classes.index(label) for _, label, _ in work])
    left = Counter(labels[good & (which == "train")].tolist())
    for index, label in enumerate(classes):
        if left[index] < FEWEST_PICTURES:
            first = f" The first problem: {failed[0][0]}: {failed[0][1]}" if failed else ""
            raise DataError(f"Of the class “{label}” only {left[index]} pictures could be read.{first}")
    test = good & (which == "test")
    if not test.any():
        test = good & _every_sixth(labels, good)
    train = good & (which == "train") & ~test
    notes += tuple(f"left out: {file}: {why}" for file, why in failed[:MOST_NOTES])
    if len(failed) > MOST_NOTES:
        notes += (f"and {len(failed) - MOST_NOTES} more left out",)

    def pictures(chosen: np.ndarray) -> Pictures:
        return Pictures(torch.from_numpy(images[chosen]), torch.from_numpy(labels[chosen]))

    return Dataset(f"own:{name}", name, classes, pictures(train), lambda: pictures(test), notes)


def _every_sixth(labels: np.ndarray, good: np.ndarray) -> np.ndarray:
    """A sixth of each class, at least one, chosen by a fixed seed."""
    random = np.random.default_rng(_TEST_SEED)
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels[good]):
        members = random.permutation(np.flatnonzero(good & (labels == label)))
        chosen[members[: max(1, len(members) // 6)]] = True
    return chosen
