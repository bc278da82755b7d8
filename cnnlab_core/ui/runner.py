"""Runs a job live: through the gate, with its progress, time, place in the queue and a Stop button.

A job is a generator of steps that goes on in the background (``runtime/background``): the page follows it. Streamlit
may cut the script off at any moment (a control was moved, another tab opened, a socket dropped); the next run follows
the same job again, and one that the page has stopped asking for ends.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Literal, TypeVar, cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.errors import LabError
from cnnlab_core.runtime.background import KEPT_BYTES, Background, News
from cnnlab_core.runtime.device import pick_device, with_memory_retry
from cnnlab_core.runtime.gate import Gate, gate
from cnnlab_core.runtime.limits import QUEUE
from cnnlab_core.ui.mine import my_specs
from cnnlab_core.ui.results import Results, everybodys_results, session_results
from cnnlab_core.ui.show import plain, show_problem
from cnnlab_core.ui.visitor import visitor

Result = TypeVar("Result")
Job = Generator[Any, None, Result]

_ANYTIME = Gate(slots=10_000)
"""For jobs that wait instead of computing: they don't queue."""

_AGAIN = ":material/replay:"

_QUIET_SECONDS = 0.4
"""Shorter jobs show no progress: it would only flash."""

_PAINT_SECONDS = 0.2
"""The time between two paintings of a job, at least: figures cost as much as a step, and thirty jobs may be painted at
once."""


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """How a job ended. ``result`` is there when it is done, or stale (it belongs to previous settings).

    ``asked`` is what the result is the answer to: what ``run`` was given under this name when it was asked for.
    ``steps`` are those of a job that was stopped, as many of the last as are kept: it can go on from there.
    ``note`` is the place beside the button where ``kept`` says that the result is stale; ``dim`` dims the container of
    a key until the next job of this name paints into it.
    """

    state: Literal["idle", "stopped", "failed", "stale", "done"]
    result: Result | None = None
    steps: Sequence[Any] = ()
    asked: Any = None
    note: DeltaGenerator | None = None
    dim: Callable[[str], None] = lambda key: _opacity(st, key, "0.6")


@dataclass
class _Memory:
    """What a session remembers of the job called ``name``: which settings were asked for, stopped, finished.

    ``asked`` is what the finished one answers; ``followed`` is the key of the job that the page follows; ``who`` is the
    session, as those that follow it; ``dimmed`` is the container with its stale result.
    """

    wanted: str = ""
    stopped: str = ""
    finished: str = ""
    asked: Any = None
    followed: str = ""
    who: object = field(default_factory=object)
    dimmed: str = ""

    def finish(self, key: str, asked: Any) -> None:
        self.finished, self.asked = key, asked

    def want(self, key: str) -> None:
        self.wanted, self.stopped = key, ""

    def dim(self, place: Any, container: str) -> None:
        self.dimmed = container
        _opacity(place, container, "0.6")

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
    meanwhile: Callable[[], None] | None = None,
    computes: bool = True,
    keep: bool = True,
    for_everybody: bool = False,
    held: bool = True,
    asked: Any = None,
    at: Any = st,
) -> Outcome[Result]:
    """Give the result of the job ``make()`` for the settings ``key``, computing it only if it isn't there yet.

    Problems are shown here, as sentences.

    Args:
        name: The job's place on the page.
        key: The digest of everything that the result depends on.
        label: What people read while it runs.
        share: How much is done after a step, 0 to 1; by default, the step's own ``share``, as ``Progress`` has one.
        start: The label of a button that the job waits for; without one, it runs at once.
        paint: Gets the steps since it was last called, outside the gate, every now and then and at the end.
        meanwhile: Draws what stands in the result's place until the first painting.
        computes: False for a job that only waits, as a download does: it takes no slot of the device.
        keep: False forgets the result at once.
        for_everybody: The result is shared by all sessions; what is found while a session has a network of its own
            stays with it.
        held: False ends the job for good where it is stopped.
        asked: What the result answers, for those who show it when it has become stale (see ``kept``).
        at: Where the button, the progress and the problems go. The row of a job that waits for its ``start`` is there
            at all times, empty if need be, so that nothing moves.
    """
    memory: _Memory = st.session_state.setdefault(f"job {name}", _Memory())
    mine, everybodys = session_results(), everybodys_results()
    owner = everybodys if for_everybody and not my_specs() else mine
    if memory.followed not in ("", key):  # the settings have changed: the page doesn't ask for that any more
        for results in (mine, everybodys):
            results.leave(memory.followed, memory.who)
        memory.followed = ""
    # Always there: what follows must not change its place on the page when the job is done.
    row = at.container(key=f"row {name}") if start else at
    place = row.empty()
    found = mine.get(key)
    if found is None and for_everybody:
        found = everybodys.get(key)
    if found is not None:
        memory.finish(key, asked)
        memory.followed = memory.wanted = ""
        return Outcome("done", cast(Result, found), asked=asked)
    if memory.stopped == key:
        if not held:
            owner.leave(key, memory.who)
            memory.stopped = memory.followed = ""
            return Outcome("stopped")
        return _stopped(name, key, memory, owner, place, paint)
    if start and memory.wanted != key:
        older = mine.get(memory.finished)
        if older is None:
            older = everybodys.get(memory.finished)
        with place.container(horizontal=True, vertical_alignment="center"):
            st.button(start, key=f"start {name}", type="primary", on_click=memory.want, args=(key,))
            note = st.empty()
        if older is None:
            return Outcome("idle")
        return Outcome("stale", cast(Result, older), asked=memory.asked, note=note, dim=partial(memory.dim, row))
    queue = gate(pick_device().type) if computes else _ANYTIME
    if computes and memory.followed != key and (ahead := queue.waiting) >= QUEUE.now():
        with place.container():
            st.info(
                f"{ahead} jobs are already waiting for the device. Try again in a moment.",
                icon=":material/hourglass_empty:",
            )
            st.button("Try again", key=f"queue {name}", icon=_AGAIN, on_click=memory.want, args=(key,))
        return Outcome("stopped")

    def begin() -> Background[Result]:
        return Background(
            queue,
            make,
            attempt=lambda work: with_memory_retry(work, _put_away_idle),
            done=(lambda result: owner.put(key, result)) if keep else (lambda result: None),
            kept_bytes=KEPT_BYTES if paint else 0,
            visitor=visitor(),
        )

    if meanwhile:
        meanwhile()
    if paint and memory.dimmed:
        _opacity(row, memory.dimmed, "1 !important")
    memory.followed = key
    job = owner.work(key, memory.who, begin)
    if job is None:  # finished a moment ago, by another session
        result = cast(Result, owner.get(key))
    else:
        status = _Status(place, name, label, memory.stop_button(name, key), share or _share_of)
        try:
            result = _follow(job, memory.who, status, paint)
        except LabError as error:
            with place.container():
                show_problem(error)
                if start:
                    st.button("Try again", key=f"retry {name}", icon=_AGAIN, on_click=memory.want, args=(key,))
            owner.forget_work(key)
            memory.wanted = memory.followed = ""
            return Outcome("failed")
        owner.forget_work(key)
    place.empty()
    if keep:
        memory.finish(key, asked)
    memory.wanted = memory.followed = ""
    return Outcome("done", result, asked=asked)


