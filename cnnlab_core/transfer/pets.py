"""Oxford-IIIT Pet (Parkhi et al. 2012): 7 349 photos of 37 breeds of cats and dogs, read by torchvision.

Downloaded from torchvision's address, with its digests, into ``CNNLAB_DATA``; unpacked elsewhere and then moved into
place, so that half a set is never taken for a whole one.
"""

import shutil
import tarfile
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from cnnlab_core.data import data_folder
from cnnlab_core.errors import DataError, DownloadError
from cnnlab_core.runtime.downloads import DownloadStep, Remote, download_steps

MEGABYTES = 811
"""The size of the download."""


def is_here() -> bool:
    """Whether the photos can be opened without the network."""
    return all((_folder() / part).is_dir() for part in ("images", "annotations"))


def open_pets_steps() -> Generator[DownloadStep, None, tuple[Any, Any]]:
    """torchvision's training (with validation) and test sets. Raises ``DataError`` when they aren't available."""
    from torchvision.datasets import OxfordIIITPet

    for url, md5 in OxfordIIITPet._RESOURCES:
        name = url.rpartition("/")[2].removesuffix(".tar.gz")
        if not (_folder() / name).is_dir():
            yield from _fetch(url, md5, name)
    try:
        return tuple(OxfordIIITPet(str(data_folder()), split=split) for split in ("trainval", "test"))
    except (OSError, RuntimeError, ValueError):
        raise DataError(f"The photos in {_folder()} are damaged. Delete that folder and download them again.") from None


def _folder() -> Path:
    return data_folder() / "oxford-iiit-pet"


def _fetch(url: str, md5: str, name: str) -> Generator[DownloadStep, None, None]:
    hint = "Connect to the network and try again, or learn from another collection."
    try:
        archive = yield from download_steps(Remote(url, _folder() / url.rpartition("/")[2], None, hint, md5=md5))
    except DownloadError as error:
        raise DataError(f"Oxford-IIIT Pet couldn't be downloaded. {error}") from None
    scratch = tempfile.mkdtemp(dir=_folder())
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(scratch, filter="data")
        (Path(scratch) / name).replace(_folder() / name)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(
            f"{archive} can't be unpacked ({error}). Delete it, free some space, and download it again."
        ) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    archive.unlink(missing_ok=True)
