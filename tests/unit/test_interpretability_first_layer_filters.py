"""The filters of the first convolution, and their colours."""

import numpy as np
import pytest
import torch
from torch import nn

from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.first_layer_filters import as_colours, filter_table, first_layer_filters
from cnnlab_core.models import find_spec, load_model
from cnnlab_core.models.loaded import LoadedModel


def loaded(network):
    """A network of one's own as the lab's models are; the default model's preprocessing leaves 256 × 256 as it is."""
    spec = find_spec("efficientnet_lite0")
    return LoadedModel(spec, "random", torch.device("cpu"), network.eval().requires_grad_(False), ())


@pytest.mark.parametrize(
    ("name", "node", "shape"),
    [
        ("efficientnet_lite0", "_conv_stem.conv2d", (32, 3, 3, 3)),  # a convolution called as a function
        ("alexnet", "features.0", (64, 3, 11, 11)),
        ("resnet18", "conv1", (64, 3, 7, 7)),
    ],
)
def test_the_first_convolution_is_found_and_copied(name, node, shape):
    model = load_model(name, "random")
    found = first_layer_filters(model)
    assert (found.node, found.weights.shape) == (node, shape)
    first = next(parameter for parameter in model.network.parameters() if tuple(parameter.shape) == shape)
    assert np.array_equal(found.weights, first.double().numpy())
    before = first.clone()
    found.weights[:] = 0
    assert torch.equal(first, before)


@pytest.mark.parametrize("network", [nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), nn.Conv2d(3, 6, 3, groups=3)])
def test_other_first_layers_are_a_sentence(network):
    with pytest.raises(InputError, match="doesn't begin with a convolution"):
        first_layer_filters(loaded(network if isinstance(network, nn.Sequential) else nn.Sequential(network)))


def test_a_network_for_grey_pictures_has_a_third_of_each_weight_for_each_colour():
    model = load_model("glass_digits")
    found = first_layer_filters(model)
    x = model.normalise(torch.rand(1, 3, 28, 28, generator=torch.Generator().manual_seed(0)))
    wanted = model.network.conv1(model.network.grey1(x))
    over_colours = torch.nn.functional.conv2d(x, torch.from_numpy(found.weights).float(), model.network.conv1.bias)
    assert torch.allclose(over_colours, wanted, atol=1e-5)


def test_colours_of_weights():
    weights = np.zeros((2, 3, 1, 2))
    weights[0, 0, 0] = (2, -2)
    weights[1, 2, 0] = (1, 0)
    both, each = as_colours(weights), as_colours(weights, "each filter")
    assert both.shape == (2, 1, 2, 3)
    assert both[0, 0].tolist() == [[1, 0.5, 0.5], [0, 0.5, 0.5]]
    assert both[1, 0].tolist() == [[0.5, 0.5, 0.75], [0.5, 0.5, 0.5]]
    assert each[1, 0, 0].tolist() == [0.5, 0.5, 1]
    assert (as_colours(np.zeros((1, 3, 2, 2))) == 0.5).all()
    assert filter_table(weights).splitlines()[:3] == ["filter,colour,row,column,weight", "0,red,0,0,2", "0,red,0,1,-2"]
