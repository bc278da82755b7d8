"""The strongest patches, on a network whose channels are known."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.interpretability.top_patches import top_patches, top_patches_steps
from cnnlab_core.models import find_spec, load_model
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.receptive_field import receptive_fields

SIDE = 224


def loaded(network):
    """A network of one's own as the lab's models are; the default model's preprocessing leaves 256 × 256 as it is."""
    spec = find_spec("efficientnet_lite0")
    return LoadedModel(spec, "random", torch.device("cpu"), network.eval().requires_grad_(False), ())


def green_detector():
    """Channel 0 answers to green on a dark ground, in fields of 7 × 7 that lie 4 apart; channel 1 to nothing."""
    network = nn.Sequential(nn.Conv2d(3, 2, 7, stride=4, padding=3), nn.ReLU())
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].weight[0, 1] = 1.0
        network[0].weight[0, 0] = network[0].weight[0, 2] = -1.0
        network[0].bias.zero_()
        network[0].bias[1] = -1.0
    return loaded(network)


def picture(*dots):
    """A dark square with green dots of 7 pixels, (row, column, strength) as the network sees them."""
    pixels = np.zeros((256, 256, 3), np.uint8)
    for row, col, strength in dots:
        pixels[16 + row - 3 : 16 + row + 4, 16 + col - 3 : 16 + col + 4, 1] = strength
    return Image.fromarray(pixels)


def test_the_planted_dots_are_found_strongest_first():
    model = green_detector()
    field = receptive_fields(model.network, (SIDE, SIDE))["1"]
    pictures = [picture((40, 80, 200)), picture(), picture((100, 20, 255), (160, 160, 120))]
    steps = []
    job = top_patches_steps(model, field, 0, pictures)
    try:
        while True:
            steps.append(next(job))
    except StopIteration as stop:
        found = stop.value
    assert [(step.done, step.total) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert steps[-1].latest == found
    dots = found[:3]
    assert [(patch.picture, 4 * patch.row, 4 * patch.col) for patch in dots] == [
        (2, 100, 20),
        (0, 40, 80),
        (2, 160, 160),
    ]
    for patch in found:
        assert patch.box == field.box(patch.row, patch.col)
    assert np.asarray(dots[0].cut(pictures[2].crop((16, 16, 240, 240))))[..., 1].min() == 255


def test_patches_of_one_picture_lie_apart_and_are_as_many_as_asked():
    model = green_detector()
    field = receptive_fields(model.network, (SIDE, SIDE))["1"]
    crowded = picture(*((row, col, 250) for row in range(20, 200, 20) for col in range(20, 200, 20)))
    for most in (1, 2, 5):
        found = top_patches(model, field, 0, [crowded], per_picture=most)
        assert len(found) == most
        cells = [(patch.row, patch.col) for patch in found]
        apart = [max(abs(a - c), abs(b - d)) for i, (a, b) in enumerate(cells) for c, d in cells[:i]]
        assert all(distance * 4 >= 3.5 for distance in apart)


def test_a_silent_channel_gives_nothing_and_an_unknown_one_a_sentence():
    model = green_detector()
    field = receptive_fields(model.network, (SIDE, SIDE))["1"]
    assert top_patches(model, field, 1, [picture((40, 40, 255))]) == ()
    with pytest.raises(InputError, match="channels 0 to 1"):
        top_patches(model, field, 2, [picture()])


def test_the_activation_is_the_networks_own_and_the_rest_of_the_picture_does_not_matter():
    model = load_model("efficientnet_lite0")
    node = "_blocks.2.add"
    field = receptive_fields(model)[node]
    cat = open_image(sample_images()["chelsea"].content)
    best = top_patches(model, field, 3, [cat])[0]
    x = model.prepare(cat)
    with torch.no_grad():
        assert capture(model, x, [node])[node][0, 3].max().item() == best.activation
        alone = torch.full_like(x, 0.5)
        inside = (..., slice(best.box.top, best.box.bottom + 1), slice(best.box.left, best.box.right + 1))
        alone[inside] = x[inside]
        again = capture(model, alone, [node])[node][0, 3, best.row, best.col].item()
    assert again == pytest.approx(best.activation, rel=1e-4)
