"""The difference between two pictures by layer, against torch."""

import pytest
import torch

from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models import load_model
from cnnlab_core.network.difference import differences
from cnnlab_core.network.glass import glass_sample


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


def test_of_a_picture_and_itself_it_is_zero():
    x = glass_sample("glass_digits", 1)
    assert {ratio for _, ratio in differences(load_model("glass_digits"), x, x)} == {0.0}


def test_two_sizes_are_a_sentence():
    x = glass_sample("glass_digits", 1)
    with pytest.raises(InputError, match="one shape"):
        differences(load_model("glass_digits"), x, x[..., :20])
