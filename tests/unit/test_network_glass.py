"""What the browser works out of a network of glass, against what Python works out of it."""

import base64

import numpy as np
import pytest
import torch
from node import Node

from cnnlab_core.data import open_data
from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models import load_model
from cnnlab_core.models.build import build_on_meta
from cnnlab_core.network.cell import explain_backward, explain_cell
from cnnlab_core.network.contributions import feeds, votes
from cnnlab_core.network.glass import GLASS, glass_network, glass_sample, shipped_glass
from cnnlab_core.network.intervene import logits_with
from cnnlab_core.network.layer import chain_of, explain_map
from cnnlab_core.network.stages import Stage
from cnnlab_core.network.strongest import Column, small
from cnnlab_core.network.values import as_maps, maps_shape, with_gradients
from cnnlab_core.receptive_field import receptive_fields
from cnnlab_core.ui.network.scene import cell_data, map_data

ANSWER = """
let glass;
function answer({ network, pixels, changes, asked, at }) {
  if (network) glass = new GlassNetwork(network);
  if (pixels) glass.look(pixels, changes ?? [], asked);
  return at ? glass.detail(at) : glass.scene("");
}
"""
SAMPLE = 3
CELLS = {
    "glass_digits": [("relu1", 2, 10, 12), ("pool1", 5, 4, 6), ("conv2", 3, 4, 3), ("relu3", 12, 1, 1),
                     ("average", 4, 0, 0), ("classifier", 3, 0, 0)],
    "glass_cifar10": [("norm1", 3, 0, 0), ("relu2", 7, 31, 5), ("pool2", 1, 3, 3), ("relu6", 9, 7, 2),
                      ("flatten", 6, 0, 0)],
}  # fmt: skip


@pytest.fixture(scope="module", params=GLASS)
def glass(request):
    """A network and its sample in both: in Python, and looked at in node."""
    scripts = [("network", name) for name in ("forward.js", "glass.js")]
    model, x = load_model(request.param), glass_sample(request.param, SAMPLE)
    network = shipped_glass(request.param)["network"]
    pixels = x[0, : network["shape"][0]].numpy()
    with Node(*scripts, answer=ANSWER) as node:
        given = node.ask({"network": network, "pixels": pixels})
        yield node, given, model, x, pixels


def close(found, wanted, tolerance=1e-4):
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(wanted, float), rtol=tolerance, atol=tolerance)


def test_the_picture_has_every_map_of_every_layer_with_pythons_scores(glass):
    _, given, model, x, _ = glass
    scene = given["scene"]
    nodes = [column["node"] for column in scene["columns"]]
    mixing = [layer.name for layer in model.nodes() if layer.kind in ("Conv2d", "MaxPool2d")]
    assert [chain_of(model, node)[0] for node in nodes] == mixing
    values, gradients, _, logits, asked = with_gradients(model, x, nodes)
    assert scene["asked"] == asked
    close([bar["logit"] for bar in scene["classes"]], logits)
    close([bar["share"] for bar in scene["classes"]], logits.softmax(0))
    fields = receptive_fields(build_on_meta(model.spec), tuple(x.shape[2:]))
    for column, value, gradient in zip(scene["columns"], values, gradients, strict=True):
        maps, parts = as_maps(value), as_maps(value) * as_maps(gradient)
        assert (len(maps), column["rows"], column["cols"]) == tuple(maps.shape)
        close(column["scores"], parts.sum((1, 2)), 1e-3)
        wanted = small(maps)
        shown = column["maps"]["levels"].reshape(maps.shape) / 127 * column["maps"]["scale"]
        inner = np.abs(maps.numpy()) < min(wanted.scale, column["maps"]["scale"])
        assert column["maps"]["scale"] == pytest.approx(wanted.scale, rel=0.02)
        np.testing.assert_allclose(shown[inner], maps.numpy()[inner], atol=column["maps"]["scale"] / 200)
        for (row, col), part in zip(column["peaks"], parts.abs(), strict=True):
            assert float(part[int(row), int(col)]) == pytest.approx(float(part.max()), abs=1e-5)
        field = fields[column["node"]]
        known = given["fields"][column["node"]]
        assert [known["size"], known["jump"], known["start"]] == [list(field.size), list(field.jump), list(field.start)]


