"""A small class at work over Streamlit's own protocol, on a server that is looked into; then things go wrong."""

import asyncio
import os
import signal
import subprocess
import time
from urllib.parse import parse_qsl

import pytest
from patience import patience
from scenes import play

from benchmarks.load import ABOUT, DEAR, LIGHT, end_trainers, fairness_table, lesson, times_table
from benchmarks.measure import lab_server
from benchmarks.tab import Lost, Tab
from benchmarks.watched import look
from cnnlab_core.training import list_runs
from cnnlab_core.training.config import SETTINGS


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Folders of the module's own, for the server and for looking at its runs."""
    folder = tmp_path_factory.mktemp("faults")
    chosen = {f"CNNLAB_{name.upper()}": str(folder / name) for name in ("runs", "cache", "data")}
    chosen["CNNLAB_TRAINING"] = "shared"  # one student trains, another looks on
    with pytest.MonkeyPatch.context() as patch:
        for name, place in chosen.items():
            patch.setenv(name, place)
        yield folder
        end_trainers()


@pytest.fixture(scope="module")
def server(places):
    """The address and the process of a watched lab. Its log must be free of tracebacks at the end."""
    log = places / "log.txt"
    with lab_server("benchmarks.watched", str(places / "window"), log=log) as (address, pid):
        yield address, pid
    assert "Traceback" not in log.read_text(), log.read_text()


async def until(what, seconds=60.0):
    """Wait for a condition; fail if it doesn't come."""
    end = time.monotonic() + patience(seconds)
    while not what():
        assert time.monotonic() < end, "it didn't happen"
        await asyncio.sleep(0.05)


def has_ended(pid):
    """Whether a process is gone, or waits to be reaped."""
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, encoding="utf-8", check=False)
    return not status.stdout.strip() or status.stdout.strip().startswith("Z")


async def long_attack(tab, steps=200):
    """Set up an attack that takes long, with a seed of its own, and press its button."""
    await tab.open("adversarial", adversarial_steps=str(steps), adversarial_seed=str(time.monotonic_ns() % 9999))
    return tab.begin("start attack")


async def start_run(tab):
    """Start a long run of a small network on the generated shapes from the page; gives it once it has made a step."""
    await tab.open("training", training_tab="New run", data="shapes", training_limit="1000", training_epochs="400")
    await tab.move("training_net", SETTINGS["net"].text("stack"))
    await tab.press("training_start")
    name = dict(parse_qsl(tab.query))["run"]
    run = next(run for run in list_runs() if run.id == name)
    await until(lambda: run.metrics().steps)
    return run


@pytest.mark.wide
def test_three_students_do_everything(server, places):
    address, _ = server
    school = play(lesson(address, sessions=3, seconds=patience(300), pause=(0, 0.2), lessons=2))
    end_trainers()
    assert not school.problems
    assert not school.refusals
    assert {deed.kind for deed in school.deeds} == {*LIGHT, *DEAR}
    assert all(deed.seconds > 0 for deed in school.deeds)
    assert all(ABOUT[kind] in times_table(school.deeds) for kind in LIGHT)
    assert "attacks and dreams finished" in fairness_table(school.deeds, 3)
    inside = look(places / "window")
    assert set(inside["models"]) == {"efficientnet_lite0, pretrained", "efficientnet_lite2, pretrained"}
    assert inside["weights"] < 1.1 * sum(inside["models"].values())  # each is in memory once


@pytest.mark.fault(
    "A session leaves in the middle of an attack", "Its slot is free at once, and another session's attack finishes"
)
def test_a_session_that_leaves_in_the_middle_of_an_attack(server, places):
    address, _ = server

    def gate():
        return look(places / "window")["gate"]

    async def scene():
        leaving, staying = Tab(address), Tab(address)
        async with leaving, staying:
            answer = await long_attack(leaving)
            await until(lambda: gate() != [0, 0])
            await leaving.leave()
            answer.cancel()
            await until(lambda: gate() == [0, 0], 20)
            await (await long_attack(staying, steps=8))
            assert "Fooled" in staying.text()
            await until(lambda: gate() == [0, 0], 20)
            assert not staying.complaints
            assert not staying.refusals

    play(scene())


@pytest.mark.wide
@pytest.mark.fault("The trainer is killed while its page is open", "The page says so by itself, and Resume goes on")
def test_the_page_of_a_run_whose_trainer_is_killed(server):
    address, _ = server

    async def scene():
        async with Tab(address) as tab:
            run = await start_run(tab)
            await until(lambda: "training_pause" in tab.controls())
            os.kill(run.metrics().states[-1]["pid"], signal.SIGKILL)
            await until(lambda: "training_resume" in tab.controls())
            assert "interrupted" in tab.text()
            before = len(run.metrics().steps)
            await tab.press("training_resume")
            await until(lambda: len(run.metrics().steps) > before)
            await tab.press("training_pause")
            await until(lambda: run.state().name == "paused")
            await until(lambda: "training_resume" in tab.controls())
            assert not tab.complaints

    play(scene())


@pytest.mark.fault(
    "The lab is told to end (SIGTERM) under load",
    "It ends within seconds; the trainer goes on alone; the lab that is started next shows the same run",
)
def test_a_sigterm_under_load(server, places, note):
    """The last of the module: it ends the server."""

    async def under_load(address, pid):
        async with Tab(address) as tab, Tab(address) as other, Tab(address) as third:
            run = await start_run(tab)
            answers = [await long_attack(other), await long_attack(third)]
            await asyncio.sleep(0.5)
            os.kill(pid, signal.SIGTERM)
            begun = time.monotonic()
            for answer in answers:
                with pytest.raises(Lost):
                    await answer
            await until(lambda: has_ended(pid), 20)
            note(f"under load, the lab ended {time.monotonic() - begun:.1f} s after SIGTERM")
        return run

    async def afterwards(address, run):
        async with Tab(address) as tab:
            await tab.open("training", run=run.id, training_tab="Watch")
            assert "training_pause" in tab.controls()
            await tab.press("training_pause")
            await until(lambda: run.state().name == "paused")
            assert not tab.complaints

    run = play(under_load(*server))
    assert run.state().alive
    steps = len(run.metrics().steps)
    with lab_server(log=places / "next.txt") as (address, _):
        play(afterwards(address, run))
    assert len(run.metrics().steps) > steps
    assert "Traceback" not in (places / "next.txt").read_text()
