"""Turns at the device, and the time that a run and a visitor have."""

import os
import time

import pytest
from patience import until
from training_runs import digest, lab_folders, tiny, told  # noqa: F401  a fixture

from cnnlab_core.errors import RunError
from cnnlab_core.training import create_run, launch, resume, start, stop, turns
from cnnlab_core.training.loop import train
from cnnlab_core.training.runs import queue
from cnnlab_core.training.worker import work


@pytest.mark.fault(
    "A run of many epochs has the device, and others wait",
    "It stands aside after its turn, comes back, and ends with the very bytes of a run that never did",
)
def test_runs_take_turns_and_end_with_the_same_bytes(monkeypatch):
    monkeypatch.setenv("CNNLAB_TURN_SECONDS", "1")
    whole = create_run(tiny(epochs=60))
    train(whole)
    long, short = create_run(tiny(epochs=60), "long", owner="you"), create_run(tiny(epochs=1), "short", owner="me")
    launch.launch(long)
    until(lambda: long.metrics().steps)
    launch.launch(short)
    seen = []

    def both_have_ended():
        seen.append((long.state().name, short.state().name, queue("cpu").names()))
        return seen[-1][0] == seen[-1][1] == "finished"

    until(both_have_ended)
    assert {name for name, _, _ in seen} <= {"running", "waiting", "finished"}  # never interrupted, nor paused
    assert ("waiting", "running") in {names[:2] for names in seen}
    assert ("running", "finished") in {names[:2] for names in seen}
    assert digest(long) == digest(whole)
    assert told(long) == told(whole)
    assert turns.spent(long) > 0


@pytest.mark.fault("A run trains longer than one may", "It is paused and says so; a teacher can let it go on")
@pytest.mark.parametrize("who", ["run", "visitor"])
def test_a_run_that_has_used_up_its_time_is_paused(monkeypatch, who):
    setting, count = {"run": ("RUN", turns._of_run), "visitor": ("VISITOR", lambda run: turns._of_visitor("me"))}[who]
    monkeypatch.setenv(f"CNNLAB_{setting}_MINUTES", "60")
    monkeypatch.setattr(turns, "_LOOK_SECONDS", 0.1)
    run = create_run(tiny(epochs=900), owner="me")
    turns._write(count(run), 3599.5)
    assert work(run, report=lambda line: None) == 0
    state = run.state()
    assert (state.name, state.resumable) == ("paused", True)
    assert ("A teacher" if who == "run" else "Go on tomorrow") in state.sentence
    assert "60 min" in state.sentence
    with pytest.raises(RunError, match=state.sentence[:20]):
        resume(run)
    spawned = []
    monkeypatch.setattr(launch, "_spawn", lambda run, seconds: spawned.append(run.id))
    if who == "visitor":
        with pytest.raises(RunError, match="Go on tomorrow"):
            start(tiny(seed=1), owner="me")
        with monkeypatch.context() as later:
            later.setattr(turns, "_today", lambda: "2031-01-01")
            resume(run)
    stop(run)  # to test what has been learned is always possible
    run.ask("")
    turns.grant(run)
    resume(run)
    assert spawned == [run.id] * len(spawned)
    assert len(spawned) == (3 if who == "visitor" else 2)
    assert turns.time_is_up(create_run(tiny(), "of the command line")) == ""


@pytest.mark.fault(
    "A run grows beyond what its visitor may keep", "It is paused and says so; with less kept it goes on"
)
def test_a_run_that_outgrows_what_may_be_kept_is_paused(monkeypatch):
    monkeypatch.setenv("CNNLAB_VISITOR_MB", "1")
    monkeypatch.setattr(turns, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(turns, "_ROOM_SECONDS", 0.0)
    run = create_run(tiny(epochs=900), owner="me")
    grown = run.folder / "grown"
    grown.write_bytes(bytes(3_000_000))
    assert work(run, report=lambda line: None) == 0
    state = run.state()
    assert (state.name, state.resumable) == ("paused", True)
    assert state.sentence == "What you keep here takes 3 MB, more than the limit of 1 MB. Delete some of it."
    monkeypatch.setattr(launch, "_spawn", lambda run, seconds: None)
    with pytest.raises(RunError, match="more than the limit of 1 MB"):
        resume(run)
    monkeypatch.setenv("CNNLAB_VISITOR_MB", "5")
    resume(run)
    monkeypatch.setenv("CNNLAB_KEPT_MB", "2")
    with pytest.raises(RunError, match="What all visitors keep here takes 3 MB"):
        resume(run)
    grown.unlink()
    resume(run)


class Clock:
    """A rest by a clock of its own; ``waiting`` says, by the time, whether others wait."""

    def __init__(self, monkeypatch, waiting):
        self.now = 0.0
        monkeypatch.setattr(turns.Rest, "clock", lambda _: self.now)
        monkeypatch.setattr(turns.Rest, "pause", lambda _, seconds: self.work(seconds))
        self.rest = turns.Rest(lambda: waiting(self.now))

    def work(self, seconds):
        self.now += seconds

    def rests(self):
        before = self.now
        self.rest.after_step()
        return self.now - before


def test_a_trainer_rests_while_visitors_wait_and_keeps_a_quarter(monkeypatch):
    always = Clock(monkeypatch, lambda now: True)
    for seconds in (0.01, 0.5, 2.0):
        always.work(seconds)
        assert always.rests() == pytest.approx(3 * seconds)
    always.work(60.0)
    assert always.rests() == pytest.approx(10.0)
    alone = Clock(monkeypatch, lambda now: False)
    alone.work(5.0)
    assert alone.rests() == 0
    until_three = Clock(monkeypatch, lambda now: now < 3.0)
    until_three.work(2.0)
    assert until_three.rests() == pytest.approx(1.0, abs=0.1)  # it goes on as soon as nobody waits


@pytest.mark.fault("Visitors wait while a run trains", "It stands back between its steps, and ends with the same bytes")
def test_a_run_that_stood_back_ends_with_the_same_bytes(monkeypatch):
    whole, polite = create_run(tiny()), create_run(tiny())
    train(whole)
    devices, pauses = queue("cpu"), []
    devices.let_visitors_wait()
    assert not devices.visitors_wait()  # nobody trains, nobody is told
    with devices.place("mine"):
        devices.let_visitors_wait()
    assert devices.visitors_wait()
    later = time.time() + 1000
    os.utime(devices._visitors, (later, later))
    for beside in ("worker._be_nice", "worker.use_cores", "memory.bound_this_process"):  # this is the tests' process
        monkeypatch.setattr(f"cnnlab_core.training.{beside}", lambda *_: None)
    monkeypatch.setattr(turns.Rest, "pause", lambda _, seconds: pauses.append(seconds))
    assert work(polite) == 0
    assert pauses
    assert digest(polite) == digest(whole)
    assert told(polite) == told(whole)
    os.utime(devices._visitors, (1, 1))
    assert not devices.visitors_wait()
