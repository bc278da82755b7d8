"""What a run reports, as JSON lines: one process writes, anybody reads at any time. Needs no torch.

Kinds of lines: ``state`` (started, paused, ...), ``step`` (loss, accuracy, learning rate, speed), ``epoch`` (training
and validation), ``probe`` (gradient norms and dead units by layer), ``sample`` (what a network that reads text writes
after so many steps), ``notice`` (something to know).

A long run tells of every second step, or fourth, …, so that there are ``MOST_STEPS`` lines of steps at most; of a file
that has more, as many are kept.
"""

import json
import math
import os
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from cnnlab_core.runtime.files import write_atomically

Record = dict[str, Any]

MOST_STEPS = 1 << 15
"""Steps that are told of and kept, at most."""
_TAIL = 1 << 14
_STEP_LINE = b'{"kind": "step", '
_WHOLE = {"step", "epoch"}


def stride(total: int) -> int:
    """A run of so many steps tells of the first of every so many: 1, 2, 4, …"""
    return 1 << max(0, math.ceil(math.log2(max(1, total) / MOST_STEPS)))


class MetricsWriter:
    """Appends to a run's metrics. ``keep`` bytes of what is there stay: the part that a checkpoint vouches for."""

    def __init__(self, path: Path, keep: int | None = None) -> None:
        self.path = path
        if path.exists() and keep is not None and path.stat().st_size != keep:
            write_atomically(path, path.read_bytes()[:keep])  # a new file, so that readers notice
        self._file = path.open("ab")

    def write(self, kind: str, **values: object) -> None:
        """Append one line. What isn't a finite number becomes null. Raises ``OSError`` when the disk is full."""
        line = json.dumps({"kind": kind, **_plain(values)}, allow_nan=False) + "\n"
        self._file.write(line.encode())

    def flush(self) -> None:
        """Let readers see what was written."""
        self._file.flush()

    def sync(self) -> int:
        """Put everything on the disk; the length in bytes, for a checkpoint to remember."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Write out what is left and close the file."""
        self._file.close()


def _plain(values: Mapping[str, object]) -> Record:
    return {name: _plain_value(value) for name, value in values.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, list | tuple):
        return [_plain_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class Steps(Sequence[Record]):
    """The lines of steps as columns of numbers: at most ``MOST_STEPS``, evenly spaced, and the last one.

    What is null or missing is NaN in a column, and None in a line.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self._columns: dict[str, array[float]] = {}
        self._kept, self._seen, self._stride = 0, 0, 1
        self._last = b""  # a line that doesn't stay once there is another

    @property
    def due(self) -> bool:
        """Whether the next line stays."""
        return self._seen % self._stride == 0

    def append(self, line: Record) -> None:
        """Take a line that stays."""
        for name in line.keys() - self._columns.keys():
            self._columns[name] = array("d", [math.nan]) * self._kept
        for name, column in self._columns.items():
            column.append(_number(line.get(name)))
        self._kept, self._seen, self._last = self._kept + 1, self._seen + 1, b""
        if self._kept > MOST_STEPS:  # one more than an even number, so that the last one stays
            self._columns = {name: column[::2] for name, column in self._columns.items()}
            self._kept, self._stride = MOST_STEPS // 2 + 1, 2 * self._stride

    def pass_over(self, line: bytes) -> None:
        """Take a line that stays only while it is the last."""
        self._seen, self._last = self._seen + 1, line

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """One number of all lines, (N,)."""
        values = np.array(self._columns.get(name, array("d", [math.nan]) * self._kept), dtype=np.float64)
        return np.append(values, _number(_parsed(self._last).get(name))) if self._last else values

    def __len__(self) -> int:
        return self._kept + bool(self._last)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        last = _parsed(self._last) if place == self._kept else None
        values = {name: _number(last.get(name)) if last else column[place] for name, column in self._columns.items()}
        return {
            name: None if math.isnan(value) else int(value) if name in _WHOLE else value
            for name, value in values.items()
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _parsed(line: bytes) -> Record:
    """What stands in a line; {} if that is nothing."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


@dataclass
class Metrics:
    """A run's lines by kind, in order, kept up to date by ``poll``; a torn or strange line is passed over."""

    path: Path
    states: list[Record] = field(default_factory=list)
    steps: Steps = field(default_factory=Steps)
    epochs: list[Record] = field(default_factory=list)
    probes: list[Record] = field(default_factory=list)
    samples: list[Record] = field(default_factory=list)
    notices: list[Record] = field(default_factory=list)
    _file: int = 0
    _read: int = 0

    def poll(self) -> bool:
        """Read what has been added since the last call; True if there was anything new.

        When a run goes on from a checkpoint its file is replaced; then everything is read again.
        """
        try:
            with self.path.open("rb") as file:
                facts = os.fstat(file.fileno())
                if facts.st_ino != self._file or facts.st_size < self._read:
                    self._begin_again(facts.st_ino)
                begun = file.seek(self._read)
                for line in file:
                    if not line.endswith(b"\n"):
                        break  # it is still being written, or torn
                    self._read += len(line)
                    if line.startswith(_STEP_LINE) and not self.steps.due:
                        self.steps.pass_over(line)
                    else:
                        self._take(line)
        except FileNotFoundError:
            return False
        return self._read > begun

    def _begin_again(self, inode: int) -> None:
        for lines in (self.states, self.steps, self.epochs, self.probes, self.samples, self.notices):
            lines.clear()
        self._file, self._read = inode, 0

    def _take(self, line: bytes) -> None:
        record = _parsed(line)
        kind = record.pop("kind", None)
        if kind == "step":
            self.steps.append(record)
        elif isinstance(kind, str):
            kinds = {"state": self.states, "epoch": self.epochs, "probe": self.probes, "sample": self.samples}
            kinds.get(kind, self.notices).append(record)


def read_metrics(path: Path) -> Metrics:
    """Everything in a metrics file, or nothing if there is none yet."""
    metrics = Metrics(path)
    metrics.poll()
    return metrics


def say(path: Path, state: str, sentence: str, **more: object) -> None:
    """Add a word on how the run stands. Raises ``OSError`` when the disk is full."""
    _end_torn_line(path)
    writer = MetricsWriter(path)
    writer.write("state", state=state, sentence=sentence, **more)
    writer.close()


def last_state(path: Path) -> Record:
    """How the run stood when it last said so, from the file's end: {} if it never began.

    A run that isn't being trained and ended in good order has a state as its last line.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = file.read().rstrip(b"\n").splitlines()
    except FileNotFoundError:
        return {}
    try:
        record = json.loads(lines[-1])
        return record if record["kind"] == "state" else {"state": "started"}
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return {"state": "started"} if lines else {}


def _end_torn_line(path: Path) -> None:
    """A line that a kill or a full disk cut off must not swallow the next one."""
    if path.exists() and path.stat().st_size:
        with path.open("rb+") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
