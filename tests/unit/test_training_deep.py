"""What the preset Deep adds to the trainer, part by part against a reference; and the trainer on one page."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from training_runs import lab_folders, tiny, trained  # noqa: F401  a fixture

from cnnlab_core.data import Pictures, open_data
from cnnlab_core.errors import InputError
from cnnlab_core.models import load_model
from cnnlab_core.models.stack import read_stack
from cnnlab_core.recipes.training import minimal
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.training import Config, create_run, export
from cnnlab_core.training.batches import Batch, Feeder, scaled, to_pixels
from cnnlab_core.training.checkpoints import load_checkpoint
from cnnlab_core.training.checks import check
from cnnlab_core.training.distributed import World
from cnnlab_core.training.evaluation import over_views
from cnnlab_core.training.learner import Learner
from cnnlab_core.training.loop import train
from cnnlab_core.training.nets import Airbench, build_net, build_stack, initialise, whiten
from cnnlab_core.training.presets import PRESETS
from cnnlab_core.training.randomness import generator
from cnnlab_core.training.schedule import side_in_epoch
from cnnlab_core.training.tasks import open_task_steps

CPU = torch.device("cpu")


def clouds(count=60, side=12):
    """Pictures whose neighbouring pixels and whose colours are alike, (N, 3, side, side)."""
    random = torch.rand(count, 3, side, side, generator=generator(0, "clouds"))
    return F.avg_pool2d(F.pad(random + random.mean(1, keepdim=True), (1, 1, 1, 1), mode="reflect"), 3, 1)


def bytes_of(count=40, side=8):
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)
    return Pictures(torch.from_numpy(pixels), torch.arange(count))


# --- the network ----------------------------------------------------------------------------------------------


def test_airbench_is_what_its_paper_says():
    network = Airbench(10, widths=(8, 16, 16)).eval()
    initialise(network, "dirac", generator(1, "weights"))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1, generator=generator(2, "mean"))
            module.running_var.uniform_(0.5, 2, generator=generator(3, "var"))
    x = torch.rand(3, 3, 32, 32)
    y = F.gelu(F.conv2d(x, network.whiten.weight, network.whiten.bias))
    for group in network.groups:
        for number, norm in enumerate((group.norm1, group.norm2)):
            y = F.conv2d(y, (group.conv1, group.conv2)[number].weight, padding=1)
            y = y if number else F.max_pool2d(y, 2)
            y = F.gelu((y - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + norm.eps).sqrt())
    y = F.max_pool2d(y, 3).flatten(1) @ network.classifier.weight.T / 9
    with torch.no_grad():
        torch.testing.assert_close(network(x), y)
    with torch.device("meta"):
        full = build_net("airbench", 10, 32)
    filters = 9 * (24 * 64 + 64 * 64 + 64 * 256 + 256 * 256 * 3)
    assert sum(p.numel() for p in full.parameters()) == 12 * 24 + 24 + filters + 2 * 2 * (64 + 256 + 256) + 2560
    assert all(not m.weight.requires_grad for m in full.modules() if isinstance(m, nn.BatchNorm2d))
    with pytest.raises(InputError, match="pictures of 8 are too small"):
        build_net("airbench", 10, 8)


@pytest.mark.parametrize(
    ("stack", "kernel"), [("c24k2,norm,relu", 2), ("c30k3d2,norm", 3), ("grey,c8k2,relu", 2), ("c10k2,relu", 2)]
)
def test_whitened_patches_are_uncorrelated(stack, kernel):
    network = build_stack(read_stack(stack), 10).eval()
    initialise(network, "he", generator(0, "weights"))
    x = clouds()
    whiten(network, x)
    conv, seen = network.conv1, x.mean(1, keepdim=True) if "grey" in stack else x
    with torch.no_grad():
        out = F.conv2d(seen, conv.weight, dilation=conv.dilation).transpose(0, 1).flatten(1).double().numpy()
    span = conv.dilation[0] * (kernel - 1) + 1
    windows = np.lib.stride_tricks.sliding_window_view(seen.double().numpy(), (span, span), (2, 3))
    patches = windows[..., :: conv.dilation[0], :: conv.dilation[0]].transpose(0, 2, 3, 1, 4, 5)
    variances = np.linalg.eigvalsh(np.cov(patches.reshape(-1, seen.shape[1] * kernel**2), rowvar=False, bias=True))[
        ::-1
    ]
    half = len(out) // 2
    shares = (variances / (variances + 5e-4))[:half]
    assert shares[0] > 0.9
    np.testing.assert_allclose(np.cov(out[:half], bias=True), np.diag(shares), atol=2e-3)
    np.testing.assert_allclose(out[half : 2 * half], -out[:half], atol=1e-5)
    assert not conv.weight.requires_grad


def test_whitening_stays_while_the_rest_learns():
    config = tiny(net="airbench", stack="", whiten=True, batch=4, limit=40)
    task = finish(open_task_steps(config, CPU, World()))
    network = task.learner.network
    before, other = network.whiten.weight.clone(), network.classifier.weight.clone()
    pixels = to_pixels(task.dataset.train.images[torch.from_numpy(task.split.train)])
    with torch.no_grad():
        out = F.conv2d(task.learner.normalise(pixels), before).transpose(0, 1).flatten(1)[:12]
    assert (torch.cov(out) - torch.eye(12)).abs().max() < 0.2  # on flat grounds variances are as small as 5e-4
    task.learner.learn(next(task.feeder.epoch(0)), 0.1, 0, 0)
    assert torch.equal(network.whiten.weight, before)
    assert not torch.equal(network.classifier.weight, other)
    assert network.whiten.bias.any()


def test_where_the_only_convolution_whitens_muon_has_nothing_to_move():
    run = create_run(tiny(stack="c8k3,relu,m2s2", whiten=True, optimizer="muon", epochs=1))
    train(run)
    assert run.finals


# --- batches --------------------------------------------------------------------------------------------------


def test_every_picture_is_mirrored_in_turns():
    pictures = bytes_of()
    feeder = Feeder(pictures, np.arange(40), tiny(batch=8, crop=0, alternate=True), CPU)
    mirrored = []
    for epoch in range(4):
        seen = {}
        for batch in feeder.epoch(epoch):
            for image, label in zip(batch.images, batch.labels.tolist(), strict=True):
                plain = to_pixels(pictures.images[label : label + 1])[0]
                assert torch.equal(image, plain) or torch.equal(image, plain.flip(2))
                seen[label] = not torch.equal(image, plain)
        mirrored.append([seen[label] for label in range(40)])
    assert 8 < sum(mirrored[0]) < 32
    assert mirrored[1] == mirrored[3] == [not turned for turned in mirrored[0]]
    assert mirrored[2] == mirrored[0]


def test_a_cutout_is_one_square_of_the_mean_colour_anywhere_inside():
    pictures, colour, places = bytes_of(), (0.2, 0.5, 0.7), set()
    feeder = Feeder(pictures, np.arange(40), tiny(batch=8, crop=0, flip=False, cutout=3), CPU, colour=colour)
    paint = (255 * np.array(colour)).round().astype(np.uint8)
    for batch in feeder.epoch(0):
        for image, label in zip((255 * batch.images).round().byte(), batch.labels, strict=True):
            wanted, shown = pictures.images[label].numpy().copy(), image.permute(1, 2, 0).numpy()
            rows, cols = np.nonzero((shown != wanted).any(2))
            top, left = min(rows.min(), 5), min(cols.min(), 5)
            wanted[top : top + 3, left : left + 3] = paint
            np.testing.assert_array_equal(shown, wanted)
            places.add((int(top), int(left)))
    assert len(places) > 15
    assert {top for top, _ in places} == {left for _, left in places} == set(range(6))


def test_mixup_mixes_each_picture_with_the_one_before_it_by_shares_of_a_beta():
    pictures, several = bytes_of(), {"batch": 8, "crop": 1, "cutout": 2}
    plain = Feeder(pictures, np.arange(40), tiny(**several), CPU)
    mixing = Feeder(pictures, np.arange(40), tiny(**several, mixup=0.3), CPU)
    shares = []
    for epoch in range(2):
        for alone, mixed in zip(plain.epoch(epoch), mixing.epoch(epoch), strict=True):
            share = mixed.shares[0]
            assert torch.equal(mixed.labels, alone.labels)
            assert torch.equal(mixed.others, alone.labels.roll(1))
            assert mixed.shares.unique().numel() == 1
            pixels, share = alone.images.double(), share.double()
            wanted = share * pixels + (1 - share) * pixels.roll(1, 0)
            torch.testing.assert_close(mixed.images.double(), wanted, rtol=0, atol=1e-7)
            assert mixed.images.is_contiguous(memory_format=torch.channels_last)
            shares.append(share.item())
    assert len(set(shares)) == 10
    single = Feeder(bytes_of(1000, 3), np.arange(1000), tiny(batch=1, crop=0, mixup=0.3), CPU)
    drawn = torch.cat([batch.shares for batch in single.epoch(0)])
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.04)
    assert drawn.var().item() == pytest.approx(1 / 4 / 1.6, rel=0.1)  # of Beta(a, a): 1 / 4 (2 a + 1)


def test_pictures_grow_to_their_full_side():
    assert [side_in_epoch(Config(first_side=20, epochs=6), epoch, 32) for epoch in range(6)] == [20, 23, 26, 29, 32, 32]
    assert [side_in_epoch(Config(first_side=16, epochs=1), epoch, 32) for epoch in range(1)] == [32]
    assert side_in_epoch(Config(epochs=6), 0, 32) == 32
    feeder = Feeder(bytes_of(), np.arange(40), tiny(batch=8, crop=1, first_side=4, epochs=3), CPU)
    assert [next(feeder.epoch(epoch)).images.shape[-1] for epoch in range(3)] == [4, 6, 8]
    x = torch.rand(2, 3, 8, 8)
    triangle = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8  # what bilinear and without aliasing is for half the side
    kernel = triangle.outer(triangle).expand(3, 1, 4, 4)
    torch.testing.assert_close(scaled(x, 4)[..., 1:3, 1:3], F.conv2d(x[..., 1:-1, 1:-1], kernel, stride=2, groups=3))


def test_what_pictures_are_too_small_for_is_said():
    for changes, says in (
        ({"cutout": 32, "first_side": 33}, "32 × 32 can't begin with 33 pixels"),
        ({"net": "airbench", "stack": "", "first_side": 8}, "pictures of 8 are too small"),
        ({"first_side": 3}, "Row 1"),
        ({"data": "digits", "cutout": 29}, "28 × 28 can't lose a square of 29"),
    ):
        with pytest.raises(InputError, match=says):
            check(tiny(**({"stack": "c4k5,norm,relu,m2s2"} | changes)))


# --- steps and weights ----------------------------------------------------------------------------------------


def learner(**changes):
    return Learner(tiny(**changes), classes=10, side=32, mean=(0.5,) * 3, std=(0.25,) * 3, device=CPU)


def batches(count):
    data = open_data("own:few").train
    return [
        Batch(to_pixels(images), labels)
        for images, labels in zip(data.images.split(16)[:count], data.labels.split(16)[:count], strict=True)
    ]


def test_filters_of_fixed_norm_are_turned_and_all_else_moves_at_its_own_rate():
    one = learner(optimizer="muon", fixed_norm=True, rest_rate=0.1, weight_decay=0.0, momentum=0.0)
    filters = [p for p in one.network.parameters() if p.ndim == 4]
    dense, before = one.network.classifier.weight, one.network.classifier.weight.detach().clone()
    directions = [F.normalize(p.detach().flatten(), dim=0) for p in filters]
    one.learn(batches(1)[0], 1e-3, 0, 0)
    for weight, direction in zip(filters, directions, strict=True):
        assert weight.norm().item() == pytest.approx(len(weight) ** 0.5, rel=2e-3)
        assert F.cosine_similarity(weight.detach().flatten(), direction, dim=0) > 0.999
    moved = (dense.detach() - before).abs()
    assert moved.median().item() == pytest.approx(1e-4, rel=1e-3)  # Adam's first step is the rate


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_of_mixed_pictures_is_that_of_both_classes_by_their_shares(smoothing):
    one, (batch,) = learner(mixup=0.4, label_smoothing=smoothing, optimizer="sgd"), batches(1)
    mixed = replace(batch, others=batch.labels.roll(1), shares=torch.full((16,), 0.7))
    logits = one._logits(one.network, batch.images).double()
    spread = -logits.log_softmax(1)
    both = [
        (1 - smoothing) * spread.gather(1, label[:, None])[:, 0] + smoothing * spread.mean(1)
        for label in (mixed.labels, mixed.others)
    ]
    wanted = (0.7 * both[0] + 0.3 * both[1]).mean()
    gradients = torch.autograd.grad(wanted, list(one.network.parameters()))
    best = logits.argmax(1)
    right = 0.7 * (best == mixed.labels).double() + 0.3 * (best == mixed.others).double()
    loss, accuracy = one.learn(mixed, 0.0, 0, 0).tolist()
    assert loss == pytest.approx(wanted.item(), rel=1e-6)
    assert accuracy == pytest.approx(right.mean().item(), rel=1e-6)
    for parameter, gradient in zip(one.network.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient.float(), rtol=1e-3, atol=1e-6)


def test_averaged_weights_are_the_mean_that_was_asked_for():
    one, weights = learner(average=0.4), []
    expected = {name: value.clone().double() for name, value in one.network.state_dict().items()}
    for number, batch in enumerate(batches(6), 1):
        one.learn(batch, 0.02, 0, number)
        kept = min(0.4, (1 + number) / (10 + number))
        for name, value in one.network.state_dict().items():
            expected[name] = kept * expected[name] + (1 - kept) * value.double()
        weights.append(kept)
    assert weights[0] == 2 / 11
    assert weights[-1] == 0.4
    for name, value in one.judged.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-7)
    assert not torch.equal(one.judged.conv1.weight, one.network.conv1.weight)


def test_the_average_is_tested_exported_and_asked_about_six_views():
    run = trained(average=0.9, views="shift")
    model, test = load_model(export(run)), open_data("own:few").read_test()
    x, views = test.images.numpy() / np.float32(255), []
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    for part in (x, wide[:, 2:, 2:], wide[:, :-2, :-2]):
        views += [part, part[:, :, ::-1]]
    with torch.no_grad():
        logits = [model(torch.from_numpy(view.transpose(0, 3, 1, 2).copy())) for view in views]
        mean = torch.stack(logits).mean(0)
        torch.testing.assert_close(over_views(model, "shift")(to_pixels(test.images)), mean, rtol=1e-4, atol=1e-5)
        both = torch.stack(logits[:2]).mean(0)
        torch.testing.assert_close(over_views(model, "mirror")(to_pixels(test.images)), both, rtol=1e-4, atol=1e-5)
    assert run.finals["accuracy"] == pytest.approx((logits[0].argmax(1) == test.labels).double().mean().item())
    assert run.finals["views_accuracy"] == pytest.approx((mean.argmax(1) == test.labels).double().mean().item())


# --- the whole ------------------------------------------------------------------------------------------------


def test_deep_can_be_trained_on_any_pictures():
    (config,) = [preset.config for preset in PRESETS if preset.title == "Deep"]
    assert check(replace(config, data="own:few")).parameters == 1_972_792
    assert check(replace(config, data="digits")).side == 28


def test_the_trainer_on_one_page_ends_with_the_loss_of_the_real_one(capsys):
    names = {}
    exec(minimal.code(), names)
    network, losses = names["train"]("own:few", epochs=2, batch=16, limit=64)
    run = create_run(Config(data="own:few", epochs=2, batch=16, limit=64, precision="float32"))
    train(run)
    metrics, weights = run.metrics(), load_checkpoint(run.checkpoints)["network"]
    np.testing.assert_allclose(losses, [line["loss"] for line in metrics.steps], rtol=1e-5)
    theirs = [value for name, value in weights.items() if "num_batches" not in name]
    mine = [value for name, value in network.state_dict().items() if "num_batches" not in name]
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    held = metrics.epochs[-1]["validation_accuracy"]
    assert f"{held:.1%} of the pictures held out" in capsys.readouterr().out.splitlines()[1]
