"""Ordinary slips get a sentence: what reads and writes data sets, runs and features."""

import contextlib
import dataclasses
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab_core import data, language, training, transfer
from cnnlab_core.data.dataset import Dataset, write_dataset
from cnnlab_core.data.own import own_path
from cnnlab_core.data.shapes import CLASSES, draw
from cnnlab_core.models import find_spec, load_model
from cnnlab_core.training.locks import held
from cnnlab_core.training.metrics import say
from tests.slips import offered, spoil
from tests.training_runs import tiny

READING = ("activity", "bits", "bits_per_character", "cells", "compare", "encode", "lines", "probabilities", "sample",
           "sample_steps")  # fmt: skip
X = np.random.default_rng(0).normal(size=(12, 5))
LABELS = np.arange(12) % 3
FITTED = transfer.fit(X, LABELS, 3, 0.1)
WRITER = language.load_character_model()
OFFERED = offered(data, language, training, transfer) | {
    **{f"language.CharacterModel.{name}": getattr(WRITER, name) for name in READING},
    "training.train_steps": partial(training.train_steps, wish=lambda: "pause"),  # it may do what it likes
    "transfer.SoftmaxRegression.answers": FITTED.answers,
    "transfer.SoftmaxRegression.logits": FITTED.logits,
    "transfer.Projection": transfer.project(X),
}
RECORDS = {
    "data.Dataset", "data.Pictures", "data.Source", "data.Split", "data.Text", "language.Comparison",
    "language.SampleStep", "language.Units", "training.Metrics", "training.Run", "training.State",
    "training.TrainStep", "transfer.Collection", "transfer.CurvePoint", "transfer.Drawn",
    "transfer.FeatureLayer", "transfer.Item", "transfer.Learned", "transfer.SoftmaxRegression",
}  # fmt: skip
"""What functions give back, and what other functions make: nobody calls these."""
for made in ("language.CharacterModel", "language.RecurrentNetwork"):
    del OFFERED[made]


