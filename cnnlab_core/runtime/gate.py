"""The gate that shares the device fairly between all sessions of a process."""

import os
import sys
import threading
import time
from bisect import insort
from collections.abc import Callable, Generator, Hashable, Iterator
from concurrent.futures import Future, wait
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from cnnlab_core.runtime.device import available_cores, finish_kernels

Step = TypeVar("Step")
Result = TypeVar("Result")

SLICE_SECONDS = 0.1
"""How long a job computes before the next one in the queue has its turn."""
_FIRST_TURNS = 2
"""So many turns of a job come before the further ones of others: a job of one step ends in its second."""
LONG_SECONDS = 1.0
"""Who waits longer for a turn is told of, so that trainings stand back."""
_REMEMBERED = 1000
"""Visitors whose turns are counted, before those who have had no more than others are forgotten."""
_NICE = 5
"""How far long jobs stand back behind everything else in this process; a trainer beside it, at 19, still further."""


class _Ticket:
    """A place in the queue: a smaller ``turn`` comes first, and an ``express`` one may go beyond the slots."""

    def __init__(self, who: Hashable, turn: int, express: bool) -> None:
        self.who, self.turn, self.express = who, turn, express
        self.granted = False
        self.listening = False


@dataclass(frozen=True)
class Waiting:
    """The job is in the queue: ``ahead`` others come before it."""

    ahead: int


@dataclass(frozen=True)
class Slice(Generic[Step]):
    """The steps of one turn, in order; the slot has been given back."""

    steps: list[Step]


class Gate:
    """Lets ``slots`` jobs compute at a time; turns go round by visitor, and among one visitor's jobs by job.

    Each turn that a visitor asks for is numbered: one after the visitor's last, and not before the round that the gate
    is in. The smallest number comes first (start-time fair queueing, Goyal et al. 1996). So whoever has twenty jobs
    has twenty turns in as many rounds, and all others one in each. A step that takes as long as five slices counts as
    five turns: what is shared is time.

    A new job's first turns are moved ahead by so many rounds (a multilevel feedback queue, Corbató et al. 1962):
    naming a photo takes one or two, and doesn't wait behind a class of thirty whose attacks take twenty each. They are
    computed in the caller's own thread, at most ``express`` of them beyond the slots. Further turns are computed in
    threads of the gate's own, which the system lets wait when a page is to be drawn.

    A slot is only ever given to a job that is listening for it at that moment. So one that has wandered off
    (its browser tab was closed, its notebook cell paused) delays nobody, and keeps its place if it returns.

    ``when_long`` is called now and then while a job waits longer than ``LONG_SECONDS`` for a turn. ``settle`` ends
    each turn, in its slot: what a GPU is still at would else be in the way of the next one, and of nobody's account.
    """

    when_long: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, slots: int, express: int = 0, settle: Callable[[], None] = lambda: None) -> None:
        self._free = self.slots = slots
        self._express, self._settle = express, settle
        self._resting: list[_Lane] = []  # as many lanes as were ever needed at once
        self._queue: list[_Ticket] = []
        self._round = 0
        self._next: dict[Hashable, int] = {}  # by visitor: the round of the next turn, if it is a later one
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """How many jobs are in the queue now."""
        with self._changed:
            return len(self._queue)

    @property
    def running(self) -> int:
        """How many slots are taken now, with the express ones."""
        with self._changed:
            return self.slots - self._free

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one slot for the body; blocks until it is this caller's turn."""
        ticket = self._join(object())
        try:
            while not self._listen(ticket, seconds=60):
                pass
            yield
        finally:
            self._leave(ticket)

    def drive(
        self,
        job: Generator[Step, None, Result],
        *,
        who: Hashable = None,
        slice_seconds: float = SLICE_SECONDS,
        report_seconds: float = 0.25,
        aside: bool = False,
    ) -> Generator[Waiting | Slice[Step], None, Result]:
        """Run a generator of steps through the gate, a time slice per turn, and return what it returns.

        ``who`` wants it: the jobs of one visitor share that visitor's turns. By default it is somebody else's than all
        others.

        Yields a ``Slice`` after each turn and a ``Waiting`` about every ``report_seconds`` spent in the queue.
        The slot is held only while the job computes, never while the consumer handles what is yielded; after
        each turn the job goes to the end of the queue. When the job raises, or the consumer closes or drops
        this generator, the job is closed and the slot and the place in the queue are free again. One that comes
        again and again stands ``aside`` from its first turn on: it has its turn soon, and pages are drawn meanwhile.
        """
        who = object() if who is None else who
        with closing(job):
            turns = 0
            while True:
                new = turns < _FIRST_TURNS
                ticket, begun = self._join(who, new), None
                joined = time.monotonic()
                try:
                    while not self._listen(ticket, report_seconds):
                        if time.monotonic() - joined > LONG_SECONDS:
                            self.when_long()
                        yield Waiting(self._ahead_of(ticket))
                    begun = time.monotonic()
                    if new and not aside:
                        steps, outcome = _advance(job, slice_seconds)
                    else:
                        steps, outcome = self._aside(lambda: _advance(job, slice_seconds))
                    self._settle()
                finally:
                    taken = time.monotonic() - begun if begun and slice_seconds else 0.0
                    self._leave(ticket, int(taken / slice_seconds) if taken else 1)
                turns += 1
                if steps:
                    yield Slice(steps)
                if outcome:
                    return outcome[0]

    def _join(self, who: Hashable, new: bool = True) -> _Ticket:
        with self._changed:
            turn = max(self._round, self._next.get(who, 0))
            self._next[who] = turn + 1
            if len(self._next) > _REMEMBERED:
                self._next = {who: turn for who, turn in self._next.items() if turn > self._round}
            turn -= _FIRST_TURNS * new
            ticket = _Ticket(who, turn, new and turn <= self._round)
            insort(self._queue, ticket, key=lambda other: other.turn)  # behind those of the same round
        return ticket

    def _listen(self, ticket: _Ticket, seconds: float) -> bool:
        """Wait up to ``seconds`` for the slot; True once it is held."""
        with self._changed:
            ticket.listening = True
            self._hand_out()
            self._changed.wait_for(lambda: ticket.granted, seconds)
            ticket.listening = False
            return ticket.granted

    def _leave(self, ticket: _Ticket, turns: int = 1) -> None:
        """The end of a ticket; it counts as so many ``turns``, or as none if it never had the slot."""
        with self._changed:
            if ticket.granted:
                self._free += 1
            else:
                self._queue.remove(ticket)
                turns = 0
            if ticket.who in self._next:
                self._next[ticket.who] += max(turns, ticket.granted) - 1
            self._hand_out()

    def _hand_out(self) -> None:
        """Give the free slots to the first tickets that are listening. Call with the condition held."""
        for ticket in [ticket for ticket in self._queue if ticket.listening]:
            if self._free + (self._express if ticket.express else 0) > 0:
                ticket.granted = True
                self._queue.remove(ticket)
                self._free -= 1
                self._round = max(self._round, ticket.turn)
        self._changed.notify_all()

    def _aside(self, work: Callable[[], Result]) -> Result:
        try:
            lane = self._resting.pop()
        except IndexError:
            lane = _Lane()
        try:
            return lane.run(work)
        finally:
            self._resting.append(lane)

    def _ahead_of(self, ticket: _Ticket) -> int:
        with self._changed:
            return self._queue.index(ticket) if ticket in self._queue else 0


