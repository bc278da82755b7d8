"""Every number of a network can be taken apart: float64 of its own weights gives what the network says."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import LoadedModel, load_model
from cnnlab_core.models import layers as layer_module
from cnnlab_core.models.graph import trace
from cnnlab_core.models.zoo import ZOO
from cnnlab_core.network import cell as cells
from cnnlab_core.network.cell import SOFTMAX, explain_backward, explain_cell, explain_cells
from cnnlab_core.network.layer import explain_map
from cnnlab_core.network.nodes import read_node
from cnnlab_core.network.values import maps_shape, values_of

NAMES = [spec.name for spec in ZOO if "robust" not in spec.name]
WIDE = {"vgg16", "resnet50", "densenet121", "convnext_tiny", "googlenet", "efficientnet_lite1", "efficientnet_lite2",
        "squeezenet1_1_caffe"}  # fmt: skip
ZOOS = [pytest.param(name, marks=[pytest.mark.wide] if name in WIDE else []) for name in NAMES]


@pytest.fixture(scope="module", params=ZOOS)
def zoo(request):
    """A network with random weights, made once for all tests of it."""
    return load_model(request.param, "random")


@pytest.fixture(scope="module")
def cat():
    model = load_model("efficientnet_lite0")
    return model, model.prepare(open_image(sample_images()["chelsea"].content))


def noise(model, seed=0):
    side = model.spec.preprocessing.crop
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_every_node_of_the_zoo_adds_up_to_the_networks_own_number(zoo):
    draw = np.random.default_rng(0)
    places = [(layer.name, *(int(draw.integers(length)) for length in maps_shape(layer))) for layer in zoo.nodes()]
    found = explain_cells(zoo, noise(zoo), places)
    assert [cell.node for cell in found] == [layer.name for layer in zoo.nodes()]
    for cell in found:
        assert len(cell.sources) == len(cell.products) > 0, cell.note
        assert cell.value == pytest.approx(cell.said, rel=1e-5, abs=1e-5), cell.node
        if not cell.function:
            assert cell.products.sum() + cell.bias == pytest.approx(cell.said, rel=1e-5, abs=1e-5), cell.node


# Networks of our own for what the zoo hasn't: dilation, groups, padding "same", ceil mode, further activations.
SETTINGS = st.fixed_dictionaries(
    {
        "kernel": st.integers(1, 3), "stride": st.integers(1, 2), "dilation": st.integers(1, 2),
        "groups": st.sampled_from([1, 2, 4]), "padding": st.sampled_from([0, 1, "same"]),
        "uneven": st.booleans(), "seed": st.integers(0, 99),
    }
)  # fmt: skip


class Small(nn.Module):
    """Asymmetric padding, a convolution, norm, activation, pools, squeeze-excite, a skip, a linear layer."""

    def __init__(self, kernel, stride, dilation, groups, padding, uneven, seed):
        super().__init__()
        stride = 1 if padding == "same" else stride
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.pad = nn.ZeroPad2d((0, 1, 0, 1)) if uneven else nn.Identity()
        self.conv = nn.Conv2d(4, 8, kernel, stride, padding, dilation, groups)
        self.norm = nn.BatchNorm2d(8)
        self.act = nn.SiLU()
        self.largest = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        self.mean = nn.AvgPool2d(2, 1, 1, count_include_pad=bool(seed % 2))
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.excite = nn.Conv2d(8, 8, 1)
        self.gate = nn.Sigmoid()
        self.classifier = nn.Linear(8, 5)
        with torch.no_grad():
            generator = torch.Generator().manual_seed(seed)
            for value in self.state_dict().values():
                if value.is_floating_point():
                    value.copy_(torch.rand(value.shape, generator=generator) - 0.3)
            self.norm.running_var.abs_().add_(0.1)

    def forward(self, x):
        x = self.act(self.norm(self.conv(self.pad(self.first(x)))))
        x = self.mean(self.largest(x))
        x = x + x * self.gate(self.excite(self.squeeze(x)))
        return self.classifier(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))


def loaded(network, monkeypatch, side=12):
    """A network of our own as the lab loads one; its layers are measured by the graph itself."""
    network = network.eval().requires_grad_(False)
    spec = load_model("cifar10_standard").spec
    recorder = layer_module._Recorder(*trace(network))
    recorder.run(torch.empty(1, 3, side, side))
    model = LoadedModel(spec, "random", torch.device("cpu"), network, tuple("abcde"))
    monkeypatch.setattr(LoadedModel, "nodes", lambda self: tuple(recorder.layers))
    return model


@settings(max_examples=25, deadline=None)
@given(how=SETTINGS)
def test_cells_of_any_convolution_and_of_all_else_are_torchs_forwards_and_backwards(how):
    with pytest.MonkeyPatch.context() as patch:
        model = loaded(Small(**how), patch)
        x = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(how["seed"]))
        draw = np.random.default_rng(how["seed"])
        for layer in model.nodes():
            place = [int(draw.integers(length)) for length in maps_shape(layer)]
            found = explain_cell(model, x, layer.name, *place)
            assert found.value == pytest.approx(found.said, rel=1e-5, abs=1e-5), layer
        check_backward(model, x, "conv", draw)
        check_backward(model, x, "excite", draw)
        check_backward(model, x, "classifier", draw)


def check_backward(model, x, node, draw):
    """The gradients of a layer's weights, of one cell's share in them, and of what comes in: autograd's own."""
    layer = next(one for one in model.nodes() if one.name == node)
    channel, row, col = (int(draw.integers(length)) for length in maps_shape(layer))
    found = explain_backward(model, x, node, channel, row, col, asked=2)
    cell = explain_cell(model, x, node, channel, row, col)
    network = copy.deepcopy(model.network)
    module = network.get_submodule(node)
    module.weight.requires_grad_()
    kept = {}
    module.register_forward_hook(lambda m, given, out: kept.update(x=given[0], y=out))
    pixels = model.normalise(x).requires_grad_()
    logit = network(pixels)[0, 2]
    dw, dx, dy = torch.autograd.grad(logit, [module.weight, kept["x"], kept["y"]])
    close = {"rtol": 1e-3, "atol": 1e-6}
    np.testing.assert_allclose(found.dw_all.reshape(dw[channel].shape), dw[channel], **close)
    at = dy[0, channel] if dy.ndim == 2 else dy[0, channel, row, col]
    assert found.upstream == pytest.approx(float(at), rel=1e-3, abs=1e-7)
    np.testing.assert_allclose(found.dw, found.upstream * cell.x, **close)
    np.testing.assert_allclose(found.dx, found.upstream * cell.w, **close)
    left, right, top, bottom = read_node(model, node).padding  # autograd's x is padded already
    coming = dx[0][:, None, None] if dx.ndim == 2 else dx[0]
    inner = coming[:, top : coming.shape[1] - bottom, left : coming.shape[2] - right]
    for plane, (_, source) in enumerate(cell.sources):
        for i, r in enumerate(cell.rows):
            for j, c in enumerate(cell.cols):
                known = float(inner[source, r, c]) if cell.inside[i, j] else 0.0
                assert found.dx_all[plane, i, j] == pytest.approx(known, rel=1e-3, abs=1e-7)


