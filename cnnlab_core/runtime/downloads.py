"""Files fetched over the network: progress, cancel, hash check, atomic rename. Needs no torch."""

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
from pathlib import Path

from cnnlab_core.errors import DownloadError
from cnnlab_core.runtime.files import mark_as_at_work

_CHUNK = 1 << 18
_SILENCE_SECONDS = 20
_UNWATCHED_SECONDS = 3.0


@dataclass(frozen=True)
class DownloadStep:
    """How far a download is, in bytes; ``total`` is 0 while it isn't known."""

    received: int
    total: int

    @property
    def share(self) -> float:
        """How much is here, 0 to 1; 0 while the size isn't known."""
        return self.received / self.total if self.total else 0.0


@dataclass(frozen=True)
class Remote:
    """A file on another machine, and where it is to lie on this one.

    ``sha256`` is its digest or the first characters of it; None means that only the digest which a model hub sends
    along is known. ``otherwise`` tells people what to do if the address can't be reached. ``md5`` is for publishers
    who give no other digest.
    """

    url: str
    path: Path
    sha256: str | None
    otherwise: str
    md5: str = ""


def download_steps(remote: Remote, *, poll_seconds: float = 0.1) -> Generator[DownloadStep, None, Path]:
    """Fetch a file and return its path; yields progress every ``poll_seconds``.

    However many ask at once, the file is fetched once, in a thread of its own, and all of them watch it. Closing
    the generator cancels; the fetch itself stops when nobody has watched it for three seconds, so that a page may
    run again meanwhile. Half a file is never left behind under the real name. Raises ``DownloadError`` when the
    address can't be reached or what came isn't what was published.
    """
    transfer = _watch(remote)
    try:
        while not transfer.done.wait(poll_seconds):
            yield DownloadStep(transfer.received, transfer.total)
    finally:
        transfer.leave()
    if transfer.problem:
        raise DownloadError(transfer.problem)
    return remote.path


class _Transfer:
    """One download under way, and how many are watching it."""

    def __init__(self, remote: Remote) -> None:
        self.remote, self.path = remote, remote.path
        self.received = self.total = 0
        self.problem = ""
        self.done = threading.Event()
        self.watchers = 0
        self._unwatched_since = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"download {remote.path.name}", daemon=True)

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
        except DownloadError as error:
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
        md5 = bool(self.remote.md5)
        digest = hashlib.md5(usedforsecurity=False) if md5 else hashlib.sha256()
        request = urllib.request.Request(self.remote.url, headers={"User-Agent": "cnnlab"})  # noqa: S310  the lab's own tables
        with opener.open(request, timeout=_SILENCE_SECONDS) as answer, part.open("xb") as file:
            mark_as_at_work(file)
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
            raise DownloadError(f"The download ended early, after {self.received} of {self.total} bytes. Try again.")
        expected = self.remote.md5 or self.remote.sha256 or published.sha256
        if not expected:
            raise DownloadError(
                f"{self.remote.url} didn't say what its file's sha256 is, so what came couldn't be verified and "
                f"was thrown away. Download it yourself if you trust it, and put it into {self.path.parent}."
            )
        if not digest.hexdigest().startswith(expected):
            kind = "md5" if md5 else "sha256"
            raise DownloadError(f"What came isn't the file that was published (its {kind} differs). Try again.")
        part.replace(self.path)

    def _explain(self, error: Exception) -> str:
        if isinstance(error, urllib.error.HTTPError):
            reason = f"answered {error.code} {error.reason}"
        elif isinstance(error, urllib.error.URLError | TimeoutError | ConnectionError | http.client.HTTPException):
            reason = f"couldn't be reached ({getattr(error, 'reason', None) or type(error).__name__})"
        else:  # the disk's side of it
            why = getattr(error, "strerror", None) or error
            return f"{self.path.name} couldn't be saved in {self.path.parent}: {why}."
        return f"{self.remote.url} {reason}. {self.remote.otherwise}"


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


def _watch(remote: Remote) -> _Transfer:
    """The transfer to the file's place, started if there is none."""
    with _transfers_lock:
        transfer = _transfers.get(remote.path)
        if new := transfer is None:
            transfer = _transfers[remote.path] = _Transfer(remote)
        transfer.watchers += 1
    if new:
        transfer.start()
    return transfer
