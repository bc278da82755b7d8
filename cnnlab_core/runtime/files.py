"""Files that are either whole or not there, the folder of those that can be made again, and arrays as a file."""

import io
import os
import re
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that no reader, crash or full disk ever shows half of it. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            mark_as_at_work(file)
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


def mark_as_at_work(file: IO[bytes]) -> None:
    """Lock a file that is being written, for as long as its process lives and has it open."""
    if sys.platform != "win32":  # where a file that is open can't be deleted anyway
        import fcntl

        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_at_work(part: Path) -> bool:
    """Whether a living process is writing a file that was ``mark_as_at_work``."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        with part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def sign(main: Path, owner: str) -> None:
    """Keep beside a file whose it is: a visitor's digest, nothing for "" (the command line). Raises ``OSError``."""
    if owner:
        write_atomically(_signature(main), owner.encode())


def signed(main: Path) -> str:
    """Whose a file is; "" if that isn't known."""
    try:
        owner = _signature(main).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return owner if re.fullmatch(r"[\w-]{1,64}", owner, re.ASCII) else ""


def _signature(main: Path) -> Path:
    return main.with_name(main.name.removesuffix(".hidden").rpartition(".")[0] + ".by")


def data_folder() -> Path:
    """The folder of the data sets: ``CNNLAB_DATA``, else ``~/.cache/cnnlab/data``."""
    chosen = os.environ.get("CNNLAB_DATA")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(chosen).expanduser() if chosen else cache / "cnnlab" / "data"


def cache_folder() -> Path:
    """Where things are kept that take long to make: ``CNNLAB_CACHE``, else the user's own cache folder."""
    chosen = os.environ.get("CNNLAB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnnlab"


def slug(network: str) -> str:
    """A network's name as a folder may be called on every system."""
    return network.replace(":", "-")


def npz_file(arrays: Mapping[str, npt.ArrayLike]) -> bytes:
    """Arrays by name as a compressed NPZ file, which ``numpy.load`` opens without pickles."""
    file = io.BytesIO()
    named = {name: np.asarray(values) for name, values in arrays.items()}
    np.savez_compressed(file, allow_pickle=False, **named)
    return file.getvalue()
