"""What the network sees of a run's first pictures: those of its first step, by the settings that decide them."""

import pytest
import torch
from training_runs import alone, lab_folders, tiny  # noqa: F401  a fixture

from cnnlab_core.data import open_data
from cnnlab_core.errors import InputError
from cnnlab_core.recipes.training import first_batch as recipe
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.training import Config
from cnnlab_core.training.batches import to_pixels
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.distributed import World
from cnnlab_core.training.first_batch import DECIDING, first_batch
from cnnlab_core.training.tasks import open_task_steps


@pytest.mark.parametrize(
    "changes",
    [{}, {"batch": 3}, {"labels": "random", "mixup": 0.4, "cutout": 6, "alternate": True, "first_side": 16, "seed": 4}],
    ids=["as usual", "a small batch", "everything"],
)
def test_they_are_those_of_step_1(changes):
    config = tiny(**changes)
    task = finish(open_task_steps(config, torch.device("cpu"), World()))
    step, names = next(task.feeder.epoch(0)), task.dataset.classes
    found = first_batch(config, 5)
    count = min(5, config.batch)
    assert torch.equal(found.after, step.images[:count])
    assert len(found.before) == len(found.classes) == count
    known = to_pixels(open_data("own:few").train.images)
    assert all((known == one).flatten(1).all(1).any() for one in found.before)
    targets = step.targets(len(names))[:count]
    for told, target in zip(found.classes, targets, strict=True):
        shares = target if target.ndim else torch.nn.functional.one_hot(target, len(names)).float()
        assert sum(told.values()) == pytest.approx(1)
        assert [told.get(name, 0.0) for name in names] == pytest.approx(shares.tolist(), abs=1e-6)
    names = {}
    exec(recipe.code(config, 5), names)
    assert torch.equal(names["found"].after, found.after)


def test_no_other_setting_decides_them():
    usual = first_batch(Config(data="own:few"))
    for name, about in SETTINGS.items():
        if about.of != "text" and name not in DECIDING:
            found = first_batch(Config(**{"data": "own:few", **alone(name)}))
            assert torch.equal(found.before, usual.before), name
            assert torch.equal(found.after, usual.after), name
            assert found.classes == usual.classes, name


def test_what_has_no_first_pictures_is_a_sentence():
    for config, count, says in (
        (Config(data="names", net="lstm"), 8, "no pictures to shift"),
        (tiny(), 0, "one picture at least"),
        (tiny(data="cifar10"), 8, "isn't on this machine yet"),
    ):
        with pytest.raises(InputError, match=says):
            first_batch(config, count)
