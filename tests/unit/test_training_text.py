"""The trainer on text: windows, the step, what is measured, resuming to the same bytes, and what it writes down."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from training_runs import digest, lab_folders, told  # noqa: F401  a fixture

from cnnlab_core.data import import_text, open_text
from cnnlab_core.errors import InputError, RunError
from cnnlab_core.language import load_character_model
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.training import Config, character_model, check, create_run, duplicate, export
from cnnlab_core.training.__main__ import main
from cnnlab_core.training.checkpoints import load_checkpoint
from cnnlab_core.training.comparison import curves_in_words, differences, group_by_settings, loss_in_words
from cnnlab_core.training.curves import curves, seconds_left
from cnnlab_core.training.distributed import World
from cnnlab_core.training.estimate import known_speed, try_steps
from cnnlab_core.training.exporting import _best
from cnnlab_core.training.loop import NotANumberError, train, train_steps
from cnnlab_core.training.presets import TEXT_PRESETS
from cnnlab_core.training.report import report
from cnnlab_core.training.text import TextFeeder, TextLearner, TextTask

CPU = torch.device("cpu")
SONG = "".join(f"{number} green bottles hanging on the wall,\nand if one fell\n" for number in range(24))


@pytest.fixture(autouse=True)
def song(lab_folders):  # noqa: F811
    import_text(SONG, "song")
    return lab_folders


def small(**changes):
    chosen = {"data": "text:song", "net": "lstm", "embedding": 6, "hidden": 10, "batch": 8, "window": 12, "epochs": 2}
    return Config(**(chosen | changes))


def trained(name="song", **changes):
    run = create_run(small(**changes), name)
    train(run)
    return run


# --- windows ---


def test_windows_are_the_text_read_side_by_side():
    codes = np.arange(1000)
    feeder = TextFeeder(codes, small(), CPU)
    assert (feeder.streams, feeder.window, feeder.steps) == (8, 12, 10)
    windows = list(feeder.epoch(0))
    read, follows = (torch.cat([window[part] for window in windows]) for part in (0, 1))
    assert read.shape == (120, 8)
    assert (follows == read + 1).all()
    assert (read[1:] == read[:-1] + 1).all()  # each stream goes on where it was
    assert (read[0, 1:] == read[-1, :-1] + 1).all()  # and ends where the next one begins
    assert [len({int(next(feeder.epoch(e))[0][0, 0]) for e in range(30)}) > 1, feeder.left_over] == [True, 39]
    for epoch, start in ((0, 4), (3, 9)):
        later = list(feeder.epoch(epoch, start))
        assert all((a == b).all() for mine, other in zip(later, list(feeder.epoch(epoch))[start:], strict=True)
                   for a, b in zip(mine, other, strict=True))  # fmt: skip


@pytest.mark.parametrize("length", [2, 3, 12, 13, 50, 97])
def test_a_short_text_has_fewer_streams_then_shorter_windows(length):
    feeder = TextFeeder(np.arange(length), small(), CPU)
    read, follows = next(feeder.epoch(0))
    assert read.shape == follows.shape == (feeder.window, feeder.streams)
    assert feeder.steps >= 1
    assert feeder.per_step <= length - 1


# --- the step ---


@pytest.mark.parametrize("net", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("layers", [1, 2])
def test_training_is_a_plain_loop_of_torch(net, layers):
    config = small(net=net, layers=layers, clip=0.3)
    codes = torch.randint(0, 7, (400,), generator=torch.Generator().manual_seed(0)).numpy()
    feeder = TextFeeder(codes, config, CPU)
    learner = TextLearner(config, characters=7, streams=feeder.streams, device=CPU)

    embedding, readout = nn.Embedding(7, 6), nn.Linear(10, 7)
    cell = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[net](6, 10, layers, batch_first=True)
    plain = nn.ModuleDict({"embedding": embedding, "cell": cell, "readout": readout})
    plain.load_state_dict(learner.network.state_dict())
    matrices = [p for p in plain.parameters() if p.ndim > 1]
    vectors = [p for p in plain.parameters() if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.02)

    state = None
    for number, (read, follows) in enumerate(feeder.epoch(0)):
        outputs, state = cell(embedding(read.T), state)
        state = tuple(part.detach() for part in state) if net == "lstm" else state.detach()
        logits = readout(outputs)
        loss = nn.functional.cross_entropy(logits.reshape(-1, 7), follows.T.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(list(plain.parameters()), 0.3)
        optimizer.step()
        mine = learner.learn((read, follows), 0.02, 0, number)
        assert float(mine[0]) == pytest.approx(loss.item(), rel=1e-5)
        assert float(mine[1]) == pytest.approx(float((logits.argmax(2) == follows.T).float().mean()))
    assert float(norm) > 0
    for (name, value), other in zip(plain.named_parameters(), learner.network.parameters(), strict=True):
        assert torch.allclose(value, other, atol=1e-5), name


def test_an_epoch_begins_with_nothing_remembered():
    config = small()
    codes = np.tile(np.arange(7), 60)
    feeder = TextFeeder(codes, config, CPU)
    one, other = (TextLearner(config, characters=7, streams=feeder.streams, device=CPU) for _ in range(2))
    windows = list(feeder.epoch(0))
    one.learn(windows[0], 0.0, 0, 0)
    assert not torch.equal(one.learn(windows[1], 0.0, 0, 1), other.learn(windows[1], 0.0, 0, 0))
    assert torch.equal(one.learn(windows[1], 0.0, 1, 0), other.learn(windows[1], 0.0, 0, 0))


# --- a run ---


@pytest.mark.parametrize("net", ["rnn", "lstm"])
def test_a_run_learns_and_says_so_in_bits(net):
    run = trained(net=net, epochs=8, learning_rate=0.05)
    metrics, finals, machine = run.metrics(), run.finals, run.machine
    assert run.state().name == "finished"
    for line in metrics.epochs:
        assert line["validation_bits"] == pytest.approx(line["validation_loss"] / math.log(2))
        assert line["train_bits"] == pytest.approx(line["train_loss"] / math.log(2))
    assert finals["bits"] == pytest.approx(finals["loss"] / math.log(2))
    assert finals["bits"] < finals["letter_pair_bits"] + 0.3 < finals["single_letter_bits"] < finals["uniform_bits"]
    assert finals["validation_score"] == pytest.approx(max(math.exp(-e["validation_loss"]) for e in metrics.epochs))
    assert machine["characters"] == list(open_text("text:song").characters)
    steps = [line["step"] for line in metrics.samples]
    assert steps == sorted(steps)
    assert {1, 2, 5, 17, machine["total_steps"]} <= set(steps)
    assert metrics.samples[0]["text"] != metrics.samples[-1]["text"]
    assert all(set(line["text"]) <= set(machine["characters"]) for line in metrics.samples)
    assert not any(run.filters.glob("*"))
    found = curves(metrics)
    assert found.in_bits().validation_loss == pytest.approx([line["validation_bits"] for line in metrics.epochs])
    half = replace(found, step=found.step[: len(found.step) // 2])
    assert seconds_left(run.config, machine, half) == pytest.approx(
        (machine["total_steps"] - half.done) * machine["characters_per_step"] / half.speed_now
    )


def test_what_is_measured_is_what_one_pass_over_the_text_gives():
    task = TextTask(small(), open_text("text:song"), CPU, World())
    job = task._ask(task.held)
    loss, accuracy = finish(job)
    codes = torch.from_numpy(task.held)[:, None]
    with torch.no_grad():
        logits, _ = task.learner.network(codes[:-1], task.learner.network.nothing_read(1))
    assert loss == pytest.approx(float(nn.functional.cross_entropy(logits[:, 0], codes[1:, 0])), rel=1e-5)
    assert accuracy == pytest.approx(float((logits[:, 0].argmax(1) == codes[1:, 0]).float().mean()))
    long = np.tile(task.held, 50)  # several streams, of which the last is shorter
    streams = len(long) // 1000
    assert streams > 3
    per_stream = -(-(len(long) - 1) // streams)
    total = 0.0
    for begin in range(0, len(long) - 1, per_stream):
        part = torch.from_numpy(long[begin : begin + per_stream + 1])[:, None]
        with torch.no_grad():
            logits, _ = task.learner.network(part[:-1], task.learner.network.nothing_read(1))
        total += float(nn.functional.cross_entropy(logits[:, 0].double(), part[1:, 0], reduction="sum"))
    assert finish(task._ask(long))[0] == pytest.approx(total / (len(long) - 1), rel=1e-5)


@pytest.mark.parametrize(("net", "how"), [("rnn", "kill"), ("gru", "pause"), ("lstm", "kill")])
def test_going_on_ends_with_the_same_bytes(net, how):
    straight = trained(net=net)
    broken = create_run(small(net=net), "broken")
    for stop in (4, 13):
        if how == "pause":
            wishes = iter(["", *[""] * stop, *["pause"] * 1000])
            train(broken, wish=lambda wishes=wishes: next(wishes), checkpoint_seconds=0)
            assert broken.state().name == "paused"
        else:
            job = train_steps(broken, checkpoint_seconds=0)
            for _ in range(stop):
                next(job)
            job.close()
    train(broken)
    assert digest(broken) == digest(straight)
    carried = [load_checkpoint(run.checkpoints)["carried"] for run in (straight, broken)]
    assert all(torch.equal(one, other) for one, other in zip(*carried, strict=True))
    assert told(broken) == told(straight)
    assert broken.metrics().samples == straight.metrics().samples
    assert {k: v for k, v in broken.finals.items() if k != "seconds"} == {
        k: v for k, v in straight.finals.items() if k != "seconds"
    }


def test_without_held_out_text_the_last_weights_are_tested():
    run = trained(validation=0.0, epochs=1)
    assert run.finals["weights_of_step"] == run.machine["total_steps"]
    assert run.metrics().epochs[0]["validation_bits"] is None
    assert "No text is held out" in " ".join(curves_in_words(run.config))


def test_another_text_of_that_name_is_refused(song):
    run = create_run(small(), "x")
    job = train_steps(run, checkpoint_seconds=0)
    for _ in range(3):
        next(job)
    job.close()
    (song / "data" / "texts" / "song.txt").write_text(SONG.upper(), encoding="utf-8")
    with pytest.raises(RunError, match="song isn't the one that this run began with"):
        train(run)


def test_an_overflow_is_explained():
    wild = {"optimizer": "sgd", "learning_rate": 100.0, "weight_decay": 10.0, "schedule": "constant"}
    run = create_run(small(net="rnn", clip=0.0, **wild), "wild")
    with pytest.raises(NotANumberError, match=r"stopped being a number at step .* largest gradient norm of 1") as error:
        train(run)
    assert re.search("It began in the layer (embedding|cell|readout)", str(error.value))


# --- before the start ---


def test_what_cannot_be_trained_is_found_before_the_start():
    facts = check(small())
    assert facts.classes == len(set(SONG))
    assert facts.parameters == 6 * facts.classes + 4 * (6 * 10 + 10 * 10 + 20) + 11 * facts.classes
    assert facts.learned_from == pytest.approx(0.81 * len(SONG), abs=1)
    with pytest.raises(InputError, match="no data set called “text:gone”"):
        check(small(data="text:gone"))
    with pytest.raises(InputError, match=r"needs .* GB, more than"):
        check(small(batch=8192, window=512, hidden=512))
    with pytest.raises(InputError, match="one process"):
        TextTask(small(), open_text("text:song"), CPU, World(0, 2))


def test_the_time_is_known_from_a_run_like_it_or_measured():
    config = small(epochs=2)
    facts = check(config)
    assert known_speed(config, facts) is None
    assert [step.latest > 0 for step in try_steps(config, facts)] == [True] * 4
    run = trained(epochs=2)
    assert known_speed(config, facts) == pytest.approx(np.median(curves(run.metrics()).speed))
    assert known_speed(small(hidden=11), facts) is None


def test_presets_for_text_can_be_trained():
    for preset in TEXT_PRESETS:
        assert check(preset.config).parameters < 200_000


# --- afterwards ---


def test_runs_are_compared_reported_and_exported(song):
    runs = [trained(f"run {seed}", seed=seed, epochs=1) for seed in (0, 1)]
    again = duplicate(runs[0], seed=1)
    assert again.config == runs[1].config
    assert differences([run.config for run in runs]) == {"seed": [0, 1]}
    (group,) = group_by_settings(runs)
    assert group.bits.mean == pytest.approx(np.mean([run.finals["bits"] for run in runs]))
    assert loss_in_words(runs[0].config) == "cross-entropy"
    page = report(runs[0])
    for words in (
        "bits per character",
        "What it wrote",
        "after 1 steps",
        "counting pairs",
        "hidden size",
        "held-out text",
    ):
        assert words in page
    assert "label smoothing" not in page
    run = runs[0]
    model = character_model(run)
    assert export(run) == f"run:{run.id}"
    loaded = load_character_model(f"run:{run.id}")
    assert (loaded.probabilities("green\n") == model.probabilities("green\n")).all()
    about = json.loads((song / "runs" / "exports" / f"{run.id}.json").read_text(encoding="utf-8"))
    assert about["scores"]["bits"] == run.finals["bits"]
    export(run, name="half", half=True)
    assert np.abs(load_character_model("run:half").probabilities("green") - model.probabilities("green")).max() < 0.01
    measured = loaded.bits_per_character(open_text("text:song").written(open_text("text:song").test))
    assert measured == pytest.approx(run.finals["bits"], abs=1e-4)
    with pytest.raises(RunError, match="no checkpoint"):
        _best(again)


def test_a_terminal_does_all_of_it(song, capsys, tmp_path):
    file = tmp_path / "tune.txt"
    file.write_text(SONG.lower(), encoding="utf-16")
    assert main(["import", str(file), "tune"]) == 0
    assert "text:tune: tune: " in capsys.readouterr().out
    sizes = {"hidden": 9, "embedding": 4, "batch": 8, "window": 12, "epochs": 1}
    options = ["--data=text:tune", "--net=gru", *(f"--{name}={size}" for name, size in sizes.items())]
    assert main(["start", "--name", "tune", "--foreground", *options]) == 0
    capsys.readouterr()
    assert main(["list"]) == 0
    assert "bits per character" in capsys.readouterr().out
    for seed in ("3", "3", "4"):
        assert main(["write", "tune", "--prompt", "7 green", "--length", "30", "--seed", seed]) == 0
    first, second, third = capsys.readouterr().out.split("7 green")[1:]
    assert first == second != third
    assert main(["write", "tune", "--prompt", "é"]) == 2
    assert "has never seen “é”" in capsys.readouterr().err
    assert main(["import", str(tmp_path / "gone.txt"), "gone"]) == 2
    assert main(["start", "--data", "text:tune"]) == 2
    assert "is for pictures" in capsys.readouterr().err


def test_weights_begin_as_torch_begins():
    config = small(hidden=64, embedding=32, layers=2)
    one, other = (TextLearner(config, characters=30, streams=2, device=CPU).network for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    for parameter in (*one.cell.parameters(), *one.readout.parameters()):
        assert parameter.abs().max() <= 1 / 8
        assert parameter.detach().std() == pytest.approx(1 / 8 / math.sqrt(3), rel=0.25)
    assert one.embedding.weight.detach().std() == pytest.approx(1, rel=0.1)
