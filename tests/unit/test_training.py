"""The trainer's parts: configs, networks, batches, the step, what is measured, and the exported network."""

import json
import math
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from training_runs import lab_folders, tiny  # noqa: F401  a fixture

from cnnlab_core.data import Dataset, Pictures, open_data
from cnnlab_core.data.dataset import write_dataset
from cnnlab_core.data.own import own_path
from cnnlab_core.data.shapes import CLASSES, draw
from cnnlab_core.errors import InputError, RunError, WeightsError
from cnnlab_core.models import find_spec, layer_table, list_models, load_model
from cnnlab_core.models.stack import KINDS, Row, read_stack, write_stack
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.training import Config, create_run, diagnosis, duplicate, export, find_run, fit
from cnnlab_core.training import learner as learner_module
from cnnlab_core.training.__main__ import main
from cnnlab_core.training.adversarial import perturb
from cnnlab_core.training.batches import Batch, Feeder, to_pixels
from cnnlab_core.training.checkpoints import load_checkpoint
from cnnlab_core.training.checks import check
from cnnlab_core.training.comparison import differences
from cnnlab_core.training.config import SETTINGS, config_from
from cnnlab_core.training.diagnosis import dead_units, gradient_norms, overfits_catastrophically
from cnnlab_core.training.distributed import World
from cnnlab_core.training.evaluation import answer_steps
from cnnlab_core.training.learner import Learner, pixel_statistics
from cnnlab_core.training.loop import train
from cnnlab_core.training.nets import STACKS, build_net, build_stack, check_stack, initialise
from cnnlab_core.training.optimizers import build_optimizer, orthogonal
from cnnlab_core.training.precision import choose_precision
from cnnlab_core.training.randomness import generator
from cnnlab_core.training.schedule import learning_rate
from cnnlab_core.training.snapshots import filter_steps, read_watched
from cnnlab_core.training.tasks import open_task_steps

CPU = torch.device("cpu")


# --- configs ---


def test_random_labels_are_learned_from_and_nothing_else():
    run = create_run(tiny(labels="random", epochs=1))
    task = finish(open_task_steps(run.config, CPU, World()))
    labels, true = task.feeder._labels, task.dataset.train.labels[torch.from_numpy(task.split.train)]
    assert torch.equal(labels, finish(open_task_steps(run.config, CPU, World())).feeder._labels)
    assert 0.05 < (labels == true).float().mean() < 0.2  # one in ten by chance
    assert torch.equal(task.validation.labels, task.dataset.train.labels[torch.from_numpy(task.split.validation)])
    assert config_from(json.loads(tiny().to_json())).labels == "true"
    with pytest.raises(InputError, match="setting for pictures"):
        Config(data="names", net="lstm", labels="random")


def test_answers_to_a_picture_of_each_class_are_kept_through_the_training():
    run = create_run(tiny())
    assert read_watched(run) is None
    train(run)
    kept = read_watched(run)
    assert list(kept.answers) == filter_steps(run)
    task = finish(open_task_steps(run.config, CPU, World()))
    for picture, label in zip(kept.pictures, kept.labels, strict=True):
        same = (task.validation.images == torch.from_numpy(picture)).all((1, 2, 3))
        assert label in task.validation.labels[same]
    assert kept.labels.tolist() == sorted({*task.validation.labels.tolist()})[:10]
    task.learner.restore(load_checkpoint(run.checkpoints))
    with torch.no_grad(), diagnosis.evaluating(task.learner.network):
        ends = task.learner.exact_logits(to_pixels(torch.from_numpy(kept.pictures))).softmax(1)
    np.testing.assert_allclose(kept.answers[20], ends, atol=1e-3)


def test_what_cannot_be_trained_is_found_before_the_start():
    assert check(Config()).parameters == 64 * 363 + 128 + 128 * 576 + 256 + 128 * 1152 + 256 + 1290
    for name in ("imagenet", "nope", "", "own:", "own:../x", "own:A", "CIFAR10", "pets", "own:x\n"):
        with pytest.raises(InputError, match="no data set"):
            Config(data=name)
    with pytest.raises(InputError, match="no data set called “own:gone”"):
        check(Config(data="own:gone"))
    with pytest.raises(InputError, match="Row 2"):
        check(tiny(stack="c4k3,c4k99"))
    with pytest.raises(InputError, match="Row 1 of the stack reads"):
        check(tiny(stack="conv"))
    small = Pictures(torch.zeros(12, 16, 16, 3, dtype=torch.uint8), torch.arange(12) % 2)
    test = Pictures(small.images.clone(), small.labels.clone())
    write_dataset(own_path("small"), Dataset("own:small", "small", ("a", "b"), small, lambda: test))
    check(tiny(data="own:small", crop=15))
    with pytest.raises(InputError, match="at most 15 pixels, not 16"):
        check(tiny(data="own:small", crop=16))
    assert check(tiny(data="own:small", crop=0, validation=0.5)).learned_from == 6
    few = Pictures(small.images[:5], torch.tensor([0, 0, 0, 0, 1]))
    write_dataset(own_path("lopsided"), Dataset("own:lopsided", "x", ("a", "b"), few, lambda: test))
    with pytest.raises(InputError, match="Class 1 has only 1 training pictures"):
        check(tiny(data="own:lopsided", crop=0))


