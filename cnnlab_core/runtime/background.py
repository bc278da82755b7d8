"""Jobs that go on in the background for as long as somebody wants them.

A page's script is cut off by every click and every socket that drops. Its job isn't: it goes on in a thread of its own,
the page follows it again in its next run, and several sessions can follow one job. It ends by itself when nobody has
followed it for ``LEASE_SECONDS``, or at once when the last one leaves.
"""

import threading
import time
from collections.abc import Callable, Generator, Hashable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from cnnlab_core.runtime.gate import Gate, Slice
from cnnlab_core.runtime.sizes import bytes_in

Result = TypeVar("Result")

LEASE_SECONDS = 20.0
"""How long a job goes on that nobody follows: long enough for a socket to come back, or for a look at another tab."""
HELD_SECONDS = 600.0
"""How long a job that was stopped can be gone on with, once nobody looks at it any more."""
KEPT_BYTES = 16_000_000
"""What is kept of a job's steps, for those who follow it later: the oldest go first."""
_TELL_SECONDS = 0.25


@dataclass(frozen=True)
class News:
    """What there is to tell: the ``steps`` since the last time, or that ``ahead`` others come first in the queue."""

    steps: list[Any] = field(default_factory=list)
    ahead: int | None = None


class Background(Generic[Result]):
    """One job: ``make()`` gives its generator of steps, which goes through the ``queue``.

    ``attempt`` begins it: it gets the work as a function and may call it twice (as ``with_memory_retry`` does).
    ``done`` gets the result, in the job's own thread. Steps are kept up to ``kept_bytes``, the last one always.
    The turns are those of the ``visitor`` who began it.
    """

    def __init__(
        self,
        queue: Gate,
        make: Callable[[], Generator[Any, None, Result]],
        *,
        attempt: Callable[[Callable[[], Result]], Result] = lambda work: work(),
        done: Callable[[Result], None] = lambda result: None,
        kept_bytes: int = KEPT_BYTES,
        visitor: Hashable = None,
    ) -> None:
        self._queue, self._make, self._attempt, self._done = queue, make, attempt, done
        self._kept_bytes, self._visitor = kept_bytes, visitor
        self._job: Generator[Any, None, Result] | None = None
        self._changed = threading.Condition()
        self._wanted: dict[Hashable, float] = {}
        self._steps: list[Any] = []
        self._forgotten = self._bytes = 0  # so many steps, the first, aren't kept
        self._ahead: int | None = None
        self._pausing = False
        self.state = "new"
        self._result: Result | None = None
        self._error: BaseException | None = None

    @property
    def steps(self) -> list[Any]:
        """The steps so far, as many of the last as are kept."""
        with self._changed:
            return list(self._steps)

    @property
    def count(self) -> int:
        """How many steps there were."""
        with self._changed:
            return self._forgotten + len(self._steps)

    @property
    def forgotten(self) -> bool:
        """Whether it is over, and nobody waits to hear how it ended; one that was held for long is over now."""
        with self._changed:
            if self.state == "paused" and not self._followers(HELD_SECONDS):
                self._give_up()
            return self.state == "given up" or (self.state == "done" and not self._followers())

    def join(self, who: Hashable) -> bool:
        """Want it; begins or goes on with it. False if nobody had wanted it any more: then a new one is needed."""
        with self._changed:
            if self.state == "given up":
                return False
            self._wanted[who] = time.monotonic() + LEASE_SECONDS
            if self.state in ("new", "paused"):
                self.state, self._pausing = "working", False
                threading.Thread(target=self._go, name="job", daemon=True).start()
            return True

    def leave(self, who: Hashable) -> None:
        """Want it no more. The last to leave ends it."""
        with self._changed:
            self._wanted.pop(who, None)
            if not self._wanted and self.state == "paused":
                self._give_up()

    def pause(self, who: Hashable) -> bool:
        """Hold it after the present turn, to go on with ``join``. False if others follow it: then it goes on."""
        with self._changed:
            if any(other != who for other in self._followers()):
                return False
            self._wanted[who] = time.monotonic() + LEASE_SECONDS
            self._pausing = True
            self._changed.wait_for(lambda: self.state != "working", 5.0)
            return self.state == "paused"

    def follow(self, who: Hashable) -> Generator[News, None, Result]:
        """News about every quarter of a second, all steps from the first that is kept, until it has its result.

        Raises what the job raised. Whoever stops following may come back within the lease.
        """
        seen = 0
        while True:
            with self._changed:
                self._wanted[who] = time.monotonic() + LEASE_SECONDS
                self._wait(seen)
                fresh = self._steps[max(0, seen - self._forgotten) :]
                seen = self._forgotten + len(self._steps)
                over, ahead = self.state != "working", self._ahead
            if fresh or not over:
                yield News(fresh, ahead)
            if over:
                if self._error:
                    raise self._error.with_traceback(None)
                return self._result  # type: ignore[return-value]

    def _wait(self, seen: int) -> None:
        """For a step after those that were ``seen``, or for the end, but not long. Call with the condition held."""
        self._changed.wait_for(
            lambda: self.state != "working" or self._forgotten + len(self._steps) > seen, _TELL_SECONDS
        )

    # --- in its own thread ---

    def _go(self) -> None:
        try:
            self._result = self._attempt(self._work)
        except _HeldError:
            with self._changed:
                self.state = "paused"
                self._changed.notify_all()
            return
        except _NobodyError:
            return
        except BaseException as error:  # noqa: BLE001  raised in those who follow it
            self._error = error.with_traceback(None)  # a traceback would keep the job's tensors
        else:
            self._done(self._result)
        with self._changed:
            self.state, self._job = "done", None
            self._changed.notify_all()

    def _work(self) -> Result:
        self._job = job = self._job or self._make()
        with closing(self._queue.drive(_left_open(job), who=self._visitor)) as events:
            while True:
                try:
                    event = next(events)
                except StopIteration as stop:
                    return stop.value
                except BaseException:
                    self._job = None  # another attempt begins anew
                    raise
                self._take(event)

    def _take(self, event: Any) -> None:
        with self._changed:
            if isinstance(event, Slice):
                self._ahead = None
                self._steps += event.steps
                self._bytes += bytes_in(event.steps)
                while self._bytes > self._kept_bytes and len(self._steps) > 1:
                    self._bytes -= bytes_in(self._steps.pop(0))
                    self._forgotten += 1
            else:
                self._ahead = event.ahead
            self._changed.notify_all()
            if not self._followers():
                self._give_up()
                raise _NobodyError
            if self._pausing:
                raise _HeldError

    def _followers(self, longer: float = 0.0) -> list[Hashable]:
        now = time.monotonic() - longer
        return [who for who, until in self._wanted.items() if until > now]

    def _give_up(self) -> None:
        self.state = "given up"
        if self._job:
            self._job.close()
        self._job, self._steps = None, []
        self._changed.notify_all()


def _left_open(job: Generator[Any, None, Result]) -> Generator[Any, None, Result]:
    """A job's steps; closing this leaves the job itself open, to go on later."""
    while True:
        try:
            step = next(job)
        except StopIteration as stop:
            return stop.value
        yield step


class _NobodyError(Exception):
    """Nobody wants the job any more."""


class _HeldError(Exception):
    """The job is to be held."""
