"""Importing a set of pictures: a folder, or a zip, with a folder for each class.

``cats/… dogs/…``, or ``train/cats/… test/cats/…``, and what else ``layouts`` understands. Without a test folder, a
sixth of each class is kept for the test. Or Oxford-IIIT Pet as it is downloaded (see ``pet_form``). Zips are read in
memory, file by file, and never unpacked to disk, so that no name in them can lead anywhere; every size is checked as it
is read, whatever the zip claims.
"""

import io
import math
import os
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import torch
from PIL import Image, ImageOps

from cnnlab_core.checks import by_annotation
from cnnlab_core.data.dataset import Dataset, Pictures, data_folder, read_dataset, write_dataset
from cnnlab_core.data.layouts import is_hidden, printable, sorted_into_classes
from cnnlab_core.data.pet_form import Parts, sorted_by_breed
from cnnlab_core.data.zip_names import names_of
from cnnlab_core.errors import DataError, ImageError, InputError
from cnnlab_core.images import open_apart_steps
from cnnlab_core.images.opening import begins_like_a_picture
from cnnlab_core.runtime.jobs import Progress, meanwhile, plainly
from cnnlab_core.runtime.limits import SET_FILE_MB, SET_MB, SET_PICTURES, ZIP_ENTRIES

MOST_CLASSES = 200
"""Classes in a set, at most."""

FEWEST_PICTURES = 6
"""Pictures in the smallest class, at least: for training, validation and test."""

SIDES = (16, 256)
"""The smallest and the largest side, in pixels, that pictures can be imported at."""

MOST_NOTES = 20
"""Pictures left out that are named one by one, at most."""

_SUFFIXES = {
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".avif", ".jp2",
    ".heic", ".heif", ".svg", ".jxl", ".psd", ".tga", ".raw", ".cr2", ".nef", ".arw", ".dng", ".dcm",
}  # fmt: skip
"""What says that a file is meant to be a picture; one that can't be read is told."""
_COMPANIONS = {"", ".txt", ".md", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".mat", ".html", ".pdf"}
"""What lies beside pictures in published sets, and isn't told."""
_DEEPEST = 50
_LIST_MB = 2
_LOOKED_AT = 5000
"""Files of a zip or folder that are looked at in one step."""
_TEST_SEED = 6
_MEASURED = 20
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)


@dataclass(frozen=True)
class _File:
    """A picture's file: its path below the folder or zip, and how to read it."""

    path: PurePosixPath
    open: Callable[[], IO[bytes]]

    def read(self) -> bytes:
        """Everything in it; ``ImageError`` if that is more than such a file may hold, or damaged."""
        most = self._most()
        content = self._beginning(most * 10**6 + 1)
        if len(content) > most * 10**6:
            raise ImageError(f"This file is larger than {most} MB.")
        return content

    def _most(self) -> int:
        return SET_FILE_MB.now()

    def _beginning(self, size: int) -> bytes:
        try:
            with self.open() as file:
                return file.read(size)
        except Exception as error:  # noqa: BLE001  what is damaged makes zipfile and its decoders raise nearly anything
            raise ImageError(f"This file is damaged ({str(error) or type(error).__name__}).") from None

    def is_picture(self) -> bool:
        """Whether it is meant to be a picture, by its name or by how it begins."""
        if self.path.suffix.lower() in _SUFFIXES:
            return True
        try:
            return begins_like_a_picture(self._beginning(32))
        except ImageError:
            return False


class _List(_File):
    """A text beside the pictures, which may tell their classes."""

    def _most(self) -> int:
        return _LIST_MB


def own_folder() -> Path:
    """Where imported sets are kept."""
    return data_folder() / "own"


def own_names() -> list[str]:
    """The names of the imported sets; other files in the folder are ignored."""
    return sorted(path.stem for path in own_folder().glob("*.safetensors") if _NAME.fullmatch(path.stem))


def own_path(name: str) -> Path:
    """The file of the imported set ``name``. Raises ``InputError`` for a name that can't be a file's."""
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise InputError(
            f"A data set can't be called “{str(name)[:40]}”. Use up to 40 small letters, digits, - and _, such as "
            "“leaves”."
        )
    return own_folder() / f"{name}.safetensors"


