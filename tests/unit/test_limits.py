"""The table of limits: its settings are read or refused in a sentence, and the docs say what it says."""

import re

import pytest
from places import ROOT

from cnnlab_core.errors import InputError, RunError
from cnnlab_core.models import load_model
from cnnlab_core.runtime.limits import LIMITS, QUEUE, TRAINING_QUEUE, check_limits
from cnnlab_core.training import launch
from cnnlab_core.transfer import extract, learn, open_collection
from cnnlab_core.transfer.collections import Drawn


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.setting)
def test_a_setting_is_read_when_it_is_asked_for_and_refused_where_it_cannot_be(monkeypatch, limit):
    monkeypatch.delenv(limit.setting, raising=False)
    assert limit.least <= limit.now() == limit.usual <= limit.most
    for good in (limit.least, limit.most):
        monkeypatch.setenv(limit.setting, f" {good} ")
        assert limit.now() == good
    for bad in (limit.most + 1, limit.least - 1, "many", "1.5", "٣", "9" * 5000):
        monkeypatch.setenv(limit.setting, str(bad))
        with pytest.raises(InputError, match=f"{limit.setting} is a whole number from {limit.least} to {limit.most}"):
            check_limits()


def test_an_empty_setting_is_none(monkeypatch):
    monkeypatch.setenv("CNNLAB_QUEUE", " ")
    assert QUEUE.now() == QUEUE.usual


def test_the_page_of_limits_is_the_table_and_names_a_test_of_each():
    text = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    assert [row[:5] for row in rows] == [
        [f"`{one.setting}`", f"{one.usual:,} {one.unit}", f"{one.least:,} to {one.most:,}", one.bounds, one.then]
        for one in LIMITS
    ]
    for row in rows:
        (file, name) = re.fullmatch(r"`(\w+\.py)::(\w+)`", row[5]).groups()
        (found,) = (ROOT / "tests").rglob(file)
        assert f"def {name}(" in found.read_text(encoding="utf-8")


def test_no_more_runs_wait_than_may(monkeypatch):
    class Three:
        def names(self):
            return ["the first has the device", "waits", "waits too"]

    monkeypatch.setattr(launch, "queue", lambda key: Three())
    monkeypatch.setenv("CNNLAB_TRAINING_QUEUE", "2")
    launch.refuse_a_long_queue(TRAINING_QUEUE.now() + 1)
    with pytest.raises(RunError, match="2 runs are already waiting"):
        launch.refuse_a_long_queue(TRAINING_QUEUE.now())


def test_features_are_bounded_before_they_are_computed(monkeypatch):
    model, item = load_model("squeezenet1_1", weights="random"), open_collection("shapes").train[0]
    monkeypatch.setenv("CNNLAB_FEATURES_MB", "1")
    monkeypatch.setattr("cnnlab_core.transfer.extraction.features", None)
    with pytest.raises(InputError, match=r"489 pictures with 512 features.*more than the 1 MB.*: 488 pictures would"):
        extract(model, [item] * 489)
    with pytest.raises(InputError, match="489 pictures"):  # each part would fit, but not all of them
        learn(model, Drawn(("one",), *([item] * 163,) * 3))
