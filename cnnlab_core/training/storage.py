"""What visitors have made and the server keeps: whose it is, how large, and what goes when there is no more room.

Runs, the networks exported from them, imported pictures and texts, and networks of one's own. Whose a file is stands
beside it (``files.sign``). Something hidden is there for nobody but a teacher. Needs no torch.
"""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cnnlab_core.errors import DataError, RunError, WeightsError
from cnnlab_core.models.exports import exports_folder, runs_folder
from cnnlab_core.models.own.kept import SUFFIX, kept_folder, kept_title
from cnnlab_core.models.weights import weights_folder
from cnnlab_core.runtime.files import cache_folder, data_folder, is_at_work, sign, signed
from cnnlab_core.runtime.limits import CACHE_MB, KEPT_MB, VISITOR_MB
from cnnlab_core.training.locks import held, is_held
from cnnlab_core.training.runs import Run, list_runs

Kind = Literal["run", "network", "pictures", "text", "own"]
_HIDDEN = ".hidden"
_ORPHANED_SECONDS = 60.0
"""So old are weights without their description that nobody is writing it any more."""
_PART = re.compile(r"\.[0-9a-f]{8}\.part$")
_BEYOND = 1.1
_NO_RUNS = ("exports", "queue", "codes", "time", "own")


@dataclass(frozen=True)
class Thing:
    """Something that a visitor made: a run's folder, or the ``main`` file by which it is found, and what belongs to it.

    ``owner`` is "" for what came by the command line; ``used`` is when it was last read or written, in seconds since
    1970; ``busy`` while a trainer needs it.
    """

    kind: Kind
    name: str
    title: str
    owner: str
    main: Path
    bytes: int
    used: float
    busy: bool

    @property
    def hidden(self) -> bool:
        """Whether only a teacher sees it."""
        return (self.main / _HIDDEN[1:]).exists() if self.kind == "run" else self.main.name.endswith(_HIDDEN)

    @property
    def said(self) -> str:
        """What it is, in a few words."""
        return f"the {_WORDS[self.kind]} “{self.title}”"

    def delete(self) -> None:
        """Delete it. Raises ``RunError`` or ``DataError`` while a trainer needs it, and if it is gone."""
        if self.kind == "run":
            return Run(self.main).delete()
        if self.busy:
            raise DataError(f"A run is learning from {self.said}. Stop it first.")
        try:
            self.main.unlink()
        except FileNotFoundError:
            raise DataError(f"{self.said[0].upper()}{self.said[1:]} is gone already.") from None
        except OSError as error:
            raise DataError(f"{self.said[0].upper()}{self.said[1:]} can't be deleted: {error.strerror}.") from None
        for path in _beside(self.main):
            path.unlink(missing_ok=True)

    def hide(self, hidden: bool = True) -> None:
        """Let nobody but a teacher see it, or all again. Raises ``DataError`` where another has its name by now."""
        if self.kind == "run":
            mark = self.main / _HIDDEN[1:]
            return mark.touch() if hidden else mark.unlink(missing_ok=True)
        target = self.main.with_name(self.main.name.removesuffix(_HIDDEN) + _HIDDEN * hidden)
        if target.exists():
            raise DataError(f"There is another {_WORDS[self.kind]} of that name by now. Delete one of them.")
        with suppress(FileNotFoundError):
            self.main.rename(target)


_WORDS: dict[Kind, str] = {
    "run": "run", "network": "network", "pictures": "data set", "text": "text", "own": "network"
}  # fmt: skip


def things() -> list[Thing]:
    """Everything that visitors have made, and what came by the command line; the last used first."""
    alive = {run.config.data for run in list_runs() if not run.shipped and is_held(run.lock)}
    found = [*_runs(), *_files("network", exports_folder(), ".json", set())]
    found += _files("pictures", data_folder() / "own", ".safetensors", {d[4:] for d in alive if d.startswith("own:")})
    found += _files("text", data_folder() / "texts", ".txt", {d[5:] for d in alive if d.startswith("text:")})
    found += _files("own", kept_folder(), ".json", set())
    return sorted(found, key=lambda thing: -thing.used)


