"""A class of thirty on one server: ``make load``, or ``python -m benchmarks.load [--sessions 30] [--seconds 120]``.

Sessions over Streamlit's own protocol (see ``tab``) do what students do, with a pause of one to four seconds after each
action, while one network is being trained. Printed as tables: the time from each action to its painted answer, how
fairly it is shared, what went wrong, and the server's memory.
"""

import argparse
import asyncio
import io
import os
import random
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any
from urllib.parse import parse_qsl

from benchmarks.measure import lab_server, resident_mb, size
from benchmarks.tab import Lost, Tab
from benchmarks.watched import look

# Kinds of action. Light ones are painted from what is there already; the goal for them is half a second.
LIGHT = ("slider", "number", "tab", "channel")
DEAR = ("page", "picture", "maps", "attack", "dream", "training")
ABOUT = {
    "slider": "a slider: stride, temperature, top k, epsilon",
    "number": "a number: a grid's width, a dream's seed",
    "tab": "another tab",
    "channel": "another feature map of the mosaic",
    "page": "another page",
    "picture": "a photo uploaded, named by two networks",
    "maps": "feature maps of another layer",
    "attack": "an attack of 20 steps",
    "dream": "a dream of 40 steps",
    "training": "the curves of a run in training, every 4 s",
}
JOBS = ("attack", "dream")
LEAVING_SECONDS = size(125, tiny=0)
"""Streamlit keeps a session that left for two minutes, in case it comes back; then the next one that leaves ends it."""


@dataclass
class Deed:
    """An action and the seconds until its answer was painted."""

    student: int
    kind: str
    seconds: float


@dataclass
class Class:
    """What all students share: when the bell rings, what was done, the run that is being trained."""

    address: str
    ends: float
    pause: tuple[float, float] = (1.0, 4.0)
    deeds: list[Deed] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    run: str = ""


