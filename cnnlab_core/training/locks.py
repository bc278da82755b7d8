"""Locks that tell the truth about life: the system frees them when their process ends, however it ends.

``fcntl.flock`` on Linux and macOS, ``msvcrt.locking`` on Windows (both by filelock). A process number can be reused
and an unreaped child looks alive; a lock can't and doesn't. Needs no torch, so that whoever waits is small.
"""

import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from cnnlab_core.errors import RunError
from cnnlab_core.runtime.files import is_at_work

_A_MOMENT = 2.0


class ReadOnlyError(RunError):
    """A folder of runs that can't be written."""


@contextmanager
def held(path: Path, seconds: float, otherwise: str) -> Iterator[int]:
    """Hold the lock file ``path`` for the body; ``RunError(otherwise)`` if others hold it for ``seconds``.

    Gives the descriptor that holds it.
    """
    lock = _lock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=seconds)
    except Timeout:
        raise RunError(otherwise) from None
    except OSError as error:
        raise ReadOnlyError(
            f"The lab can't write where its runs are kept ({error.strerror}): they can be looked at, and nothing else."
        ) from None
    try:
        descriptor = lock._context.lock_file_fd
        assert descriptor is not None
        yield descriptor
    finally:
        lock.release()


@contextmanager
def held_on(descriptor: int) -> Iterator[int]:
    """The same with a lock that the program before this one in the process held: at no moment is it free."""
    try:
        os.set_inheritable(descriptor, False)
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock file."""
    if not path.exists():
        return False
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # a file that can't be written can be locked all the same
        return is_at_work(path)
    lock.release()
    return False


def _lock(path: Path) -> FileLock:
    # Without flock there is no truth about life: better an error than a guess.
    return FileLock(path, thread_local=False, fallback_to_soft=False)


# --- the queue before a device ----------------------------------------------------------------------------------


def device_key() -> str:
    """A name for the device that ``pick_device`` will choose, told without importing torch."""
    wanted = os.environ.get("CNNLAB_DEVICE", "")
    if not wanted and Path("/dev/nvidia0").exists():
        wanted = "cuda"
    if not wanted:
        wanted = "mps" if platform.system() == "Darwin" and platform.machine() == "arm64" else "cpu"
    return re.sub(r"\W", "-", "cuda:0" if wanted == "cuda" else wanted)


class DeviceQueue:
    """One trainer per device, the others behind it in the order in which they came.

    A place in the queue is a file that its process keeps locked; whoever has the first living file has the device.
    All looking and queueing happens under one short lock, so that two can't be first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def place(self, name: str) -> Iterator[Path]:
        """Stand in the queue under ``name`` (letters, digits, - and _) for the body; gives the place."""
        with self._looking():
            numbers = [int(path.name.split("-", 1)[0]) for path in self._living()]
            place = self._folder / f"{max(numbers, default=0) + 1:012d}-{name}.place"
            lock = _lock(place)
            lock.acquire(timeout=1)
        try:
            yield place
        finally:
            lock.release()
            with suppress(OSError):
                place.unlink()

    def ahead(self, place: Path) -> int:
        """How many living ones stand before ``place``; 0 means that the device is one's own."""
        with self._looking():
            return sum(path.name < place.name for path in self._living(besides=place))

    def names(self) -> list[str]:
        """Who is in the queue, first the one that has the device."""
        if not self._folder.is_dir():
            return []
        try:
            with self._looking():
                living = self._living()
        except ReadOnlyError:
            living = self._living()
        return [path.stem.split("-", 1)[1] for path in living]

    def let_visitors_wait(self) -> None:
        """Tell the trainer, if there is one, that visitors of the lab are waiting for the device at this moment."""
        if self._folder.is_dir():
            with suppress(OSError):
                self._visitors.touch()

    def visitors_wait(self) -> bool:
        """Whether they did a moment ago."""
        try:
            return time.time() - self._visitors.stat().st_mtime < _A_MOMENT
        except OSError:
            return False

    @property
    def _visitors(self) -> Path:
        return self._folder / "visitors"

    def wait(self, place: Path, seconds: float = 0.5) -> Iterator[int]:
        """Yield how many are ahead, about every ``seconds``, until nobody is."""
        while ahead := self.ahead(place):
            yield ahead
            time.sleep(seconds)

    def _looking(self) -> AbstractContextManager[object]:
        return held(self._folder / "looking.lock", 30, "The queue of trainers is stuck. Try again in a moment.")

    def _living(self, besides: Path | None = None) -> list[Path]:
        """The places whose process lives, in order; those of dead processes are cleared away."""
        living = []
        for path in sorted(self._folder.glob("*.place")):
            if path == besides or is_held(path):
                living.append(path)
            else:
                with suppress(OSError):
                    path.unlink()
        return living