def good_arguments(folder):
    """Arguments that are taken, by function; runs are in all states."""
    for index, name in enumerate(("left", "right")):
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (16, 16), (index * 200, number, 0)).save(folder / "pictures" / name / f"{number}.png")
    config = tiny(limit=40, epochs=1)
    finished, paused, fresh = (training.create_run(config, token=token) for token in ("finished", "paused", "fresh"))
    training.train(finished)
    say(paused.metrics_path, "paused", "", resumable=True)
    model = load_model("cifar10_standard")
    collection = transfer.open_collection("own:few")
    drawn = transfer.draw(collection, 6)
    started = {"name": "mine", "owner": "me"}
    learned = {"model": model, "drawn": drawn}
    fitted = {"x": X, "labels": LABELS, "classes": 3, "penalty": 0.1, "start": FITTED}
    return {
        "data.data_folder": {},
        "data.find_data": {"name": "shapes"},
        "data.import_pictures_steps": {"source": folder / "pictures", "name": "mine", "side": 16},
        "data.list_data": {},
        "data.open_data": {"name": "own:few", "fetch": False},
        "data.open_data_steps": {"name": "own:few"},
        "data.split_validation": {"labels": torch.from_numpy(LABELS), "share": 0.3, "seed": 1, "limit": 3},
        "data.delete_text": {"name": "mine"},
        "data.entropies": {"train": LABELS, "test": LABELS, "count": 3},
        "data.import_text": {"source": "to be, or not to be, that is the question\n" * 9, "name": "mine"},
        "data.list_texts": {},
        "data.open_text": {"name": "names"},
        "language.character_models": {},
        **{f"language.follow_units{way}": {"model": WRITER, "text": "anna"} for way in ("", "_steps")},
        "language.describe_character_model": {"name": "names_lstm"},
        "language.load_character_model": {"name": "names_lstm"},
        "language.share_known": {"lines": ["ann", "bob"], "known": {"ann"}},
        **{f"language.CharacterModel.{name}": {"text": "anna"} for name in READING},
        "language.CharacterModel.compare": {"text": "anna", "changed": "anne"},
        "language.CharacterModel.lines": {"count": 2, "temperature": 0.8, "generator": 3, "length": 5},
        **{f"language.CharacterModel.sample{way}": {"prompt": "an", "temperature": 0.8, "generator": 3, "length": 5,
                                                     "lines": 1} for way in ("", "_steps")},
        "training.character_model": {"run": training.find_run("names_lstm")},
        "training.Config": {**dataclasses.asdict(config), "stack": ""} | {"net": "homework"},
        "training.check": {"config": config},
        "training.config_from": {"values": dataclasses.asdict(config)},
        "training.create_run": {"config": config, **started, "token": "made"},
        "training.duplicate": {"run": finished, **started, "seed": 2},
        "training.export": {"run": finished, "folder": folder / "exports", "name": "net", "title": "A net",
                            "half": True, "card": {"licence": "MIT"}},
        "training.find_run": {"name": finished.id},
        "training.fit_steps": {"pictures": "own:few", "network": "c4k3s2,relu", "name": "mine", "side": None,
                               "device": torch.device("cpu"), "epochs": 1, "limit": 40, "batch": 20},
        "training.list_runs": {},
        "training.pause": {"run": fresh},
        "training.queue": {"device": "cpu"},
        "training.resume": {"run": paused, "checkpoint_seconds": 5.0},
        "training.start": {"config": config, **started, "token": "finished", "checkpoint_seconds": 5.0,
                           "most_waiting": 3},
        "training.stop": {"run": fresh},
        "training.train_steps": {"run": finished, "world": None, "device": torch.device("cpu"), "locked": False,
                                 "checkpoint_seconds": 5.0},
        "transfer.choose_penalty": {"train": (X, LABELS), "validation": (X, LABELS), "classes": 3,
                                    "penalties": [0.1, 0.01]},
        "transfer.fit": fitted,
        "transfer.SoftmaxRegression.answers": {"x": X, "labels": LABELS},
        "transfer.SoftmaxRegression.logits": {"x": X},
        "transfer.Projection": {"x": X},
        "transfer.project": {"x": X},
        "transfer.mean_per_class_accuracy": {"confusion": np.eye(3)},
        "transfer.draw": {"collection": collection, "each": 6, "seed": 1},
        "transfer.list_collections": {},
        "transfer.open_collection": {"name": "own:few"},
        "transfer.feature_layer": {"spec": find_spec("cifar10_standard")},
        "transfer.features": {"model": model, "x": torch.rand(1, 3, 32, 32)},
        **{f"transfer.extract{way}": {"model": model, "items": drawn.validation} for way in ("", "_steps")},
        **{f"transfer.learn{way}": learned for way in ("", "_steps")},
        **{f"transfer.curve{way}": {**learned, "draws": 1, "seed": 1} for way in ("", "_steps")},
    }  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as locks:
        for name, below in (("RUNS", "runs"), ("DATA", "data"), ("CACHE", "cache")):
            patch.setenv(f"CNNLAB_{name}", str(folder / below))
        patch.setenv("CNNLAB_DEVICE", "cpu")
        patch.setattr("cnnlab_core.training.launch._spawn", lambda run, seconds: None)
        few = Dataset("own:few", "few", CLASSES, draw(100, [1]), lambda: draw(40, [2]))
        write_dataset(own_path("few"), few)
        table = good_arguments(folder)
        locks.enter_context(held(table["training.pause"]["run"].lock, 1, ""))
        yield table


def test_the_table_knows_all_that_is_offered(good):
    assert set(good) | RECORDS | {"data.import_pictures", "training.fit", "training.train"} == set(OFFERED)
    assert all(dataclasses.is_dataclass(OFFERED[name]) for name in RECORDS)


@pytest.mark.parametrize(
    "name", sorted(name for name in OFFERED if name not in RECORDS and f"{name}_steps" not in OFFERED)
)
def test_one_wrong_argument_is_a_sentence(good, name):
    function = OFFERED[name]
    if name == "data.import_pictures_steps":

        def function(**arguments):  # the same name each time
            own_path("mine").unlink(missing_ok=True)
            own_path("tabby").unlink(missing_ok=True)
            return OFFERED[name](**arguments)

    elif name in ("data.import_text", "data.delete_text"):

        def function(**arguments):  # the same texts each time
            for there in data.text.text_names():
                data.delete_text(there)
            if name == "data.delete_text":
                data.import_text("to be, or not to be\n" * 20, "mine")
            return OFFERED[name](**arguments)

    spoil(function, good[name])
