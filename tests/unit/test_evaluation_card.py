"""A network's card: drawn pictures, everything measured once, kept as it grows, and gone on with by another process."""

import json
import re
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from cnnlab_core.attacks.transforms import TRANSFORMS
from cnnlab_core.data import Dataset, Pictures, open_data
from cnnlab_core.data.dataset import write_dataset
from cnnlab_core.data.own import own_path
from cnnlab_core.errors import DataError, InputError
from cnnlab_core.evaluation import draw_pictures, figures, read_card, write_card
from cnnlab_core.evaluation.__main__ import measure_shipped
from cnnlab_core.evaluation.card import (
    ACCURACY,
    CORRUPTED,
    ECE,
    FLATTERED,
    ROBUST,
    blank_card,
    card_seconds,
    card_steps,
)
from cnnlab_core.evaluation.card_files import (
    kept_path,
    network_card,
    network_card_steps,
    shipped_card,
    shipped_path,
    to_json,
)
from cnnlab_core.evaluation.document import document, write_document
from cnnlab_core.evaluation.pictures import data_for
from cnnlab_core.models import find_spec, load_model
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import finish

MODEL = load_model("glass_digits", device="cpu")


@pytest.fixture(autouse=True)
def weak(monkeypatch, tmp_path):
    """Attacks of a few steps: what they find is tested elsewhere. Folders of the test's own."""
    steps = sys.modules["cnnlab_core.evaluation.robustness"].STEPS
    for name in steps:
        monkeypatch.setitem(steps, name, 2)
    checks = sys.modules["cnnlab_core.evaluation.masked_gradients"]
    monkeypatch.setattr(checks, "_STEPS", (1, 2))
    monkeypatch.setattr(checks, "_QUERIES", 2)
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path / "data"))


def begun(attacked=12, eps=0.15):
    drawn = draw_pictures(MODEL, count=4 * attacked)
    return drawn, blank_card(MODEL, drawn, attacked, eps)


def test_pictures_are_drawn_of_what_the_network_learned_from():
    drawn, test = draw_pictures(MODEL, count=30, seed=3), open_data("digits").read_test()
    assert drawn.data == "digits"
    assert len(set(drawn.index.tolist())) == 30
    assert torch.equal(drawn.y, test.labels[drawn.index])
    assert torch.equal((drawn.x * 255).round().to(torch.uint8).permute(0, 2, 3, 1), test.images[drawn.index])
    assert np.array_equal(draw_pictures(MODEL, count=20, seed=3).index, drawn.index[:20]), "more pictures, not others"
    assert not np.array_equal(draw_pictures(MODEL, count=30, seed=4).index, drawn.index)


def test_classes_are_told_by_their_names_and_what_does_not_fit_is_a_sentence(monkeypatch):
    images = torch.arange(12 * 20 * 20 * 3).reshape(12, 20, 20, 3).to(torch.uint8)
    labels = torch.arange(12) % 3
    for name, classes in (("few", ("7", "mouse", "3")), ("none", ("cat", "dog", "mouse"))):
        train = Pictures(images + 0, labels + 0)
        whole = Dataset(name, name, classes, train, lambda: Pictures(images, labels))
        write_dataset(own_path(name), whole)
    drawn = draw_pictures(MODEL, "own:few")
    assert sorted(drawn.index.tolist()) == [0, 2, 3, 5, 6, 8, 9, 11], "no mice"
    assert set(drawn.y.tolist()) == {7, 3}
    assert drawn.x.shape == (8, 3, 28, 28), "as the network sees them"
    with pytest.raises(InputError, match="knows none of the classes of none"):
        draw_pictures(MODEL, "own:none")
    with pytest.raises(InputError, match="learned from ImageNet"):
        data_for(find_spec("alexnet"))
    monkeypatch.setattr(sys.modules["cnnlab_core.evaluation.pictures"], "_MOST_VALUES", 5 * 3 * 28 * 28)
    assert len(draw_pictures(MODEL, "own:few").x) == 5, "no more than there is memory for"
    with pytest.raises(DataError, match="isn't on this machine"):
        draw_pictures(load_model("cifar10_standard", device="cpu"))


def test_a_card_is_gone_on_with_after_any_step_and_measures_nothing_twice(tmp_path):
    """Written and read after a step, it ends with the same bytes; what it had isn't asked for again."""
    drawn, blank = begun()
    job, seen = card_steps(MODEL, drawn.x, drawn.y, blank), {}
    while True:
        try:
            step = next(job)
        except StopIteration as end:
            whole = end.value
            break
        if step.latest is not None:
            seen[json.dumps(to_json(step.latest))] = step.latest
    assert whole.finished
    assert len(seen) > 8
    asked = []

    def counting(x):
        asked.append(len(x))
        return MODEL(x)

    left = [len(asked)]
    for state in [*list(seen.values())[:-1:6], whole]:
        assert state.finished == (state is whole)
        write_card(tmp_path / "card.json", state)
        again = finish(card_steps(counting, drawn.x, drawn.y, read_card(tmp_path / "card.json")))
        assert to_json(again) == to_json(whole)
        left.append(len(asked) - sum(left))
    assert left[-1] == 0
    assert left[1] > left[-2] > 0
    with pytest.raises(InputError, match="of other pictures"):
        finish(card_steps(MODEL, drawn.x, drawn.y.flip(0), whole))
    assert card_seconds(MODEL, drawn.x, drawn.y, whole) == 0
    assert card_seconds(MODEL, drawn.x, drawn.y, blank) > 0


