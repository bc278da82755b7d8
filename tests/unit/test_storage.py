"""What is kept of visitors: whose it is, what goes when there is no more room, and what a killed process left."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from patience import until
from places import ROOT
from training_runs import lab_folders, tiny, trained  # noqa: F401  a fixture

from cnnlab_core.data import import_text, list_data, list_texts
from cnnlab_core.data.own import own_path
from cnnlab_core.data.text import text_path
from cnnlab_core.errors import DataError, RunError
from cnnlab_core.models.exports import exported_specs, exports_folder
from cnnlab_core.runtime.files import cache_folder, sign, signed, write_atomically
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.training import create_run, export, list_runs
from cnnlab_core.training.loop import train, train_steps
from cnnlab_core.training.storage import find_thing, give, make_room, room, sweep, things
from cnnlab_core.transfer import extraction
from cnnlab_core.ui.own_things import imported
from cnnlab_core.ui.runner import once

SONG = "da di dum " * 100


@pytest.fixture(autouse=True)
def caches(lab_folders, monkeypatch):  # noqa: F811
    monkeypatch.setenv("CNNLAB_CACHE", str(lab_folders / "cache"))
    monkeypatch.setenv("CNNLAB_WEIGHTS", str(lab_folders / "weights"))


def used(path, when):
    for part in [path, *path.rglob("*")] if path.is_dir() else [path]:
        os.utime(part, (when, when))


def kept():
    return {(thing.kind, thing.name, thing.owner) for thing in things()}


def test_what_visitors_made_is_listed_hidden_and_deleted():
    run = create_run(tiny(epochs=1), "mine", owner="me")
    train(run)
    export(run)
    import_text(SONG, "song")
    sign(text_path("song"), "you")
    wanted = {("run", run.id, "me"), ("network", run.id, "me"), ("pictures", "few", ""), ("text", "song", "you")}
    assert kept() == wanted
    found = {thing.kind: thing for thing in things()}
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    assert found["run"].bytes >= sum(path.stat().st_size for path in files)
    assert found["network"].bytes > (exports_folder() / f"{run.id}.safetensors").stat().st_size
    assert room().kept == sum(thing.bytes for thing in things() if thing.owner)
    for thing in found.values():
        thing.hide()
    assert kept() == wanted  # for a teacher they are there
    assert all(thing.hidden for thing in things())
    assert [run.hidden for run in list_runs()] == [True]
    assert not [spec for spec in exported_specs() if spec.name.startswith("run:")]
    assert not [source for source in list_data() + list_texts() if source.name in ("own:few", "text:song")]
    import_text(SONG, "song")
    with pytest.raises(DataError, match="another text of that name"):
        next(thing for thing in things() if thing.hidden and thing.kind == "text").hide(False)
    text_path("song").unlink()
    for thing in things():
        thing.hide(False)
    assert own_path("few").exists()
    assert find_thing("text", "song").owner == "you"
    assert give("me", "you") == 2
    assert {owner for _, _, owner in kept()} == {"you", ""}
    for thing in things():
        thing.delete()
    assert not things()
    assert not list(exports_folder().iterdir())
    with pytest.raises(DataError, match="gone already"):
        found["text"].delete()


def test_what_a_run_needs_is_not_deleted():
    run = create_run(tiny(), owner="me")
    job = train_steps(run)
    next(job)
    for thing in things():
        assert thing.busy
        with pytest.raises((DataError, RunError), match="Stop it first"):
            thing.delete()
    job.close()


def test_what_was_used_longest_ago_makes_room(monkeypatch):
    runs = [create_run(tiny(seed=seed), f"run {seed}", owner="me" if seed < 4 else "you") for seed in range(6)]
    runs.append(create_run(tiny(), "of the command line"))
    for age, run in enumerate(runs):
        (run.folder / "much").write_bytes(bytes(600_000))
        used(run.folder, 1_000_000 + age)
        os.utime(run.folder / "config.json", (2_000_000 - age, 1_000_000 + age))  # a list has read it
    running = train_steps(runs[0])
    next(running)
    monkeypatch.setenv("CNNLAB_VISITOR_MB", "2")
    assert make_room("you") == []
    assert make_room("me") == ["the run “run 1”"]  # 0 is at work
    monkeypatch.setenv("CNNLAB_KEPT_MB", "3")
    assert make_room("you") == ["the run “run 2”"]
    assert {run.about.name for run in list_runs()} == {"run 0", "run 3", "run 4", "run 5", "of the command line"}
    monkeypatch.setenv("CNNLAB_KEPT_MB", "1")
    assert len(make_room()) == 3
    assert {run.about.name for run in list_runs()} == {"run 0", "of the command line"}
    running.close()


def test_caches_are_bounded(monkeypatch):
    monkeypatch.setenv("CNNLAB_CACHE_MB", "1")
    for age, name in enumerate(("first", "second", "third")):
        path = cache_folder() / "features" / name
        write_atomically(path, bytes(400_000))
        used(path, 1_000_000 + age)
    make_room()
    assert sorted(path.name for path in (cache_folder() / "features").iterdir()) == ["second", "third"]
    assert room().caches == 800_000
    extraction._write(cache_folder() / "features" / "fourth", np.zeros(100_000))
    assert sorted(path.name for path in (cache_folder() / "features").iterdir()) == ["fourth", "third"]


@pytest.mark.fault("A data set is larger than what its visitor may keep", "It isn't kept; a sentence")
def test_what_is_too_large_to_keep_is_not_kept(monkeypatch):
    monkeypatch.setenv("CNNLAB_VISITOR_MB", "1")
    older = create_run(tiny(), "older", owner="me")
    import_song = lambda text, name: imported(once(lambda: import_text(text, name)), text_path(name), "me")  # noqa: E731
    assert "song: " in finish(import_song(SONG, "song"))
    with pytest.raises(DataError, match=r"“long” is larger than .* \(1 MB\)"):
        finish(import_song(SONG * 1200, "long"))
    assert not text_path("long").exists()
    assert older not in list_runs()


KILLED = {
    "import": "import_text('da di dum ' * 100, 'song')",
    "export": "export(find_run('mine'))",
    "run": "create_run(Config(data='shapes'), 'new')",
}


@pytest.mark.fault(
    "The lab is killed (SIGKILL) in an import, an export, or while a run is made",
    "After the next start nothing is left of it; what others are writing at that moment stays",
)
@pytest.mark.parametrize("what", KILLED)
def test_nothing_is_left_of_what_a_killed_process_was_writing(lab_folders, what):  # noqa: F811
    trained("mine", epochs=1)
    before = {path for path in lab_folders.rglob("*") if path.is_file() and path.suffix != ".lock"}
    code = f"""
import os, time
from cnnlab_core.data import import_text
from cnnlab_core.training import Config, create_run, export, find_run
fsync, calls = os.fsync, []
def slow(file):
    calls.append(file)
    if len(calls) == {1 if what == "import" else 2}:
        print("writing", flush=True)
        time.sleep(60)
    fsync(file)
os.fsync = slow
{KILLED[what]}
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout.readline() == b"writing\n"

    def left():
        return {path for path in lab_folders.rglob("*") if path.is_file() and path.suffix != ".lock"} - before

    during = left()
    assert any(path.suffix == ".part" for path in during)
    if what != "run":  # there the killed process holds the lock under which runs are made
        assert sweep() == 0
        assert left() == during
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    for path in left():
        os.utime(path, (0, 0))  # the next start is a minute later
    until(lambda: sweep() >= 0 and not left(), 5)
    assert [run.about.name for run in list_runs()] == ["mine"]
    assert signed(text_path("song")) == ""
