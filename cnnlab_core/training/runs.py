"""Runs as folders: what was asked for, what has happened, and whether anybody is at it now. Needs no torch.

::

    <runs>/<id>/config.json      the settings; never changed
                about.json       name, owner, when it was made
                machine.json     what the first start settled: device, threads, precision, data digest, alphabet
                metrics.jsonl    see ``metrics``; written by the trainer alone
                checkpoints/     last-*.pt (two) and best-*.pt
                filters/         first-layer filters over time, one .npy per snapshot (pictures only)
                weights/         histograms of each layer over time, one .json per snapshot (pictures only)
                watched/         a few pictures, and the answers to them over time (pictures only)
                sweep            the token of the sweep that it belongs to, if it does
                finals.json      the test, once
                mistakes.npy     the test pictures that it got wrong most confidently (pictures only)
                trainer.lock     locked while a trainer lives
                request          "pause" or "stop", for the trainer to read
                rates.json, landscape.json   what was tried of a run before it came with the lab
                hidden           there if only a teacher sees the run
                trainer.log      what the trainer printed
    <runs>/exports/              networks to use elsewhere (see ``cnnlab_core.models.exports``)
    <runs>/queue/<device>/       who waits for the device
"""

import json
import math
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError, RunError
from cnnlab_core.models.exports import runs_folder
from cnnlab_core.runtime.assets import asset
from cnnlab_core.runtime.files import write_atomically
from cnnlab_core.training.config import Config, config_from
from cnnlab_core.training.locks import DeviceQueue, held, is_held
from cnnlab_core.training.metrics import Metrics, last_state, read_metrics

StateName = Literal["ready", "waiting", "running", "paused", "finished", "stopped", "failed", "interrupted"]
MOST_NAME = 80
_BUSY = "The folder of runs is busy. Try again in a moment."
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
SHIPPED_RUNS = asset("runs")
"""Finished runs that come with the lab, to look at and to duplicate."""


@dataclass(frozen=True)
class State:
    """How a run stands. ``alive`` means that a trainer holds its lock at this moment."""

    name: StateName
    sentence: str
    alive: bool
    resumable: bool


@dataclass(frozen=True)
class About:
    """What may change about a run: its name. ``owner`` is the session that made it, ``created`` seconds since 1970."""

    name: str
    owner: str
    created: float


