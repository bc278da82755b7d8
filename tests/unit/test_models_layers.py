"""The layer table: what each layer has and costs, and what people call it."""

import pytest
import torch
import torchvision.models
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.feature_extraction import get_graph_node_names

from cnnlab_core.errors import InputError
from cnnlab_core.models import ZOO, find_spec, layer_table, load_model
from cnnlab_core.models.build import build_on_meta
from cnnlab_core.models.layers import features_before_classifier

NAMES = [spec.name for spec in ZOO]

PUBLISHED = {
    spec.name: next(
        entry
        for entry in torchvision.models.get_model_weights(spec.builder.partition(":")[2])
        if entry.url.endswith(spec.weights.file)
    )
    for spec in ZOO
    if "download.pytorch.org" in spec.weights.url
}


@pytest.mark.parametrize("name", NAMES)
def test_the_layer_table_counts_what_is_there(name):
    spec, layers = find_spec(name), layer_table(name)
    assert sum(layer.parameters for layer in layers) == spec.parameters
    if name in PUBLISHED:
        assert sum(layer.multiply_adds for layer in layers) / 1e9 == pytest.approx(
            PUBLISHED[name].meta["_ops"], abs=6e-4
        )
    network, side = build_on_meta(spec), spec.preprocessing.crop
    with FlopCounterMode(display=False) as flops:
        network(torch.empty(1, 3, side, side, device="meta"))
    assert 2 * sum(layer.multiply_adds for layer in layers) == flops.get_total_flops()
    # torchvision doesn't look into its own blocks; outside them the names are the same, in the same order.
    theirs = get_graph_node_names(network, suppress_diff_warning=True)[1]
    ours = [layer.name for layer in layers]
    common = [node for node in theirs if node in set(ours)]
    assert [name for name in ours if name in set(theirs)] == common
    blocks = [node for node in theirs if any(name.startswith(f"{node}.") for name in ours)]
    assert len(common) + len(blocks) > 0.7 * len(theirs)  # the rest: the input, bare weights, sizes for a reshape
    assert layers[-1].shape == (1000,)


def test_features_that_enter_the_last_layer():
    expected = {"alexnet": 4096, "vgg16": 4096, "resnet18": 512, "resnet50": 2048, "efficientnet_lite0": 1280,
                "squeezenet1_1": 512, "densenet121": 1024, "googlenet": 1024}  # fmt: skip
    for name, features in expected.items():
        assert features_before_classifier(layer_table(name)).inputs == features, name


@pytest.mark.parametrize(
    ("model", "node", "title"),
    [
        ("efficientnet_lite0", "_blocks.2.add", "Block 3 of 16 · 24 maps of 56 × 56"),
        ("efficientnet_lite0", "_blocks.1._bn2", "Block 2 of 16 · 24 maps of 56 × 56"),  # no skip: this is its last
        ("efficientnet_lite0", "_blocks.2._swish_1", "Block 3 of 16, ReLU6 2 of 2 · 144 maps of 56 × 56"),
        ("efficientnet_lite0", "_conv_stem.conv2d", "Stem, convolution · 32 maps of 112 × 112"),
        ("efficientnet_lite0", "_avg_pooling", "Head, average pool · 1280 numbers"),
        ("alexnet", "features.6", "Convolution 3 of 5 · 384 maps of 13 × 13"),
        ("alexnet", "classifier.6", "Linear layer 3 of 3 · 1000 numbers"),
        ("squeezenet1_1", "features.5", "After block 2, max pool · 128 maps of 27 × 27"),
        ("resnet18", "layer3.0.relu_1", "Block 5 of 8 · 256 maps of 14 × 14"),
        ("googlenet", "inception4a.cat", "Block 3 of 9 · 512 maps of 14 × 14"),
        ("densenet121", "features.transition1.conv", "After block 1, convolution · 128 maps of 56 × 56"),
        ("convnext_tiny", "features.1.0.block.3", "Block 1 of 18, linear layer 1 of 2 · 56 × 56 × 384 numbers"),
        ("cifar10_standard", "conv1", "Convolution 1 of 3 · 64 maps of 32 × 32"),
    ],
)
def test_layers_have_titles_for_people(model, node, title):
    assert next(layer for layer in layer_table(model) if layer.name == node).title == title


@pytest.mark.parametrize("name", NAMES)
def test_no_two_layers_of_a_network_have_the_same_title(name):
    layers = layer_table(name)
    assert len({layer.place for layer in layers}) == len({layer.title for layer in layers}) == len(layers)


def test_a_size_that_is_too_small_is_a_sentence():
    with pytest.raises(InputError, match="too small for AlexNet"):
        layer_table("alexnet", (16, 16))
    assert layer_table("resnet18", (64, 96))[0].shape == (64, 32, 48)
    with pytest.raises(InputError, match="too small for AlexNet"):
        load_model("alexnet", "random", "cpu")(torch.rand(1, 3, 20, 20))
