"""What the tests of the trainer share: a small fast config, and the weights of a run as one digest."""

import hashlib

import pytest

from cnnlab_core.data.dataset import Dataset, write_dataset
from cnnlab_core.data.own import own_path
from cnnlab_core.data.shapes import CLASSES, draw
from cnnlab_core.training import Config
from cnnlab_core.training.checkpoints import load_checkpoint

TINY = {
    "data": "own:few",
    "net": "stack",
    "stack": "c4k3s2,norm,relu,m2s2,c8k3p1,relu",
    "batch": 32,
    "limit": 320,
    "validation": 0.02,
    "epochs": 2,
    "precision": "float32",
    "learning_rate": 0.02,
}


@pytest.fixture(autouse=True)
def lab_folders(tmp_path, monkeypatch):
    """Runs and data in a folder of the test's own, with a small data set ``own:few``, on the CPU."""
    monkeypatch.setenv("CNNLAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")
    monkeypatch.setattr("cnnlab_core.training.runs.SHIPPED_RUNS", tmp_path / "shipped")  # not the lab's own
    write_dataset(own_path("few"), Dataset("own:few", "few", CLASSES, draw(400, [1]), lambda: draw(101, [2])))
    return tmp_path


def tiny(**changes):
    return Config(**(TINY | changes))


def digest(run, role="last"):
    """One sha256 for the weights, the optimiser's memory and the step of a run's newest checkpoint."""
    saved = load_checkpoint(run.checkpoints, role)
    total = hashlib.sha256(str(saved["progress"]["step"]).encode())
    tensors = dict(saved["network"]) | dict(_tensors("optimizer", saved["optimizer"]))
    for name in sorted(tensors):
        total.update(name.encode())
        total.update(tensors[name].detach().contiguous().numpy().tobytes())
    return total.hexdigest()


def _tensors(name, value):
    """The tensors in nested dicts, by their path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _tensors(f"{name} {key}", inner)
    elif hasattr(value, "detach"):
        yield name, value


def told(run):
    """What a run's steps and epochs say, without the times that differ between any two runs."""
    metrics = run.metrics()
    steps = [(line["step"], line["loss"], line["accuracy"], line["rate"]) for line in metrics.steps]
    epochs = [{k: v for k, v in line.items() if k != "seconds"} for line in metrics.epochs]
    return steps, epochs, metrics.probes