@dataclass(frozen=True)
class Run:
    """A run's folder."""

    folder: Path

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def shipped(self) -> bool:
        """Whether the run came with the lab; then it can be looked at and duplicated, and nothing else."""
        return self.folder.parent == SHIPPED_RUNS

    @cached_property
    def config(self) -> Config:
        """The settings. Raises ``RunError`` if they can't be read."""
        try:
            return config_from(json.loads(self._read("config.json")))
        except (ValueError, TypeError, OverflowError, RecursionError, InputError) as error:
            raise RunError(f"The settings of the run {self.id} are damaged ({error}). Delete the run.") from None

    @property
    def about(self) -> About:
        """Name, owner and time."""
        content = self._read("about.json")
        try:
            about = About(**json.loads(content))
            if not (isinstance(about.owner, str) and math.isfinite(about.created)):
                raise ValueError
            return replace(about, name=_checked_name(about.name))
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, InputError):
            raise RunError(f"The file about.json of the run {self.id} is damaged. Delete the run.") from None

    @property
    def machine(self) -> dict[str, Any] | None:
        """What the first start settled, or None before it."""
        return self._json("machine.json")

    @property
    def finals(self) -> dict[str, Any] | None:
        """The scores on the test set, once there are any (see ``finals.Finals``)."""
        return self._json("finals.json")

    @property
    def metrics_path(self) -> Path:
        """Where the metrics are."""
        return self.folder / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints are."""
        return self.folder / "checkpoints"

    @property
    def filters(self) -> Path:
        """Where the snapshots of the first layer's filters are."""
        return self.folder / "filters"

    @property
    def watched(self) -> Path:
        """Where a few pictures are, and the answers to them over time."""
        return self.folder / "watched"

    @property
    def lock(self) -> Path:
        """Held by the trainer while it lives."""
        return self.folder / "trainer.lock"

    def metrics(self) -> Metrics:
        """Everything reported so far; ``poll()`` it for more."""
        return read_metrics(self.metrics_path)

    @property
    def history(self) -> list[dict[str, Any]]:
        """A row for each epoch so far: loss and accuracy on what is learned from and on what is held out."""
        return list(self.metrics().epochs)

    def request(self) -> str:
        """What the trainer has been asked for: "", "pause" or "stop"."""
        try:
            return (self.folder / "request").read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def ask(self, what: Literal["", "pause", "stop"]) -> None:
        """Ask the trainer to pause or stop, or take that back."""
        with _kept(self):
            if what:
                self._read("about.json")  # a run that is gone isn't begun anew by a wish
                write_atomically(self.folder / "request", what.encode())
            else:
                (self.folder / "request").unlink(missing_ok=True)

    def write_json(self, name: str, content: object) -> None:
        """Write one of the run's JSON files, whole."""
        write_atomically(self.folder / name, json.dumps(content, indent=1).encode())

    def state(self) -> State:
        """How the run stands now. Cheap: looks at the lock and at the end of the metrics."""
        alive = is_held(self.lock)  # looked at first: a trainer writes its last line before it lets go
        last = last_state(self.metrics_path)
        name, sentence = str(last.get("state", "")), str(last.get("sentence", ""))
        if alive:
            if name == "waiting":
                return State("waiting", sentence or "Waiting for the device.", True, False)
            return State("running", sentence or "Training.", True, False)
        if name in ("paused", "finished", "stopped", "failed"):
            return State(name, sentence, False, bool(last.get("resumable")))  # type: ignore[arg-type]
        if name:
            return State("interrupted", "The trainer is gone: it was killed, or the machine went down.", False, True)
        return State("ready", "Not started yet.", False, True)

    def rename(self, name: str) -> None:
        """Give the run another name. Raises ``InputError`` for an empty or long one."""
        self.refuse_shipped()
        with _kept(self):
            self.write_json("about.json", asdict(About(_checked_name(name), self.about.owner, self.about.created)))

    @property
    def hidden(self) -> bool:
        """Whether a teacher has put it out of sight."""
        return (self.folder / "hidden").exists()

    def belong_to(self, owner: str) -> None:
        """Make it another visitor's."""
        with _kept(self):
            self.write_json("about.json", asdict(replace(self.about, owner=owner)))

    def delete(self) -> None:
        """Delete the run's folder; its exports stay. Raises ``RunError`` while it is training, and if it is gone."""
        self.refuse_shipped()
        with held(runs_folder() / "create.lock", 10, _BUSY):  # two who delete it come one after the other
            name = self.about.name
            with held(self.lock, 0.5, f"{name} is training. Stop it first."):
                (self.folder / "about.json").unlink()  # from here on it isn't a run any more
            shutil.rmtree(self.folder, ignore_errors=True)

    def refuse_shipped(self) -> None:
        """Raise ``RunError`` for a run that came with the lab."""
        if self.shipped:
            raise RunError(f"{self.about.name} came with the lab and stays as it is. Duplicate it instead.")

    def _read(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise RunError(f"The run {self.id} is gone: it was deleted, or its {name} was.") from None
        except (OSError, UnicodeDecodeError):
            raise RunError(f"The run {self.id} can't be read: its {name} is damaged.") from None

    def _json(self, name: str) -> dict[str, Any] | None:
        try:
            content = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None


@by_annotation
def create_run(config: Config, name: str = "", *, owner: str = "", token: str = "") -> Run:
    """A new run, not yet started. The same ``token`` (of a form, say) gives the same run, however often it is sent."""
    run = _run_named(config, token or secrets.token_hex(8))
    about = About(_checked_name(name or f"{config.net} on {config.data}"), owner, time.time())
    with held(runs_folder() / "create.lock", 10, _BUSY):
        if not (run.folder / "about.json").exists():
            with _kept(run):
                write_atomically(run.folder / "config.json", config.to_json().encode())
                run.write_json("about.json", asdict(about))  # last: a folder with it is a run
    return run


def run_of(config: Config, token: str) -> Run | None:
    """The run that was made with this token, if it was."""
    run = _run_named(config, token)
    return run if (run.folder / "about.json").exists() else None


def _run_named(config: Config, token: str) -> Run:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", token, re.ASCII):
        raise InputError("A token is 1 to 64 letters, digits and hyphens.")
    return Run(runs_folder() / f"{config.net}-{token}")


@by_annotation
def duplicate(run: Run, name: str = "", *, seed: int | None = None, owner: str = "") -> Run:
    """A new run with the same settings, or with another seed."""
    values = asdict(run.config) | ({} if seed is None else {"seed": seed})
    return create_run(config_from(values), name or f"{run.about.name} again"[:MOST_NAME], owner=owner)


def list_runs() -> list[Run]:
    """Every run that can be read, newest first, those that came with the lab last."""
    runs = []
    for path in [*runs_folder().glob("*/about.json"), *SHIPPED_RUNS.glob("*/about.json")]:
        run = Run(path.parent)
        if not _ID.fullmatch(run.id):  # it goes into addresses, and into code that people copy and run
            continue
        try:
            runs.append((run.about.created, run.config, run))
        except RunError:
            continue
    return [run for _, _, run in sorted(runs, key=lambda entry: (entry[2].shipped, -entry[0]))]


@by_annotation
def find_run(name: str) -> Run:
    """The run with this id, or the only one whose id begins or whose name is so. Raises ``InputError``."""
    runs = list_runs()
    exact = [run for run in runs if run.id == name]
    near = exact or [run for run in runs if run.about.name == name or (name and run.id.startswith(name))]
    if len(near) == 1:
        return near[0]
    what = f"{len(near)} runs" if near else "no run"
    raise InputError(f"There is {what} called “{name[:60]}”. `list` shows every run's id.")


@by_annotation
def queue(device: str) -> DeviceQueue:
    """The queue before a device (see ``locks.device_key``)."""
    if not re.fullmatch(r"[\w-]{1,60}", device):
        raise InputError(f"A device is called “cpu” or “cuda-0”, say, not “{device[:40]}”.")
    return DeviceQueue(runs_folder() / "queue" / device)


@contextmanager
def _kept(run: Run) -> Iterator[None]:
    """Turn a disk that is full or can't be written into a sentence."""
    try:
        yield
    except OSError as error:
        raise RunError(f"{run.folder} can't be written: {error.strerror}. Free some space, and try again.") from None


def _checked_name(name: str) -> str:
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not 1 <= len(name) <= MOST_NAME:
        raise InputError(f"A run's name has 1 to {MOST_NAME} letters.")
    return name
