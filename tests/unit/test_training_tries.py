"""What is tried of a training: the learning-rate range test, the loss around a network, histograms of its weights."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn
from training_runs import lab_folders, tiny, trained  # noqa: F401  a fixture

from cnnlab_core.data import open_data
from cnnlab_core.errors import InputError, RunError
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.training import Config, create_run
from cnnlab_core.training.checkpoints import load_checkpoint
from cnnlab_core.training.distributed import World
from cnnlab_core.training.histograms import BINS, Histogram, histogram, read_histograms
from cnnlab_core.training.landscape import Question, direction, landscape, rows_around, weights_of
from cnnlab_core.training.nets import build_net
from cnnlab_core.training.rate_test import RateTest, rate_test
from cnnlab_core.training.tasks import open_task_steps

# --- the learning-rate range test -------------------------------------------------------------------------------


def test_the_losses_are_those_of_a_loop_by_hand():
    config = tiny(optimizer="sgd", momentum=0.0, weight_decay=0.0)
    found = rate_test(config, low=1e-3, high=1e-1, steps=20)
    task = finish(open_task_steps(config, torch.device("cpu"), World()))
    network = task.learner.network
    batches = [*task.feeder.epoch(0), *task.feeder.epoch(1)]
    losses, rates = [], [1e-3 * 100 ** (step / 19) for step in range(20)]
    for rate, batch in zip(rates, batches, strict=False):
        logits = network(task.learner.normalise(batch.images))
        loss = nn.functional.cross_entropy(logits, batch.labels, label_smoothing=config.label_smoothing)
        network.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter -= rate * parameter.grad
        losses.append(loss.item())
    assert np.allclose(found.rates, rates, rtol=1e-12)
    assert np.allclose(found.losses, losses, rtol=1e-4)


def test_rates_are_read_off_a_curve_whose_shape_is_known():
    rates = np.geomspace(1e-5, 10, 121)  # twenty to a decade
    losses = np.full(121, 2.0)
    losses[40:80] -= np.linspace(0, 1, 40)  # falls evenly from 1e-3 to 1e-1
    losses[80:] = 1.0 + 3.0 * np.arange(1, 42)
    found = RateTest(rates, losses)
    assert found.best == pytest.approx(rates[79])
    assert found.suggested == pytest.approx(found.best / 10)
    assert rates[40] < found.steepest <= rates[79]
    jumping = RateTest(rates, np.concatenate([[3.0, 2.0], losses[2:]]))
    assert jumping.steepest == found.steepest  # the first losses, of which the mean is taken, are too few
    flat = RateTest(rates[:30], losses[:30])
    assert flat.best is not None
    short = RateTest(rates[:19], losses[:19])
    assert (short.best, short.suggested, short.steepest) == (None, None, None)


def test_it_ends_where_the_rate_is_too_large():
    found = rate_test(tiny(optimizer="sgd", stack="c4k3,relu,c4k3,relu"), low=1e-3, high=100.0, steps=60)
    assert 20 <= len(found.rates) < 60
    assert np.isfinite(found.losses).all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"low": 0.1, "high": 0.01}, "not from 0.1 to 0.01"),
        ({"low": 0.0}, "from 1e-07 at least"),
        ({"high": math.nan}, "number"),
        ({"steps": 19}, "20 to 1,000 steps"),
        ({"config": tiny(data="cifar10")}, "isn't on this machine yet"),
        ({"config": tiny(stack="m2s2")}, "no convolution"),
    ],
)
def test_what_cannot_be_tested_is_a_sentence(options, says):
    with pytest.raises(InputError, match=says):
        rate_test(**{"config": tiny(), **options})


# --- the loss around a network ----------------------------------------------------------------------------------


def test_of_a_square_the_plane_is_its_closed_form_and_symmetric():
    """Half the square of the weights, which begin at 0: (a² |d|² + b² |e|² + 2ab d·e) / 2."""
    random = torch.Generator().manual_seed(0)
    first, second = ({"w": torch.randn(3, 4, generator=random, dtype=torch.float64)} for _ in range(2))
    along = np.linspace(-1, 1, 5)
    losses = np.array(
        [
            *rows_around(
                lambda w: float(w["w"].square().sum() / 2), {"w": torch.zeros(3, 4).double()}, first, second, along
            )
        ]
    )
    d, e = first["w"].numpy(), second["w"].numpy()
    a, b = along[None], along[:, None]
    assert np.allclose(losses, (a**2 * (d * d).sum() + b**2 * (e * e).sum() + 2 * a * b * (d * e).sum()) / 2)
    assert np.array_equal(losses, losses[::-1, ::-1])


def test_each_filter_of_a_direction_is_as_long_as_the_network_s():
    network = build_net("stack", 10, 16, "c4k3p1,norm,relu")
    weights = dict(network.named_parameters())
    with torch.no_grad():
        weights["classifier.weight"][3] = 0
    found = direction(weights, 7, 0)
    for name, weight in weights.items():
        if weight.ndim < 2:
            assert not found[name].any()
        else:
            assert torch.allclose(found[name].flatten(1).norm(dim=1), weight.flatten(1).norm(dim=1), atol=1e-6)
    again, other = direction(weights, 7, 0), direction(weights, 7, 1)
    assert all(torch.equal(found[name], again[name]) for name in found)
    assert not torch.equal(found["classifier.weight"], other["classifier.weight"])


def test_in_the_middle_is_the_network_s_own_loss():
    run = trained()
    found = landscape(run, Question(points=3, distance=0.5, pictures=1000))  # all that it learned from, and no more
    network, machine = weights_of(run)
    best = load_checkpoint(run.checkpoints, "best")["network"]
    assert all(torch.equal(value, best[name]) for name, value in network.state_dict().items())
    task = finish(open_task_steps(run.config, torch.device("cpu"), World()))
    train, chosen = open_data("own:few").train, torch.from_numpy(np.sort(task.split.train))
    mean, std = (torch.tensor(machine[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    x = (train.images[chosen].permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        loss = nn.functional.cross_entropy(network.eval()(x), train.labels[chosen]).item()
    assert found.centre == found.losses[1, 1] == pytest.approx(loss, rel=1e-5)
    assert found.lowest[0] == found.losses.min()
    assert found.rim == np.median(np.delete(found.losses.ravel(), 4))
    other = landscape(run, Question(points=3, distance=0.5, pictures=1000, seed=1))
    assert other.centre == found.centre
    assert other.losses[0, 0] != found.losses[0, 0]


def test_what_has_no_landscape_is_a_sentence():
    for asked, says in (
        ({"points": 4}, "odd number"),
        ({"points": 43}, "3 to 41"),
        ({"distance": 0.0}, "more than 0"),
        ({"pictures": 0}, "1 to 2,000"),
    ):
        with pytest.raises(InputError, match=says):
            Question(**asked)
    with pytest.raises(RunError, match="no weights yet"):
        landscape(create_run(tiny()), Question())
    with pytest.raises(InputError, match="learns from text"):
        landscape(create_run(Config(data="names", net="lstm")), Question())


# --- histograms of weights --------------------------------------------------------------------------------------

WEIGHTS = arrays(np.float64, st.integers(1, 40), elements=st.floats(-100, 100, allow_subnormal=False))


@given(weights=WEIGHTS, wider=st.integers(0, 4))
def test_bins_merge_exactly_into_those_of_a_wider_range(weights, wider):
    found = histogram(weights)
    assert found.reach > np.abs(weights).max() or not weights.any()
    reach = found.reach * 2.0**wider
    direct, _ = np.histogram(weights, BINS, (-reach, reach))
    assert found.within(reach).tolist() == direct.tolist()
    assert sum(found.counts) == len(weights)
    assert found.mean == pytest.approx(weights.mean())
    assert found.deviation == pytest.approx(weights.std())


def test_what_is_no_number_is_left_out():
    assert histogram([np.nan, np.inf, 0.5, -0.5]) == histogram([0.5, -0.5])
    assert histogram([np.nan]) == Histogram(1.0, (0,) * BINS, 0.0, 0.0)


def test_a_run_keeps_the_histograms_of_all_its_layers():
    run = trained()
    kept = read_histograms(run)
    assert next(iter(kept)) == 0
    network = build_net("stack", 10, 32, run.config.stack)
    layers = [name for name, one in network.named_modules() if isinstance(one, nn.Conv2d | nn.Linear)]
    assert all(list(found) == layers for found in kept.values())
    last = load_checkpoint(run.checkpoints)
    assert max(kept) == last["progress"]["step"]
    for name in layers:
        assert kept[max(kept)][name] == histogram(last["network"][f"{name}.weight"].numpy())
    for path in (run.folder / "weights").iterdir():
        path.unlink()
    assert list(read_histograms(run)[0]) == ["first layer"]  # as of a run from before they were kept
    (run.folder / "weights" / "000000000.json").write_text("{]")
    with pytest.raises(RunError, match="damaged"):
        read_histograms(run)


def test_a_landscape_of_equal_weights_is_flat():
    """Where every weight is 0, every direction is 0 too, and each class is as probable as the others."""
    run = trained(init="zeros", learning_rate=1e-7, weight_decay=0.0, optimizer="sgd", momentum=0.0, epochs=1)
    found = landscape(run, Question(points=3, pictures=10))
    assert np.allclose(found.losses, math.log(10), atol=1e-5)
    assert replace(Question(), seed=3).along[5] == 0
