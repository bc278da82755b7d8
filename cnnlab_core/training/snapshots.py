"""What a trainer keeps to be looked at: filters and answers over time, and the pictures it got wrong."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlab_core.data import Pictures
from cnnlab_core.errors import RunError
from cnnlab_core.runtime.files import write_atomically
from cnnlab_core.training.runs import Run


def write_array(path: Path, values: np.ndarray) -> None:
    """Keep an array as an .npy file, whole. Raises ``OSError``."""
    buffer = io.BytesIO()
    np.save(buffer, values)
    write_atomically(path, buffer.getvalue())


def filter_steps(run: Run) -> list[int]:
    """The steps before which the first layer's filters were kept, ascending."""
    return sorted(int(path.stem) for path in run.filters.glob("*.npy") if path.stem.isdecimal())


def read_filters(run: Run, step: int) -> npt.NDArray[np.float64]:
    """The first layer's filters (filters, 3, rows, columns) before a step. Raises ``RunError`` if they're gone."""
    return _read(run, f"filters/{step:09d}.npy").astype(np.float64)


@dataclass(frozen=True, eq=False)
class Watched:
    """Some pictures (N, side, side, 3) with their labels (N,), and by step what the network answered before it.

    An answer is a probability for each class (N, classes); ``answers`` begin with the first step.
    """

    pictures: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    answers: dict[int, npt.NDArray[np.float64]]


def keep_answers(run: Run, step: int, pictures: Pictures, answers: np.ndarray) -> None:
    """Keep the answers (N, classes) to some pictures before a step, and once the pictures. Raises ``OSError``."""
    if not (run.watched / "labels.npy").exists():
        write_array(run.watched / "pictures.npy", pictures.images.numpy())
        write_array(run.watched / "labels.npy", pictures.labels.numpy())
    write_array(run.watched / f"{step:09d}.npy", answers)


def read_watched(run: Run) -> Watched | None:
    """The pictures that were watched, and the answers to them; None for a run that kept none. Raises ``RunError``."""
    steps = sorted(path.stem for path in run.watched.glob("*.npy") if path.stem.isdecimal())
    if not steps:
        return None
    answers = {int(step): _read(run, f"watched/{step}.npy").astype(np.float64) for step in steps}
    return Watched(_read(run, "watched/pictures.npy"), _read(run, "watched/labels.npy"), answers)


def keep_mistakes(run: Run, mistakes: Sequence[Mapping[str, Any]], test_images: npt.NDArray[np.uint8]) -> None:
    """Keep the pictures of a run's ``finals["mistakes"]``, out of the test pictures (N, side, side, 3).

    So they can be looked at on a machine without the data set. Raises ``OSError``.
    """
    write_array(run.folder / "mistakes.npy", test_images[[entry["index"] for entry in mistakes]])


def read_mistakes(run: Run) -> npt.NDArray[np.uint8]:
    """The test pictures (M, side, side, 3) of ``finals["mistakes"]``, in that order. Raises ``RunError``."""
    return _read(run, "mistakes.npy")


def _read(run: Run, name: str) -> np.ndarray:
    try:
        return np.load(run.folder / name, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise RunError(f"The run {run.id} has no {name} (any more), or it is damaged.") from None
