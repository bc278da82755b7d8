"""Captures equal the network's own values and leave it alone."""

import copy
import gc
import threading

import pytest
import torch
from patience import patience
from torchvision.models.feature_extraction import create_feature_extractor

from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models import DEFAULT_MODEL, ZOO, layer_table, load_model


@pytest.fixture(scope="module")
def model():
    return load_model(DEFAULT_MODEL, device="cpu")


@pytest.fixture(scope="module")
def cat(model):
    return model.prepare(open_image(sample_images()["chelsea"].content))


def hooks(network):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in network.modules())


def test_captures_are_the_networks_own_values(cat):
    shared = load_model("resnet18", "random", "cpu")
    nodes = ["layer4.1.relu_1", "conv1", "layer2.0.add", "fc"]
    with torch.no_grad():
        ours = capture(shared, cat, nodes)
        expected = {}
        for node in nodes:  # one by one: torchvision's own extractor lets "+=" overwrite what it has captured
            theirs = create_feature_extractor(copy.deepcopy(shared.network), return_nodes={node: node})
            expected |= theirs(shared.normalise(cat))
    assert list(ours) == nodes
    assert all(torch.equal(ours[node], expected[node]) for node in nodes)


WIDE = {
    "vgg16",
    "resnet50",
    "resnet50_robust_l2_3",
    "resnet50_robust_linf4",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "squeezenet1_1_caffe",
}
"""The layers of AlexNet, ResNet-18 and Lite0 are of the same kinds."""


@pytest.mark.parametrize(
    "spec", [pytest.param(spec, marks=[pytest.mark.wide] if spec.name in WIDE else [], id=spec.name) for spec in ZOO]
)
def test_every_node_of_every_network_can_be_captured(spec, cat):
    shared, cat = load_model(spec.name, "random", "cpu"), cat[..., :96, :96]
    layers = layer_table(spec.name, (96, 96))
    chosen = dict.fromkeys(layers[:: max(1, len(layers) // 12)] + layers[-1:])
    with torch.no_grad():
        values = capture(shared, cat, [layer.name for layer in chosen])
        logits = shared.published(cat)
        for name, value in values.items():  # nothing that comes later writes into an earlier value
            assert torch.equal(capture(shared, cat, [name])[name], value), name
    assert [tuple(value.shape[1:]) for value in values.values()] == [layer.shape for layer in chosen]
    assert torch.equal(values[layers[-1].name], logits)


def test_only_what_is_needed_is_computed(model, cat):
    from cnnlab_core.models.cuts import cut_behind

    early = cut_behind(model, ("_blocks.0._bn2",))
    assert len(early.graph.nodes) < 30
    assert len(cut_behind(model, ("_fc",)).graph.nodes) > 150


def test_a_hundred_captures_leave_the_model_as_it_was(model, cat):
    cat = cat[..., :96, :96]
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    names = [layer.name for layer in model.nodes() if len(layer.shape) == 3]
    results = []

    def ask(node):
        with torch.no_grad():
            results.append((node, capture(model, cat, [node])[node]))

    threads = [threading.Thread(target=ask, args=(names[i % len(names)],)) for i in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience(60))
    assert len(results) == 100
    with torch.no_grad():
        alone = {node: capture(model, cat, [node])[node] for node, _ in results}
    assert all(torch.equal(value, alone[node]) for node, value in results)
    assert hooks(model.network) == 0
    assert not model.network.training
    after = model.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_graphs_go_with_their_network(cat):
    import weakref

    from cnnlab_core.models.registry import registry

    shared = load_model("squeezenet1_1", "random", "cpu", seed=77)
    with torch.no_grad():
        capture(shared, cat, ["classifier.1"])
    network = weakref.ref(shared.network)
    del shared
    registry().put_away_idle()
    gc.collect()
    assert network() is None


def test_bad_requests_are_sentences(model, cat):
    with pytest.raises(InputError, match=r"no node called “_blocks\.0\._bn9”.*Did you mean _blocks\.0\._bn"):
        capture(model, cat, ["_blocks.0._bn9"])
    with pytest.raises(InputError, match="at least one"):
        capture(model, cat, [])
    with pytest.raises(InputError, match="20 × 20 are too small for AlexNet"):
        capture(load_model("alexnet", "random", "cpu"), torch.rand(1, 3, 20, 20), ["features.12"])
