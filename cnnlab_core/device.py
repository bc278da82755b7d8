"""Which device the lab computes on, and the gate that shares it fairly between sessions."""

import os
import platform
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, wait
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from cnnlab_core.errors import DeviceError

if TYPE_CHECKING:
    import torch

Arguments = ParamSpec("Arguments")
Inner = TypeVar("Inner")
Step = TypeVar("Step")
Result = TypeVar("Result")

SLICE_SECONDS = 0.1
"""How long a job computes before the next one in the queue has its turn."""
_FIRST_TURNS = 2
"""So many turns of a job come before the further ones of others: a job of one step ends in its second."""
_NICE = 5
"""How far long jobs stand back behind everything else in this process; a trainer beside it, at 10, still further."""


def pick_device(name: str | None = None) -> "torch.device":
    """The device to compute on: ``name``, else ``CNNLAB_DEVICE``, else cuda, then mps, then cpu.

    Raises ``DeviceError`` when the device that was asked for by name isn't there.
    """
    import torch

    wanted = name or os.environ.get("CNNLAB_DEVICE") or ""
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if not wanted:
        return torch.device(next(kind for kind, available in here.items() if available))
    try:
        device = torch.device(wanted)
    except RuntimeError:
        device = None
    cards = torch.cuda.device_count()
    if device is None or not here.get(device.type) or (device.type == "cuda" and (device.index or 0) >= cards):
        found = ", ".join(kind for kind, available in here.items() if available)
        raise DeviceError(f"There is no device “{wanted}” here. Set CNNLAB_DEVICE to {found}, or leave it unset.")
    return device


def describe_device(device: "torch.device") -> str:
    """One line for people: the device's name, and on a GPU the memory in use."""
    import torch

    if device.type == "cuda":
        used = torch.cuda.memory_allocated(device) / 2**30
        total = torch.cuda.get_device_properties(device).total_memory / 2**30
        return f"{torch.cuda.get_device_name(device)}, {used:.1f} of {total:.0f} GB in use"
    if device.type == "mps":
        return f"Apple GPU, {torch.mps.current_allocated_memory() / 2**30:.1f} GB in use"
    return f"CPU, {available_cores()} cores"


def likely_device() -> str:
    """The device in a line for people, told without importing torch, from what the system shows."""
    wanted = os.environ.get("CNNLAB_DEVICE", "")
    if wanted:
        return f"{wanted} (set by CNNLAB_DEVICE)"
    if Path("/dev/nvidia0").exists():
        return "NVIDIA GPU"
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "Apple GPU"
    return f"CPU, {available_cores()} cores"


def available_cores() -> int:
    """Cores this process may use: the smaller of its affinity and its container's quota, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no cgroup, or "max": no quota
        return cores


def available_memory(device: "torch.device") -> int:
    """Bytes of memory that are free for a job now: on a GPU its own, else the system's, within the container's quota.

    Where the system doesn't tell what is free, half of all there is.
    """
    import torch

    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return int(min(_free_in_system(), _free_in_container()))


def _free_in_system() -> int:
    try:
        table = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return 1024 * int(table["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        return 4 * 2**30


def _free_in_container(folder: Path = Path("/sys/fs/cgroup")) -> float:
    """What the container's quota leaves; infinite without one. Files that are only cached count as free."""
    try:
        quota, used = (int((folder / name).read_text()) for name in ("memory.max", "memory.current"))
        facts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return quota - used + int(facts.get("inactive_file", 0))
    except (OSError, ValueError):  # no cgroup, or "max": no quota
        return float("inf")


# --- the gate -------------------------------------------------------------------------------------------------