class Student:
    """One session: goes through the lessons in turn, beginning with another one than its neighbour."""

    def __init__(self, number: int, tab: Tab, school: Class) -> None:
        self.number, self.tab, self.school = number, tab, school
        self.chance = random.Random(number)
        self._watched = 0

    async def learn(self, most: int) -> None:
        """Until the bell rings, or so many lessons. What goes wrong ends up in the class's list."""
        lessons = [self.convolution, self.classifier, self.maps, self.attack, self.dream, self.training]
        turn = 2 * self.number + self.number // 3  # three neighbours with two lessons each do everything
        try:
            for lesson in (lessons[(turn + index) % len(lessons)] for index in range(most)):
                async for kind, action in lesson():
                    self.school.deeds.append(Deed(self.number, kind, await action))
                    await asyncio.sleep(self.chance.uniform(*self.school.pause))
                    if time.monotonic() > self.school.ends:
                        return
        except Lost as problem:
            self.school.problems.append(f"session {self.number}: {problem}")
        finally:
            self.school.deeds += [Deed(self.number, "training", seconds) for seconds in self.tab.rounds]
            self.school.problems += [f"session {self.number}: {problem}" for problem in self.tab.complaints]
            self.school.refusals += self.tab.refusals

    # --- lessons: what is done, and its kind ------------------------------------------------------------------------

    async def convolution(self) -> AsyncIterator[tuple[str, Awaitable[float]]]:
        yield "page", self.tab.open("convolution")
        for stride in self.chance.sample([1, 2, 3, 4], 3):
            yield "slider", self.tab.move("conv_2_stride", stride)
        width = next(key for key in self.tab.controls() if key.startswith("conv_2_Input width"))
        yield "number", self.tab.move(width, self.chance.choice([5, 6, 8, 9]))
        yield "tab", self.tab.move("conv_tab_slide", self.chance.choice(["1-D", "Pooling"]))
        yield "tab", self.tab.move("conv_tab", "Backward")

    async def classifier(self) -> AsyncIterator[tuple[str, Awaitable[float]]]:
        yield "page", self.tab.open("classifier")
        yield "slider", self.tab.move("classifier_t", round(self.chance.uniform(0.2, 4), 1))
        yield "slider", self.tab.move("classifier_k", self.chance.randint(1, 10))
        yield "tab", self.tab.move("classifier_tab", "Preprocessing")
        yield "picture", self.tab.upload("upload", f"photo {self.number}.jpg", photo(self.chance))
        yield "slider", self.tab.move("classifier_t", round(self.chance.uniform(0.2, 4), 1))
        yield "tab", self.tab.move("classifier_tab", "Layers")

    async def maps(self) -> AsyncIterator[tuple[str, Awaitable[float]]]:
        yield "page", self.tab.open("feature_maps")
        for depth in ("middle", "late"):
            yield "maps", self.tab.move("maps_depth", depth)
            for channel in self.chance.sample(range(40), 2):
                yield "channel", self.tab.move("maps_channel_typed", channel)

    async def attack(self) -> AsyncIterator[tuple[str, Awaitable[float]]]:
        yield "page", self.tab.open("adversarial")
        yield "slider", self.tab.move("adversarial_eps", self.chance.choice([1, 2, 6, 8, 12]))
        yield "number", self.tab.move("adversarial_seed", self.chance.randint(1, 9999))
        yield "attack", self.tab.press("start attack")

    async def dream(self) -> AsyncIterator[tuple[str, Awaitable[float]]]:
        yield "page", self.tab.open("deepdream")
        yield "number", self.tab.move("dream_seed", self.chance.randint(1, 99_999))
        yield "dream", self.tab.press("start dream")

    async def training(self) -> AsyncIterator[tuple[str, Awaitable[float]]]:
        if self.school.run:
            yield "page", self.tab.open("training", training_tab="Watch", run=self.school.run)
            yield "slider", self.tab.move("training_smoothing", round(self.chance.uniform(0, 0.95), 2))
            while len(self.tab.rounds) < self._watched + 3 and time.monotonic() < self.school.ends:
                await asyncio.sleep(0.5)
            self._watched = len(self.tab.rounds)