@by_annotation
def import_pictures_steps(
    source: str | os.PathLike[str] | bytes | bytearray, name: str, *, side: int | None = None
) -> Generator[Progress[None], None, Dataset]:
    """Read a folder or zip of class folders, or of Oxford-IIIT Pet's files, into the set ``own:<name>``.

    Each picture is cropped to a square of ``side`` pixels. Those that can't be read are left out, as the set's notes
    say.

    Args:
        source: the path of a folder or zip, or a zip's bytes.
        name: up to 40 small letters, digits, - and _.
        side: 16 to 256; None keeps the pictures' own size (the median of their shorter sides, 256 at most, less where
            so many wouldn't fit in memory). Small pictures train fast, but a network that was trained on large ones
            sees little in them.

    Raises ``InputError`` for a bad name or side, and ``DataError`` for a set that is empty, too large, damaged or
    already there.
    """
    path = own_path(name)
    if path.exists():
        raise DataError(f"There is a data set called “{name}” already. Choose another name, or delete that one first.")
    if side is not None and not (isinstance(side, int) and SIDES[0] <= side <= SIDES[1]):
        raise InputError(f"Pictures can be {SIDES[0]} to {SIDES[1]} pixels wide, not {side}.")
    if isinstance(source, bytearray):
        source = bytes(source)
    if not isinstance(source, str | os.PathLike | bytes):
        raise InputError(f"Give the path of a folder or zip, or a zip's bytes, not {type(source).__name__}.")
    if not isinstance(source, bytes):
        source = Path(source).expanduser()
    with ExitStack() as opened:
        named: tuple[str, ...] = ()
        if isinstance(source, Path) and source.is_dir():
            files = list(_in_folder(source))
        else:
            files, named = yield from _in_zip(source, opened)
        pictures = yield from _pictures_among(files)
        texts = [_List(file.path, file.open) for file in files if file.path.suffix == ".txt"]
        texts = [file for file in texts if not is_hidden(file.path)]
        yield Progress(0, len(files))
        try:
            parts, notes = sorted_by_breed(pictures, texts) or sorted_into_classes(pictures, texts)
        except ImageError as error:
            raise DataError(
                f"A list among the annotations can't be read: {error} Replace it or leave it out."
            ) from None
        yield Progress(0, len(files))
        dataset = yield from _read(_checked(parts), name, side, named + notes + _passed_over(files, pictures))
    write_dataset(path, dataset)
    return read_dataset(path)


import_pictures = plainly(import_pictures_steps)


# --- finding --------------------------------------------------------------------------------------------------


def _pictures_among(files: Sequence[_File]) -> Generator[Progress[None], None, list[_File]]:
    """The files that are meant to be pictures, without hidden ones."""
    if any(len(file.path.parts) > _DEEPEST for file in files):
        raise DataError(
            f"Some files lie in more than {_DEEPEST} folders, one in another. Make a folder for each class."
        )
    shown = [file for file in files if not is_hidden(file.path)]
    most = SET_PICTURES.now()
    if len(shown) > 4 * most:
        raise DataError(f"There are {len(shown)} files here. Use a part of them.")
    found = []
    for number, file in enumerate(shown):
        if file.is_picture():
            found.append(file)
        if number % _LOOKED_AT == 0:
            yield Progress(0, len(shown))
    if len(found) > most:
        raise DataError(f"There are {len(found)} pictures here, more than {most}. Use a part of them.")
    return found


def _passed_over(files: Iterable[_File], pictures: Iterable[_File]) -> tuple[str, ...]:
    """A note if there are films or documents among the files, say."""
    paths = {file.path for file in files} - {file.path for file in pictures}
    others = sorted(p for p in paths if not is_hidden(p) and p.suffix.lower() not in _COMPANIONS)
    first = ", ".join(printable("/".join(path.parts[-2:]), 80) for path in others[:3])
    more = ", …" * (len(others) > 3)
    return (f"{len(others)} passed over, as no pictures: {first}{more}",) if others else ()


def _in_folder(folder: Path) -> Iterator[_File]:
    def opener(path: Path) -> Callable[[], IO[bytes]]:
        return lambda: path.open("rb")

    for path in sorted(folder.rglob("*")):  # doesn't follow links to folders
        if path.is_file() and not path.is_symlink():
            yield _File(PurePosixPath(path.relative_to(folder).as_posix()), opener(path))