def test_what_feeds_what_is_pythons(glass):
    _, given, model, x, _ = glass
    layers = {layer.name: layer for layer in model.nodes()}
    shown = [layers[column["node"]] for column in given["scene"]["columns"]]
    nothing, no_maps = np.zeros(1), small(torch.zeros(1, 1))
    columns = [
        Column(stage, tuple(range(maps_shape(stage.last)[0])), nothing, 0.0, no_maps, no_maps, nothing)
        for stage in (Stage("", (one,), (), (), False) for one in shown)
    ]
    classes = list(range(10))
    for found, wanted in zip(given["links"]["feeds"], feeds(model, x, columns, classes), strict=True):
        close(found["weights"], wanted.weights, 1e-3)
        close(found["whole"], wanted.whole, 1e-3)
    for found, wanted in zip(given["links"]["votes"], votes(model, x, classes), strict=True):
        assert [term["channel"] for term in found["terms"]] == wanted.order[:8]
        close([term["product"] for term in found["terms"]], wanted.products[wanted.order[:8]])
        rest = float(wanted.products[wanted.order[8:]].sum())
        assert found["rest"] + found["bias"] == pytest.approx(rest + wanted.bias, abs=1e-4)


def test_every_layers_maps_are_taken_apart_as_in_python(glass):
    node, _, model, x, _ = glass
    layers = {layer.name: layer for layer in model.nodes()}
    for name, channel, *_ in CELLS[model.spec.name]:
        at = {"layer": name, "channel": channel, "row": None, "col": None, "way": "backwards"}
        found = node.ask({"at": at})["map"]
        wanted = map_data(explain_map(model, x, name, channel, backward=True), layers)
        same = ("operation", "mixing", "hidden", "shape", "shapeIn", "window")
        words = {"flatten": "passed on"}
        wanted["operation"] = words.get(wanted["operation"], wanted["operation"])
        assert [found[key] for key in same] == [wanted[key] for key in same]
        assert [step["node"] for step in found["steps"]] == [step["node"] for step in wanted["steps"]]
        close(found["othersAdded"], wanted["othersAdded"])
        assert found["bias"] == (None if wanted["bias"] is None else pytest.approx(wanted["bias"], rel=1e-6))
        for ours, theirs in zip(found["parts"], wanted["parts"], strict=True):
            assert ours["inside"] == (theirs["inside"] and theirs["node"] != "grey1.mean")
            if theirs["kernel"] is None:
                continue
            if ours["inside"]:  # a grey network reads its picture once in the browser
                assert (ours["node"], ours["channel"]) == (theirs["node"], theirs["channel"])
            close(ours["added"], theirs["added"])
            close(ours["kernel"], theirs["kernel"])
            close(ours["kernelSlope"], theirs["kernelSlope"], 1e-3)
            assert ours["result"]["scale"] == pytest.approx(theirs["result"]["scale"], rel=0.02)


