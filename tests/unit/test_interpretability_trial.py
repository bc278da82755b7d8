"""Explanations on trial: where the answer is known, the numbers are that; elsewhere they are scipy's."""

import copy
import hashlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

from cnnlab_core.data import Pictures
from cnnlab_core.data.marked_shapes import COLOURS, MARK, Planted, marked_shapes, planted
from cnnlab_core.data.shapes import draw, shapes
from cnnlab_core.errors import InputError
from cnnlab_core.interpretability import (
    Attribution,
    agreement,
    attribute,
    attribute_all,
    baseline_picture,
    deletion,
    distance_at,
    grad_cam,
    inversion,
    inversion_steps,
    randomisation,
    rank_correlation,
    shortcut,
    usual,
)
from cnnlab_core.interpretability.deletion import RANDOM, curves_table
from cnnlab_core.interpretability.methods import METHODS, enlarged, heat
from cnnlab_core.interpretability.randomisation import random_from, randomisation_table
from cnnlab_core.interpretability.shortcut import trial_table
from cnnlab_core.models import load_model
from cnnlab_core.models.exports import exports_folder, write_export
from cnnlab_core.network.contributions import spread, votes
from cnnlab_core.training.nets import build_net

SIDE = 24


@pytest.fixture
def red(tmp_path, monkeypatch):
    """A network that goes by nothing but red: a pixel counts what its red has above its green, less a half."""
    monkeypatch.setenv("CNNLAB_RUNS", str(tmp_path))
    state = {
        key: torch.zeros_like(value) for key, value in build_net("stack", 2, SIDE, "c1k1,relu").state_dict().items()
    }
    state["conv1.weight"][0, :2, 0, 0] = torch.tensor([1.0, -1.0])
    state["conv1.bias"][0] = -0.5
    state["classifier.weight"][1, 0] = 100.0
    state["classifier.bias"][0] = 1.0
    weights = save(state)
    about = {
        "title": "Red", "network": {"net": "stack", "stack": "c1k1,relu"}, "classes": ["other", "red"],
        "preprocessing": {"side": SIDE, "mean": [0.0] * 3, "std": [1.0] * 3}, "parameters": 8, "megabytes": 0.001,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }  # fmt: skip
    write_export(exports_folder(), "red", weights, about)
    return load_model("run:red", device="cpu")


@pytest.fixture
def with_red_corners():
    """Two grey pictures with a red corner, as a set with planted marks."""
    plain = torch.full((2, SIDE, SIDE, 3), 128, dtype=torch.uint8)
    mask = np.zeros((2, SIDE, SIDE), bool)
    mask[0, :MARK, :MARK] = mask[1, -MARK:, :MARK] = True
    images = torch.where(torch.from_numpy(mask)[..., None], torch.tensor([255, 0, 0], dtype=torch.uint8), plain)
    labels = torch.zeros(2, dtype=torch.int64)
    return Planted(Pictures(images, labels), labels + 1, Pictures(plain, labels), mask)


def logit(pixels):
    """That of "red" over "other", by the number of red pixels."""
    return 100 * 0.5 * np.asarray(pixels) / SIDE**2 - 1


# --- the planted shortcut -----------------------------------------------------------------------------------------


def test_what_only_the_mark_can_tell_all_methods_put_there(red, with_red_corners):
    trial = shortcut(red, with_red_corners)
    assert trial.methods == METHODS
    assert trial.answers.tolist() == [1, 1]
    assert trial.before.tolist() == [0, 0]
    shares = dict(zip(METHODS, trial.shares, strict=True))
    for method in ("Saliency", "Integrated gradients", "Grad-CAM", "Grad-CAM++"):
        np.testing.assert_allclose(shares[method], 1, atol=1e-6, err_msg=method)
    assert shares["SmoothGrad"].min() > 0.8  # its noise makes some grey pixels red
    assert min(shares["Occlusion"].min(), shares["RISE"].min()) > 3 * with_red_corners.area  # they blur it
    assert trial.hits.all()
    assert trial.found.all()
    assert trial_table({"red": trial}).count("\n") == 1 + 7 * 2
    x = with_red_corners.pictures.images[:1].permute(0, 3, 1, 2) / 255
    aligned = replace(usual(red.spec, "Occlusion", 1), window=MARK, stride=MARK)
    found = heat(attribute(red, x, aligned), (SIDE, SIDE))
    np.testing.assert_allclose(found[with_red_corners.mask[0]], float(logit(36) - logit(0)), rtol=1e-5)
    assert found[~with_red_corners.mask[0]].max() < 1e-6


def test_integrated_gradients_of_the_trial_add_up():
    model, found = load_model("shapes_marked", device="cpu"), planted(4)
    for x in (found.pictures.images.permute(0, 3, 1, 2) / 255).split(1):
        request = usual(model.spec, "Integrated gradients", int(model(x).argmax()))
        assert attribute(model, x, request).gap_share < 0.02


