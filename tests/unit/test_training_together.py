"""Two processes under torchrun (gloo, on the CPU) train as one does at the same global batch."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from patience import patience
from training_runs import TINY, lab_folders, tiny  # noqa: F401  a fixture

from cnnlab_core.training import create_run, list_runs
from cnnlab_core.training.checkpoints import load_checkpoint
from cnnlab_core.training.loop import train

ROOT = Path(__file__).parents[2]


def torchrun(*arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "cnnlab_core.training", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", check=False, env=environment, timeout=patience(200)
    )


def test_two_processes_are_one():
    # SGD: AdamW divides by the gradient's size, and so makes rounding errors as large as steps.
    changes = {"optimizer": "sgd", "learning_rate": 0.05, "attack": "pgd", "attack_steps": 2, "limit": 321}
    config = tiny(**changes)
    alone = create_run(config)
    train(alone)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in (TINY | changes).items()]
    done = torchrun("start", "--name=together", *options)
    assert done.returncode == 0, done.stderr
    (together,) = [run for run in list_runs() if run.about.name == "together"]
    assert together.config == config
    assert together.machine["processes"] == 2
    assert together.state().name == "finished"
    one, two = load_checkpoint(alone.checkpoints), load_checkpoint(together.checkpoints)
    for name, value in one["network"].items():
        torch.testing.assert_close(two["network"][name], value, rtol=2e-3, atol=2e-4, msg=name)
    mine, theirs = alone.metrics(), together.metrics()
    assert len(theirs.steps) == len(mine.steps) == 20
    np.testing.assert_allclose([s["loss"] for s in theirs.steps], [s["loss"] for s in mine.steps], rtol=1e-3)
    assert [line["step"] for line in theirs.steps] == [line["step"] for line in mine.steps]
    assert np.sum(together.finals["confusion"]) == 101  # every test picture once: nobody was padded
    assert abs(together.finals["accuracy"] - alone.finals["accuracy"]) <= 0.02
    assert together.metrics().epochs[-1]["validation_accuracy"] == pytest.approx(
        alone.metrics().epochs[-1]["validation_accuracy"], abs=0.101
    )
