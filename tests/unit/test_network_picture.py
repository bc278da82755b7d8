"""The whole picture: strongest channels, what feeds what, votes for classes, and channels switched off."""

import copy

import numpy as np
import pytest
import torch

from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models import load_model
from cnnlab_core.models.zoo import ZOO
from cnnlab_core.network.cell import explain_backward, explain_cell
from cnnlab_core.network.contributions import feeds, votes
from cnnlab_core.network.intervene import changed, logits_with
from cnnlab_core.network.layer import explain_map
from cnnlab_core.network.stages import follow, stages_of
from cnnlab_core.network.strongest import SIDE, overview, small
from cnnlab_core.network.values import as_maps, values_of, with_gradients

WIDE = {"vgg16", "resnet50", "densenet121", "convnext_tiny", "googlenet", "efficientnet_lite1", "efficientnet_lite2",
        "squeezenet1_1_caffe"}  # fmt: skip
ZOOS = [
    pytest.param(spec.name, marks=[pytest.mark.wide] if spec.name in WIDE else [])
    for spec in ZOO
    if "robust" not in spec.name
]


@pytest.fixture(scope="module")
def cat():
    model = load_model("efficientnet_lite0")
    x = model.prepare(open_image(sample_images()["chelsea"].content))
    return model, x, overview(model, x, stages_of(model))


def test_scores_are_gradient_times_activation_of_the_class(cat):
    model, x, found = cat
    assert model.categories[found.asked] == "tiger cat"
    column = found.columns[1]
    with torch.enable_grad():
        node = column.stage.last.name
        values = capture(model, x.clone().requires_grad_(), [node, "_fc"])
        (gradient,) = torch.autograd.grad(values["_fc"][0, found.asked], values[node])
    scores = (values[node] * gradient)[0].sum(dim=(1, 2)).detach()
    assert list(column.channels) == scores.abs().argsort(descending=True)[:8].tolist()
    np.testing.assert_allclose(column.scores, scores[list(column.channels)], rtol=1e-3)
    assert column.total == pytest.approx(float(scores.sum()), rel=1e-3)


def test_behind_the_last_stage_all_is_linear_so_its_scores_add_up_to_the_logit(cat):
    model, _, found = cat
    bias = float(model.network._fc.bias[found.asked])
    assert found.columns[-1].total + bias == pytest.approx(found.logits[found.asked], abs=1e-4)


def test_small_maps_are_the_maps(cat):
    model, x, found = cat
    column = found.columns[3]  # 14 × 14: nothing is averaged
    with torch.no_grad():
        (maps,) = capture(model, x, [column.stage.last.name]).values()
    shown = column.maps.levels / 127 * column.maps.scale
    true = maps[0, list(column.channels)].numpy()
    inner = np.abs(true) <= column.maps.scale
    assert inner.mean() > 0.99
    np.testing.assert_allclose(shown[inner], true[inner], atol=column.maps.scale / 250)
    assert found.columns[0].maps.levels.shape == (8, SIDE, SIDE)


def test_small_maps_of_nothing_and_of_one_number():
    assert small(torch.zeros(2, 3, 3)).scale == 1.0
    assert small(torch.full((1, 1, 1), -2.0)).levels.item() == -127


def test_behind_one_convolution_feeding_is_exactly_the_part_that_the_kernel_adds(cat):
    model, x, _ = cat
    stages, _ = follow(model, (1, 0))  # block 1: a depthwise convolution, then one of 1 × 1 with its norm
    found = overview(model, x, stages)
    first, second = found.columns
    (between, _) = feeds(model, x, found.columns, [found.asked])
    with torch.no_grad():
        (maps,) = capture(model, x, [first.stage.last.name]).values()
    weight = model.network._blocks[0]._project_conv.weight[:, :, 0, 0]
    norm = model.network._blocks[0]._bn2
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    parts = (weight * scale[:, None]) * maps[0].sum(dim=(1, 2))
    np.testing.assert_allclose(between.weights, parts[list(second.channels)][:, list(first.channels)], rtol=1e-3)
    np.testing.assert_allclose(between.whole, parts[list(second.channels)].sum(1), rtol=1e-3)


def test_votes_add_up_to_the_logits(cat):
    model, x, found = cat
    classes = np.argsort(-found.logits)[:3].tolist()
    for index, vote in zip(classes, votes(model, x, classes), strict=True):
        assert vote.logit == pytest.approx(found.logits[index], abs=1e-4)
        assert vote.products[vote.order[0]] == vote.products[np.abs(vote.products).argmax()]
    strongest = votes(model, x, [found.asked])[0].order[:8]
    assert set(strongest) == set(found.columns[-1].channels)
    with pytest.raises(InputError, match="classes 0 to 999"):
        votes(model, x, [1000])


@pytest.mark.parametrize("changes", [{("_blocks.2.add", 23): 0.0}, {("_swish_1", 112): 0.0, ("_fc", 3): 2.0}, {}])
def test_a_channel_off_is_what_torch_says_with_a_hook_on_a_copy(cat, changes):
    model, x, found = cat
    kept = copy.deepcopy(model.network.state_dict())
    logits = logits_with(model, x, changes)[0]
    network = copy.deepcopy(model.network)
    hooked = {"_blocks.2.add": network._blocks[2], "_swish_1": network._avg_pooling, "_fc": network._fc}

    def scaled(name):
        def hook(module, given, out):
            out = out.clone()
            for (layer, channel), factor in changes.items():
                if layer == name:
                    out[:, channel] *= factor
            return out

        return hook

    for name, module in hooked.items():
        module.register_forward_hook(scaled(name))
    with torch.no_grad():
        known = network(model.normalise(x))[0]
    torch.testing.assert_close(logits, known, rtol=1e-4, atol=1e-4)
    assert (not changes) == bool(torch.allclose(logits, torch.tensor(found.logits).float(), atol=1e-4))
    assert all(torch.equal(kept[name], value) for name, value in model.network.state_dict().items())