class Normed(nn.Module):
    """A layer norm over channels that come last."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(3)
        self.classifier = nn.Linear(3, 5)

    def forward(self, x):
        return self.classifier(self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2).mean((2, 3)))


class Usual(nn.Module):
    """What the zoo hasn't, but networks have: each of it is there once."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.group, self.instance = nn.GroupNorm(4, 8), nn.InstanceNorm2d(8, affine=True)
        self.grow, self.shuffle = nn.ConvTranspose2d(8, 8, 2, 2, groups=2), nn.PixelShuffle(2)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")
        self.whole = nn.LayerNorm((2, 24, 24))
        self.prelu, self.act, self.mish = nn.PReLU(2), nn.Hardtanh(), nn.Mish()
        self.classifier, self.shares = nn.Linear(10, 5), nn.Softmax(1)

    def forward(self, x):
        x = self.group(self.conv(x))
        left, right = self.instance(x).chunk(2, 1)
        x = left - right / (2 + right.mean((2, 3), keepdim=True).sigmoid())
        x = torch.cat([x, x * x], 1)
        x = self.shuffle(self.grow(self.mish(x)))[:, :, ::2, ::2]
        x = torch.cat([x, torch.roll(x, 1, 1)], 1)[:, 1:3]
        x = self.prelu(self.whole(self.act(x)))
        tokens = self.up(x).mean((2,)).transpose(1, 2) @ torch.ones(2, 10)
        return self.shares(self.classifier((tokens + torch.softmax(tokens, 1)).max(1)[0]))


