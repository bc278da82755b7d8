"""Sweeps: the runs of one, how one follows another, and what comes of them."""

import shutil

import pytest
from training_runs import lab_folders, tiny, trained  # noqa: F401  a fixture

from cnnlab_core.errors import InputError, RunError
from cnnlab_core.training import Config, create_run, launch, list_runs, turns
from cnnlab_core.training.comparison import group_by_settings, run_table
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.sweep import (
    begin_next,
    read_values,
    start_sweep,
    still_to_come,
    sweep_configs,
    sweep_points,
    sweepable,
)
from cnnlab_core.training.worker import work


@pytest.fixture
def spawned(monkeypatch):
    """The runs whose trainers were started, in their order; none is."""
    begun = []
    monkeypatch.setattr(launch, "_spawn", lambda run, seconds: begun.append(run))
    return begun


def be_trainer(run):
    """What a trainer's process does, in this one."""
    assert work(run, report=lambda line: None) in (0, 1)


def test_each_run_starts_the_next_and_the_points_have_their_spread(spawned):
    base = tiny(epochs=1)
    runs = start_sweep(base, "learning_rate", [0.02, 0.001], seeds=1, owner="me", token="once")
    assert start_sweep(base, "learning_rate", [0.02, 0.001], seeds=1, owner="me", token="once") == runs
    assert [(run.config.learning_rate, run.config.seed) for run in runs] == [(0.02, 0), (0.001, 0)]
    assert [one.seed for one in sweep_configs(base, "learning_rate", [0.02, 0.001], seeds=2)] == [0, 0, 1, 1]
    assert {run.about.owner for run in runs} == {"me"}
    assert [run.id for run in spawned] == [runs[0].id] * 2
    del spawned[:]
    for run in runs:
        be_trainer(run)
    assert [run.id for run in spawned] == [run.id for run in runs[1:]]
    assert not still_to_come(runs[0])
    another = trained("another", seed=5, epochs=1)  # one that was started by itself, with equal settings
    create_run(tiny(epochs=2))  # unlike them
    shutil.copytree(runs[0].folder, runs[0].folder.with_name("twice"))  # no further seed
    points = sweep_points(list_runs(), base, "learning_rate")
    assert [(point.value, len(point.runs), len(point.scores)) for point in points] == [(0.001, 1, 1), (0.02, 3, 2)]
    scores = [runs[0].finals["accuracy"], another.finals["accuracy"]]
    assert sorted(points[1].scores) == sorted(scores)
    assert {group.accuracy.count for group in group_by_settings(points[1].runs)} == {2}
    assert points[1].accuracy.mean == pytest.approx(sum(scores) / 2)
    table = {row["id"]: row for row in run_table(list_runs())}
    assert table[runs[0].id]["test accuracy"] == runs[0].finals["accuracy"]
    assert table[runs[0].id]["learning rate"] == 0.02


def test_one_that_failed_is_followed_and_one_that_was_paused_is_not(spawned, monkeypatch):
    plain = tiny(optimizer="sgd", schedule="constant", stack="c4k3,relu,c4k3,relu", epochs=1)
    first, second, third = start_sweep(plain, "learning_rate", [100.0, 0.01, 0.02], seeds=1, owner="me")
    del spawned[:]
    be_trainer(first)
    assert first.state().name == "failed"
    assert spawned == [second]
    second.ask("pause")
    be_trainer(second)
    assert second.state().name == "paused"
    assert spawned == [second]
    second.ask("")
    with monkeypatch.context() as later:  # its visitor's day is over by then: it stands still, and can go on
        later.setattr(launch, "refuse_to_go_on", lambda run: (_ for _ in ()).throw(RunError("Go on tomorrow.")))
        be_trainer(second)
    assert second.state().name == "finished"
    assert spawned == [second]
    begin_next(first)
    assert spawned == [second, third]


def test_what_cannot_be_swept_is_a_sentence(spawned, monkeypatch):
    base = tiny()
    for setting, values, says in (
        ("seed", [1], "not “seed”"),
        ("momentum", [0.5], "not “momentum”"),  # plays no part with AdamW
        ("learning_rate", [], "at least one"),
        ("learning_rate", [-1.0], "must be from"),
        ("epochs", [0.5], "whole number"),
        ("batch", list(range(1, 32)), "These are 93 runs, more than the 30"),
    ):
        with pytest.raises(InputError, match=says):
            sweep_configs(base, setting, values)
    monkeypatch.setenv("CNNLAB_SWEEP_RUNS", "2")
    with pytest.raises(InputError, match="more than the 2"):
        start_sweep(base, "epochs", [1, 2, 3], seeds=1)
    with pytest.raises(InputError, match="batch of 2 or more"):  # as it is said of one run
        start_sweep(tiny(stack="c8k32,norm,relu"), "batch", [32, 1], seeds=1)
    assert not list_runs()
    monkeypatch.setattr(turns, "spent_today", lambda owner: 1e9)
    with pytest.raises(RunError, match="tomorrow"):
        start_sweep(base, "epochs", [1], seeds=1, owner="me")
    assert not list_runs()
    assert not spawned


def test_values_are_read_as_people_write_them():
    assert read_values(SETTINGS["learning_rate"], "0.01, 3e-3;0.01,") == (0.01, 0.003)
    assert read_values(SETTINGS["epsilon"], "4/255, 8/255") == (4 / 255, 8 / 255)
    assert read_values(SETTINGS["epochs"], "1, 2") == (1, 2)
    for text in ("one", "1/0", "1e999", "0.5.5"):
        with pytest.raises(InputError, match=r"no number|finite|must be"):
            read_values(SETTINGS["learning_rate"], text)
    assert {"learning_rate", "net", "flip"} <= set(sweepable(Config()))