def find_thing(kind: Kind, name: str) -> Thing | None:
    """One of them, if it is there."""
    return next((thing for thing in things() if (thing.kind, thing.name) == (kind, name)), None)


def _runs() -> Iterator[Thing]:
    for run in list_runs():
        if not run.shipped:
            size, used = _size(run.folder)
            with suppress(RunError):
                yield Thing("run", run.id, run.about.name, run.about.owner, run.folder, size, used, is_held(run.lock))


def _files(kind: Kind, folder: Path, suffix: str, busy: set[str]) -> Iterator[Thing]:
    for path in [*folder.glob(f"*{suffix}"), *folder.glob(f"*{suffix}{_HIDDEN}")]:
        name = path.name.removesuffix(_HIDDEN).removesuffix(suffix)
        sizes = [_size(part) for part in (path, *_beside(path))]
        size, used = sum(size for size, _ in sizes), max(used for _, used in sizes)
        title = name
        if kind == "own":
            with suppress(WeightsError):
                title = kept_title(path)
        yield Thing(kind, name, title, signed(path), path, size, used, name in busy)


def _beside(main: Path) -> list[Path]:
    """The files that belong to a main one: the weights of a description, and whose it is."""
    name = main.name.removesuffix(_HIDDEN)
    stem = name[: name.rindex(".")]
    return [
        path
        for other in (".safetensors", SUFFIX, ".by")
        if (path := main.with_name(stem + other)) != main and path.exists()
    ]


def _size(path: Path) -> tuple[int, float]:
    """The bytes of a file, or of all below a folder, and when one was last read or written.

    Descriptions are read by every list, which is no use of what they describe.
    """
    size, used = 0, 0.0
    for part in path.rglob("*") if path.is_dir() else [path]:
        with suppress(OSError):
            facts = part.stat()
            size += facts.st_size
            is_used_when_read = part.is_file() and part.suffix not in (".json", ".jsonl")
            used = max(used, facts.st_mtime, facts.st_atime if is_used_when_read else 0.0)
    return size, used


# --- room -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Room:
    """Bytes: what visitors keep and the caches, with their limits, and what the disk has left."""

    kept: int
    kept_most: int
    caches: int
    caches_most: int
    disk_left: int


def room() -> Room:
    """How much is kept, how much may be, and what is left."""
    place = next(path for path in (runs_folder(), *runs_folder().parents) if path.exists())
    kept = sum(thing.bytes for thing in things() if thing.owner)
    caches = sum(size for _, size, _ in _cached())
    return Room(kept, KEPT_MB.now() * 10**6, caches, CACHE_MB.now() * 10**6, shutil.disk_usage(place).free)


def make_room(owner: str = "") -> list[str]:
    """Before something new is kept: delete what was used longest ago until all limits hold; says what is deleted.

    First what its ``owner`` has beyond a visitor's share, then what visitors have beyond that of all. What a trainer
    needs, what came with the lab and what came by the command line stays.
    """
    kept = things()
    gone: list[str] = []
    for whose, most in ((owner, VISITOR_MB.now()), (None, KEPT_MB.now())):
        theirs = [thing for thing in kept if thing.owner and whose in (None, thing.owner)]
        taken = sum(thing.bytes for thing in theirs)
        for thing in reversed(theirs):
            if taken <= most * 10**6:
                break
            if not thing.busy:
                with suppress(RunError, DataError, OSError):
                    thing.delete()
                    gone.append(thing.said)
                taken -= thing.bytes
                kept.remove(thing)
    trim_caches()
    return gone