@pytest.mark.parametrize(
    ("changes", "fails"),
    [
        ({"batch": 1, "stack": "c4k3s2,m2s2,c4k7,norm,relu"}, True),
        ({"batch": 1, "stack": "c4k3s2,m2s2,c4k7,norm,relu,c4k1,norm"}, True),
        ({"limit": 1, "stack": "c4k3s2,m2s2,c4k7,norm"}, True),
        ({"batch": 1, "stack": "c4k3s2,m2s2,c4k6,norm"}, False),
        ({"batch": 2, "stack": "c4k3s2,m2s2,c4k7,norm,relu"}, False),
        ({"batch": 1, "stack": "c4k3s2,m2s2,c4k7,relu"}, False),
        ({"batch": 1, "net": "homework_bn", "stack": ""}, False),
        ({"batch": 1, "net": "deeper", "stack": ""}, False),
    ],
)
def test_what_is_accepted_can_do_a_step_and_what_is_refused_cannot(changes, fails):
    config = tiny(**changes)
    one = Learner(config, classes=10, side=32, mean=(0.5,) * 3, std=(0.25,) * 3, device=CPU)
    if fails:
        with pytest.raises(InputError, match="With one picture in each step"):
            check(config)
        with pytest.raises(ValueError, match="more than 1 value"):
            one.learn(batch_of(1), 0.01, 0, 0)
    else:
        check(config)
        assert one.learn(batch_of(config.batch), 0.01, 0, 0).isfinite().all()


# --- networks ---


def test_the_homework_network_is_the_one_that_was_asked_for():
    kinds = [(type(m).__name__, getattr(m, "out_channels", None)) for m in build_net("homework", 10, 32)]
    assert kinds == [
        ("Conv2d", 64),
        ("ReLU", None),
        ("MaxPool2d", None),
        ("Conv2d", 128),
        ("ReLU", None),
        ("Conv2d", 128),
        ("ReLU", None),
        ("AdaptiveAvgPool2d", None),
        ("Flatten", None),
        ("Linear", None),
    ]
    network = build_net("homework", 10, 32)
    assert network.conv1.kernel_size == (11, 11)
    assert (network.pool1.kernel_size, network.pool1.stride) == (2, 2)
    assert network.conv2.kernel_size == network.conv3.kernel_size == (3, 3)


@pytest.mark.parametrize("net", ["homework", "homework_bn", "deeper", "airbench"])
@pytest.mark.parametrize("side", [16, 32, 48])
def test_networks_take_pictures_of_any_side(net, side):
    network = build_net(net, 7, side).eval()
    with torch.no_grad():
        assert network(torch.rand(2, 3, side, side)).shape == (2, 7)


rows = st.lists(
    st.builds(
        Row,
        st.sampled_from(KINDS),
        st.integers(1, 5),
        st.integers(1, 3),
        st.integers(0, 2),
        st.integers(1, 2),
        st.integers(1, 6),
    ),
    min_size=1,
    max_size=6,
)


@given(rows, st.integers(4, 24))
def test_a_stack_that_is_accepted_can_be_built_and_run(rows, side):
    plain = [row if row.has_window else Row(row.kind) for row in rows]
    plain = [replace(row, filters=0) if row.kind.endswith("pool") else row for row in plain]
    assert read_stack(write_stack(plain)) == tuple(plain)
    try:
        check_stack(plain, side)
    except InputError:
        return
    with torch.no_grad():
        assert build_stack(plain, 5).eval()(torch.rand(1, 3, side, side)).shape == (1, 5)


def test_a_stack_that_is_too_much_is_refused():
    for text, says in (
        ("relu", "no convolution"),
        ("c1024k11p5,c1024k11p5", "million weights"),
        ("c64k3p1," * 35 + "c512k3p1,c512k3p1", "million multiplications"),
        ("c2000k3", "Row 1 has 2000 filters. Make it 1 to 1024"),
        ("relu,c3", "Row 2 has no filters. Make it 1 to 1024"),
    ):
        with pytest.raises(InputError, match=says):
            check_stack(read_stack(text), 32)


