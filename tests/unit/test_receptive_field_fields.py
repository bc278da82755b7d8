"""The closed form against the gradient of the same network with positive weights, corners included."""

import threading

import pytest
import torch
import torchvision.models
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from patience import patience
from torch import nn

from benchmarks.receptive_fields import OnMeta
from cnnlab_core.errors import InputError
from cnnlab_core.models import ZOO, layer_table
from cnnlab_core.models.build import build_on_meta
from cnnlab_core.receptive_field import Box, receptive_fields


class Branches(nn.Module):
    """Paths over the same input, joined by a sum or side by side."""

    def __init__(self, *paths, join):
        super().__init__()
        self.paths, self.join = nn.ModuleList(paths), join

    def forward(self, x):
        parts = [path(x) for path in self.paths]
        return torch.cat(parts, 1).sum(1, keepdim=True) if self.join == "cat" else sum(parts[1:], parts[0])


@st.composite
def layers(draw, even=True):
    """One layer of one channel, of any kind that has a finite field; ``even`` leaves out those that grow maps."""
    kinds = ["conv", "conv", "pool", "pad", "skip", "branches", "relu"] + ([] if even else ["transposed", "nearest"])
    kind = draw(st.sampled_from(kinds))
    pair = lambda low, high: (draw(st.integers(low, high)), draw(st.integers(low, high)))  # noqa: E731
    match kind:
        case "conv":
            mode = draw(st.sampled_from(["zeros", "zeros", "replicate", "reflect", "circular"]))
            options = {"padding_mode": mode, "bias": False}
            return nn.Conv2d(1, 1, pair(1, 4), pair(1, 3), pair(0, 2), pair(1, 3), **options)
        case "pool":
            kernel = pair(1, 4)
            padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
            return nn.AvgPool2d(kernel, pair(1, 3), padding, ceil_mode=draw(st.booleans()))
        case "pad":
            sides = [draw(st.integers(0, 2)) for _ in range(4)]
            return draw(st.sampled_from([nn.ZeroPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d]))(sides)
        case "skip":
            reach, dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
            conv = nn.Conv2d(1, 1, 2 * reach + 1, padding=reach * dilation, dilation=dilation, bias=False)
            return Branches(conv, nn.Identity(), join="sum")
        case "branches":
            stride = draw(st.integers(1, 2))
            paths = [nn.Conv2d(1, 1, 2 * r + 1, stride, r, bias=False) for r in draw(st.permutations([0, 1, 2]))[:2]]
            return Branches(*paths, join="cat")
        case "transposed":
            return nn.ConvTranspose2d(1, 1, pair(1, 4), pair(1, 3), pair(0, 1), dilation=pair(1, 2), bias=False)
        case "nearest":
            return nn.Upsample(scale_factor=draw(st.integers(2, 3)))
        case _:
            return nn.ReLU()


def seen_by_gradient(network, size, row, col):
    """The bounding box of the pixels with a gradient; None if there is none."""
    x = torch.ones(1, 1, *size, dtype=torch.float64, requires_grad=True)
    y = network(x)
    (gradient,) = torch.autograd.grad(y[0, :, row, col].sum(), x)
    rows, cols = (gradient[0, 0].abs().sum(dim).nonzero().flatten().tolist() for dim in (1, 0))
    return Box(rows[0], cols[0], rows[-1], cols[-1]) if rows else None


def positive(network):
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(0.5, 1.0, generator=torch.Generator().manual_seed(0))
    return network.double()


