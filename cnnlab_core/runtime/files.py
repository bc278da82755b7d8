"""Files that are either whole or not there, the folder of those that can be made again, and arrays as a file."""

import io
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that no reader, crash or full disk ever shows half of it. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def can_write(folder: Path) -> bool:
    """Whether files can be put into a folder, or into the nearest one above it that is there."""
    return os.access(next(path for path in (folder, *folder.parents) if os.path.exists(path)), os.W_OK | os.X_OK)


def cache_folder() -> Path:
    """Where things are kept that take long to make: ``CNNLAB_CACHE``, else the user's own cache folder."""
    chosen = os.environ.get("CNNLAB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnnlab"


def npz_file(arrays: Mapping[str, npt.ArrayLike]) -> bytes:
    """Arrays by name as a compressed NPZ file, which ``numpy.load`` opens without pickles."""
    file = io.BytesIO()
    named = {name: np.asarray(values) for name, values in arrays.items()}
    np.savez_compressed(file, allow_pickle=False, **named)
    return file.getvalue()