@pytest.mark.parametrize("how", SETTINGS["init"].options)
def test_weights_begin_as_chosen_and_by_the_seed(how):
    first, second, other = (build_net("homework_bn", 10, 32) for _ in range(3))
    for network, seed in ((first, 1), (second, 1), (other, 2)):
        initialise(network, how, generator(seed, "weights"))
    weight = first.conv2.weight
    assert torch.equal(weight, second.conv2.weight)
    assert torch.equal(weight, other.conv2.weight) == (how == "zeros")
    expected = {"he": 2 / 576, "xavier": 2 / (576 + 1152), "small": 1e-4, "zeros": 0.0}
    if how == "dirac":
        x = torch.rand(2, 64, 5, 5)
        assert torch.equal(nn.functional.conv2d(x, weight, padding=1)[:, :64], x)
        assert weight[64:].var().item() == pytest.approx(1 / (3 * 576), rel=0.03)
    elif how == "orthogonal":
        rows = weight.flatten(1)
        torch.testing.assert_close(rows @ rows.T, 2 * torch.eye(128), atol=1e-4, rtol=0)
    else:
        assert weight.var().item() == pytest.approx(expected[how], rel=0.03)
    assert not first.classifier.bias.any()


# --- the learning rate and randomness ---


@pytest.mark.parametrize("total", [10, 37, 100, 1000])
def test_one_cycle_is_torchs(total):
    config = Config(learning_rate=0.3)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=total, cycle_momentum=False)
    for step in range(total):
        assert learning_rate(config, step, total) == pytest.approx(theirs.get_last_lr()[0], rel=1e-6), step
        optimizer.step()
        if step < total - 1:
            theirs.step()
    assert learning_rate(replace(config, schedule="constant"), total // 2, total) == 0.3
    linear = [learning_rate(replace(config, schedule="linear"), step, total) for step in range(total)]
    np.testing.assert_allclose(linear, np.linspace(0.3, 0, total + 1)[:-1])


def test_what_is_drawn_depends_on_the_counters_alone():
    draws = [
        torch.rand(4, generator=generator(*key)).tolist()
        for key in ((1, "a", 2, 3), (1, "a", 2, 3), (1, "a", 23), (1, "b", 2, 3), (2, "a", 2, 3))
    ]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws}) == 4


# --- batches ---


def few_pictures(count=40, side=8):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, side, side, 3), np.uint8)
    return Pictures(torch.from_numpy(images), torch.arange(count))


def test_every_picture_is_dealt_once_shifted_within_its_mirrored_border():
    pictures = few_pictures()
    feeder = Feeder(pictures, np.arange(40), tiny(batch=8, crop=2), CPU)
    batches = list(feeder.epoch(3))
    labels = torch.cat([batch.labels for batch in batches])
    assert sorted(labels.tolist()) == list(range(40))
    flipped = 0
    for image, label in zip(torch.cat([batch.images for batch in batches]), labels, strict=True):
        source = pictures.images[label].permute(2, 0, 1).float() / 255
        padded = nn.functional.pad(source[None], (2, 2, 2, 2), mode="reflect")[0]
        crops = [padded[:, r : r + 8, c : c + 8] for r in range(5) for c in range(5)]
        plain = any(torch.equal(image, crop) for crop in crops)
        mirrored = any(torch.equal(image, crop.flip(2)) for crop in crops)
        assert plain or mirrored
        flipped += mirrored
    assert 8 < flipped < 32


def test_batches_from_the_middle_of_an_epoch_and_shares_of_them_are_the_same():
    config = tiny(batch=8, mixup=0.5)
    whole = list(Feeder(few_pictures(), np.arange(40), config, CPU).epoch(1))
    late = list(Feeder(few_pictures(), np.arange(40), config, CPU).epoch(1, start=3))
    assert [batch.labels.tolist() for batch in late] == [batch.labels.tolist() for batch in whole[3:]]
    assert torch.equal(late[0].images, whole[3].images)
    halves = [list(Feeder(few_pictures(), np.arange(40), config, CPU, rank, 2).epoch(1)) for rank in (0, 1)]
    for both, one in zip(zip(*halves, strict=True), whole, strict=True):
        assert torch.equal(torch.cat([half.images for half in both]), one.images)
    other = next(Feeder(few_pictures(), np.arange(40), config, CPU).epoch(2))
    assert other.labels.tolist() != whole[0].labels.tolist()


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(InputError, match="can't be shared evenly by 3"):
        Feeder(few_pictures(), np.arange(40), tiny(batch=8), CPU, 1, 3)