class _Ticket:
    """A place in the gate's queue; ``new`` for one of a job's first turns."""

    def __init__(self, new: bool) -> None:
        self.new = new
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
    """Lets ``slots`` jobs compute at a time; the others wait in the order in which they came.

    A new job's first turns come before the further turns of others (the simplest multilevel feedback queue, Corbató et
    al. 1962): naming a photo takes one or two, and doesn't wait behind a class of thirty whose attacks take twenty
    each. They are computed in the caller's own thread, at most ``express`` of them beyond the slots. Further turns are
    computed in threads of the gate's own, which the system lets wait when a page is to be drawn.

    A slot is only ever given to a job that is listening for it at that moment. So one that has wandered off
    (its browser tab was closed, its notebook cell paused) delays nobody, and keeps its place if it returns.
    """

    def __init__(self, slots: int, express: int = 0) -> None:
        self._free = self.slots = slots
        self._express = express
        self._resting: list[_Lane] = []  # as many lanes as were ever needed at once
        self._queue: deque[_Ticket] = deque()
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
        ticket = self._join()
        try:
            while not self._listen(ticket, seconds=60):
                pass
            yield
        finally:
            self._leave(ticket)

    def drive(
        self, job: Generator[Step, None, Result], *, slice_seconds: float = SLICE_SECONDS, report_seconds: float = 0.25
    ) -> Generator[Waiting | Slice[Step], None, Result]:
        """Run a generator of steps through the gate, a time slice per turn, and return what it returns.

        Yields a ``Slice`` after each turn and a ``Waiting`` about every ``report_seconds`` spent in the queue.
        The slot is held only while the job computes, never while the consumer handles what is yielded; after
        each turn the job goes to the end of the queue. When the job raises, or the consumer closes or drops
        this generator, the job is closed and the slot and the place in the queue are free again.
        """
        with closing(job):
            turns = 0
            while True:
                new = turns < _FIRST_TURNS
                ticket = self._join(new)
                try:
                    while not self._listen(ticket, report_seconds):
                        yield Waiting(self._ahead_of(ticket))
                    if new:
                        steps, outcome = _advance(job, slice_seconds)
                    else:
                        steps, outcome = self._aside(lambda: _advance(job, slice_seconds))
                finally:
                    self._leave(ticket)
                turns += 1
                if steps:
                    yield Slice(steps)
                if outcome:
                    return outcome[0]

    def _join(self, new: bool = True) -> _Ticket:
        ticket = _Ticket(new)
        with self._changed:
            ahead = sum(other.new for other in self._queue) if new else len(self._queue)
            self._queue.insert(ahead, ticket)  # all new ones stand before all others
        return ticket

    def _listen(self, ticket: _Ticket, seconds: float) -> bool:
        """Wait up to ``seconds`` for the slot; True once it is held."""
        with self._changed:
            ticket.listening = True
            self._hand_out()
            self._changed.wait_for(lambda: ticket.granted, seconds)
            ticket.listening = False
            return ticket.granted

    def _leave(self, ticket: _Ticket) -> None:
        with self._changed:
            if ticket.granted:
                self._free += 1
            else:
                self._queue.remove(ticket)
            self._hand_out()

    def _hand_out(self) -> None:
        """Give the free slots to the first tickets that are listening. Call with the condition held."""
        for ticket in [ticket for ticket in self._queue if ticket.listening]:
            if self._free + (self._express if ticket.new else 0) > 0:
                ticket.granted = True
                self._queue.remove(ticket)
                self._free -= 1
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


def relay(job: Generator[Inner, None, Result], retell: Callable[[Inner], Step]) -> Generator[Step, None, Result]:
    """A job within a job: its steps, retold as steps of the outer one; gives what it returns."""
    with closing(job):
        while True:
            try:
                step = next(job)
            except StopIteration as stop:
                return stop.value
            yield retell(step)


def finish(job: Generator[Step, None, Result]) -> Result:
    """Run a generator of steps to its end and give what it returns: the plain-function form of any job."""
    while True:
        try:
            next(job)
        except StopIteration as stop:
            return stop.value


def plainly(steps: Callable[Arguments, Generator[Any, None, Result]]) -> Callable[Arguments, Result]:
    """The plain function of a job that is written as steps: runs it to its end and gives its result."""

    @wraps(steps)
    def plain(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        return finish(steps(*args, **options))

    plain.__name__ = plain.__qualname__ = steps.__name__.removesuffix("_steps")
    return plain


@cache
def gate(device_type: str = "cpu") -> Gate:
    """The gate that all sessions share for a kind of device: a slot per core on a CPU, one slot on a GPU.

    On a CPU a first turn of one more job may begin while all slots are taken: the cores are shared by the system, and
    a page that asks for little is there at once.
    """
    return Gate(available_cores(), express=1) if device_type == "cpu" else Gate(1)


# --- a GPU's memory -------------------------------------------------------------------------------------------


def with_memory_retry(work: Callable[[], Result], free_memory: Callable[[], None]) -> Result:
    """``work()``; if the GPU runs out of memory, ``free_memory()`` and once more; then a ``DeviceError``."""
    import torch

    try:
        return work()
    except torch.OutOfMemoryError:
        # Handled below, after the exception and the tensors its traceback keeps alive are gone.
        pass
    free_memory()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    try:
        return work()
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            "The GPU's memory is full, even after models that nobody uses were put away. "
            "Use a smaller picture, batch or model, or wait until others are done."
        ) from error
