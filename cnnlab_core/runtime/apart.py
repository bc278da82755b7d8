"""Work on bytes from outside, in one process beside the lab's own, whose memory and time are bounded.

A damaged or hostile file can ask its decoder for gigabytes or for minutes, or crash it. So decoders run in a helper: a
small process, without torch, which takes one piece of work at a time, in the order in which they came. The system ends
it at its limit of memory or of computing time; the lab ends it when it takes far too long by the clock, or when nobody
waits for it any more (Stop, a closed tab); the next piece of work gets another. It ends with the lab, however that
ends, and writes no files. Where the system knows no such limits (memory on macOS; Windows), only the clock ends it.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

from cnnlab_core import errors
from cnnlab_core.errors import LabError
from cnnlab_core.runtime.assets import PACKAGE
from cnnlab_core.runtime.gate import Waiting
from cnnlab_core.runtime.limits import DECODE_MB, DECODE_SECONDS, environment_beside

MOST_ANSWER = 64_000_000
"""Bytes that the helper may answer, at most."""

_PATIENCE = 6
"""How many times its seconds of computing a piece of work may take by the clock: others compute too."""
_MOST_PIECES = 500
"""A helper is replaced after so many pieces of work, as what decoders leak is nobody's to find."""
_LONGEST_HEADER = 100_000
_TELL_SECONDS = 0.1


class EndedError(LabError):
    """The helper had to be ended, or ended itself, over a piece of work."""


@dataclass(eq=False)
class _Piece:
    """A piece of work: the ``do`` (“module:function”, from bytes to bytes) of the package, its bytes and limits."""

    do: str
    content: bytes
    seconds: int = field(default_factory=DECODE_SECONDS.now)
    megabytes: int = field(default_factory=DECODE_MB.now)
    answer: Future[bytes] = field(default_factory=Future)
    until: float = float("inf")


