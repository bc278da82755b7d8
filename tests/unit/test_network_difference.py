"""The difference between two pictures by layer, against torch."""

import pytest
import torch

from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models import load_model
from cnnlab_core.network.difference import differences, stage_differences
from cnnlab_core.network.glass import glass_sample
from cnnlab_core.network.stages import stages_of


def test_it_is_the_norm_of_the_difference_over_the_norm():
    model = load_model("glass_cifar10")
    before, after = glass_sample("glass_cifar10", 3), glass_sample("glass_cifar10", 5)
    found = differences(model, before, after)
    names = [layer.name for layer, _ in found]
    assert names == [layer.name for layer in model.nodes()]
    with torch.no_grad():
        first, second = capture(model, before, names), capture(model, after, names)
    for layer, ratio in found:
        x, y = first[layer.name].double(), second[layer.name].double()
        assert ratio == pytest.approx(float((y - x).norm() / x.norm()), rel=1e-6)


def test_of_each_stage_the_map_that_changes_most_is_shown_before_after_and_as_their_difference():
    model = load_model("glass_cifar10")
    before, after = glass_sample("glass_cifar10", 3), glass_sample("glass_cifar10", 5)
    ratios = {layer.name: ratio for layer, ratio in differences(model, before, after)}
    for tile in stage_differences(model, before, after, stages_of(model)):
        name = tile.stage.last.name
        x, y = (capture(model, pixels, [name])[name][0] for pixels in (before, after))
        sizes = [float((b - a).norm()) for a, b in zip(x, y, strict=True)]
        assert tile.channel == sizes.index(max(sizes))
        assert tile.ratio == pytest.approx(ratios[name])
        a, b, change = tile.maps.levels / 127 * tile.maps.scale
        shown = (abs(b) < tile.maps.scale) & (abs(a) < tile.maps.scale) & (abs(change) < tile.maps.scale)
        assert abs(b - a - change)[shown].max() <= 3 * tile.maps.scale / 254 + 1e-6


def test_of_a_picture_and_itself_it_is_zero():
    x = glass_sample("glass_digits", 1)
    assert {ratio for _, ratio in differences(load_model("glass_digits"), x, x)} == {0.0}


def test_two_sizes_are_a_sentence():
    x = glass_sample("glass_digits", 1)
    with pytest.raises(InputError, match="one shape"):
        differences(load_model("glass_digits"), x, x[..., :20])