class _Lane:
    """A thread that computes what it is handed, and stands back behind all others. It keeps no process from ending."""

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        threading.Thread(target=self._go, name="gate", daemon=True).start()

    def run(self, work: Callable[[], Result]) -> Result:
        """Compute ``work()`` there; wait for it, and give what it gives or raise what it raises."""
        future: Future[Result] = Future()
        self._work.put((future, work))
        try:
            return future.result()
        except BaseException:
            wait([future])  # Ctrl-C in a notebook: the job isn't closed while it computes
            raise
        finally:
            del future  # it would keep an error's traceback, and the tensors in it, until the next collection

    def _go(self) -> None:
        if sys.platform == "linux":  # where threads have a nice value of their own
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + _NICE)
        while True:
            future, work = self._work.get()
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001  raised where it is waited for
                future.set_exception(error)
            del future, work  # nothing is kept of a job that is over


def _advance(job: Generator[Step, None, Result], seconds: float) -> tuple[list[Step], tuple[Result] | None]:
    """Take steps from ``job`` for about ``seconds``; the second value holds its result once it has ended."""
    steps: list[Step] = []
    end = time.monotonic() + seconds
    while True:
        try:
            steps.append(next(job))
        except StopIteration as stop:
            return steps, (stop.value,)
        if time.monotonic() >= end:
            return steps, None


@cache
def gate(device_type: str = "cpu") -> Gate:
    """The gate that all sessions share for a kind of device: a slot per core on a CPU, one slot on a GPU.

    On a CPU a first turn of one more job may begin while all slots are taken: the cores are shared by the system, and
    a page that asks for little is there at once.
    """
    return Gate(available_cores(), express=1) if device_type == "cpu" else Gate(1, settle=finish_kernels)