class Apart:
    """The helper and those who wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[_Piece] = deque()
        self._at_work: _Piece | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pieces = 0
        self._begun = False

    def steps(self, do: str, content: bytes, *, seconds: int | None = None) -> Generator[Waiting, None, bytes]:
        """What the function ``do`` of the package, “module:function”, makes of some bytes; steps while it waits.

        Closing this ends the work. Raises ``EndedError`` where a limit was reached or the decoder crashed, and what the
        function raises of the lab's own errors. ``seconds`` of computing are those of a picture if they aren't given.
        """
        piece = _Piece(do, content, seconds or DECODE_SECONDS.now())
        with self._changed:
            if not self._begun:  # a thread that lasts: Linux ends a helper with the thread that has started it
                self._begun = True
                threading.Thread(target=self._serve, name="apart", daemon=True).start()
            self._queue.append(piece)
            self._changed.notify_all()
        try:
            while True:
                try:
                    return piece.answer.result(_TELL_SECONDS)
                except TimeoutError:
                    self._end_overdue()
                    yield Waiting(self._ahead_of(piece))
        finally:
            if piece.answer.cancel():  # closed before its end
                self._end_overdue()

    def _ahead_of(self, piece: _Piece) -> int:
        with self._changed:
            return self._queue.index(piece) + 1 if piece in self._queue else 0

    def _end_overdue(self) -> None:
        """End a helper whose work nobody waits for any more, or that takes too long by the clock."""
        with self._changed:
            piece = self._at_work
            if piece and self._process and (piece.answer.cancelled() or time.monotonic() > piece.until):
                self._process.kill()

    # --- in a thread of its own ---

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue)
                piece = self._queue.popleft()
            if piece.answer.cancelled():
                continue
            answer, error = b"", cast(BaseException | None, None)
            try:
                answer = self._work(piece)
            except BaseException as problem:  # noqa: BLE001  raised where it is waited for
                error = problem.with_traceback(None)
            with suppress(InvalidStateError):  # nobody waits any more
                piece.answer.set_exception(error) if error else piece.answer.set_result(answer)
            del piece, answer, error  # nothing is kept of work that is over

    def _work(self, piece: _Piece) -> bytes:
        process = self._helper(piece)
        stdin, stdout = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        settings = {name: value for name, value in environment_beside().items() if name.startswith("CNNLAB_")}
        header = {"do": piece.do, "bytes": len(piece.content), "seconds": piece.seconds, "megabytes": piece.megabytes}
        with self._changed:
            piece.until = time.monotonic() + _PATIENCE * piece.seconds
            self._at_work = piece
        try:
            stdin.write(json.dumps(header | {"settings": settings}).encode() + b"\n" + piece.content)
            stdin.flush()
            said = json.loads(stdout.readline(_LONGEST_HEADER))
            error, size = said["error"], int(said["bytes"])
            if not 0 <= size <= MOST_ANSWER:
                raise ValueError
            answer = stdout.read(size)
            if len(answer) != size:
                raise EOFError
        except (OSError, ValueError, KeyError, TypeError, EOFError):  # no answer, or none that can be
            raise self._ended(process, piece) from None
        finally:
            with self._changed:
                self._at_work = None
        if error:
            kind = getattr(errors, str(error[0]), LabError)
            raise kind(str(error[1])) if issubclass(kind, LabError) else LabError(str(error[1]))
        return answer

    def _helper(self, piece: _Piece) -> subprocess.Popen[bytes]:
        process = self._process
        if process is None or process.poll() is not None or self._pieces >= _MOST_PIECES:
            if process:
                _end(process)
            try:
                self._process = process = _start()
            except OSError as error:
                raise EndedError(f"The lab can't start the program that opens files: {error.strerror}.") from None
            self._pieces = 0
        self._pieces += 1
        return process

    def _ended(self, process: subprocess.Popen[bytes], piece: _Piece) -> EndedError:
        code = _end(process)
        too_long = time.monotonic() >= piece.until or code == -getattr(signal, "SIGXCPU", 0)
        if too_long:
            why = f"This file takes more than the {piece.seconds} seconds of computing allowed here to open."
        else:
            why = f"This file is damaged, or takes more than the {piece.megabytes} MB of memory allowed here to open."
        return EndedError(f"{why} Open it in another program, save it again as PNG or JPEG, and use that file.")


def _end(process: subprocess.Popen[bytes]) -> int:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            cast(IO[bytes], pipe).close()
    return process.wait()


def _start() -> subprocess.Popen[bytes]:
    alone: dict[str, Any] = {"start_new_session": True}  # Ctrl-C is for the lab
    if sys.platform == "win32":
        alone = {"creationflags": subprocess.CREATE_NO_WINDOW}
    environment = {
        **environment_beside(),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")])),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",  # arenas count as memory, whether used or not
    }
    return subprocess.Popen(
        [sys.executable, "-m", "cnnlab_core.runtime.apart"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        **alone,
    )


@cache
def apart() -> Apart:
    """The one helper of this process."""
    return Apart()


# --- the helper ---------------------------------------------------------------------------------------------------


def _main() -> None:
    asks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    _be_small()
    while line := asks.readline():
        asked = json.loads(line)
        content = asks.read(asked["bytes"])
        if len(content) != asked["bytes"]:
            return
        answer, error = _done(asked, content)
        del content
        answers.write(json.dumps({"error": error, "bytes": len(answer)}).encode() + b"\n" + answer)
        answers.flush()


def _done(asked: dict[str, Any], content: bytes) -> tuple[bytes, Sequence[str] | None]:
    for name in [name for name in os.environ if name.startswith("CNNLAB_")]:
        del os.environ[name]
    os.environ.update(asked["settings"])
    module, name = asked["do"].split(":")
    if module.split(".")[0] != "cnnlab_core":
        return b"", ("LabError", "The helper runs what is the lab's own.")
    do: Callable[[bytes], bytes] = getattr(importlib.import_module(module), name)
    _bound(asked["seconds"], asked["megabytes"])
    try:
        return do(content), None
    except LabError as error:
        return b"", (type(error).__name__, str(error))


def _be_small() -> None:
    """Be the first that the system ends when memory is short, leave no core file, and end with the lab."""
    if sys.platform == "win32":
        return
    import resource

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("900", encoding="ascii")
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _bound(seconds: int, megabytes: int) -> None:
    """Limit what this process may use from here on."""
    if sys.platform == "win32":
        return
    import resource

    def limit(kind: int, most: int) -> None:
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))

    limit(resource.RLIMIT_CPU, int(time.process_time()) + 1 + seconds)
    if sys.platform == "linux":
        now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        limit(resource.RLIMIT_AS, now + megabytes * 10**6)


if __name__ == "__main__":
    _main()
