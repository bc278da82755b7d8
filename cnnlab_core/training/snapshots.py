"""What a trainer keeps to be looked at: the first layer's filters over time, and the pictures it got wrong."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

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
