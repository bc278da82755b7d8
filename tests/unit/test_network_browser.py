"""The forward and the backward pass in the browser's JavaScript, layer by layer against torch."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from node import Node
from torch import nn

from cnnlab_core.data import open_data
from cnnlab_core.errors import InputError
from cnnlab_core.models import find_spec, load_model
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.stack import Grey, build_layers, read_stack
from cnnlab_core.network.browser import browser_network
from cnnlab_core.training.nets import Deeper

GLASS = ("glass_digits", "glass_cifar10")
ANSWER = """
let network;
function answer({ description, pixels, seed, from, scales, learn }) {
  if (description) network = new BrowserNetwork(description);
  const run = network.forward(pixels, scales);
  const shapes = network.layers.map(({ after }) => after);
  if (seed === undefined) return { maps: run.maps, shapes };
  const gradients = network.backward(run, seed, from);
  return { maps: run.maps, shapes, gradients, learned: (learn ?? []).map((at) => network.learn(run, gradients, at)) };
}
"""


@pytest.fixture(scope="module")
def node():
    with Node(("network", "forward.js"), answer=ANSWER) as process:
        yield process


def reference(model, pixels, *, fold=False, scales=None):
    """Every map as the browser should have it, for pixels (C, H, W), which are asked for gradients."""
    steps, x = model.spec.preprocessing, torch.as_tensor(pixels).requires_grad_()
    wide = x.expand(3, -1, -1)[None]
    y = (wide - torch.tensor(steps.mean).view(3, 1, 1)) / torch.tensor(steps.std).view(3, 1, 1)
    maps, last = [], len(model.network) - 1
    for place, (name, module) in enumerate([("normalise", nn.Identity()), *model.network.named_children()]):
        y = module(y)
        after = model.network[place] if place <= last else None
        hidden = (place == 0 and isinstance(after, Grey)) or (
            fold and isinstance(module, nn.Conv2d) and isinstance(after, nn.BatchNorm2d)
        )
        name = "normalise" if isinstance(module, Grey) else name
        if scales and name in scales:
            y = y * torch.tensor(scales[name]).view(1, -1, *[1] * (y.ndim - 2))
        if not hidden and not isinstance(module, nn.Dropout):
            y.retain_grad()
            maps.append(y)
    y = y.softmax(1)
    y.retain_grad()
    return x, [*maps, y]


def alike(found, wanted, tolerance=1e-4):
    wanted = wanted.detach().numpy().ravel()
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= tolerance * max(1, np.abs(wanted).max())


@pytest.mark.parametrize("fold", [False, True], ids=["batch norm", "folded"])
@pytest.mark.parametrize("name", GLASS)
def test_a_network_of_glass_computes_what_torch_computes(node, name, fold, note):
    """Every map of a hundred test pictures, and the gradients of a logit back to the pixels."""
    model = load_model(name)
    data = open_data("digits" if name == "glass_digits" else "shapes").read_test()
    description = json.loads(json.dumps(browser_network(model, fold=fold)))
    channels = description["shape"][0]
    network = {"description": description}
    for index in range(0, 400, 4):
        pixels = data.images[index % len(data)].permute(2, 0, 1)[:channels].float().div(255).numpy()
        x, wanted = reference(model, pixels, fold=fold)
        target = int(data.labels[index % len(data)])
        wanted[-2][0, target].backward()
        found = node.ask({**network, "pixels": pixels, "seed": target})
        network = {}
        assert len(found["maps"]) == len(wanted)
        for shape, ours, theirs in zip(found["shapes"], found["maps"], wanted, strict=True):
            assert [length for length in shape if length > 1] == [length for length in theirs.shape[1:] if length > 1]
            alike(ours, theirs)
        alike(found["gradients"]["pixels"], x.grad)
        for ours, theirs in zip(found["gradients"]["maps"][:-1], wanted[:-1], strict=True):
            alike(ours, theirs.grad)
    note(f"{name}{', folded' if fold else ''}: description of {len(json.dumps(description)):,} bytes")


def test_the_network_for_digits_is_as_good_as_its_card_says():
    model, test = load_model("glass_digits"), open_data("digits").read_test()
    with torch.no_grad():
        guesses = model(test.images.permute(0, 3, 1, 2).float() / 255).argmax(1)
    assert 100 * (guesses == test.labels).double().mean() == pytest.approx(model.spec.top1, abs=0.06)
    assert model.spec.top1 >= 98
    assert find_spec("glass_cifar10").top1 >= 70


def test_channels_are_switched_off_and_scaled(node):
    model = load_model("glass_digits")
    pixels = open_data("digits").read_test().images[5].permute(2, 0, 1)[:1].float().div(255).numpy()
    scales = {"relu1": [1, 0, -0.5, 2, 1, 1, 1, 1], "conv3": [*[1] * 15, 0]}
    x, wanted = reference(model, pixels, scales=scales)
    wanted[-2][0, 3].backward()
    found = node.ask({"description": browser_network(model), "pixels": pixels, "seed": 3, "scales": scales})
    for ours, theirs in zip(found["maps"], wanted, strict=True):
        alike(ours, theirs)
    alike(found["gradients"]["pixels"], x.grad)


# --- other networks ---------------------------------------------------------------------------------------------------


def loaded(network):
    """A network of one's own as the lab's models are."""
    return LoadedModel(
        find_spec("glass_digits"), "random", torch.device("cpu"), network.eval().requires_grad_(False), ()
    )


@st.composite
def stacks(draw):
    """A small network with its pictures' side, weights and statistics drawn from a seed."""
    side = draw(st.integers(5, 9))
    layers, channels, length, shape = [], 3, side, (1, 3, side, side)
    for kind in draw(st.lists(st.sampled_from(["conv", "norm", "relu", "max", "avg", "dropout"]), max_size=6)):
        span = draw(st.integers(1, min(3, length)))
        stride, padding = draw(st.integers(1, 2)), draw(st.integers(0, span // 2))
        if kind == "conv":
            groups = draw(st.sampled_from([g for g in (1, 2, 3, 4) if channels % g == 0]))
            filters = groups * draw(st.integers(1, 3))
            dilation = draw(st.integers(1, 2)) if length + 2 * padding > 2 * (span - 1) else 1
            window = (stride, padding, dilation, groups, draw(st.booleans()))
            layers.append(nn.Conv2d(channels, filters, (span, draw(st.integers(1, span))), *window))
            channels = filters
        elif kind in ("max", "avg"):
            layers.append((nn.MaxPool2d if kind == "max" else nn.AvgPool2d)(span, stride, padding))
        else:
            layers.append({"norm": nn.BatchNorm2d(channels), "relu": nn.ReLU(), "dropout": nn.Dropout()}[kind])
        with torch.no_grad():
            shape = nn.Sequential(*layers).eval()(torch.zeros(1, 3, side, side)).shape
        length = min(shape[2:])
    if draw(st.booleans()):
        layers.append(nn.AdaptiveAvgPool2d(1))
        shape = (1, channels, 1, 1)
    layers += [nn.Flatten(), nn.Linear(int(np.prod(shape[1:])), 4, draw(st.booleans()))]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    network = nn.Sequential(*layers).eval()
    with torch.no_grad():
        for tensor in [*network.parameters(), *network.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.4)
        for module in network:
            if isinstance(module, nn.BatchNorm2d):
                module.running_var.add_(1)
    return network, torch.rand(3, side, side, generator=generator)


@settings(max_examples=60, deadline=None)
@given(stacks(), st.booleans())
def test_small_networks_of_every_layer_agree_both_ways(node, made, fold):
    """Maps, gradients of a logit to the pixels and of every weight: against torch and its autograd."""
    network, pixels = made
    model = loaded(network)
    description = browser_network(model, fold=fold)
    description["shape"] = list(pixels.shape)
    learning = [] if fold else [at for at, layer in enumerate(description["layers"]) if "weights" in layer]
    network.requires_grad_(True)
    x, wanted = reference(model, pixels, fold=fold)
    wanted[-2][0, 2].backward()
    asked = {"description": description, "pixels": pixels.detach().numpy(), "seed": 2, "learn": learning}
    found = node.ask(asked)
    for ours, theirs in zip(found["maps"], wanted, strict=True):
        alike(ours, theirs, 3e-5)
    alike(found["gradients"]["pixels"], x.grad, 3e-5)
    weighty = [module for module in network if isinstance(module, nn.Conv2d | nn.Linear)]
    for ours, module in zip(found["learned"], weighty if learning else [], strict=True):
        alike(ours["weights"], module.weight.grad, 3e-5)
        if module.bias is not None:
            alike(ours["bias"], module.bias.grad, 3e-5)


def test_the_gradient_of_any_map_can_be_asked_for(node):
    model = load_model("glass_digits")
    pixels = np.linspace(0, 1, 784, dtype=np.float32).reshape(1, 28, 28)
    description = browser_network(model)
    names = [layer["name"] for layer in description["layers"]]
    for name in ("conv2", "softmax"):
        x, maps = reference(model, pixels)
        seed = torch.linspace(-1, 1, maps[names.index(name)].numel())
        (maps[names.index(name)].flatten() * seed).sum().backward()
        found = node.ask(
            {"description": description, "pixels": pixels, "seed": seed.numpy(), "from": names.index(name)}
        )
        alike(found["gradients"]["pixels"], x.grad)


def test_a_grey_network_takes_one_channel_and_a_colour_network_three():
    digits = browser_network(load_model("glass_digits"))
    assert digits["shape"] == [1, 28, 28]
    assert [layer["kind"] for layer in digits["layers"][:2]] == ["normalise", "convolution"]
    assert digits["layers"][1]["channels"] == 1
    assert browser_network(load_model("glass_cifar10"))["shape"] == [3, 32, 32]


@pytest.mark.parametrize(
    ("network", "problem"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU()), "its layer “1” is a GELU"),
        (nn.Sequential(nn.Conv2d(3, 4, 3, padding_mode="reflect")), "its layer “0” is a Conv2d, in a form"),
        (nn.Sequential(nn.MaxPool2d(2, ceil_mode=True)), "is a MaxPool2d"),
        (nn.Sequential(nn.AdaptiveAvgPool2d(6)), "is an AdaptiveAvgPool2d"),
        (build_layers(read_stack("c4k3,tanh")), "its layer “tanh1” is a Tanh"),
        (nn.Linear(300_000, 2), "has 600,002 weights"),
    ],
)
def test_what_the_browser_does_not_know_is_a_sentence(network, problem):
    with pytest.raises(InputError, match=problem):
        browser_network(loaded(network))


def test_a_network_that_branches_is_a_sentence():
    with pytest.raises(InputError, match="its layer “Digits, made of glass” is a Deeper"):
        browser_network(loaded(Deeper(4, (4, 4, 4, 4))))
