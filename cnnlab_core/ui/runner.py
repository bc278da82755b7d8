"""Runs a job live: through the gate, with progress, time, place in the queue and a Stop button.

A job is a generator of steps. Between its slices the page is painted and Streamlit may cut the script off (a
control was moved, Stop was pressed, the tab was closed): the generator is closed then and nothing is held.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.errors import LabError
from cnnlab_core.runtime.device import pick_device, with_memory_retry
from cnnlab_core.runtime.gate import Gate, Slice, Waiting, gate
from cnnlab_core.ui.classroom import classroom
from cnnlab_core.ui.results import Results, everybodys_results, session_results
from cnnlab_core.ui.show import plain, show_problem

Result = TypeVar("Result")
Job = Generator[Any, None, Result]

_ANYTIME = Gate(slots=10_000)
"""For jobs that wait instead of computing: nobody has to queue for them."""

_AGAIN = ":material/replay:"

_QUIET_SECONDS = 0.4
"""Jobs shorter than this show no progress: a flash of it would only disturb."""

_PAINT_SECONDS = 0.2
"""How often a job is painted at most: figures cost as much as a step, and thirty jobs at once are painted too."""


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What came of a job. ``result`` is there when it is done, or stale (it belongs to earlier settings)."""

    state: Literal["idle", "stopped", "failed", "stale", "done"]
    result: Result | None = None


@dataclass
class _Memory:
    """What a session remembers of the job called ``name``: which settings were asked for, stopped, finished."""

    wanted: str = ""
    stopped: str = ""
    finished: str = ""

    def want(self, key: str) -> None:
        self.wanted, self.stopped = key, ""

    def stop(self, key: str) -> None:
        self.wanted, self.stopped = "", key

    def stop_button(self, name: str, key: str) -> Callable[[], object]:
        """Draws the button that stops the job; it isn't drawn before the job has run for a moment."""
        return lambda: st.button("Stop", key=f"stop {name}", icon=":material/stop:", on_click=self.stop, args=(key,))


def run(
    name: str,
    key: str,
    make: Callable[[], Job[Result]],
    *,
    label: str,
    share: Callable[[Any], float] | None = None,
    start: str = "",
    paint: Callable[[list[Any]], None] | None = None,
    computes: bool = True,
    keep: bool = True,
    for_everybody: bool = False,
) -> Outcome[Result]:
    """Give the result of the job ``make()`` for the settings ``key``, computing it only if it isn't there yet.

    ``name`` is the job's place on the page, ``label`` what people read while it runs, ``share`` how much is done
    (0..1) after a step: if it is left out, steps with a ``share`` tell it themselves. With ``start`` (a button's label)
    it waits for that button; without, it runs at once. ``paint`` gets the steps since it was last called, outside the
    gate, every now and then and at the end. A job that only waits, as a download does, is marked ``computes=False`` and
    takes no slot of the device. Problems are shown here, as sentences. Results ``for_everybody`` are shared between
    sessions; ``keep=False`` forgets them at once.
    """
    memory: _Memory = st.session_state.setdefault(f"job {name}", _Memory())
    mine, everybodys = session_results(), everybodys_results()
    place = st.empty()  # always there: what follows must not change its place on the page when the job is done
    found = mine.get(key)
    if found is None and for_everybody:
        found = everybodys.get(key)
    if found is not None:
        memory.finished = key
        return Outcome("done", cast(Result, found))
    if start and memory.wanted != key:
        place.button(start, key=f"start {name}", type="primary", on_click=memory.want, args=(key,))
        older = mine.get(memory.finished)
        return Outcome("idle") if older is None else Outcome("stale", cast(Result, older))
    if memory.stopped == key:
        place.button("Start again", key=f"again {name}", icon=_AGAIN, on_click=memory.want, args=(key,))
        return Outcome("stopped")
    status = _Status(place, label, memory.stop_button(name, key), share or _share_of)
    queue = gate(pick_device().type) if computes else _ANYTIME
    if computes and (ahead := queue.waiting) >= classroom().queue:
        with place.container():
            st.info(
                f"{ahead} jobs wait for the device already. Try again in a moment.", icon=":material/hourglass_empty:"
            )
            st.button("Try again", key=f"queue {name}", icon=_AGAIN, on_click=memory.want, args=(key,))
        return Outcome("stopped")
    try:
        with _claim(everybodys if for_everybody else None, key, status) as others:
            result = others
            if result is None:
                result = with_memory_retry(lambda: _drive(queue, make(), status, paint), _put_away_idle)
            if keep:
                (everybodys if for_everybody else mine).put(key, result)
    except LabError as error:
        place.empty()
        show_problem(error)
        if start:
            memory.wanted = ""
            place.button("Try again", key=f"retry {name}", icon=_AGAIN, on_click=memory.want, args=(key,))
        return Outcome("failed")
    place.empty()
    if keep:
        memory.finished = key
    memory.wanted = ""
    return Outcome("done", result)


def once(function: Callable[[], Result]) -> Job[Result]:
    """A job of a single step."""
    return function()
    yield


def _share_of(step: Any) -> float:
    return getattr(step, "share", 0.0)


def _put_away_idle() -> None:
    from cnnlab_core.models.registry import registry

    registry().put_away_idle()


@contextmanager
def _claim(shared: Results | None, key: str, status: "_Status") -> Iterator[Any]:
    """Hold the right to compute a result for everybody, once the session that has it is done or has given up.

    Thirty who open a page at the same moment cause one computation. Gives the result if it was made meanwhile.
    """
    if shared is None:
        yield None
        return
    while not shared.claim(key):
        status.others_are_at_it()  # a Streamlit call: here the script can be cut off
        time.sleep(0.05)
    try:
        yield shared.get(key)
    finally:
        shared.release(key)


def _drive(queue: Gate, job: Job[Result], status: "_Status", paint: Callable[[list[Any]], None] | None) -> Result:
    paint = paint or (lambda steps: None)
    unpainted: list[Any] = []
    painted = float("-inf")
    with closing(queue.drive(job)) as events:
        while True:
            try:
                event = next(events)
            except StopIteration as stop:
                if unpainted:
                    paint(unpainted)
                return stop.value
            status.update(event)
            if isinstance(event, Slice):
                unpainted += event.steps
            if unpainted and time.monotonic() - painted >= _PAINT_SECONDS:
                paint(unpainted)
                unpainted, painted = [], time.monotonic()


class _Status:
    """The line that tells how a running job stands, with its Stop button; silent at first."""

    def __init__(self, place: DeltaGenerator, label: str, stop: Callable[[], object], share: Callable[[Any], float]):
        self._place, self._label, self._stop, self._share = place, label, stop, share
        self._begun = time.monotonic()
        self._done = 0.0
        self._line: DeltaGenerator | None = None

    def others_are_at_it(self) -> None:
        """Another session computes the same."""
        self._show(" · another session is computing it")

    def update(self, event: Waiting | Slice) -> None:
        """Show how far the job is, or its place in the queue."""
        turn = ""
        if isinstance(event, Slice):
            self._done = min(1.0, max(0.0, self._share(event.steps[-1])))
        else:
            turn = f" · in the queue, {event.ahead} before you" if event.ahead else " · in the queue, you are next"
        self._show(turn)

    def _show(self, turn: str) -> None:
        elapsed = time.monotonic() - self._begun
        if elapsed < _QUIET_SECONDS:
            return
        if self._line is None:
            with self._place.container(horizontal=True, vertical_alignment="center"):
                self._line = st.empty()
                self._stop()
        self._line.progress(self._done, f"{plain(self._label)} · {elapsed:.0f} s{turn}")