@contextmanager
def kept(outcome: Outcome[Any], key: str) -> Iterator[None]:
    """Draw what an outcome holds in the container ``key``: one of previous settings stays, dimmed, and is told as such.

    What the body says of it must be of ``outcome.asked``, not of how the controls stand now.
    """
    mark(outcome, key)
    with st.container(key=key):
        yield


def mark(outcome: Outcome[Any], key: str) -> None:
    """Dim the container ``key`` if what it shows is of previous settings, and say so beside the button."""
    if outcome.state == "stale":
        outcome.dim(key)
        if outcome.note:
            outcome.note.markdown(":material/history: These results are from your previous settings.")


def _opacity(place: Any, key: str, share: str) -> None:
    """Set how strongly a container's pieces are seen, one by one: on a phone itself it may be dissolved."""
    place.html(f"<style>.st-key-{key} [data-testid=stElementContainer] {{ opacity: {share}; }}</style>")


def _stopped(
    name: str,
    key: str,
    memory: _Memory,
    owner: Results,
    place: DeltaGenerator,
    paint: Callable[[list[Any]], None] | None,
) -> Outcome[Any]:
    """A job that was stopped: held where it is, with what it had found, until it is to go on or something else is."""
    job = owner.at_work(key)
    held = job is not None and job.pause(memory.who)
    with place.container(horizontal=True, vertical_alignment="center"):
        words = "Go on" if held else "Start again"
        st.button(words, key=f"again {name}", icon=_AGAIN, on_click=memory.want, args=(key,))
        if job is not None and held:
            st.markdown(f"Stopped at step {job.count}.")
    if job is None or not held:
        owner.leave(key, memory.who)
        return Outcome("stopped")
    memory.followed = key
    steps = job.steps
    if paint and steps:
        paint(steps)
    return Outcome("stopped", steps=steps)


def once(function: Callable[[], Result]) -> Job[Result]:
    """A job of a single step."""
    return function()
    yield


def _share_of(step: object) -> float:
    return getattr(step, "share", 0.0)


def _put_away_idle() -> None:
    from cnnlab_core.models.registry import registry

    registry().put_away_idle()


def _follow(
    job: Background[Result], who: object, status: "_Status", paint: Callable[[list[Any]], None] | None
) -> Result:
    paint = paint or (lambda steps: None)
    unpainted: list[Any] = []
    painted = float("-inf")
    news = job.follow(who)
    while True:
        try:
            latest = next(news)
        except (StopIteration, LabError) as end:
            if unpainted:
                paint(unpainted)
            if isinstance(end, StopIteration):
                return end.value
            raise
        status.update(latest)
        unpainted += latest.steps
        if unpainted and time.monotonic() - painted >= _PAINT_SECONDS:
            paint(unpainted)
            unpainted, painted = [], time.monotonic()


class _Status:
    """The progress line of a running job, with its Stop button; nothing at first."""

    def __init__(
        self, place: DeltaGenerator, name: str, label: str, stop: Callable[[], object], share: Callable[[Any], float]
    ):
        self._place, self._name, self._label, self._stop, self._share = place, name, label, stop, share
        self._begun = time.monotonic()
        self._done = 0.0
        self._line: DeltaGenerator | None = None

    def update(self, news: News) -> None:
        """Show how far the job is, or its place in the queue."""
        turn = ""
        if news.steps:
            self._done = min(1.0, max(0.0, self._share(news.steps[-1])))
        elif news.ahead is not None:
            turn = f" · in the queue, {news.ahead} ahead of you" if news.ahead else " · in the queue, you are next"
        self._show(turn)

    def _show(self, turn: str) -> None:
        elapsed = time.monotonic() - self._begun
        if elapsed < _QUIET_SECONDS:
            return
        if self._line is None:
            with self._place.container(horizontal=True, vertical_alignment="center", key=f"running {self._name}"):
                self._line = st.empty()
                self._stop()
        self._line.progress(self._done, f"{plain(self._label)} · {elapsed:.0f} s{turn}")