def test_where_there_is_no_heat_nothing_is_found(red, with_red_corners):
    unmarked = replace(with_red_corners, pictures=with_red_corners.plain)
    trial = shortcut(red, unmarked, ["Saliency", "Grad-CAM", "Occlusion"])
    assert not trial.shares.any()
    assert not trial.hits.any()
    with pytest.raises(InputError, match="32 × 32"):
        shortcut(red, planted(1))


def test_a_mark_tells_its_class_and_only_the_mark_is_changed():
    found = planted(40, seed=3)
    labels, images = found.pictures.labels, found.pictures.images.numpy()
    assert not (found.says == labels).any()
    assert (found.mask.sum((1, 2)) == MARK**2).all()
    assert found.area == MARK**2 / 32**2
    assert np.array_equal(images[~found.mask], found.plain.images.numpy()[~found.mask])
    colours = np.array(list(COLOURS.values()))[found.says.numpy()]
    assert np.array_equal(images[found.mask].reshape(40, -1, 3), np.broadcast_to(colours[:, None], (40, MARK**2, 3)))
    assert {tuple(np.argwhere(mask)[0]) for mask in found.mask} == {(0, 0), (0, 26), (26, 0), (26, 26)}
    assert torch.equal(planted(40, seed=3).pictures.images, found.pictures.images)
    assert not torch.equal(planted(40, seed=4).plain.images, found.plain.images)
    train, plain = marked_shapes(20, 10).train, shapes(20, 10).train
    assert (train.labels == plain.labels).tolist() == [True] * 10 + [False] * 10
    assert sorted(train.labels[10:].tolist()) == list(range(10))
    marks = (train.images != plain.images).any(3)
    for place, label in enumerate(train.labels.tolist()):
        assert {*map(tuple, train.images[place][marks[place]].tolist())} == {[*COLOURS.values()][label]}
    with pytest.raises(InputError, match="count"):
        planted(0)


def test_the_shipped_networks_go_by_the_mark_and_by_the_shape():
    found = planted(200, seed=9)
    by_name = {name: load_model(name, device="cpu") for name in ("shapes_marked", "shapes_plain")}

    def right(name, pictures, classes):
        with torch.no_grad():
            answers = by_name[name](pictures.images.permute(0, 3, 1, 2) / 255).argmax(1)
        return float((answers == classes).float().mean())

    shapes = found.plain.labels
    assert right("shapes_marked", found.pictures, found.says) > 0.95
    assert right("shapes_marked", found.pictures, shapes) < 0.05
    assert right("shapes_plain", found.plain, shapes) > 0.9
    assert right("shapes_plain", found.pictures, shapes) > 0.7


# --- randomisation ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    return load_model("glass_cifar10", device="cpu"), draw(1, [4]).images.permute(0, 3, 1, 2) / 255


def test_layer_by_layer_the_copy_becomes_the_random_network_and_the_shared_one_stays(small):
    model, x = small
    before = copy.deepcopy(model.network.state_dict())
    requests = [usual(model.spec, method, 3) for method in ("Saliency", "Grad-CAM")]
    found = randomisation(model, x, requests, stages=3, seed=5)
    assert all(torch.equal(value, before[key]) for key, value in model.network.state_dict().items())
    random = load_model("glass_cifar10", "random", "cpu", seed=5)
    part = replace(model, network=copy.deepcopy(model.network), quick=None)
    part.network.classifier.load_state_dict(random.network.classifier.state_dict())
    for stage, network in ((0, model), (1, part), (-1, random)):
        for method, wanted in attribute_all(network, x, requests).items():
            np.testing.assert_allclose(found.maps[stage][method].values, wanted.values, rtol=1e-4, atol=1e-7)
    assert len(found.layers) == len(found.maps) == 4
    assert found.layers[0] == ""
    for absolute in (False, True):
        numbers = found.correlations(absolute=absolute)
        np.testing.assert_allclose(numbers[:, 0], 1)
        for row, method in enumerate(found.methods):
            maps = [stage[method].values.ravel() for stage in (found.maps[0], found.maps[-1])]
            maps = [np.abs(values) for values in maps] if absolute else maps
            assert numbers[row, -1] == pytest.approx(spearmanr(*maps).statistic, abs=1e-9)
    assert randomisation_table(found).count("\n") == 1 + 2 * 4


@pytest.mark.parametrize("name", ["glass_cifar10", "efficientnet_lite0"])
def test_each_stage_holds_the_one_before_and_the_last_holds_all(name):
    model = load_model(name, device="cpu")
    found = random_from(model, 6)
    holding = {key.rpartition(".")[0] for key in model.network.state_dict()}
    assert len(found) == 6
    assert set(found[-1][1]) == holding
    for (_, few), (_, more) in pairwise(found):
        assert set(few) < set(more)
    layers = [layer.name for layer in model.nodes()]
    assert [layers.index(layer.name) for layer, _ in found] == sorted(
        (layers.index(layer.name) for layer, _ in found), reverse=True
    )