def no_room(owner: str) -> str:
    """Why a visitor's run may grow no more, in a sentence; "" while it may: a tenth beyond what is kept, at most."""
    theirs = [thing for thing in things() if thing.owner]
    for whose, most, what, who in (
        (owner, VISITOR_MB.now(), "you keep", "Delete"),
        (None, KEPT_MB.now(), "all visitors keep", "Let a teacher delete"),
    ):
        taken = sum(thing.bytes for thing in theirs if whose in (None, thing.owner)) / 10**6
        if taken > _BEYOND * most:
            return f"What {what} here takes {taken:,.0f} MB, more than the limit of {most:,} MB. {who} some of it."
    return ""


def in_words(gone: list[str]) -> str:
    """What was deleted to make room, as a sentence; "" for nothing."""
    return f"To make room, what was used longest ago is deleted: {', '.join(gone)}." if gone else ""


def trim_caches() -> None:
    """Delete of the caches what was used longest ago, beyond their limit: it can be made again."""
    files = _cached()
    taken = sum(size for _, size, _ in files)
    for path, size, _ in reversed(files):
        if taken <= CACHE_MB.now() * 10**6:
            break
        with suppress(OSError):
            path.unlink()
            taken -= size


def _cached() -> list[tuple[Path, int, float]]:
    """The files of the caches with their sizes and last use, the last used first; no data sets, which lie there too."""
    others = data_folder(), runs_folder(), weights_folder()
    files = (path for path in cache_folder().rglob("*") if path.is_file() and not any(map(path.is_relative_to, others)))
    return sorted(((path, *_size(path)) for path in files), key=lambda entry: -entry[2])


def give(old: str, new: str) -> int:
    """Make everything that belonged to ``old`` belong to ``new``; how many things that were."""
    theirs = [thing for thing in things() if thing.owner == old] if old and new else []
    for thing in theirs:
        if thing.kind == "run":
            Run(thing.main).belong_to(new)
        else:
            sign(thing.main, new)
    return len(theirs)


# --- leftovers --------------------------------------------------------------------------------------------------


def sweep() -> int:
    """Delete what a process that was killed has left half done; how many files and folders that were.

    Half-written files that nobody writes any more, runs that were never made to the end, weights without a description.
    Whoever is at it at this moment, in this or another process, isn't disturbed.
    """
    swept = 0
    for folder in {runs_folder(), data_folder(), cache_folder(), weights_folder()}:
        for part in folder.rglob("*.part"):
            if _PART.search(part.name) and not is_at_work(part):
                with suppress(OSError):
                    part.unlink()
                    swept += 1
    for path in [
        *exports_folder().glob("*.safetensors"),
        *exports_folder().glob("*.by"),
        *data_folder().glob("*/*.by"),
        *kept_folder().glob(f"*{SUFFIX}"),
        *kept_folder().glob("*.by"),
    ]:
        mains = [path.with_name(path.stem + end) for end in (".json", ".safetensors", ".txt")]
        described = any(
            (main != path and main.exists()) or main.with_name(main.name + _HIDDEN).exists() for main in mains
        )
        with suppress(OSError):
            if not described and time.time() - path.stat().st_mtime > _ORPHANED_SECONDS:
                path.unlink()
                swept += 1
    for counted in (runs_folder() / "time").glob("*"):  # how long a visitor has trained on one day
        with suppress(OSError):
            if time.time() - counted.stat().st_mtime > 2 * 86_400:
                counted.unlink()
    if not runs_folder().is_dir():
        return swept
    with suppress(RunError), held(runs_folder() / "create.lock", 10, ""):  # nobody makes or deletes a run meanwhile
        for folder in runs_folder().iterdir():
            if folder.is_dir() and folder.name not in _NO_RUNS and _was_never_a_run(folder):
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
    return swept


def _was_never_a_run(folder: Path) -> bool:
    names = {path.name for path in folder.iterdir()}
    return names <= {"config.json", "trainer.lock", "request", "trainer.log"} and not is_held(folder / "trainer.lock")
