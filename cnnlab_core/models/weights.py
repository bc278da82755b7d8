"""Where weights are found, and how they are fetched. Needs no torch.

Looked for in this order: the installed package that carries them, ``CNNLAB_WEIGHTS`` (a folder that a teacher
fills once), torch's hub cache. A download lands in the first of the two folders that is set.
"""

import hashlib
import os
from collections.abc import Generator
from functools import cache, lru_cache
from importlib.util import find_spec as find_package
from pathlib import Path

from cnnlab_core.errors import DownloadError, WeightsError
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.runtime.assets import asset
from cnnlab_core.runtime.downloads import DownloadStep, Remote, download_steps
from cnnlab_core.runtime.jobs import plainly


def hub_folder() -> Path:
    """torch's own cache of checkpoints, found by its rules (TORCH_HOME, XDG_CACHE_HOME) without importing torch."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("TORCH_HOME") or cache / "torch").expanduser() / "hub" / "checkpoints"


def weights_folder() -> Path:
    """The folder in which downloads land and where to put files by hand."""
    chosen = os.environ.get("CNNLAB_WEIGHTS")
    return Path(chosen).expanduser() if chosen else hub_folder()


def local_weights(spec: ModelSpec) -> Path | None:
    """The file of the pretrained weights if it is on this machine (not yet verified), else None."""
    if spec.weights.held:
        return Path(spec.weights.file)
    if spec.weights.shipped:
        return asset("networks", spec.weights.file)
    if spec.weights.folder:
        exported = Path(spec.weights.folder) / spec.weights.file
        return exported if exported.is_file() else None
    places = [weights_folder() / spec.weights.file, hub_folder() / spec.weights.file]
    if spec.weights.package and (package := _package_folder(spec.weights.package)):
        places.insert(0, package / "models" / spec.weights.file)
    return next((place for place in places if place.is_file()), None)


@cache
def _package_folder(name: str) -> Path | None:
    """The folder of an installed package, found without importing it."""
    package = find_package(name)
    return Path(package.origin).parent if package and package.origin else None


def find_weights(spec: ModelSpec) -> Path:
    """The verified file of the pretrained weights. Raises ``WeightsError`` if it is missing or damaged."""
    path = local_weights(spec)
    if path is None and spec.weights.folder:
        raise WeightsError(f"The weights of {spec.title} aren't beside its description. Export the network again.")
    if path is None:
        raise WeightsError(
            f"The weights of {spec.title} aren't on this machine. Download {spec.weights.url} "
            f"({spec.weights.megabytes:.0f} MB) and put it into {weights_folder()}."
        )
    try:
        facts = path.stat()
        digest = _sha256(path, facts.st_size, facts.st_mtime_ns)
    except OSError as error:
        raise WeightsError(f"The file {path} can't be read: {error.strerror}. Check its permissions.") from None
    if spec.weights.sha256 and not digest.startswith(spec.weights.sha256):
        remedy = "Export the network again." if spec.weights.folder else "Delete it and fetch it again."
        raise WeightsError(
            f"The file {path} isn't the one that was published: its sha256 begins {digest[:8]}, not "
            f"{spec.weights.sha256[:8]}. {remedy}"
        )
    return path


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, modified: int) -> str:  # size and time make a changed file a new question
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download_weights_steps(spec: ModelSpec, *, poll_seconds: float = 0.1) -> Generator[DownloadStep, None, Path]:
    """Fetch the pretrained weights of ``spec`` (see ``downloads.download``) and return their path.

    Raises ``WeightsError`` when the address can't be reached or what came isn't what was published.
    """
    if path := local_weights(spec):
        return path
    if spec.weights.folder:
        return find_weights(spec)  # says what is missing
    if not spec.weights.url:
        raise WeightsError(f"{spec.title} comes with a package. Install requirements.txt again to have its weights.")
    folder = weights_folder()
    otherwise = (
        "The lab goes on with the models that are here. To add this one by hand, put "
        f"{spec.weights.file} ({spec.weights.megabytes:.0f} MB) into {folder}."
    )
    remote = Remote(spec.weights.url, folder / spec.weights.file, spec.weights.sha256, otherwise)
    try:
        return (yield from download_steps(remote, poll_seconds=poll_seconds))
    except DownloadError as error:
        raise WeightsError(str(error)) from None


download_weights = plainly(download_weights_steps)