def _in_zip(
    source: Path | bytes, opened: ExitStack
) -> Generator[Progress[None], None, tuple[list[_File], tuple[str, ...]]]:
    """The files in a zip, and what is to be said of their names."""
    try:
        file: IO[bytes] = opened.enter_context(io.BytesIO(source) if isinstance(source, bytes) else source.open("rb"))
        if _entries(file, ZIP_ENTRIES.now()) > ZIP_ENTRIES.now():
            raise DataError(f"This zip has more than {ZIP_ENTRIES.now():,} files and folders. Use a part of them.")
        packed = opened.enter_context(zipfile.ZipFile(file))
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"There is no folder or zip at {source!s}. Check its name and place.") from None
    except Exception:  # noqa: BLE001  what is damaged makes zipfile raise nearly anything
        raise DataError("This isn't a folder or a zip file, or it is damaged. Zip the class folders again.") from None
    members = [member for member in packed.infolist() if not member.is_dir()]
    if any(member.flag_bits & 1 for member in members):
        raise DataError("This zip is locked with a password. Zip the class folders again without one.")
    if sum(member.file_size for member in members) > SET_MB.now() * 10**6:
        raise DataError(f"This zip unpacks to more than {SET_MB.now():,} MB. Make the pictures smaller.")

    def opener(member: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
        return lambda: packed.open(member)

    yield Progress(0, len(members))
    names, notes = names_of(members)
    files = []
    for number, member in enumerate(sorted(members, key=lambda member: member.filename)):
        files.append(_File(PurePosixPath(names[member.filename].replace("\\", "/")), opener(member)))
        if number % _LOOKED_AT == 0:
            yield Progress(0, len(members))
    return files, notes


def _entries(file: IO[bytes], most: int) -> int:
    """How many entries the directory of a zip has, one more than ``most`` if they are more.

    ``zipfile`` reads as many as the directory has bytes for, whatever number the zip tells, and takes minutes over
    millions.
    """
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # just what zipfile itself goes by
    if not end:
        raise zipfile.BadZipFile
    size, at = end[5], 0  # the directory's bytes, which lie just before this record (zip64 has one more, of fixed size)
    file.seek(max(0, end[9] - size - (76 if end[0] == b"PK\x06\x06" else 0)))
    directory, entries = file.read(size), 0
    while at + 46 <= len(directory) and entries <= most:
        at += 46 + sum(struct.unpack_from("<HHH", directory, at + 28))
        entries += 1
    return entries


def _checked(parts: Parts[_File]) -> Parts[_File]:
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
    parts: Parts[_File], name: str, side: int | None, notes: tuple[str, ...]
) -> Generator[Progress[None], None, Dataset]:
    classes = tuple(sorted(parts["train"]))
    work = [(part, label, file) for part, kinds in parts.items() for label in classes for file in kinds.get(label, [])]
    most = SET_MB.now() * 10**6
    if side is None:
        side = min((yield from _own_side([file for _, _, file in work])), math.isqrt(most // (3 * len(work))))
    if len(work) * side * side * 3 > most:
        raise DataError(f"{len(work)} pictures of {side} × {side} are too many to hold in memory. Use a smaller side.")
    images = np.empty((len(work), side, side, 3), np.uint8)
    good = np.zeros(len(work), bool)
    failed: list[tuple[str, str]] = []
    spent = 0
    for number, (_, _, file) in enumerate(work):
        try:
            content = file.read()
            spent += len(content)
            waiting = Progress[None](number, len(work))
            picture = yield from meanwhile(open_apart_steps(content), waiting)
            images[number] = np.asarray(ImageOps.fit(picture, (side, side), Image.Resampling.BICUBIC))
            good[number] = True
        except ImageError as error:
            failed.append((printable("/".join(file.path.parts[-2:]), 80), str(error)))
        if spent > most:  # whatever the zip said about its sizes
            raise DataError(f"This unpacks to more than {SET_MB.now():,} MB. Make the pictures smaller.")
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
    counted = [f"{len(failed)} left out", *["left out"] * (MOST_NOTES - 1)]
    notes += tuple(f"{what}: {file}: {why}" for what, (file, why) in zip(counted, failed, strict=False))
    if len(failed) > MOST_NOTES:
        notes += (f"and {len(failed) - MOST_NOTES} more left out",)

    def pictures(chosen: np.ndarray) -> Pictures:
        return Pictures(torch.from_numpy(images[chosen]), torch.from_numpy(labels[chosen]))

    return Dataset(f"own:{name}", name, classes, pictures(train), lambda: pictures(test), notes)


def _own_side(files: Sequence[_File]) -> Generator[Progress[None], None, int]:
    """The median of the shorter sides of some of the pictures, within ``SIDES``."""
    sides = []
    for file in files[:: math.ceil(len(files) / _MEASURED)]:
        with suppress(ImageError):
            picture = yield from meanwhile(open_apart_steps(file.read()), Progress[None](0, len(files)))
            sides.append(min(picture.size))
    return int(np.clip(np.median(sides or [SIDES[1]]), *SIDES))


def _every_sixth(labels: np.ndarray, good: np.ndarray) -> np.ndarray:
    """A sixth of each class, at least one, chosen by a fixed seed."""
    random = np.random.default_rng(_TEST_SEED)
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels[good]):
        members = random.permutation(np.flatnonzero(good & (labels == label)))
        chosen[members[: max(1, len(members) // 6)]] = True
    return chosen