def test_a_number_is_the_sum_that_python_gives_forwards_and_backwards(glass):
    node, given, model, x, _ = glass
    layers = {layer.name: layer for layer in model.nodes()}
    fields = receptive_fields(build_on_meta(model.spec), tuple(x.shape[2:]))
    for name, channel, row, col in CELLS[model.spec.name]:
        at = {"layer": name, "channel": channel, "row": row, "col": col, "way": "backwards"}
        found = node.ask({"at": at})["cell"]
        chain = chain_of(model, name)
        cells = [explain_cell(model, x, one, channel, row, col) for one in chain]
        back = explain_backward(model, x, chain[0], channel, row, col, given["scene"]["asked"])
        wanted = cell_data(cells, back, layers)
        for ours, theirs in zip(found["steps"], wanted["steps"], strict=True):
            assert ours["operation"] == theirs["operation"]
            close(
                [ours["value"], ours["said"], ours["slope"]], [theirs["value"], theirs["said"], theirs["slope"]], 1e-5
            )
            assert ours["value"] == pytest.approx(ours["said"], abs=1e-5)
        close([found["total"], found["rest"], found["bias"]], [wanted["total"], wanted["rest"], wanted["bias"]], 1e-5)
        same = ("inside", "others", "weights")
        assert [found[key] for key in same] == [wanted[key] for key in same]
        close(found["upstream"], wanted["upstream"])
        for ours, theirs in zip(found["planes"], wanted["planes"], strict=True):
            assert ours["channel"] == ("grey" if theirs["node"] == "grey1.mean" else theirs["channel"])
            for key in ("x", "w", "products", "sum", "dx", "dxAll", "dw", "dwAll"):
                assert (ours[key] is None) == (theirs[key] is None)
                if ours[key] is not None:
                    close(ours[key], theirs[key], 1e-3)
        if found["box"]:
            assert found["box"] == list(fields[name].box(row, col))


def test_maps_switched_off_and_scaled_change_the_bars_as_torch_says(glass):
    node, given, model, x, pixels = glass
    changes = {("relu1", 1): 0.0, ("pool1", 2): 2.0, ("relu3", 4): 0.0}
    found = node.ask({"pixels": pixels, "changes": [[*which, factor] for which, factor in changes.items()]})
    wanted = logits_with(model, x, changes)[0]
    close([bar["logit"] for bar in found["changed"]["classes"]], wanted)
    assert found["scene"]["classes"] == given["scene"]["classes"]  # the bars before
    at = {"layer": "pool1", "channel": 2, "row": 1, "col": 1, "way": "forwards"}
    *_, step = node.ask({"at": at})["cell"]["steps"]
    assert (step["operation"], step["w"]) == ("your factor", 2)
    assert step["value"] == pytest.approx(step["said"], abs=1e-5)
    node.ask({"pixels": pixels})


@pytest.mark.parametrize("name", GLASS)
def test_what_is_shipped_for_the_browser_is_the_network(name):
    shipped = shipped_glass(name)
    assert shipped["network"] == glass_network(load_model(name))
    assert [sample["name"] for sample in shipped["samples"]] == list(load_model(name).categories)


def test_the_samples_are_test_pictures_of_their_class():
    test = open_data("digits").read_test()
    for index, sample in enumerate(shipped_glass("glass_digits")["samples"]):
        first = test.images[(test.labels == index).nonzero()[0]]
        assert base64.b64decode(sample["pixels"]) == first[0, :, :, 0].numpy().tobytes()
        assert torch.equal(glass_sample("glass_digits", index)[0, 0], first[0, :, :, 0].float() / 255)


def test_what_there_is_not_is_a_sentence():
    with pytest.raises(InputError, match="samples 0 to 9, but 10"):
        glass_sample("glass_digits", 10)
    with pytest.raises(InputError, match="isn't a network made of glass"):
        shipped_glass("resnet50")


def test_what_the_story_says_of_a_late_map_is_so():
    test = open_data("digits").read_test()
    with torch.no_grad():
        x = test.images.permute(0, 3, 1, 2).float() / 255
        (maps,) = capture(load_model("glass_digits"), x, ["relu3"]).values()
    means = [float(maps[test.labels == digit, 9].mean()) for digit in range(10)]
    assert sorted(range(10), key=means.__getitem__)[-2:] == [3, 5]
    assert [round(means[digit], 1) for digit in (3, 5)] == [6.1, 6.4]
    assert max(means[digit] for digit in (0, 1, 2, 7)) < 0.4
    assert len(test.labels) == 1996
