"""What a run reports, as JSON lines: one process writes, anybody reads at any time. Needs no torch.

Kinds of lines: ``state`` (started, paused, ...), ``step`` (loss, accuracy, learning rate, speed), ``epoch`` (training
and validation), ``probe`` (gradient norms and dead units by layer), ``sample`` (what a network that reads text writes
after so many steps), ``notice`` (something to know).
"""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnnlab_core.runtime.files import write_atomically

Record = dict[str, Any]

_TAIL = 1 << 14


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


@dataclass
class Metrics:
    """A run's lines by kind, in order, kept up to date by ``poll``; a torn or strange line is passed over."""

    path: Path
    states: list[Record] = field(default_factory=list)
    steps: list[Record] = field(default_factory=list)
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
                file.seek(self._read)
                content = file.read()
        except FileNotFoundError:
            return False
        whole = content[: content.rfind(b"\n") + 1]  # a last line without its end is still being written, or torn
        self._read += len(whole)
        for line in whole.splitlines():
            self._take(line)
        return bool(whole)

    def _begin_again(self, inode: int) -> None:
        for lines in (self.states, self.steps, self.epochs, self.probes, self.samples, self.notices):
            lines.clear()
        self._file, self._read = inode, 0

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            kind = record.pop("kind")
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            return
        kinds = {"state": self.states, "step": self.steps, "epoch": self.epochs, "probe": self.probes}
        kinds["sample"] = self.samples
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