def units(height, width):
    """The corners, the middle of each edge, and the centre."""
    return {(row, col) for row in (0, height // 2, height - 1) for col in (0, width // 2, width - 1)}


@settings(max_examples=120)
@given(st.lists(layers(even=False), min_size=1, max_size=5), st.integers(7, 20), st.integers(7, 20))
def test_clipped_boxes_are_where_the_gradient_is(stack, height, width):
    network = positive(nn.Sequential(*stack))
    try:
        fields = receptive_fields(network, (height, width))
    except InputError as error:
        assume("doesn't take" not in str(error))
        raise
    field = list(fields.values())[-1]
    assert field.map_size is not None
    for row, col in units(*field.map_size):
        assert field.box(row, col) == seen_by_gradient(network, (height, width), row, col), (row, col)


@settings(max_examples=80)
@given(st.lists(layers(), min_size=1, max_size=5), st.integers(14, 24), st.integers(14, 24))
def test_the_closed_form_is_the_box_wherever_it_lies_inside(stack, height, width):
    network = nn.Sequential(*stack)
    try:
        field = list(receptive_fields(network, (height, width)).values())[-1]
    except InputError as error:
        assume("doesn't take" not in str(error))
        raise
    for row in range(field.map_size[0]):
        box = field.box(row, 0, clip=False)
        assert box.top == field.start[0] + row * field.jump[0]
        assert box.bottom - box.top + 1 == field.size[0]
        if box.top >= 0 and box.bottom < height:
            clipped = field.box(row, 0)
            assert clipped is None or (clipped.top, clipped.bottom) == (box.top, box.bottom)


@settings(max_examples=60)
@given(st.lists(layers(even=False), min_size=1, max_size=4), st.integers(8, 16))
def test_the_even_span_holds_every_box(stack, side):
    try:
        field = list(receptive_fields(nn.Sequential(*stack), (side, side)).values())[-1]
    except InputError as error:
        assume("doesn't take" not in str(error))
        raise
    modules = list(nn.Sequential(*stack).modules())
    # What a border repeats or mirrors lies outside the field as the formula draws it.
    assume(not any(isinstance(module, nn.ReflectionPad2d | nn.ReplicationPad2d) for module in modules))
    assume(all(getattr(module, "padding_mode", "zeros") == "zeros" for module in modules))
    for row, col in units(*field.map_size):
        inner, outer = field.box(row, col), field.box(row, col, clip=False)
        if inner is not None:
            assert outer.top <= inner.top <= inner.bottom <= outer.bottom
            assert outer.left <= inner.left <= inner.right <= outer.right


def test_alexnet_by_the_paper_and_by_torchvision():
    theirs = receptive_fields(torchvision.models.alexnet(), (224, 224))
    assert [theirs[f"features.{i}"].size[0] for i in (0, 2, 3, 5, 6, 8, 10, 12)] == [11, 19, 51, 67, 99, 131, 163, 195]
    assert theirs["features.0"].map_size == (55, 55)
    assert (theirs["features.0"].jump, theirs["features.0"].start) == ((4, 4), (-2, -2))
    paper = receptive_fields(nn.Sequential(nn.Conv2d(3, 96, 11, 4), nn.ReLU(), nn.MaxPool2d(3, 2)), (227, 227))
    assert paper["0"].map_size == (55, 55)
    assert paper["0"].box(0, 0) == Box(0, 0, 10, 10)
    assert paper["0"].box(54, 54) == Box(216, 216, 226, 226)
    assert paper["2"].box(13, 13) == Box(104, 104, 122, 122)


def test_published_sizes():
    """Araujo, Norris & Sim 2019, table of receptive fields, for the networks that torchvision builds alike."""
    for name, size in {
        "alexnet": 195,
        "vgg16": 212,
        "inception_v3": 1311,
        "resnet101": 971,
        "densenet121": 2071,
    }.items():
        options = {"init_weights": False} if name == "inception_v3" else {}
        with OnMeta():
            network = torchvision.models.get_model(name, weights=None, **options)
        fields = receptive_fields(network, (299, 299) if name == "inception_v3" else (224, 224))
        assert max(field.size[0] for field in fields.values() if field.size) == size, name


FAMILIES = {
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3",
    "maxvit_t", "mnasnet1_0", "mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf", "regnet_y_400mf", "resnet18",
    "resnet50", "shufflenet_v2_x1_0", "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11_bn", "vit_b_16",
}  # fmt: skip
"""One network of each; the others are the same layers, only more of them."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in FAMILIES else pytest.mark.wide)
        for name in torchvision.models.list_models(module=torchvision.models)
    ],
)
def test_every_network_of_torchvision_has_a_table(name):
    with OnMeta():
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        network = torchvision.models.get_model(name, weights=None, **options)
    fields = receptive_fields(network, (299, 299) if name == "inception_v3" else (224, 224))
    assert any(field.size for field in fields.values())
    assert all(field.size or field.why for field in fields.values())
    assert list(fields.values())[-1].why  # the logits see everything, and it is said why


@pytest.mark.parametrize("spec", ZOO, ids=lambda spec: spec.name)
def test_the_zoos_fields_hold_the_zoos_gradients(spec):
    side = spec.preprocessing.crop
    fields = receptive_fields(build_on_meta(spec), (side, side))
    assert list(fields) == [layer.name for layer in layer_table(spec.name) if layer.name in fields]
    unread = spec.name.startswith("squeezenet1_1")  # its first layer, 3 × 3 with stride 2, never reads the last row
    end = side - 1 - unread
    assert fields[list(fields)[-1]].box(0, 0) == Box(0, 0, end, end)


def test_whole_images_say_why():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.squeeze, self.fc = nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            x = self.conv(x)
            return x * torch.sigmoid(self.fc(self.squeeze(x)))

    fields = receptive_fields(Gated(), (20, 30))
    assert fields["conv"].size == (3, 3)
    assert [fields[name].why for name in ("squeeze", "mul")] == ["global pooling"] * 2
    assert fields["mul"].box(5, 5) == Box(0, 0, 19, 29)
    attention = receptive_fields(torchvision.models.vit_b_16(), (224, 224))
    assert "one row" in attention["reshape"].why


def test_uneven_adaptive_pooling_has_boxes_but_no_closed_form():
    fields = receptive_fields(nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(4)), (12, 12))
    assert fields["1"].size is None
    assert "different sizes" in fields["1"].why
    network = positive(nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(4)))
    for row, col in units(4, 4):
        assert fields["1"].box(row, col) == seen_by_gradient(network, (12, 12), row, col)
    with pytest.raises(InputError, match="no closed form"):
        fields["1"].box(0, 0, clip=False)


def test_paths_that_do_not_fit_are_told_apart():
    shifted = Branches(
        nn.Conv2d(1, 1, 3, padding=1), nn.Sequential(nn.ZeroPad2d((0, 2, 0, 2)), nn.Conv2d(1, 1, 3)), join="sum"
    )
    field = list(receptive_fields(shifted, (9, 9)).values())[-1]
    assert not field.centred
    assert (field.start, field.size) == ((-1, -1), (4, 4))
    uneven = Branches(
        nn.Conv2d(1, 1, 3, 2, 1), nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ZeroPad2d(-2)), join="sum"
    )
    with pytest.raises(InputError, match="2 and 1 pixels apart"):
        receptive_fields(uneven, (8, 8))


def test_bad_requests_are_sentences():
    fields = receptive_fields(nn.Sequential(nn.Conv2d(3, 4, 3)), (10, 20))
    with pytest.raises(InputError, match="rows 0 to 7"):
        fields["0"].box(8, 0)
    with pytest.raises(InputError, match="columns 0 to 17"):
        fields["0"].box(0, -1)
    with pytest.raises(InputError, match="input_size"):
        receptive_fields(nn.Sequential(nn.Conv2d(3, 4, 3)))
    with pytest.raises(InputError, match="2 × 2"):
        receptive_fields(torchvision.models.alexnet(), (2, 2))


def test_the_network_is_left_as_it_was():
    network = torchvision.models.resnet18()
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    problems = []

    def ask():
        try:
            assert receptive_fields(network, (224, 224))["layer4.1.relu_1"].size == (435, 435)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience(30))
    assert not problems
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(p.is_meta for p in network.parameters())