def test_pixel_statistics_are_those_of_the_pixels():
    pictures, chosen = few_pictures(), np.arange(5, 30)
    mean, std = pixel_statistics(pictures, chosen)
    pixels = pictures.images[5:30].double() / 255
    np.testing.assert_allclose(mean, pixels.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(std, pixels.std((0, 1, 2), correction=0), rtol=1e-9)


# --- the step ---


def learner(**changes):
    return Learner(tiny(**changes), classes=10, side=32, mean=(0.5,) * 3, std=(0.25,) * 3, device=CPU)


def batch_of(count=32):
    data = open_data("own:few").train
    return Batch(to_pixels(data.images[:count]), data.labels[:count])


@pytest.mark.parametrize("changes", [{}, {"optimizer": "sgd", "momentum": 0.8}, {"optimizer": "sgd", "momentum": 0.0}])
def test_a_step_is_torchs_own(changes):
    one, batch = learner(label_smoothing=0.2, weight_decay=0.1, **changes), batch_of()
    twin = learner(label_smoothing=0.2, weight_decay=0.1, **changes).network
    matrices = [p for p in twin.parameters() if p.ndim > 1]
    vectors = [p for p in twin.parameters() if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    momentum = changes.get("momentum", 0.9)
    optimizer = (
        torch.optim.SGD(groups, 0.03, momentum=momentum, nesterov=momentum > 0)
        if changes
        else torch.optim.AdamW(groups, 0.03)
    )
    for number in range(3):
        loss, accuracy = one.learn(batch, 0.03, 0, number)
        logits = twin((batch.images - 0.5) / 0.25)
        expected = nn.functional.cross_entropy(logits, batch.labels, label_smoothing=0.2)
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
        assert accuracy == (logits.argmax(1) == batch.labels).float().mean()
    for mine, theirs in zip(one.network.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_muon_moves_every_direction_of_a_convolution_alike():
    one, batch = learner(optimizer="muon", weight_decay=0.0, momentum=0.0), batch_of()
    convolutions = [m for m in one.network if isinstance(m, nn.Conv2d)]
    before = [m.weight.detach().clone() for m in convolutions]
    one.learn(batch, 0.01, 0, 0)
    for layer, weights in zip(convolutions, before, strict=True):
        step = (weights - layer.weight.detach()).flatten(1).double() / 0.01
        step /= max(1, step.shape[0] / step.shape[1]) ** 0.5
        # Five Newton-Schulz iterations bring singular values to about 1, not quite (Jordan et al. 2024).
        sizes = torch.linalg.svdvals(step)
        assert 0.6 < sizes.min() <= sizes.max() < 1.3
        # The orthogonal matrix nearest to the gradient is U V' of its singular value decomposition.
        u, _, v = torch.linalg.svd(layer.weight.grad.flatten(1).double(), full_matrices=False)
        assert nn.functional.cosine_similarity(step.flatten(), (u @ v).flatten(), dim=0) > 0.97


def test_muon_is_torchs_own_and_leaves_all_but_convolutions_to_adamw(monkeypatch):
    """torch's own multiplies in bfloat16 wherever it is; in float32, as here, its numbers are ours."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda self: self.clone())
    options = {"weight_decay": 0.1, "momentum": 0.8, "label_smoothing": 0.2}
    one, twin = learner(optimizer="muon", **options), learner(**options)
    network, batch = twin.network.to(memory_format=torch.contiguous_format), batch_of()
    filters = [p for p in network.parameters() if p.ndim == 4]
    matrices = [nn.Parameter(p.detach().flatten(1)) for p in filters]
    dense = [p for p in network.parameters() if p.ndim == 2]
    vectors = [p for p in network.parameters() if p.ndim == 1]
    muon = torch.optim.Muon(matrices, 0.02, weight_decay=0.1, momentum=0.8)
    groups = [{"params": dense, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, 0.02)
    for number in range(3):
        one.learn(batch, 0.02, 0, number)
        network.zero_grad()
        logits = network((batch.images - 0.5) / 0.25)
        nn.functional.cross_entropy(logits, batch.labels, label_smoothing=0.2).backward()
        for matrix, weights in zip(matrices, filters, strict=True):
            matrix.grad = weights.grad.flatten(1)
        muon.step()
        adamw.step()
    for mine, theirs in zip(one.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-5)  # sums are in the order of memory


def test_muon_multiplies_in_the_precision_of_the_run():
    """As torch's own does, in bfloat16; and a run in float32 is that, whatever torch's own would do."""
    matrix = torch.randn(24, 50, generator=generator(0, "matrix"))
    exact = orthogonal(matrix)
    with torch.autocast("cpu", torch.bfloat16):
        half = orthogonal(matrix)
    twin = nn.Parameter(torch.zeros(24, 50))
    twin.grad = matrix
    torch.optim.Muon([twin], 1.0, weight_decay=0.0, momentum=0.0, nesterov=False).step()
    torch.testing.assert_close(half.float(), -twin.detach(), rtol=0, atol=0.02)
    torch.testing.assert_close(exact, orthogonal(matrix.double()).float(), rtol=0, atol=1e-5)
    assert 1e-4 < (exact - half).abs().max() < 0.05


@given(rows=st.integers(1, 40), columns=st.integers(1, 40), scale=st.floats(1e-3, 1e3), seed=st.integers(0, 999))
def test_the_orthogonal_matrix_has_the_directions_of_the_matrix(rows, columns, scale, seed):
    """Its singular vectors, and singular values near 1 where the matrix' own isn't tiny beside the others."""
    matrix = scale * torch.randn(rows, columns, generator=generator(seed, "matrix"), dtype=torch.float64)
    u, sizes, v = torch.linalg.svd(matrix, full_matrices=False)
    found = u.T @ orthogonal(matrix) @ v.T
    assert (found - found.diagonal().diag()).abs().max() < 1e-6
    large = sizes > 0.01 * sizes.norm()
    assert 0.6 < found.diagonal()[large].min() <= found.diagonal()[large].max() < 1.3


@pytest.mark.parametrize("form", ["contiguous", "channels last", "changed on the way", "a part of a larger tensor"])
def test_muon_moves_convolutions_in_any_order_of_memory(form):
    """The same gradients give the same weights, whatever the order that they lie in."""

    def network(memory):
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        initialise(net, "he", generator(3, "weights"))
        return net.to(memory_format=memory)

    last = form in ("channels last", "changed on the way")
    one, twin = network(torch.channels_last if last else torch.contiguous_format), network(torch.channels_last)
    if form.startswith("a part"):
        wide = torch.zeros(8, 3, 3, 6)
        wide[..., :3] = one[0].weight.detach()
        one[0].weight = nn.Parameter(wide[..., :3])
    config = tiny(optimizer="muon", momentum=0.9)
    optimizers = [build_optimizer(net, config) for net in (one, twin)]
    for step in range(3):
        if form == "changed on the way" and step == 1:
            one.to(memory_format=torch.contiguous_format)
        for net, optimizer in zip((one, twin), optimizers, strict=True):
            before = [m.weight.detach().clone() for m in net if isinstance(m, nn.Conv2d)]
            optimizer.zero_grad()
            net(batch_of(8).images).square().sum().backward()
            optimizer.step()
            assert all((m.weight != old).any() for m, old in zip((net[0], net[2]), before, strict=True))
    for mine, theirs in zip(one.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-3)


def test_the_inner_attack_stays_in_its_ball_and_raises_the_loss():
    one, batch = learner(), batch_of()
    one.network.eval()
    start = (torch.rand(batch.images.shape, generator=generator(0, "x")) * 2 - 1) * 0.03

    def loss(x):
        with torch.no_grad():
            return nn.functional.cross_entropy(one.logits(x), batch.labels).item()

    weights = {name: value.clone() for name, value in one.network.state_dict().items()}
    fgsm = perturb(one.logits, batch.images, batch.labels, start, epsilon=0.03, step=0.0375, steps=1)
    pgd = perturb(one.logits, batch.images, batch.labels, start, epsilon=0.03, step=0.01, steps=10)
    for moved in (fgsm, pgd):
        assert (moved - batch.images).abs().max() <= 0.03 + 1e-6
        assert moved.min() >= 0
        assert moved.max() <= 1
    assert loss(batch.images) < loss(fgsm) <= loss(pgd) + 1e-4
    assert all(torch.equal(value, weights[name]) for name, value in one.network.state_dict().items())
    assert all(parameter.grad is None for parameter in one.network.parameters())


def test_adversarial_training_makes_robust(note):
    more = Dataset("own:more", "more", CLASSES, draw(1200, [3]), lambda: draw(200, [4]))
    write_dataset(own_path("more"), more)
    x, y = to_pixels(more.read_test().images), more.read_test().labels
    robust = {}
    for attack in ("none", "fgsm"):
        stack = "c12k5s2p2,norm,relu,m2s2,c24k3p1,norm,relu"
        run = create_run(tiny(data="own:more", stack=stack, attack=attack, epochs=8, limit=0, crop=0))
        train(run)
        model = load_model(export(run))
        moved = perturb(model, x, y, torch.zeros_like(x), epsilon=8 / 255, step=2 / 255, steps=20)
        robust[attack] = (model(moved).argmax(1) == y).float().mean().item()
    finals = run.finals
    assert finals["robust_accuracy"] == pytest.approx(robust["fgsm"], abs=0.011)
    assert finals["robust_accuracy"] <= finals["accuracy"]
    assert all(line["robust_accuracy"] is not None for line in run.metrics().epochs)
    note(f"a tiny network on shapes, PGD-20 at 8/255: standard {robust['none']:.0%}, FGSM-trained {robust['fgsm']:.0%}")
    assert robust["fgsm"] > robust["none"] + 0.08


def test_precision_is_chosen_without_touching_the_network():
    one = learner()
    before = {name: value.clone() for name, value in one.network.state_dict().items()}
    chosen, why = choose_precision(one.network, one.normalise, batch_of())
    assert chosen in ("float32", "bfloat16")
    assert "bfloat16" in why
    assert all(torch.equal(value, before[name]) for name, value in one.network.state_dict().items())
    assert all(parameter.grad is None for parameter in one.network.parameters())
    with torch.no_grad():
        one.network.conv1.weight.fill_(float("inf"))
    assert choose_precision(one.network, one.normalise, batch_of())[0] == "float32"


def test_where_bfloat16_is_hopeless_few_pictures_tell():
    halved = []

    class Emulated(nn.Sequential):
        def forward(self, x):
            if torch.is_autocast_enabled("cpu"):
                halved.append(len(x))
                time.sleep(0.2)
            return super().forward(x)

    network = Emulated(nn.Flatten(), nn.Linear(3072, 10))
    batch = Batch(torch.rand(64, 3, 32, 32), torch.zeros(64, dtype=torch.long))
    chosen, why = choose_precision(network, lambda x: x, batch)
    assert chosen == "float32"
    assert "bfloat16 takes" in why
    assert max(halved) == 16


def test_bfloat16_trains_and_resumes_in_bfloat16():
    run = create_run(tiny(precision="bfloat16"))
    train(run)
    assert run.machine["precision"] == "bfloat16"
    assert run.metrics().steps[-1]["loss"] < run.metrics().steps[0]["loss"]


# --- what is measured ---


def test_answers_are_those_of_the_network():
    data = open_data("own:few").train
    network = torchvision.models.squeezenet1_1(num_classes=10).eval()
    found = finish(answer_steps(network, data, CPU, batch=77))
    with torch.no_grad():
        logits = network(to_pixels(data.images))
    probabilities = logits.softmax(1).numpy()
    np.testing.assert_array_equal(found.predicted, logits.argmax(1))
    np.testing.assert_allclose(found.probability, probabilities.max(1), rtol=1e-4)
    assert found.mean_loss == pytest.approx(nn.functional.cross_entropy(logits, data.labels).item(), rel=1e-5)
    confusion = found.confusion(10)
    assert confusion.sum() == len(data)
    assert confusion.trace() / len(data) == pytest.approx(found.accuracy)
    mistakes = found.mistakes(5)
    wrong = [index for index in np.argsort(-probabilities.max(1)) if found.predicted[index] != data.labels[index]]
    assert [m["probability"] for m in mistakes] == pytest.approx([probabilities[i].max() for i in wrong[:5]], rel=1e-4)
    assert all(m["label"] == data.labels[m["index"]] for m in mistakes)


def test_dead_units_and_gradient_norms_are_counted_by_layer():
    network = build_net("homework", 10, 32)
    initialise(network, "he", generator(0, "w"))
    with torch.no_grad():
        network.conv2.bias[:5] = -1e4
    x = torch.rand(8, 3, 32, 32)
    nn.functional.cross_entropy(network(x), torch.arange(8)).backward()
    norms = gradient_norms(network)
    assert list(norms) == ["conv1", "conv2", "conv3", "classifier"]
    expected = math.sqrt(sum(p.grad.double().square().sum().item() for p in network.conv3.parameters()))
    assert norms["conv3"] == pytest.approx(expected, rel=1e-5)
    dead = dead_units(network.eval(), x)
    assert dead["relu2"][0] >= 5
    assert [count for _, count in dead.values()] == [64, 128, 128]
    assert not any(module._forward_hooks for module in network.modules())


def test_catastrophic_overfitting_is_told_from_ordinary_training():
    assert overfits_catastrophically([0.4, 0.5, 0.9], [0.3, 0.35, 0.02])
    assert not overfits_catastrophically([0.4, 0.5, 0.55], [0.3, 0.35, 0.37])
    assert not overfits_catastrophically([0.4, 0.5, 0.1], [0.3, 0.35, 0.02])
    assert not overfits_catastrophically([0.4], [0.0])


def test_a_collapse_is_said_once(monkeypatch):
    monkeypatch.setattr(diagnosis, "overfits_catastrophically", lambda attacked, robust: len(robust) >= 2)
    run = create_run(tiny(attack="fgsm", epochs=4))
    train(run)
    (notice,) = run.metrics().notices
    assert (notice["about"], notice["epoch"]) == ("catastrophic overfitting", 1)
    assert "more attack steps" in notice["sentence"]


def test_a_collapse_can_end_the_run_or_bring_in_pgd(monkeypatch):
    attacks = []
    real = learner_module.perturb
    monkeypatch.setattr(
        learner_module, "perturb", lambda *x, **how: attacks.append((how["steps"], how["step"])) or real(*x, **how)
    )
    monkeypatch.setattr(diagnosis, "overfits_catastrophically", lambda attacked, robust: len(robust) == 2)
    stopped = create_run(tiny(attack="fgsm", epochs=4, limit=64, collapse="stop"))
    assert train(stopped) == "stopped"
    assert stopped.finals["weights_of_step"] <= 4 == len(stopped.metrics().steps) == len(attacks)
    assert "ends here" in stopped.metrics().notices[0]["sentence"]
    attacks.clear()
    other = create_run(tiny(attack="fgsm", epochs=3, limit=64, collapse="pgd", attack_steps=3, attack_step=16 / 255))
    assert train(other) == "finished"
    assert attacks == [(1, 16 / 255)] * 4 + [(3, 2.5 * 8 / 255 / 3)] * 2
    assert "attacked by PGD" in other.metrics().notices[0]["sentence"]


def test_a_nan_is_explained_in_words_and_ends_the_run():
    run = create_run(
        tiny(net="homework", stack="", optimizer="sgd", learning_rate=100.0, schedule="constant", limit=64)
    )
    with pytest.raises(RunError) as problem:
        train(run, checkpoint_seconds=0.0)
    text = str(problem.value)
    assert "learning rate of 10 instead of 100" in text
    assert "homework_bn" in text
    assert "began in the layer" in text
    assert run.metrics().steps[-1]["loss"] is None
    assert run.finals is None


def test_a_run_reports_what_a_page_needs():
    run = create_run(tiny(seed=3), "my run", owner="me")
    train(run, checkpoint_seconds=0.0)
    metrics, finals = run.metrics(), run.finals
    assert [line["step"] for line in metrics.steps] == list(range(20))
    assert {"loss", "accuracy", "rate", "speed", "epoch", "seconds"} <= set(metrics.steps[0])
    assert [line["epoch"] for line in metrics.epochs] == [0, 1]
    first = np.mean([line["loss"] for line in metrics.steps[:10]])
    assert metrics.epochs[0]["train_loss"] == pytest.approx(first)
    assert list(metrics.probes[0]["gradient_norms"]) == ["conv1", "norm1", "conv2", "classifier"]
    snapshots = sorted(run.filters.glob("*.npy"))
    assert np.load(snapshots[0]).shape == (4, 3, 3, 3)
    assert not np.array_equal(np.load(snapshots[0]), np.load(snapshots[-1]))
    assert np.sum(finals["confusion"]) == finals["test_pictures"] == 101
    assert np.trace(finals["confusion"]) / 101 == pytest.approx(finals["accuracy"])
    assert finals["weights_of_step"] in (10, 20)
    assert len(list(run.checkpoints.glob("last-*"))) == 2
    assert len(list(run.checkpoints.glob("best-*"))) == 1
    again = duplicate(run, seed=4)
    assert differences([again.config, run.config]) == {"seed": [4, 3]}


# --- export ---


def test_an_exported_network_is_in_the_zoo_and_answers_the_same():
    run = create_run(tiny(), "<b>my net</b>")
    with pytest.raises(RunError, match="no checkpoint yet"):
        export(run)
    train(run)
    name = export(run)
    assert name == f"run:{run.id}"
    spec = find_spec(name)
    assert spec in list_models()
    assert spec.title == "<b>my net</b>"
    model = load_model(name)
    test = open_data("own:few").read_test()
    with torch.no_grad():
        right = (model(to_pixels(test.images)).argmax(1) == test.labels).float().mean().item()
    assert right == pytest.approx(run.finals["accuracy"])
    assert spec.top1 == pytest.approx(100 * right, abs=0.01)
    assert model.categories == open_data("own:few").classes
    assert spec.preprocessing.crop == 32
    assert spec.parameters == sum(p.numel() for p in model.network.parameters())
    assert layer_table(name)[0].shape == (4, 15, 15)
    assert load_model(name, "random").network is not model.network


def test_an_export_made_again_is_loaded_again_and_half_is_half():
    first, second = create_run(tiny()), create_run(tiny(seed=1))
    for run in (first, second):
        train(run)
    name = export(first, name="same")
    before = load_model(name)
    assert load_model(name).network is before.network
    export(second, name="same")
    after = load_model(name)
    assert not torch.equal(after.network.conv1.weight, before.network.conv1.weight)
    export(second, name="small", half=True)
    assert len({spec.title for spec in list_models()}) == len(list_models())  # though both runs have one name
    small = load_model("run:small")
    assert small.network.conv1.weight.dtype == torch.float32
    torch.testing.assert_close(small.network.conv1.weight, after.network.conv1.weight, rtol=1e-3, atol=1e-4)


def test_a_damaged_or_strange_export_is_a_sentence_or_not_offered(lab_folders):  # noqa: F811
    run = create_run(tiny())
    train(run)
    name = export(run)
    folder = lab_folders / "runs" / "exports"
    (folder / "odd.json").write_text('{"form": "cnnlab-network-1"}')
    (folder / "torn.json").write_text('{"form": "cnn')
    assert {spec.name for spec in list_models() if spec.name.startswith("run:")} == {name}
    weights = folder / f"{run.id}.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(WeightsError, match="isn't the one"):
        load_model(name)
    weights.unlink()
    with pytest.raises(WeightsError, match="Export the network again"):
        load_model(name)
    about = json.loads((folder / f"{run.id}.json").read_text())
    about["network"]["net"] = "os:system"
    (folder / f"{run.id}.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="no network"):
        layer_table(name)


# --- the command line ---


def test_the_command_line_is_the_same_engine(capsys, tmp_path):
    settings = asdict(tiny(flip=False)).items()
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings if type(value) is not bool]
    assert main(["start", "--foreground", "--name", "by hand", *options, "--no-flip", "--epsilon", "4/255"]) == 0
    run = find_run("by hand")
    assert run.config == tiny(flip=False, epsilon=4 / 255)
    assert main(["export", run.id, "--to", str(tmp_path / "out")]) == 0
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".json", ".safetensors"]
    capsys.readouterr()
    assert main(["list"]) == 0
    assert "by hand" in (listed := capsys.readouterr().out)
    assert "test accuracy" in listed
    assert main(["show", "by hand"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "finished"
    assert main(["rename", run.id, "other"]) == 0
    assert main(["resume", "other"]) == 2
    assert "can't go on" in capsys.readouterr().err
    assert main(["delete", "other"]) == 0
    assert main(["show", "other"]) == 2
    assert main(["start", "--net=stack"]) == 2


def test_stacks_of_the_lab_can_be_edited():
    for net, text in STACKS.items():
        assert write_stack(read_stack(text)) == text
        own = build_net("stack", 10, 32, text)
        assert str(own) == str(build_net(net, 10, 32))


def test_looking_at_runs_needs_no_torch():
    code = "import sys, cnnlab_core.training as t; t.list_runs(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode == 0


# --- in one call ---


def test_a_folder_becomes_a_run_in_one_call(tmp_path):
    """The same run as by its parts."""
    for index, name in enumerate(("left", "right")):
        (tmp_path / "My leaves" / name).mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (20, 16), (index * 200, number, 9)).save(tmp_path / "My leaves" / name / f"{number}.png")
    settings = {"epochs": 2, "batch": 4, "precision": "float32", "validation": 0.2}
    run = fit(tmp_path / "My leaves", "c4k3p1,relu,m2s2", name="leaves", side=16, device=CPU, **settings)
    assert run.state().name == "finished"
    assert [row["epoch"] for row in run.history] == [0, 1]
    assert run.history[-1]["validation_accuracy"] > 0.7
    again = create_run(Config(data="own:my-leaves", net="stack", stack="c4k3p1,relu,m2s2", **settings))
    train(again, device=CPU)
    assert again.finals["loss"] == run.finals["loss"]
    assert load_model(export(run)).categories == ("left", "right")
    for pictures, more, says in (
        (tmp_path / "My leaves", {}, "own:my-leaves already"),
        ("own:my-leaves", {"side": 32}, "their size already"),
        ("own:none", {}, "no data set called"),
        ("own:my-leaves", {"epoch": 3}, "no setting “epoch”"),
        ("own:my-leaves", {"network": "c4k3p1,rulu"}, "rulu"),
    ):
        with pytest.raises(InputError, match=says):
            fit(pictures, **{**settings, **more})
