"""A data set of labelled pictures, its file, and the split into training and validation pictures."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import DataError, InputError
from cnnlab_core.runtime.files import data_folder as data_folder
from cnnlab_core.runtime.files import write_atomically
from cnnlab_core.runtime.short_repr import short_repr


@short_repr
@dataclass(frozen=True, eq=False)
class Pictures:
    """``images`` uint8 (N, H, W, 3), ``labels`` int64 (N,)."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def digest(self) -> str:
        """The sha256 of the images' raw bytes, then of the labels' as one byte (or two) each."""
        narrow = np.uint8 if not len(self) or int(self.labels.max()) < 256 else np.uint16
        total = hashlib.sha256(np.ascontiguousarray(self.images.numpy()).data)
        total.update(self.labels.numpy().astype(narrow).data)
        return total.hexdigest()

    def _pictures(self) -> list[Image.Image]:
        return [Image.fromarray(one) for one in self.images[:8].numpy()]


@short_repr
@dataclass(frozen=True, eq=False)
class Dataset:
    """A set to train on. Its test part is read, or made from its seed, only when ``read_test`` is called."""

    name: str
    title: str
    classes: tuple[str, ...]
    train: Pictures
    read_test: Callable[[], Pictures]
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """How much there is, and what its import had to say, in a line."""
        counts = f"{self.title}: {len(self.train)} training pictures in {len(self.classes)} classes."
        return " ".join([counts, *(f"{note}." for note in self.notes[:3])])

    @property
    def side(self) -> int:
        """The pictures' height and width."""
        return self.train.images.shape[1]


@short_repr
@dataclass(frozen=True)
class Split:
    """Indices into the training pictures: those to learn from, and those held out for validation."""

    train: np.ndarray
    validation: np.ndarray


@by_annotation
def split_validation(labels: torch.Tensor, share: float, seed: int, limit: int = 0) -> Split:
    """Hold out ``share`` of each class, at least one picture unless it is 0; both parts are ascending indices.

    With a ``limit`` the training part is cut to that many pictures, evenly from all classes; the validation part
    stays the same. The same seed gives the same split. Raises ``InputError`` when a class would have no picture left.
    """
    if not 0 <= share < 1 or seed < 0 or limit < 0:
        raise InputError(f"share is 0 to less than 1, seed and limit are 0 or more, not {share}, {seed}, {limit}.")
    if labels.ndim != 1 or not len(labels) or labels.is_floating_point() or labels.is_complex():
        raise InputError(f"labels has shape {tuple(labels.shape)}, {labels.dtype}: make it (N,), of whole numbers.")
    chooser = np.random.default_rng([seed, 7])
    kept, held = [], []
    values = labels.numpy()
    for label in np.unique(values):
        members = chooser.permutation(np.flatnonzero(values == label))
        count = max(1, round(share * len(members))) if share else 0
        if count >= len(members):
            raise InputError(
                f"Class {label} has only {len(members)} training pictures, so that holding out {share:.0%} for "
                "validation leaves none. Add pictures, or hold out less."
            )
        held.append(members[:count])
        kept.append(members[count:])
    if limit:
        # One of each class, then the next of each, so that every limit is balanced.
        turns = [(turn, place) for place, members in enumerate(kept) for turn in range(len(members))]
        chosen = sorted(turns)[:limit]
        kept = [np.array([kept[place][turn] for turn, place in chosen])]
    return Split(np.sort(np.concatenate(kept)), np.sort(np.concatenate(held)))


# --- files ----------------------------------------------------------------------------------------------------


def write_dataset(path: Path, dataset: Dataset) -> None:
    """Keep a data set as a safetensors file with its digests. Raises ``DataError`` when it can't be written."""
    parts = {"train": dataset.train, "test": dataset.read_test()}
    tensors = {f"{part}_{what}": getattr(value, what) for part, value in parts.items() for what in ("images", "labels")}
    about = {"name": dataset.name, "title": dataset.title, "classes": dataset.classes, "notes": dataset.notes}
    about |= {f"{part}_sha256": value.digest() for part, value in parts.items()}
    try:
        write_atomically(path, save(tensors, {"cnnlab": json.dumps(about)}))
    except OSError as error:
        raise DataError(
            f"The data set couldn't be saved as {path}: {error.strerror}. Free some space, or set CNNLAB_DATA."
        ) from None


def read_dataset(path: Path, digests: dict[str, str] | None = None) -> Dataset:
    """The data set in a file, verified by ``digests`` (of "train" and "test"), by default those in the file itself."""
    damaged = DataError(f"The data set {path} is damaged. Delete the file, and fetch or import it again.")
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})["cnnlab"])
            digests = digests or {part: about[f"{part}_sha256"] for part in ("train", "test")}
            classes, notes = tuple(map(str, about["classes"])), tuple(map(str, about["notes"]))
            name, title = str(about["name"]), str(about["title"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError):
        raise damaged from None

    def part(which: str) -> Pictures:
        try:
            with safe_open(path, "pt") as file:
                pictures = Pictures(file.get_tensor(f"{which}_images"), file.get_tensor(f"{which}_labels"))
        except (SafetensorError, OSError):
            raise damaged from None
        if pictures.digest() != digests[which]:
            raise damaged
        return pictures

    return Dataset(name, title, classes, part("train"), lambda: part("test"), notes)


def peek(path: Path) -> tuple[torch.Tensor, int, int]:
    """The training labels, the pictures' side and the number of classes of the data set in a file, and no picture."""
    try:
        with safe_open(path, "pt") as file:
            classes = json.loads((file.metadata() or {})["cnnlab"])["classes"]
            return file.get_tensor("train_labels"), file.get_slice("train_images").get_shape()[1], len(classes)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError):
        raise DataError(f"The data set {path} is damaged. Delete the file, and import it again.") from None