def test_usual_layers_that_the_zoo_has_not_are_taken_apart_or_say_why_not(monkeypatch):
    torch.manual_seed(0)
    model = loaded(Usual(), monkeypatch)
    x = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    draw = np.random.default_rng(0)
    places = [(one.name, *(int(draw.integers(length)) for length in maps_shape(one))) for one in model.nodes()]
    whole = {}
    for cell, layer in zip(explain_cells(model, x, places), model.nodes(), strict=True):
        assert cell.value == pytest.approx(cell.said, rel=1e-5, abs=1e-5), cell.node
        if not cell.sources:
            whole[layer.kind] = cell.note
            continue
        back = explain_backward(model, x, *places[[one.name for one in model.nodes()].index(layer.name)], asked=1)
        assert back.dx.shape == back.dx_all.shape == cell.x.shape
        if layer.kind in ("GroupNorm", "InstanceNorm2d", "LayerNorm"):
            assert f"deviation {1 / float(cell.w.item()):.3g}"[:13] in cell.note
    assert set(whole) == {"mul", "softmax"}, whole  # of a map with itself, and over rows
    assert all("isn't taken apart" in note for note in whole.values())


def test_a_layer_norms_mean_and_variance_take_part_in_its_gradient(monkeypatch):
    model = loaded(Normed(), monkeypatch)
    x = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    with torch.enable_grad():
        maps = model.normalise(x)[0, :, 4, 5].clone().requires_grad_()
        (known,) = torch.autograd.grad(model.network.norm(maps)[1], maps)
    back, cell = (explain(model, x, "norm", 1, 4, 5) for explain in (explain_backward, explain_cell))
    assert float(cell.w.item()) * cell.slope == pytest.approx(float(known[1]), rel=1e-4)
    assert back.dx.item() == pytest.approx(back.upstream * float(known[1]), rel=1e-4)


def test_the_nine_products_of_a_real_networks_number(cat):
    model, x = cat
    found = explain_cell(model, x, "_blocks.0._depthwise_conv.conv2d", 0, 44, 66)
    assert (found.rows, found.cols, found.products.shape) == ((43, 44, 45), (65, 66, 67), (1, 3, 3))
    assert found.sources == (("_swish", 0),)
    assert found.total == pytest.approx(found.said, abs=1e-5)
    corner = explain_cell(model, x, "_blocks.0._depthwise_conv.conv2d", 0, 0, 0)
    assert corner.inside.tolist() == [[False] * 3, [False, True, True], [False, True, True]]


def test_a_batch_norm_is_a_scale_and_a_shift(cat):
    model, x = cat
    found = explain_cell(model, x, "_bn0", 5, 3, 4)
    norm = model.network._bn0
    scale = norm.weight[5] / torch.sqrt(norm.running_var[5] + norm.eps)
    assert float(found.w.item()) == pytest.approx(float(scale))
    assert found.bias == pytest.approx(float(norm.bias[5] - norm.running_mean[5] * scale), abs=1e-5)


def test_softmax_is_taken_apart_too(cat):
    model, x = cat
    found = explain_cell(model, x, SOFTMAX, 282)
    assert found.value == pytest.approx(found.said, abs=1e-6)
    assert len(found.x) == 1000


@pytest.mark.parametrize("backward", [False, True])
def test_every_map_of_the_zoo_opens_and_its_parts_add_up(zoo, backward):
    x, seen = noise(zoo), set()
    for layer in zoo.nodes():
        if layer.kind in seen:
            continue
        seen.add(layer.kind)
        view = explain_map(zoo, x, layer.name, 0, backward=backward, asked=1)
        (said,) = values_of(zoo, x, [view.mixing])
        if view.bias is not None or any(part.kernel is not None for part in view.parts):
            added = sum(part.added for part in view.parts) + view.others_added + (view.bias or 0)
            maps = cells.as_maps(said)[0].double()
            assert added == pytest.approx(float(maps.mean()), rel=1e-3, abs=1e-4), layer
        assert all((step.slope is not None) == backward for step in view.steps)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (("nowhere", 0), "no layer called"),
        (("_bn0", 32), "channels 0 to 31"),
        (("_bn0", 0, 112), "rows 0 to 111"),
        (("_bn0", 0, 0, -1), "columns 0 to 111"),
        ((SOFTMAX, 1000), "classes 0 to 999"),
    ],
)
def test_cells_that_there_are_not(cat, place, words):
    model, x = cat
    with pytest.raises(InputError, match=words):
        explain_cell(model, x, *place)