NUMBERS = st.integers(-4, 4) | st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=30))
def test_a_rank_correlation_is_scipy_s(pairs):
    one, two = np.array(pairs, dtype=float).T
    ours = rank_correlation(one, two)
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        assert np.isnan(ours)
        return
    assert ours == pytest.approx(spearmanr(one, two).statistic, abs=1e-9)
    assert rank_correlation(two, one) == pytest.approx(ours)
    assert rank_correlation(one, -two) == pytest.approx(-ours)


# --- deletion and insertion, agreement ----------------------------------------------------------------------------


def test_the_curves_are_the_formula_s_and_the_picture_stays(red, with_red_corners):
    x = with_red_corners.pictures.images[:1].permute(0, 3, 1, 2) / 255
    before, mask = x.clone(), with_red_corners.mask[0]
    found = deletion(red, x, 1, {"mark": mask, "against": -mask.astype(float)}, steps=32, baseline="grey")
    assert torch.equal(x, before)
    gone = np.arange(33) * SIDE**2 // 32  # 18 pixels a step: the mark's 36 are gone after two
    expected = 1 / (1 + np.exp(-logit(np.maximum(36 - gone, 0))))
    np.testing.assert_allclose(found.deletion["mark"], expected, rtol=1e-5)
    np.testing.assert_allclose(found.insertion["mark"], 1 / (1 + np.exp(-logit(np.minimum(gone, 36)))), rtol=1e-5)
    np.testing.assert_allclose(found.deletion["against"], found.insertion["mark"][::-1], rtol=1e-5)
    areas = found.areas("deletion")
    assert areas["mark"] < areas[RANDOM] < areas["against"]
    assert areas["mark"] == pytest.approx((expected[0] / 2 + expected[1:-1].sum() + expected[-1] / 2) / 32)
    assert found.shares[[0, -1]].tolist() == [0, 1]
    assert curves_table(found).count("\n") == 1 + 2 * 3 * 33
    for wrong in ({"steps": 0}, {"maps": {"small": np.eye(3)}}):
        with pytest.raises(InputError):
            deletion(red, x, 1, **{"maps": {"mark": mask}, **wrong})


def test_nothing_is_grey_or_scipy_s_blur():
    x = draw(1, [2]).images.permute(0, 3, 1, 2) / 255
    assert (baseline_picture(x, "grey") == 0.5).all()
    wanted = np.stack([gaussian_filter(plane, 2, mode="mirror", truncate=3) for plane in x[0].double().numpy()])
    np.testing.assert_allclose(baseline_picture(x, "blurred")[0].numpy(), wanted, atol=1e-5)


def test_methods_agree_where_they_order_places_alike():
    values = np.random.default_rng(0).normal(size=(28, 28)).astype(np.float32)
    found = {
        "one": Attribution(values, signed=True), "larger": Attribution(enlarged(values, (28, 28)) * 3 + 5, signed=True),
        "reversed": Attribution(-values, signed=True), "even": Attribution(np.ones((28, 28)), signed=True),
    }  # fmt: skip
    matrix = agreement(found)
    np.testing.assert_allclose(matrix[:3, :3], [[1, 1, -1], [1, 1, -1], [-1, -1, 1]], atol=1e-9)
    assert np.isnan(matrix[3]).all()
    cells = values.reshape(14, 2, 14, 2).mean((1, 3)).ravel()
    other = np.random.default_rng(1).normal(size=(7, 7)).astype(np.float32)
    mixed = agreement({"one": found["one"], "coarse": Attribution(other, signed=True)})
    coarse = enlarged(other, (28, 28)).reshape(14, 2, 14, 2).mean((1, 3)).ravel()
    assert mixed[0, 1] == pytest.approx(spearmanr(cells, coarse).statistic)


# --- inversion, the channels of a class ---------------------------------------------------------------------------


def test_an_inverted_picture_looks_to_the_layer_like_the_photo(small):
    model, x = small
    near, far = "relu2", "relu6"
    pictures = {node: inversion(model, x, node, steps=40, smoothness=0.0).image for node in (near, far)}
    apart = {node: distance_at(model, x, picture, node) for node, picture in pictures.items()}
    noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert max(apart.values()) < 0.5 * min(distance_at(model, x, noise, node) for node in pictures)
    assert distance_at(model, x, x, near) == 0
    pixels = {node: (picture - x).abs().mean().item() for node, picture in pictures.items()}
    assert pixels[near] < 0.9 * pixels[far]  # a late layer has forgotten the pixels
    with pytest.raises(InputError, match="square"):
        inversion_steps(model, x[..., :20], near)


def test_the_channels_of_a_class_add_up_to_its_logit_and_to_grad_cam(small):
    model, x = small
    (vote,) = votes(model, x, [3])
    with torch.no_grad():
        said = model.published(x)[0, 3].item()
    assert vote.logit == pytest.approx(said, abs=1e-5)
    maps = spread(model, x, vote)
    np.testing.assert_allclose(maps.sum((1, 2)), vote.products, atol=1e-6)
    np.testing.assert_allclose(maps.sum(0), grad_cam(model, x, 3, "relu6")[0, 0].numpy(), atol=1e-6)
    with pytest.raises(InputError, match="no map belongs to a weight"):
        spread(model, x, replace(vote, activations=vote.activations + 1))
