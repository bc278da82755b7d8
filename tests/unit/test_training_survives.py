"""A run that is killed, cut, doubled or out of disk: nothing lost, nothing run twice."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
from patience import until
from training_runs import digest, lab_folders, tiny, told  # noqa: F401  a fixture

from cnnlab_core.errors import RunError
from cnnlab_core.runtime.downloads import DownloadStep
from cnnlab_core.training import create_run, diagnosis, duplicate, launch, list_runs, pause, queue, resume, start, stop
from cnnlab_core.training import loop as loop_module
from cnnlab_core.training import pictures as pictures_module
from cnnlab_core.training import runs as runs_module
from cnnlab_core.training import tasks as tasks_module
from cnnlab_core.training.locks import DeviceQueue, device_key, held, is_held
from cnnlab_core.training.loop import train, train_steps
from cnnlab_core.training.metrics import MetricsWriter, last_state, read_metrics, say
from cnnlab_core.training.runs import Run
from cnnlab_core.training.worker import work

DEEP = {
    "optimizer": "muon", "fixed_norm": True, "rest_rate": 0.1, "momentum": 0.6, "schedule": "linear", "whiten": True,
    "alternate": True, "cutout": 6, "mixup": 0.3, "first_side": 16, "average": 0.9, "collapse": "pgd",
    "attack_steps": 2, "views": "shift",
}  # fmt: skip


def steps_of(run):
    return len(run.metrics().steps)


@pytest.mark.fault(
    "A run is cut off at any step",
    "Resumed, it ends with the very bytes of a run that was never cut off",
)
@pytest.mark.parametrize("changes", [{}, {"optimizer": "sgd"}, DEEP], ids=["adamw", "sgd", "Deep and mixup"])
def test_a_run_killed_anywhere_ends_with_the_same_bytes(changes, monkeypatch):
    # With DEEP the second epoch is PGD's: whether it has taken over is in the checkpoint, too.
    monkeypatch.setattr(diagnosis, "overfits_catastrophically", lambda attacked, robust: changes == DEEP)
    config = tiny(attack="fgsm", **changes)
    whole = create_run(config)
    train(whole)
    chance = random.Random(5)
    torn = create_run(config)
    places = sorted(chance.sample(range(1, 20), 3))
    for place in places:
        job = train_steps(torn, checkpoint_seconds=chance.choice([0.0, 100.0]))
        while (step := next(job)).doing != "training" or step.done < place:
            pass
        job.close()  # what a kill leaves: files as they are
    train(torn)
    assert digest(torn) == digest(whole)
    assert told(torn) == told(whole)
    assert torn.finals["confusion"] == whole.finals["confusion"]


@pytest.mark.fault(
    "The trainer is killed (SIGKILL)",
    "The run is interrupted and can be resumed; it ends with the very bytes of a run that was never killed",
)
def test_sigkill_then_resume_is_the_uninterrupted_run():
    whole, torn = create_run(tiny(epochs=40)), create_run(tiny(epochs=40))
    train(whole)
    chance = random.Random(1)
    launch.launch(torn, checkpoint_seconds=0.0)
    for time_of_kill in range(2):
        begun = steps_of(torn)
        until(lambda begun=begun: steps_of(torn) > begun + 5 and torn.metrics().states[-1]["state"] == "started")
        time.sleep(chance.random() * 0.2)
        kill(torn)
        until(lambda: not is_held(torn.lock), 5)
        state = torn.state()
        assert (state.name, state.resumable) == ("interrupted", True), time_of_kill
        resume(torn, checkpoint_seconds=0.05)
    until(lambda: torn.state().name == "finished")
    assert digest(torn) == digest(whole)
    assert told(torn) == told(whole)


def kill(run, number=signal.SIGKILL):
    """Send the trainer of a run a signal."""
    until(lambda: "pid" in (run.metrics().states or [{}])[-1])
    os.kill(run.metrics().states[-1]["pid"], number)


def test_a_run_trained_in_a_notebook_is_listed_as_running():
    run = create_run(tiny())
    job = train_steps(run)
    assert run.state().name == "ready"
    next(job)
    assert (run.state().name, run.state().alive) == ("running", True)
    for others in (lambda: train(run), run.delete, lambda: resume(run)):
        with pytest.raises(RunError, match=r"being trained already|is training"):
            others()
    job.close()
    assert run.state().name == "interrupted"
    train(run)
    assert (run.state().name, run.state().alive) == ("finished", False)


def test_pausing_and_going_on_changes_nothing():
    config = tiny(epochs=3)
    whole, paused = create_run(config), create_run(config)
    train(whole)
    calls = []

    def wish():
        calls.append(1)
        return "pause" if len(calls) == 6 else ""

    assert train(paused, checkpoint_seconds=0.0, wish=wish) == "paused"
    assert paused.state().name == "paused"
    assert 0 < steps_of(paused) < 30
    train(paused)
    assert digest(paused) == digest(whole)
    assert told(paused) == told(whole)


@pytest.mark.fault(
    "The trainer is told to end (SIGTERM)",
    "It writes a checkpoint and the run is paused",
)
def test_a_sigterm_pauses():
    run = start(tiny(epochs=60), checkpoint_seconds=60)
    until(lambda: steps_of(run) > 3)
    kill(run, signal.SIGTERM)
    until(lambda: run.state().name == "paused")
    assert run.state().resumable


def test_stop_tests_what_is_there_and_is_final():
    run = start(tiny(epochs=900), owner="somebody")
    with pytest.raises(RunError, match="still at work"):
        start(tiny(), owner="somebody")
    assert len(list_runs()) == 1
    until(lambda: steps_of(run) > 3)
    stop(run)
    until(lambda: run.state().name == "stopped")
    assert 0 <= run.finals["accuracy"] <= 1
    with pytest.raises(RunError, match="can't go on"):
        resume(run)
    with pytest.raises(RunError, match="ended already"):
        stop(run)
    with pytest.raises(RunError, match="isn't training"):
        pause(run)


@pytest.mark.fault(
    "A checkpoint is damaged",
    "Found by its digest, and the one before is used",
)
def test_a_damaged_checkpoint_is_known_and_the_one_before_is_used():
    config = tiny()
    whole, hurt = create_run(config), create_run(config)
    train(whole)
    job = train_steps(hurt, checkpoint_seconds=0.0)
    for step in job:
        if step.doing == "training" and step.done == 13:
            break
    job.close()
    newest = max(hurt.checkpoints.glob("last-*"))
    newest.write_bytes(newest.read_bytes()[:-100])
    train(hurt)
    assert digest(hurt) == digest(whole)
    assert told(hurt) == told(whole)
    for path in hurt.checkpoints.glob("last-*"):
        path.write_bytes(b"")
    again = create_run(config)
    (again.folder / "checkpoints").mkdir()
    (again.checkpoints / "last-000000003-00000000000000000000000000000000.pt").write_bytes(b"not this")
    train(again)  # no whole one: from the beginning
    assert digest(again) == digest(whole)


@pytest.mark.fault(
    "The disk is full in a training run",
    "The run fails with a sentence; with room again it is resumed and ends with the very same bytes",
)
@pytest.mark.parametrize("where", ["checkpoint", "filters", "metrics"])
def test_a_full_disk_is_a_sentence_and_nothing_is_lost(monkeypatch, where):
    full = OSError(errno.ENOSPC, "No space left on device")
    config = tiny()
    whole, run = create_run(config), create_run(config)
    train(whole)
    calls = []

    def failing(real):
        def write(*args, **keywords):
            calls.append(1)
            if len(calls) > 5 and "state" not in [part for part in args if isinstance(part, str)]:
                raise full
            return real(*args, **keywords)

        return write

    with monkeypatch.context() as patch:
        if where == "checkpoint":
            patch.setattr(loop_module, "save_checkpoint", failing(loop_module.save_checkpoint))
        elif where == "filters":
            patch.setattr(pictures_module, "write_array", failing(pictures_module.write_array))
        else:
            patch.setattr(MetricsWriter, "sync", failing(MetricsWriter.sync))
        assert work(run, checkpoint_seconds=0.0, report=lambda line: None) == 1
    state = run.state()
    assert (state.name, state.resumable) == ("failed", True)
    assert "is full" in state.sentence
    assert "resume" in state.sentence
    assert not list(run.folder.rglob("*.part"))
    assert work(run, report=lambda line: None) == 0
    assert digest(run) == digest(whole)
    assert told(run) == told(whole)


@pytest.mark.fault(
    "The last line of a run's metrics is torn",
    "It is passed over",
)
def test_a_torn_last_line_is_passed_over(tmp_path):
    path = tmp_path / "metrics.jsonl"
    writer = MetricsWriter(path)
    writer.write("step", step=0, loss=float("nan"))
    writer.flush()
    metrics = read_metrics(path)
    assert metrics.steps == [{"step": 0, "loss": None}]
    with path.open("ab") as file:
        file.write(b'{"kind": "step", "st')
    assert not metrics.poll()
    with path.open("ab") as file:
        file.write(b'ep": 1}\n[]\nnonsense\n{"kind": "step", "step": 2}\n')
    assert metrics.poll()
    assert [line["step"] for line in metrics.steps] == [0, 1, 2]
    MetricsWriter(path, keep=path.read_bytes().index(b"\n") + 1).close()
    assert metrics.poll()
    assert [line["step"] for line in metrics.steps] == [0]


def test_two_starters_at_once_make_one_run_and_one_trainer():
    config, runs, problems = tiny(epochs=200), [], []

    def press():
        try:
            runs.append(start(config, token="one-form"))
        except RunError as error:
            problems.append(error)

    presses = [threading.Thread(target=press) for _ in range(3)]
    for thread in presses:
        thread.start()
    for thread in presses:
        thread.join()
    assert not problems
    assert {run.id for run in runs} == {"stack-one-form"}
    assert len(list_runs()) == 1
    run = runs[0]
    assert run.state().alive
    with pytest.raises(RunError, match="being trained already"):
        resume(run)
    with pytest.raises(RunError, match="Stop it first"):
        run.delete()
    again = subprocess.run(
        [sys.executable, "-m", "cnnlab_core.training", "work", run.id],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert again.returncode == 3
    assert "already" in again.stderr
    kill(run)
    until(lambda: not run.state().alive, 5)
    run.delete()
    assert not list_runs()


@pytest.mark.fault("Two tabs delete one run", "One does, the other is told that it is gone; nothing of it stays")
def test_a_run_is_deleted_by_two_at_once():
    for _ in range(5):
        run, said = create_run(tiny(), "mine"), []

        def delete(run=run, said=said):
            try:
                run.delete()
                said.append("deleted")
            except RunError as error:
                said.append(str(error))

        threads = [threading.Thread(target=delete) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(said)[1] == "deleted"
        assert "is gone" in sorted(said)[0]
        assert not run.folder.exists()
    for late in (Run.delete, lambda run: run.rename("new"), stop, pause, resume):
        with pytest.raises(RunError, match="is gone"):
            late(run)
    assert not run.folder.exists()


def test_a_second_run_waits_for_the_device_and_can_be_taken_out():
    with queue(device_key()).place("somebody-else"):
        run = start(tiny())
        until(lambda: run.state().name == "waiting")
        assert queue(device_key()).names() == ["somebody-else", run.id]
        pause(run)
        until(lambda: run.state().name == "paused")
        resume(run)
        until(lambda: run.state().name == "waiting")
        assert not run.metrics().steps
    until(lambda: run.state().name == "finished")
    assert queue(device_key()).names() == []


def test_the_queue_is_first_come_first_served_and_forgets_the_dead(tmp_path):
    devices = DeviceQueue(tmp_path / "queue")
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue" / "000000000001-dead.place").touch()
    with devices.place("a") as a, devices.place("b") as b, devices.place("c") as c:
        assert [devices.ahead(place) for place in (a, b, c)] == [0, 1, 2]
        assert devices.names() == ["a", "b", "c"]
    assert devices.names() == []


@pytest.mark.fault(
    "A process dies that holds a lock",
    "Its lock and its place in the queue end with it",
)
def test_a_lock_ends_with_its_process(tmp_path):
    path = tmp_path / "it.lock"
    code = (
        f"from cnnlab_core.training.locks import *; import time\nwith held(Path({str(path)!r}), 1, ''): time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    until(lambda: is_held(path), 20)
    with pytest.raises(RunError, match="taken"), held(path, 0.1, "taken"):
        pass
    process.kill()
    until(lambda: not is_held(path), 5)  # not yet reaped, and yet the truth
    process.wait()


def test_data_that_changed_is_not_trained_on():
    run = create_run(tiny())
    job = train_steps(run, checkpoint_seconds=0.0)
    while next(job).doing != "training":
        pass
    job.close()
    machine = run.machine
    run.write_json("machine.json", machine | {"data_sha256": "0" * 64})
    with pytest.raises(RunError, match="isn't the one"):
        train(run)


def test_config_files_are_never_changed():
    run = create_run(tiny(), "first")
    before = (run.folder / "config.json").read_bytes()
    run.rename("  second\n name ")
    train(run)
    assert (run.folder / "config.json").read_bytes() == before
    assert run.about.name == "second name"
    assert json.loads(before) == json.loads(run.config.to_json())


def test_a_download_can_be_paused(monkeypatch):
    closed = []

    def slow(name):
        try:
            for done in range(1000):
                yield DownloadStep(done, 1000)
        finally:
            closed.append(name)

    run = create_run(tiny())
    with monkeypatch.context() as patch:
        patch.setattr(tasks_module, "open_data_steps", slow)
        assert train(run, wish=lambda: "pause") == "paused"
    assert closed == ["own:few"]
    assert (run.state().name, run.state().resumable) == ("paused", True)
    assert train(run) == "finished"


def test_the_last_state_is_found_behind_torn_lines(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert last_state(path) == {}
    path.write_bytes(b'{"kind": "step", "step": 4, "lo')
    assert last_state(path) == {"state": "started"}
    say(path, "failed", "why", resumable=True)
    assert last_state(path) == {"kind": "state", "state": "failed", "sentence": "why", "resumable": True}
    assert read_metrics(path).states[-1]["state"] == "failed"
    with path.open("ab") as file:
        file.write(b'{"kind": "step", "step": 5}\n')
    assert last_state(path) == {"state": "started"}


def test_runs_that_came_with_the_lab_are_looked_at_and_duplicated_only(tmp_path, monkeypatch):
    run = create_run(tiny(), "shipped")
    train(run)
    assets = tmp_path / "assets" / "runs"
    assets.mkdir(parents=True)
    run.folder.rename(assets / run.id)
    monkeypatch.setattr(runs_module, "SHIPPED_RUNS", assets)
    mine = create_run(tiny(), "mine")
    assert [(run.about.name, run.shipped) for run in list_runs()] == [("mine", False), ("shipped", True)]
    shipped = list_runs()[1]
    assert shipped.state().name == "finished"
    assert duplicate(shipped).config == mine.config
    for change in (shipped.delete, lambda: shipped.rename("x"), lambda: launch.launch(shipped)):
        with pytest.raises(RunError, match="came with the lab"):
            change()
    assert shipped.finals == list_runs()[-1].finals
