"""Kernels on photos: the numbers are PyTorch's, the pictures are what the numbers say."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from cnnlab_core.convolution import KERNELS
from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch.photo_filters import (
    LONGEST,
    PADDINGS,
    gradient_magnitude,
    kernel_layer,
    pad_by,
    pool_layer,
    relu_layer,
    respond,
    stack,
    to_photo,
    to_planes,
)
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.plots.heatmaps import number_grid
from cnnlab_core.plots.labels import short_number
from cnnlab_core.plots.signed import NEGATIVE, POSITIVE, signed_picture


@pytest.fixture(scope="module")
def cat():
    return open_image(sample_images()["chelsea"].content)


@pytest.mark.parametrize("grey", [True, False])
def test_planes_are_the_small_picture(cat, grey):
    planes = to_planes(cat, grey=grey)
    assert planes.shape == (1 if grey else 3, 213, LONGEST)
    assert 0 <= planes.min() < planes.max() <= 1
    again = to_planes(to_photo(planes), grey=grey)
    assert np.array_equal(again, planes)


def test_a_small_picture_stays_as_it_is():
    assert to_planes(Image.new("RGB", (9, 8), "white")).tolist() == np.ones((1, 8, 9)).tolist()


def test_what_is_out_of_range_is_clipped():
    assert np.asarray(to_photo(np.array([[[-3.0, 0.5, 7.0]]]))).tolist() == [[0, 128, 255]]


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("mode", ["zeros", "replicate"])
def test_the_response_is_torchs(cat, padding, stride, mode):
    planes, kernel = to_planes(cat, grey=False, longest=40), np.arange(12.0).reshape(3, 4) - 5
    sides = pad_by(padding, kernel)
    ours = respond(planes, kernel, stride=stride, padding=[list(side) for side in sides], padding_mode=mode)
    (top, bottom), (left, right) = sides
    torch_mode = {"zeros": "constant"}.get(mode, mode)
    padded = F.pad(torch.tensor(planes)[:, None], (left, right, top, bottom), mode=torch_mode)
    theirs = F.conv2d(padded, torch.tensor(kernel)[None, None], stride=stride)[:, 0]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    if padding == "half" and stride == 1:
        assert ours.shape == planes.shape


def test_the_gradient_has_the_length_of_its_parts(cat):
    planes = to_planes(cat, longest=30)
    across, down = (respond(planes, KERNELS[name].weights) for name in ("sobel_x", "sobel_y"))
    np.testing.assert_allclose(gradient_magnitude(planes), np.sqrt(across**2 + down**2), atol=1e-12)


def test_layers_see_what_they_say():
    """Change one pixel at a time: the cell in the middle of the last map notices as many as ``sees`` says."""
    layers = [kernel_layer("a", np.ones((3, 3))), relu_layer(), pool_layer(2), kernel_layer("b", np.ones((3, 3)))]
    planes = np.ones((1, 24, 24))
    stages = stack(planes, layers)
    assert [(stage.name, stage.planes.shape[1], stage.sees) for stage in stages] == [
        ("photo", 24, 1), ("a", 24, 3), ("ReLU", 24, 3), ("max pool 2", 12, 4), ("b", 12, 8),
    ]  # fmt: skip
    noticed = 0
    for row in range(24):
        changed = planes.copy()
        changed[0, row] += 1
        noticed += stack(changed, layers)[-1].planes[0, 6, 6] != stages[-1].planes[0, 6, 6]
    assert noticed == 8


def test_bad_kernels_are_sentences(cat):
    planes = to_planes(cat, longest=16)
    with pytest.raises(InputError, match="within 15"):
        respond(planes, np.ones((16, 2)))
    with pytest.raises(InputError, match="covers"):
        respond(planes[:, :2], np.ones((5, 5)))
    with pytest.raises(InputError, match="choose one of"):
        pad_by("some", np.ones((3, 3)))


def test_signs_are_colours():
    picture = np.asarray(signed_picture(np.array([[-2.0, -0.5, 0.0, 0.5, 9.0]]), limit=1))
    assert picture[0, :, 3].tolist() == [255, 128, 0, 128, 255]
    assert tuple(picture[0, 0, :3]) == NEGATIVE
    assert tuple(picture[0, 4, :3]) == POSITIVE


def test_a_flat_map_is_clear():
    assert np.asarray(signed_picture(np.zeros((2, 2)), limit=0.0))[..., 3].max() == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (-0.25, "−0.25"), (0, "0"), (-0.0, "0"), (1.5, "1.5"), (2e-16, "2e−16"), (-1e-10, "−1e−10"), (10, "10")],
)
def test_short_numbers(value, text):
    assert short_number(value) == text


def test_a_grid_shows_its_numbers():
    figure = number_grid([[1, -2], [0, 0.5]], rows=["a", "b"], framed=[(0, 1)])
    assert [list(row) for row in figure.data[0].text] == [["1", "−2"], ["0", "0.5"]]
    assert figure.layout.yaxis.ticktext == ("a", "b")
    assert len(figure.layout.shapes) == 1