def test_the_figures_are_those_of_its_parts():
    drawn, blank = begun()
    assert figures(blank) == ()
    card = finish(card_steps(MODEL, drawn.x, drawn.y, blank))
    found = {figure.called: figure for figure in figures(card)}
    right = (MODEL(drawn.x).argmax(1) == drawn.y).double().mean()
    assert found[ACCURACY].value == pytest.approx(float(right))
    assert found[ACCURACY].interval == card.accuracy().overall.interval
    assert found[FLATTERED].value >= found[ROBUST].value == card.robustness.worst.value
    assert found[CORRUPTED].value == pytest.approx(np.mean([row.right.value for row in card.corruptions]))
    low, high = found[ECE].interval
    assert 0 <= low <= high <= 1
    assert found[ECE].of == 24, "the half that no temperature is fitted to"
    assert "(" in found[ACCURACY].words


def test_stopped_work_lies_in_the_cache_and_another_run_goes_on(monkeypatch):
    """Closed in the middle, as by a server that ends; what was known is there for whoever asks next."""
    options = {"attacked": 12, "eps": 0.15, "seed": 1}
    job = network_card_steps(MODEL, **options)
    for step in job:
        if step.latest is not None and step.latest.checks:
            break
    job.close()
    (path,) = kept_path(step.latest).parent.iterdir()
    assert to_json(read_card(path)) == to_json(step.latest)

    def never(*arguments, **more):
        raise AssertionError("it was measured already")

    for measure in ("ask_steps", "robustness_steps", "masked_gradients_steps"):
        monkeypatch.setattr(sys.modules["cnnlab_core.evaluation.card"], measure, never)
    whole = finish(network_card_steps(MODEL, **options))
    assert whole.finished
    assert to_json(read_card(path)) == to_json(whole)
    path.write_text("{")  # damaged: begun anew
    with pytest.raises(AssertionError):
        finish(network_card_steps(MODEL, **options))


def test_the_command_says_how_long_it_takes_goes_on_where_it_was_stopped_and_writes_all(monkeypatch, tmp_path, capsys):
    main = sys.modules[measure_shipped.__module__]
    monkeypatch.setattr(sys.modules["cnnlab_core.evaluation.card_files"], "asset", tmp_path.joinpath)
    monkeypatch.setattr(main, "shipped_networks", lambda: ("glass_digits",))
    monkeypatch.setattr(main, "write_document", partial(write_document, tmp_path / "cards.md"))

    def stopped(*arguments, **more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["cnnlab_core.evaluation.card"], "corruptions_steps", stopped)
        with pytest.raises(KeyboardInterrupt):
            measure_shipped([], attacked=12)
    assert re.search(r"glass_digits: about \d+ min", capsys.readouterr().out)
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["cnnlab_core.evaluation.card"], "robustness_steps", stopped)
        measure_shipped([], attacked=12)  # what was measured isn't measured again
        measure_shipped([], attacked=12)  # nothing is left to do
        assert capsys.readouterr().out.count("about") == 1
        with pytest.raises(KeyboardInterrupt):
            measure_shipped(["glass_digits"], attacked=12)  # by its name it is measured anew
    card = read_card(shipped_path("glass_digits"))
    assert card.finished
    assert (tmp_path / "cards.md").read_text(encoding="utf-8") == document([card])
    assert main.main(["alexnet"]) == 2
    assert "only those of glass_digits" in capsys.readouterr().err


def test_a_network_of_ones_own_is_measured_on_what_its_classes_are_called():
    """One channel, pictures of another size, no batch norm: its classes are the digits'. Of two classes, no APGD-T."""

    def own(classes):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            parts = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, len(classes))
        parts[-1].bias.data[classes.index("7")] += 1  # what it often says is sometimes right
        return LoadedModel.from_module(nn.Sequential(*parts), side=20, channels=1, categories=classes)

    model = own(tuple("0123456789"))
    assert data_for(model.spec) == "digits"
    card = network_card(model, attacked=12, eps=0.1)
    assert card.finished
    assert (card.data, card.weights, len(card.labels)) == ("digits", model.identity, 48)
    assert {row.name for row in card.corruptions} == set(TRANSFORMS)
    two = own(("7", "1"))
    card = network_card(two, "digits", attacked=12, eps=0.1)
    assert card.finished
    assert set(card.labels.tolist()) == {0, 1}
    assert card.robustness.names == ("PGD-20", "APGD-CE", "Square")
    with pytest.raises(InputError, match=r"doesn't know which pictures Your network learned from.*“7”"):
        network_card(two)


def test_random_weights_do_not_get_the_card_of_the_trained_ones():
    job = network_card_steps(load_model("glass_digits", "random", device="cpu"))
    assert next(job).latest is None
    job.close()


def test_a_card_that_came_with_the_lab_is_of_these_weights_and_settings(monkeypatch):
    model = load_model("cifar10_adversarial", device="cpu")
    card = read_card(shipped_path(model.spec.name))
    assert card.finished
    assert shipped_card(model.spec) is shipped_card(model.spec) is not None
    assert finish(network_card_steps(model)) is shipped_card(model.spec)
    for other in ({"attacked": 100}, {"eps": 0.1}, {"seed": 1}, {"data": "own:few"}):
        assert shipped_card(model.spec, **other) is None
    changed = replace(model.spec, weights=replace(model.spec.weights, sha256="0" * 64))
    assert shipped_card(changed) is None
    assert shipped_card(find_spec("alexnet")) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"form": "cnnlab-card-1", "labels": 3}', "nonsense"])
def test_a_damaged_card_is_a_sentence(tmp_path, content):
    path = tmp_path / "card.json"
    path.write_text(content)
    with pytest.raises(DataError, match="no card that can be read"):
        read_card(path)
    assert shipped_path("nothing").name == "nothing.json"