def hooked(model, x, node, channel, factor, nodes):
    """Values and gradients of ``nodes`` by torch on a copy, of which one map is multiplied by hand."""
    network, kept = copy.deepcopy(model.network), {}

    def keep(name):
        def hook(module, given, out):
            out = (
                out * torch.tensor([factor if c == channel else 1.0 for c in range(out.shape[1])])[:, None, None]
                if name == node
                else out
            )
            kept[name] = out
            return out

        return hook

    for name in (node, *nodes):
        network.get_submodule(name).register_forward_hook(keep(name))
    with torch.enable_grad():
        pixels = x.clone().requires_grad_()
        logits = network(model.normalise(pixels))[0]
        gradients = torch.autograd.grad(logits[282], [pixels, *(kept[name] for name in nodes)])
    return [kept[name].detach() for name in nodes], gradients, logits.detach()


@pytest.mark.parametrize("factor", [0.0, 1.7])
def test_later_maps_cells_and_gradients_are_of_the_changed_network(cat, factor):
    model, x, before = cat
    stages, at, late = stages_of(model), ("_blocks.2._bn2", 5), "_blocks.10._bn2"
    other = changed(model, {at: factor})
    (values,), (pixels, slopes), logits = hooked(model, x, *at, factor, [late])
    after = overview(other, x, stages, like=before)
    torch.testing.assert_close(torch.tensor(after.logits).float(), logits, rtol=1e-4, atol=1e-4)
    assert [column.channels for column in after.columns] == [column.channels for column in before.columns]
    assert after.columns[3].maps.scale == before.columns[3].maps.scale
    assert (after.columns[0].maps.levels == before.columns[0].maps.levels).all()  # what comes earlier stays
    assert (after.columns[2].maps.levels != before.columns[2].maps.levels).any()
    found = values_of(other, x, [late])[0]
    torch.testing.assert_close(found, values[0], rtol=1e-3, atol=1e-4)
    cell = explain_cell(other, x, late, 7, 3, 4)
    assert cell.value == pytest.approx(float(values[0, 7, 3, 4]), rel=1e-3, abs=1e-4)
    back = explain_backward(other, x, late, 7, 3, 4, asked=282)
    assert back.upstream == pytest.approx(float(slopes[0, 7, 3, 4]), rel=1e-2, abs=1e-5)
    torch.testing.assert_close(with_gradients(other, x, [], 282)[2], pixels[0], rtol=1e-2, atol=1e-4)
    own = explain_cell(other, x, *at, 3, 4)
    assert own.factor == factor
    assert own.value == pytest.approx(own.said, rel=1e-5, abs=1e-5)
    assert own.total == pytest.approx(explain_cell(model, x, *at, 3, 4).said, rel=1e-5, abs=1e-5)
    own_back = explain_backward(other, x, *at, 3, 4, asked=282)
    assert (own_back.upstream == 0) == (factor == 0)
    view = explain_map(other, x, *at, backward=True, asked=282)
    assert view.steps[-1].factor == factor
    for vote in votes(other, x, [282]):
        assert vote.logit == pytest.approx(after.logits[282], abs=1e-4)
    weights = [one.weights for one in feeds(other, x, after.columns, [282])]
    assert not np.array_equal(weights[3], next(iter([w.weights for w in feeds(model, x, before.columns, [282])][3:])))


def test_put_back_it_is_the_network_bit_for_bit(cat):
    model, x, before = cat
    assert changed(model, {}) is model
    one = changed(model, {("_blocks.2.add", 3): 1.0})  # in a graph of its own, but nothing is changed
    again = overview(one, x, stages_of(model), like=before)
    assert np.array_equal(again.logits, before.logits)
    for column, known in zip(again.columns, before.columns, strict=True):
        assert np.array_equal(column.maps.levels, known.maps.levels)
        assert np.array_equal(column.gradients.levels, known.gradients.levels)
    values = values_of(model, x, ["_blocks.9.add"])[0]
    assert torch.equal(values_of(one, x, ["_blocks.9.add"])[0], values)


def test_channels_that_there_are_not(cat):
    model, x, _ = cat
    with pytest.raises(InputError, match="no layer called"):
        logits_with(model, x, {("nowhere", 0): 0.0})
    with pytest.raises(InputError, match="channels 0 to 31"):
        logits_with(model, x, {("_bn0", 32): 0.0})


@pytest.mark.parametrize("name", ZOOS)
def test_every_network_of_the_zoo_opens(name):
    model = load_model(name, "random")
    side = model.spec.preprocessing.crop
    x = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    found = overview(model, x, stages_of(model), asked=7, tiles=3)
    links = list(feeds(model, x, found.columns, [7, 8]))
    assert [link.weights.shape for link in links[:-1]] == [(len(c.channels), 3) for c in found.columns[1:]]
    assert links[-1].weights.shape == (2, 3)
    for vote in votes(model, x, [7, 8]):
        assert np.isfinite(vote.logit)
    layer = found.columns[1].stage.last
    assert logits_with(model, x, {(layer.name, 1): 0.0}).shape == (1, len(model.categories))
    assert as_maps(torch.zeros(layer.shape)).ndim == 3
