"""Where weights are found, and how they are fetched: progress, cancel, hash check, atomic rename. Needs no torch.

Looked for in this order: the installed package that carries them, ``CNNLAB_WEIGHTS`` (a folder that a teacher
fills once), torch's hub cache. A download lands in the first of the two folders that is set.
"""

import hashlib
import http.client
import os
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache
from importlib.util import find_spec as find_package
from pathlib import Path

from cnnlab_core.errors import WeightsError
from cnnlab_core.models.spec import ModelSpec

_CHUNK = 1 << 18
_SILENCE_SECONDS = 20
_UNWATCHED_SECONDS = 3.0


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
    places = [weights_folder() / spec.weights.file, hub_folder() / spec.weights.file]
    if spec.weights.package and (package := find_package(spec.weights.package)) and package.origin:
        places.insert(0, Path(package.origin).parent / "models" / spec.weights.file)
    return next((place for place in places if place.is_file()), None)


def find_weights(spec: ModelSpec) -> Path:
    """The verified file of the pretrained weights. Raises ``WeightsError`` if it is missing or damaged."""
    path = local_weights(spec)
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
        raise WeightsError(
            f"The file {path} isn't the one that was published: its sha256 begins {digest[:8]}, not "
            f"{spec.weights.sha256[:8]}. Delete it and fetch it again."
        )
    return path


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, modified: int) -> str:  # size and time make a changed file a new question
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- downloads ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DownloadStep:
    """How far a download is, in bytes; ``total`` is 0 while it isn't known."""

    received: int
    total: int


def download_weights(spec: ModelSpec, *, poll_seconds: float = 0.1) -> Generator[DownloadStep, None, Path]:
    """Fetch the pretrained weights of ``spec`` and return their path; yields progress every ``poll_seconds``.

    However many ask at once, the file is fetched once, in a thread of its own, and all of them watch it. Closing
    the generator cancels; the fetch itself stops when nobody has watched it for three seconds, so that a page may
    run again meanwhile. Half a file is never left behind under the real name. Raises ``WeightsError`` when the
    address can't be reached or what came isn't what was published.
    """
    if path := local_weights(spec):
        return path
    if not spec.weights.url:
        raise WeightsError(f"{spec.title} comes with a package. Install requirements.txt again to have its weights.")
    transfer = _watch(spec, weights_folder() / spec.weights.file)
    try:
        while not transfer.done.wait(poll_seconds):
            yield DownloadStep(transfer.received, transfer.total)
    finally:
        transfer.leave()
    if transfer.problem:
        raise WeightsError(transfer.problem)
    return transfer.path


class _Transfer:
    """One download under way, and how many are watching it."""

    def __init__(self, spec: ModelSpec, path: Path) -> None:
        self.spec, self.path = spec, path
        self.received = self.total = 0
        self.problem = ""
        self.done = threading.Event()
        self.watchers = 0
        self._unwatched_since = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"download {path.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def leave(self) -> None:
        with _transfers_lock:
            self.watchers -= 1
            self._unwatched_since = time.monotonic()

    def _cancelled(self) -> bool:
        return self.watchers == 0 and time.monotonic() - self._unwatched_since > _UNWATCHED_SECONDS

    def _run(self) -> None:
        part = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fetch(part)
        except _CancelledError:
            self.problem = "The download was cancelled."
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.problem = self._explain(error)
        except WeightsError as error:
            self.problem = str(error)
        finally:
            with suppress(OSError):
                part.unlink()
            with _transfers_lock:
                _transfers.pop(self.path, None)
            self.done.set()

    def _fetch(self, part: Path) -> None:
        published = _PublishedDigest()
        opener = urllib.request.build_opener(published)
        digest = hashlib.sha256()
        request = urllib.request.Request(self.spec.weights.url, headers={"User-Agent": "cnnlab"})  # noqa: S310  the zoo's own
        with opener.open(request, timeout=_SILENCE_SECONDS) as answer, part.open("xb") as file:
            published.look(answer.headers)
            self.total = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(_CHUNK):
                if self._cancelled():
                    raise _CancelledError
                file.write(chunk)
                digest.update(chunk)
                self.received += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        if self.total and self.received != self.total:
            raise WeightsError(f"The download ended early, after {self.received} of {self.total} bytes. Try again.")
        expected = self.spec.weights.sha256 or published.sha256
        if not expected:
            raise WeightsError(
                f"{self.spec.weights.url} didn't say what its file's sha256 is, so what came couldn't be verified and "
                f"was thrown away. Download it yourself if you trust it, and put it into {self.path.parent}."
            )
        if not digest.hexdigest().startswith(expected):
            raise WeightsError("What was downloaded isn't the file that was published (its sha256 differs). Try again.")
        part.replace(self.path)

    def _explain(self, error: Exception) -> str:
        if isinstance(error, urllib.error.HTTPError):
            reason = f"answered {error.code} {error.reason}"
        elif isinstance(error, urllib.error.URLError | TimeoutError | ConnectionError | http.client.HTTPException):
            reason = f"couldn't be reached ({getattr(error, 'reason', None) or type(error).__name__})"
        else:  # the disk's side of it
            return f"The weights couldn't be saved in {self.path.parent}: {getattr(error, 'strerror', None) or error}."
        return (
            f"{self.spec.weights.url} {reason}. The lab goes on with the models that are here. To add this one by "
            f"hand, put {self.spec.weights.file} ({self.spec.weights.megabytes:.0f} MB) into {self.path.parent}."
        )


class _CancelledError(Exception):
    """Nobody watches the download any more."""


class _PublishedDigest(urllib.request.HTTPRedirectHandler):
    """Follows redirects and keeps the sha256 that a model hub sends along with the first of them."""

    sha256 = ""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        self.look(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def look(self, headers: Message) -> None:
        tag = (headers.get("X-Linked-Etag") or "").strip('"').lower()
        if len(tag) == 64 and set(tag) <= set("0123456789abcdef"):
            self.sha256 = tag


_transfers: dict[Path, _Transfer] = {}
_transfers_lock = threading.Lock()


def _watch(spec: ModelSpec, path: Path) -> _Transfer:
    """The transfer to ``path``, started if there is none."""
    with _transfers_lock:
        transfer = _transfers.get(path)
        if new := transfer is None:
            transfer = _transfers[path] = _Transfer(spec, path)
        transfer.watchers += 1
    if new:
        transfer.start()
    return transfer
