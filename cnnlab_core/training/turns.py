"""Turns at the device, which a run leaves at a checkpoint while others wait; and how long it may train, how far grow.

The trainer counts the seconds, in the run's folder (``spent``) and, by day, for the visitor (``<runs>/time``). What was
started from the command line has turns too, and no end. Needs no torch.
"""

import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from cnnlab_core.errors import RunError
from cnnlab_core.models.exports import runs_folder
from cnnlab_core.runtime.files import write_atomically
from cnnlab_core.runtime.limits import RUN_MINUTES, TURN_SECONDS, VISITOR_MINUTES
from cnnlab_core.training.curves import duration
from cnnlab_core.training.locks import DeviceQueue
from cnnlab_core.training.runs import Run
from cnnlab_core.training.storage import no_room

_LOOK_SECONDS = 1.0
"""How often the trainer asks who waits, and writes down how long it has trained."""
_ROOM_SECONDS = 60.0
"""How often it asks how much its visitor keeps by now."""
LEAST_SHARE = 1 / 4
"""Of the time that a training keeps while visitors of the lab wait for the device."""
_MOST_REST = 10.0
_PIECE = 0.1
Why = Literal["", "turn", "time", "room"]


class Turn:
    """One turn of a trainer; from its first step on it counts."""

    def __init__(self, run: Run, devices: DeviceQueue, *, stands_aside: bool) -> None:
        self.run, self.devices, self.stands_aside = run, devices, stands_aside
        self.owner, self.granted = run.about.owner, granted(run)
        self.why: Why = ""
        self._begun = self._looked = self._measured = 0.0

    def wish(self, training: bool) -> str:
        """“pause” once the turn or the time is over; a test or check that has begun comes to its end."""
        now = time.monotonic()
        if not training or not self._begun:
            self._begun, self._looked = (self._begun or now) if training else self._begun, now
            return ""
        if now - self._looked >= _LOOK_SECONDS:
            if self.owner:
                _write(_of_run(self.run), spent(self.run) + now - self._looked)
                _write(_of_visitor(self.owner), spent_today(self.owner) + now - self._looked)
            self._looked = now
            if self.owner and time_is_up(self.run):
                self.why = "time"
            elif self.owner and self._has_no_room(now):
                self.why = "room"
            elif self.stands_aside and now - self._begun >= TURN_SECONDS.now() and len(self.devices.names()) > 1:
                self.why = "turn"
        return "pause" if self.why else ""

    def _has_no_room(self, now: float) -> bool:
        if now - self._measured < _ROOM_SECONDS:
            return False
        self._measured = now
        return bool(no_room(self.owner))


class Rest:
    """The rests of a trainer between its steps while ``others`` wait: three times as long as it has worked, at most.

    So it keeps at least a quarter of the time.
    """

    clock, pause = staticmethod(time.monotonic), staticmethod(time.sleep)

    def __init__(self, others: Callable[[], bool]) -> None:
        self._others, self._since = others, self.clock()

    def after_step(self) -> None:
        """Rest, until nobody waits any more or its share is due."""
        now = self.clock()
        end = now + min(_MOST_REST, (1 / LEAST_SHARE - 1) * (now - self._since))
        while now < end and self._others():
            self.pause(min(_PIECE, end - now))
            now = self.clock()
        self._since = now


def may_not_go_on(run: Run) -> str:
    """Why a visitor's run may train no longer, or grow no more, in a sentence; "" while it may."""
    return time_is_up(run) or (no_room(run.about.owner) if run.about.owner else "")


def time_is_up(run: Run) -> str:
    """Why a run may train no longer, in a sentence; "" while it may."""
    owner, more = run.about.owner, granted(run)
    if not owner:
        return ""
    most = 60.0 * RUN_MINUTES.now()
    if spent(run) >= most * (1 + more):
        done = duration(spent(run))
        return f"This run has trained for {done}; the limit here is {duration(most)}. A teacher can let it go on."
    return "" if more else day_is_over(owner)


def day_is_over(owner: str) -> str:
    """Why a visitor may train no more today, in a sentence; "" while they may."""
    most = 60.0 * VISITOR_MINUTES.now()
    if owner and spent_today(owner) >= most:
        return f"This visitor has trained for {duration(most)} today, the most for one. Go on tomorrow."
    return ""


def refuse_to_go_on(run: Run) -> None:
    """Raise ``RunError`` for a run that may train no longer, or grow no more."""
    if why := may_not_go_on(run):
        raise RunError(why)


def spent(run: Run) -> float:
    """Seconds that a visitor's run has trained."""
    return _read(_of_run(run))


def spent_today(owner: str) -> float:
    """Seconds that a visitor's runs have trained since midnight (UTC)."""
    return _read(_of_visitor(owner))


def granted(run: Run) -> int:
    """How many times a teacher has let a run go on."""
    return int(_read(run.folder / "granted"))


def grant(run: Run) -> None:
    """Let a run train as long again as it may by itself, whatever its visitor has trained today."""
    if time_is_up(run):
        _write(run.folder / "granted", granted(run) + 1)


def _of_run(run: Run) -> Path:
    return run.folder / "spent"


def _of_visitor(owner: str) -> Path:
    return runs_folder() / "time" / re.sub(r"[^\w-]", "-", owner)[:64]


def _read(path: Path) -> float:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return float(found["seconds"]) if found["day"] in (None, _today()) else 0.0
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return 0.0


def _write(path: Path, seconds: float) -> None:
    day = _today() if path.parent.name == "time" else None
    with suppress(OSError):
        write_atomically(path, json.dumps({"day": day, "seconds": round(seconds, 1)}).encode())


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
