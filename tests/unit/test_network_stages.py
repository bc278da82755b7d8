"""The stages of the zoo's networks: few, in order, and nothing is read past their ends."""

import pytest
import torch

from cnnlab_core.models import LoadedModel, find_spec
from cnnlab_core.models.build import build_on_meta
from cnnlab_core.models.zoo import ZOO
from cnnlab_core.network.stages import MOST_STAGES, follow, reads_of, stages_of, unfold

NAMES = [spec.name for spec in ZOO if "robust" not in spec.name and spec.name != "vgg16"]


def structure(name):
    """A network of the zoo without its weights, at which stages don't look."""
    spec = find_spec(name)
    return LoadedModel(spec, "random", torch.device("meta"), build_on_meta(spec), ())


@pytest.mark.parametrize("name", [*NAMES, "cifar10_standard"])
def test_stages_are_few_and_all_that_the_rest_knows_of_a_stage_is_its_last_layer(name):
    model = structure(name)
    stages, reads = stages_of(model), reads_of(model)
    assert 3 <= len(stages) <= MOST_STAGES
    layers = [layer.name for layer in model.nodes()]
    assert [layer.name for stage in stages for layer in stage.layers] == layers[: sum(len(s.layers) for s in stages)]
    for stage in stages:
        inside = {layer.name for layer in stage.layers}
        behind = layers[layers.index(stage.last.name) + 1 :]
        assert {source for reader in behind for source in reads[reader]} & inside <= {stage.last.name}
    assert any(stage.skips for stage in stages) == (name not in ("alexnet", "cifar10_standard"))


def test_lite0s_stages_are_called_by_their_blocks():
    stages = stages_of(structure("efficientnet_lite0"))
    assert [stage.title for stage in stages] == [
        "Stem", "Blocks 1–3", "Blocks 4–5", "Blocks 6–8", "Blocks 9–11", "Blocks 12–15", "Block 16, head",
    ]  # fmt: skip
    assert stages[1].note == "24 maps · 56 × 56"
    assert stages[1].skips == (("_blocks.1._bn2", "_blocks.2.add"),)


def test_stages_unfold_into_blocks_and_these_into_layers():
    model = structure("efficientnet_lite0")
    blocks = unfold(model, stages_of(model)[1])
    assert [stage.title for stage in blocks] == ["Block 1", "Block 2", "Block 3"]
    layers, opened = follow(model, (1, 2))
    assert [stage.title for stage in opened] == ["Blocks 1–3", "Block 3"]
    assert [stage.title for stage in layers] == [
        "Convolution 1 of 3",
        "Convolution 2 of 3",
        "Convolution 3 of 3",
        "Sum",
    ]
    assert not any(stage.unfolds for stage in layers)
    assert unfold(model, layers[0]) == (layers[0],)
    assert follow(model, (1, 9))[1] == opened[:1]


@pytest.mark.parametrize("name", NAMES)
def test_unfolding_never_loses_a_layer(name):
    model = structure(name)
    for stage in stages_of(model):
        inner = unfold(model, stage)
        assert 1 <= len(inner) <= MOST_STAGES
        assert [layer for one in inner for layer in one.layers] == list(stage.layers)
