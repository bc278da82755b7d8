"""What the tests of the trainer share: a small fast config, and the weights of a run as one digest."""

import hashlib

import pytest

from cnnlab_core.data.dataset import Dataset, write_dataset
from cnnlab_core.data.own import own_path
from cnnlab_core.data.shapes import CLASSES, draw
from cnnlab_core.training import Config, create_run
from cnnlab_core.training.checkpoints import load_checkpoint
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.loop import train

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


LEARNED_FROM, TESTED = draw(400, [1]), draw(101, [2])


@pytest.fixture(autouse=True)
def lab_folders(tmp_path, monkeypatch):
    """Runs and data in a folder of the test's own, with a small data set ``own:few``, on the CPU."""
    monkeypatch.setenv("CNNLAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")
    monkeypatch.setattr("cnnlab_core.training.runs.SHIPPED_RUNS", tmp_path / "shipped")  # not the lab's own
    write_dataset(own_path("few"), Dataset("own:few", "few", CLASSES, LEARNED_FROM, lambda: TESTED))
    return tmp_path


def tiny(**changes):
    return Config(**(TINY | changes))


def trained(name="my *own* run", **changes):
    """A run that is finished."""
    run = create_run(tiny(**changes), name)
    train(run)
    return run


def words(app):
    """What a page says."""
    parts = (*app.markdown, *app.caption, *app.info, *app.success, *app.warning, *app.error)
    return "\n".join(element.value for element in parts)


def press(app, label):
    """A page after its button was pressed."""
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def digest(run, role="last"):
    """One sha256 for the weights, the optimiser's memory and the step of a run's newest checkpoint."""
    saved = load_checkpoint(run.checkpoints, role)
    total = hashlib.sha256(str(saved["progress"]["step"]).encode())
    tensors = dict(saved["network"]) | dict(_tensors("optimizer", saved["optimizer"]))
    tensors |= dict(_tensors("average", saved.get("average", {})))
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


def alone(name):
    """Values with which the setting called ``name`` isn't its default, and counts."""
    about = SETTINGS[name]
    if about.of == "text":
        other = about.kind(about.default + (2 * about.step if about.step < 1 else 1))
        return {"data": "names", "net": "lstm", name: other}
    if name in ("net", "stack"):
        return {"net": "stack", "stack": TINY["stack"]}
    if about.options:
        other = [option for option in about.options if option != about.default][-1]
    elif about.kind is bool:
        other = not about.default
    elif about.kind is str:
        other = TINY[name]
    else:
        other = about.taken(about.kind(about.shown(about.default) + (2 * about.step if about.step < 1 else 3)))
    return {**{need: allowed[-1] for need, allowed in about.needs.items()}, name: other}
