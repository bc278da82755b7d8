"""Batch normalisation is worth it: the same short budget on real photos, with and without."""

import os
import re

import pytest
from training_runs import lab_folders  # noqa: F401  a fixture

from cnnlab_core.data import Dataset, Pictures, open_data
from cnnlab_core.data.dataset import write_dataset
from cnnlab_core.data.own import own_path
from cnnlab_core.data.shapes import CLASSES, draw
from cnnlab_core.errors import DataError
from cnnlab_core.training import Config, create_run
from cnnlab_core.training.loop import train
from cnnlab_core.training.nets import STACKS

MACHINE = os.environ.get("CNNLAB_DATA", "")


def photos(note, monkeypatch):
    """A title, classes, the first 1700 CIFAR-10 pictures to learn from and 500 to test; else generated ones."""
    with monkeypatch.context() as own_settings:
        own_settings.setenv("CNNLAB_DATA", MACHINE)
        try:
            found = open_data("cifar10")
        except DataError as error:
            note(f"not run: homework against homework_bn on CIFAR-10, because no copy can be had: {error}")
            return "Generated pictures", CLASSES, draw(1700, [1]), draw(500, [2])
        train, test = found.train, found.read_test()
        first = (Pictures(part.images[:n].clone(), part.labels[:n].clone()) for part, n in ((train, 1700), (test, 500)))
        return found.title, found.classes, *first


@pytest.mark.parametrize("thinner", [pytest.param(1, marks=pytest.mark.wide), 4])
def test_batch_normalisation_wins_at_a_fixed_budget(note, monkeypatch, thinner):
    """The homework's networks, and such with a quarter of their filters."""
    title, classes, pictures, test = photos(note, monkeypatch)
    write_dataset(own_path("part"), Dataset("own:part", "part", classes, pictures, lambda: test))
    scores = {}
    for net in ("homework", "homework_bn"):
        stack = re.sub(r"c(\d+)", lambda row: f"c{int(row[1]) // thinner}", STACKS[net])
        budget = {"epochs": 1, "limit": 1536, "batch": 64, "validation": 0.05, "crop": 2}
        run = create_run(Config(data="own:part", net="stack", stack=stack, **budget))
        train(run)
        scores[net] = run.finals["accuracy"]
    note(
        f"{title}, one epoch of 1536 pictures, 500 to test: "
        + ", ".join(f"{net} {score:.1%}" for net, score in scores.items())
    )
    assert scores["homework_bn"] > scores["homework"] + 0.04