def photo(chance: random.Random) -> bytes:
    """A photo that nobody has uploaded before: a part of one of the samples."""
    from cnnlab_core.images import open_image, sample_images

    image = open_image(chance.choice(list(sample_images().values())).content)
    left, top = (chance.randrange(side // 4) for side in image.size)
    file = io.BytesIO()
    image.crop((left, top, left + 3 * image.width // 4, top + 3 * image.height // 4)).save(file, "JPEG", quality=92)
    return file.getvalue()


# --- the class ----------------------------------------------------------------------------------------------------


async def visit(address: str, problems: list[str]) -> None:
    """The first visitor: every page once, so that what is loaded once is there."""
    async with Tab(address) as tab:
        for page in ("", "convolution", "classifier", "feature_maps", "adversarial", "deepdream", "training"):
            await tab.open(page)
        problems += tab.complaints


async def start_training(address: str) -> tuple[Tab, str]:
    """A teacher starts a run on the generated shapes, long enough for the class; gives the tab and the run's name."""
    tab = Tab(address)
    await tab.__aenter__()
    await tab.open("training", training_tab="New run", data="shapes", training_epochs="200")
    await tab.press("training_start")
    run = dict(parse_qsl(tab.query)).get("run", "")
    if not run:
        raise Lost(f"the training didn't begin: {tab.refusals}")
    return tab, run


async def lesson(
    address: str, sessions: int, seconds: float, *, pause: tuple[float, float] = (1.0, 4.0), lessons: int = 1000
) -> Class:
    """Everybody comes within the first seconds, works until the bell rings (or so many lessons), and leaves."""
    teacher, run = await start_training(address)
    school = Class(address, time.monotonic() + seconds, pause, run=run)
    async with AsyncExitStack() as room:
        tabs = [await room.enter_async_context(Tab(address)) for _ in range(sessions)]
        students = [Student(number, tab, school) for number, tab in enumerate(tabs)]

        async def come(student: Student) -> None:
            await asyncio.sleep(student.chance.uniform(0, pause[1]))
            await student.learn(lessons)

        await asyncio.gather(*(come(student) for student in students))
    school.problems += teacher.complaints
    await teacher.leave()
    return school


def end_trainers() -> None:
    """Kill the trainers of all runs below ``CNNLAB_RUNS``: they outlive their lab."""
    from cnnlab_core.training import list_runs

    for run in list_runs():
        states = run.metrics().states
        if run.state().alive and "pid" in states[-1]:
            os.kill(states[-1]["pid"], signal.SIGKILL)


async def stay_idle(address: str, sessions: int, look_around: Callable[[], None]) -> list[str]:
    """So many sessions open a page and do nothing; ``look_around`` is called while they are there. Gives problems."""
    async with AsyncExitStack() as room:
        tabs = [await room.enter_async_context(Tab(address)) for _ in range(sessions)]
        for number, tab in enumerate(tabs):
            await tab.open(("convolution", "classifier", "feature_maps")[number % 3])
        await asyncio.sleep(2)
        look_around()
        return [problem for tab in tabs for problem in tab.complaints]


async def _everybody_has_gone(address: str, problems: list[str]) -> None:
    await asyncio.sleep(LEAVING_SECONDS)
    await visit(address, problems)  # the next one who comes and goes
    await asyncio.sleep(size(12, tiny=0))  # for the garbage collector


# --- memory -------------------------------------------------------------------------------------------------------


@contextmanager
def _peak(pid: int) -> Iterator[list[float]]:
    """Watches a process's resident memory from a thread; the list holds the peak in MB at the end."""
    found, going = [resident_mb(pid)], True

    def watch() -> None:
        while going:
            found[0] = max(found[0], resident_mb(pid))
            time.sleep(0.5)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(watch)
        try:
            yield found
        finally:
            going = False


# --- the tables ---------------------------------------------------------------------------------------------------


def processor() -> str:
    """The processor's name, where the system tells it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "processor unknown"


def machine() -> str:
    """The machine in a line."""
    from cnnlab_core.runtime.device import available_cores

    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "streamlit"))
    busy = f"load average before: {os.getloadavg()[0]:.1f}"
    return f"{available_cores()} cores, {processor()}; Python {python_version()}, {packages}; {busy}"


def times_table(deeds: list[Deed]) -> str:
    """A row for each kind of action."""
    rows = ["| action | times | p50 | p95 |", "|---|---:|---:|---:|"]
    groups = {ABOUT[kind]: [kind] for kind in (*LIGHT, *DEAR)}
    groups["**all light actions** (the first four)"] = list(LIGHT)
    for name, kinds in groups.items():
        seconds = sorted(deed.seconds for deed in deeds if deed.kind in kinds)
        if len(seconds) > 1:
            p50, p95 = statistics.median(seconds), statistics.quantiles(seconds, n=20, method="inclusive")[-1]
            rows.append(f"| {name} | {len(seconds)} | {p50:.2f} s | {p95:.2f} s |")
    return "\n".join(rows)


def fairness_table(deeds: list[Deed], sessions: int) -> str:
    """How the sessions compare."""
    rows = ["| fairness | median session | worst session | ratio |", "|---|---:|---:|---:|"]

    def means(kinds: tuple[str, ...]) -> list[float]:
        of = [[deed.seconds for deed in deeds if deed.student == who and deed.kind in kinds] for who in range(sessions)]
        return [statistics.mean(seconds) for seconds in of if seconds]

    for name, kinds in (("mean time of a light action", LIGHT), ("mean time of an attack or a dream", JOBS)):
        if found := means(kinds):
            middle, worst = statistics.median(found), max(found)
            rows.append(f"| {name} | {middle:.2f} s | {worst:.2f} s | {worst / middle:.2f} |")
    jobs = [sum(deed.student == who and deed.kind in JOBS for deed in deeds) for who in range(sessions)]
    middle, worst = statistics.median(jobs), min(jobs)
    rows.append(
        f"| attacks and dreams finished | {middle:.0f} | {worst} | {worst / middle if middle else float('nan'):.2f} |"
    )
    return "\n".join(rows)


def memory_table(memory: dict[str, float], idle: int) -> str:
    """The server's memory in the order in which it was measured."""
    rows = ["| the server's memory | resident |", "|---|---:|"]
    rows += [f"| {name} | {megabytes:.0f} MB |" for name, megabytes in memory.items()]
    first, there, gone = (memory[name] for name in list(memory)[1:4])
    rows.append(f"| **growth for each idle session** | {(there - first) / idle:.1f} MB |")
    rows.append(f"| **growth for each after they left** | {(gone - first) / idle:.1f} MB |")
    return "\n".join(rows)


def models_table(found: dict[str, Any]) -> str:
    """The models in memory. If one were there twice, all weights would be more than the registry's."""
    rows = ["| model in memory | weights |", "|---|---:|"]
    rows += [f"| {name} | {megabytes:.1f} MB |" for name, megabytes in found["models"].items()]
    rows.append(f"| all of the registry | {sum(found['models'].values()):.1f} MB |")
    rows.append(f"| all weights found in the process | {found['weights']:.1f} MB |")
    return "\n".join(rows)


def main(sessions: int, seconds: float) -> int:
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="cnnlab-load-") as name:
        folder = Path(name)
        window, log = folder / "window", folder / "log.txt"
        os.environ |= {f"CNNLAB_{what.upper()}": str(folder / what) for what in ("runs", "cache", "data")}
        os.environ["CNNLAB_TRAINING"] = "shared"  # one trains, others watch
        with lab_server("benchmarks.watched", str(window), log=log) as (address, pid):
            memory = {"at the start": resident_mb(pid)}

            def note(when: str) -> None:
                memory[when] = resident_mb(pid)
                print(f"… {when}: {memory[when]:.0f} MB", flush=True)

            async def everything() -> Class:
                asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(32))
                problems: list[str] = []
                await visit(address, problems)
                await visit(address, problems)
                note("after the first visitors saw every page")
                problems += await stay_idle(address, sessions, lambda: note(f"with {sessions} idle sessions"))
                await _everybody_has_gone(address, problems)
                note("after they left")
                with _peak(pid) as peak:
                    school = await lesson(address, sessions, seconds)
                end_trainers()
                memory[f"peak while {sessions} work"] = peak[0]
                await _everybody_has_gone(address, problems)
                note("at the end, after everybody left")
                school.problems += problems
                return school

            try:
                school = asyncio.run(everything())
                inside = look(window)
            finally:
                end_trainers()
        traces = log.read_text(encoding="utf-8").count("Traceback")
    print(f"\n{sessions} sessions for {seconds:.0f} s, and one training run:\n")
    print(times_table(school.deeds), fairness_table(school.deeds, sessions), sep="\n\n")
    print("\n| what must not happen | times |\n|---|---:|")
    print(f"| errors on a page, lost connections, missing pictures, no answer | {len(school.problems)} |")
    print(f"| tracebacks in the server's log | {traces} |")
    print(f"| requests that were refused with a sentence | {len(school.refusals)} |")
    print(f"| sessions in memory at the end, besides the last visitor's | {inside['sessions'] - 1} |")
    print(f"\n{memory_table(memory, sessions)}\n\n{models_table(inside)}")
    for line in (*school.problems, *school.refusals):
        print(f"! {line}")
    return bool(school.problems or traces)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=120)
    options = parser.parse_args()
    raise SystemExit(main(options.sessions, options.seconds))
