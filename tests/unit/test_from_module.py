"""Modules from a notebook, of many kinds, in every public function that takes a network."""

import warnings
from importlib import import_module

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from cnnlab_core import attacks, dream, evaluation, interpretability
from cnnlab_core.attacks.step_map import step_map
from cnnlab_core.attacks.sweep import sweep
from cnnlab_core.data.marked_shapes import planted
from cnnlab_core.dream.several_layers import dream_layers
from cnnlab_core.errors import InputError, LabError, LabWarning
from cnnlab_core.interpretability import Request
from cnnlab_core.interpretability.first_layer_filters import first_layer_filters
from cnnlab_core.interpretability.top_patches import top_patches
from cnnlab_core.models import LoadedModel, load_model
from cnnlab_core.network.cell import explain_backward, explain_cell
from cnnlab_core.network.contributions import feeds, votes
from cnnlab_core.network.covered import Patch, logits_without
from cnnlab_core.network.difference import differences, stage_differences
from cnnlab_core.network.intervene import logits_with
from cnnlab_core.network.layer import explain_map
from cnnlab_core.network.live import look
from cnnlab_core.network.stages import stages_of
from cnnlab_core.network.strongest import overview
from cnnlab_core.receptive_field import receptive_fields
from cnnlab_core.receptive_field.effective import effective_field, noise_pictures
from cnnlab_core.transfer import features

SIDE = 32


def head(channels, classes=3):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class Foreign(nn.Module):
    """A stem of four maps, what a kind does with them, and a head."""

    def __init__(self, **parts):
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 4, 3, stride=4, padding=1), head(4)
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.head(self.inner(F.relu(self.stem(x))))


class Functional(Foreign):
    def inner(self, x):
        return F.max_pool2d(F.leaky_relu(F.avg_pool2d(x, 2), 0.1), 2)


class Branching(Foreign):
    def inner(self, x):
        return x if x.sum() > -1e9 else -x


class Attention(Foreign):
    def inner(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).chunk(3, dim=-1)
        mixed = (q @ k.transpose(1, 2) / 2).softmax(-1) @ v
        return x + mixed.transpose(1, 2).reshape(x.shape)


class Normed(Foreign):
    """Channels last, as ConvNeXt has them."""

    def inner(self, x):
        return F.gelu(self.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class InPlace(Foreign):
    def inner(self, x):
        out = self.conv(self.act(x))
        out += x
        return F.relu(out, inplace=True)


class Twice(Foreign):
    def inner(self, x):
        return self.conv(F.relu(self.conv(x)))


class Buffered(Foreign):
    def __init__(self):
        super().__init__()
        self.register_buffer("scale", torch.tensor([1.0, 2.0, 0.5, 1.5]).view(1, 4, 1, 1), persistent=False)
        self.turned = False

    def inner(self, x):
        return x * self.scale


class Gated(Foreign):
    def inner(self, x):
        return x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))


class Standardised(nn.Conv2d):
    """Its filters are computed anew in each pass (Qiao et al. 2019, arXiv:1903.10520), as timm's are."""

    def forward(self, x):
        mean = self.weight.mean((1, 2, 3), keepdim=True)
        weight = (self.weight - mean) / (self.weight.std((1, 2, 3), keepdim=True) + 1e-5)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Inside(Foreign):
    def inner(self, x):
        return self.part(x)


class DeadEnd(Foreign):
    def inner(self, x):
        self.aside(x)
        return x


def hooked():
    module = Inside(part=nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)))
    module.part[0].register_forward_hook(lambda layer, given, out: out * 3)
    module.register_forward_hook(lambda layer, given, out: out.abs() + 1)
    return module


def lazy():
    module = nn.Sequential(
        nn.LazyConv2d(4, 3, stride=4), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3)
    )
    module(torch.rand(2, 3, SIDE, SIDE))
    return module


MODULES = {
    "functional": Functional,
    "nested": lambda: nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Sequential(nn.ReLU())), head(4)),
    "control flow": Branching,
    "attention": lambda: Attention(qkv=nn.Linear(4, 12)),
    "group norm, SiLU": lambda: Inside(part=nn.Sequential(nn.GroupNorm(2, 4), nn.SiLU(), nn.Conv2d(4, 4, 3))),
    "layer norm, GELU": lambda: Normed(norm=nn.LayerNorm(4)),
    "one channel": lambda: nn.Sequential(nn.Conv2d(1, 4, 5, 2), nn.ReLU(), head(4)),
    "two classes": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Tanh(), head(4, 2)),
    "1000 classes": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), head(4, 1000)),
    "in place": lambda: InPlace(act=nn.ReLU(inplace=True), conv=nn.Conv2d(4, 4, 3, padding=1)),
    "shared weights": lambda: Twice(conv=nn.Conv2d(4, 4, 3, padding=1)),
    "buffers": Buffered,
    "in train mode": lambda: Inside(part=nn.Sequential(nn.Dropout(0.5), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))).train(),
    "float64": lambda: Functional().double(),
    "half": lambda: Functional().half(),
    "frozen": lambda: Functional().requires_grad_(False),
    "lazily built": lazy,
    "hooks": hooked,
    "computed filters": lambda: Inside(part=nn.Sequential(Standardised(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU())),
    "parametrised": lambda: Inside(part=parametrizations.weight_norm(nn.Conv2d(4, 4, 3))),
    "a dead end": lambda: DeadEnd(aside=nn.Conv2d(4, 2, 1)),
    "gate": lambda: Gated(gate=nn.Conv2d(4, 4, 1)),
    "grouped, dilated": lambda: Inside(part=nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4)),
    "ends in a convolution": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3, 2), nn.ELU(), nn.Conv2d(4, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ),
}  # fmt: skip

BALL = {"eps": 0.1, "steps": 2}
AIMED = {"target": 1, "steps": 2}
FEW = {"octaves": 1, "steps": 1}


def node_of(model):
    return [layer.name for layer in model.nodes() if layer.has_maps][-1]


def columns_of(model, x):
    return overview(model, x, stages_of(model)).columns


def field(model):
    return receptive_fields(model)[node_of(model)]


def labels(model, x):
    """What the network names, of the last picture another class: all but one are right."""
    with torch.no_grad():
        said = model(x).argmax(1)
    said[-1] = (said[-1] + 1) % len(model.categories)
    return said


ANSWERED = {
    "naming": lambda model, x: model.top_k(x[:1], 2)[0].probability,
    "attacks.fgsm": lambda model, x: attacks.fgsm(model, x, eps=0.1).x_adv,
    "attacks.pgd": lambda model, x: attacks.pgd(model, x, **BALL, random_start=True, generator=1).x_adv,
    "attacks.apgd": lambda model, x: attacks.apgd(model, x, **BALL).x_adv,
    "attacks.square": lambda model, x: attacks.square(model, x, **BALL).x_adv,
    "attacks.deepfool": lambda model, x: attacks.deepfool(model, x, steps=2).x_adv,
    "attacks.carlini_wagner": lambda model, x: attacks.carlini_wagner(model, x, searches=1, steps=2).x_adv,
    "attacks.l1_adam": lambda model, x: attacks.l1_adam(model, x, steps=2).x_adv,
    "attacks.probability_ascent": lambda model, x: attacks.probability_ascent(
        model, x, eps=0.1, step_size=1.0, **AIMED).x_adv,
    "attacks.normalised_probability_ascent": lambda model, x: attacks.normalised_probability_ascent(
        model, x, eps=0.1, **AIMED).x_adv,
    "attacks.log_probability_ascent": lambda model, x: attacks.log_probability_ascent(model, x, **AIMED).x_adv,
    "attacks.minimal_epsilon": lambda model, x: attacks.minimal_epsilon(model, x, highest=0.02, iterations=9).x_adv,
    "attacks.smallest_rounded_epsilon": lambda model, x: attacks.smallest_rounded_epsilon(
        model, x[:1], labels(model, x[:1]))[0],
    "attacks.universal": lambda model, x: attacks.universal(model, x, eps=0.1, epochs=1).delta,
    "attacks.Expectation": lambda model, x: attacks.Expectation(model, ["mirror"], 1, draws=2)(x),
    "attacks.sweep": lambda model, x: sweep(model, x, eps=[0.0, 0.1]).logits,
    "attacks.step_map": lambda model, x: step_map(model, x, step_sizes=[0.1], steps=[1])[0].loss,
    "evaluation.ask": lambda model, x: evaluation.ask(model, x, labels(model, x)),
    "evaluation.evaluate": lambda model, x: evaluation.evaluate(
        model, [(x, labels(model, x))], ["fgsm"], eps=[0.1]).clean.value,
    "evaluation.corruptions": lambda model, x: evaluation.corruptions(
        model, x, labels(model, x), transforms=["mirror"])[0].right.value,
    "evaluation.masked_gradients": lambda model, x: len(evaluation.masked_gradients(model, x, labels(model, x))),
    "evaluation.robustness": lambda model, x: evaluation.robustness(model, x, labels(model, x)).worst.value,
    "evaluation.expected_seconds": lambda model, x: evaluation.expected_seconds(model, x, labels(model, x)),
    "interpretability.saliency": lambda model, x: interpretability.saliency(model, x[:1], 1),
    "interpretability.smooth_grad": lambda model, x: interpretability.smooth_grad(model, x[:1], 1, draws=2),
    "interpretability.integrated_gradients": lambda model, x: interpretability.integrated_gradients(
        model, x[:1], 1, steps=2).attribution,
    "interpretability.occlusion": lambda model, x: interpretability.occlusion(model, x[:1], 1, window=16),
    "interpretability.rise": lambda model, x: interpretability.rise(model, x[:1], 1, masks=2),
    "interpretability.attribute": lambda model, x: interpretability.attribute(
        model, x[:1], Request("Saliency", 1)).values,
    "interpretability.attribute_all": lambda model, x: interpretability.attribute_all(
        model, x[:1], [Request("RISE", 1, masks=2)])["RISE"].values,
    "interpretability.deletion": lambda model, x: interpretability.deletion(
        model, x[:1], 1, {"map": np.eye(x.shape[-1])}, steps=2).deletion["map"],
    "network.covered": lambda model, x: logits_without(model, x[:1], Patch(0, 0, 0.5), model.spec.preprocessing),
    "random weights": lambda model, x: load_model(model.spec.name, "random")(x),
    "field.noise": lambda model, x: noise_pictures(model, 1, torch.Generator())[0],
}  # fmt: skip
"""What needs nothing but answers and gradients."""

WITH_A_GRAPH = {
    "layers": lambda model, x: sum(layer.parameters for layer in model.nodes()),
    "interpretability.capture": lambda model, x: interpretability.capture(model, x, [node_of(model)])[node_of(model)],
    "interpretability.grad_cam": lambda model, x: interpretability.grad_cam(model, x[:1], 1, node_of(model)),
    "interpretability.grad_cam_plus_plus": lambda model, x: interpretability.grad_cam_plus_plus(
        model, x[:1], 1, node_of(model)),
    "interpretability.usual": lambda model, x: interpretability.usual(model.spec, "Grad-CAM", 1).window,
    "interpretability.inversion": lambda model, x: interpretability.inversion(
        model, x[:1], node_of(model), steps=1).image,
    "interpretability.distance_at": lambda model, x: interpretability.distance_at(
        model, x[:1], x[1:2], node_of(model)),
    "interpretability.randomisation": lambda model, x: interpretability.randomisation(
        model, x[:1], [Request("Saliency", 1)], stages=1).maps[-1]["Saliency"].values,
    "interpretability.shortcut": lambda model, x: interpretability.shortcut(model, planted(1), ["Saliency"]).shares,
    "interpretability.top_patches": lambda model, x: len(top_patches(model, field(model), 0, [])),
    "first filters": lambda model, x: first_layer_filters(model).weights,
    "receptive_field.receptive_fields": lambda model, x: len(field(model).kind),
    "receptive_field.effective": lambda model, x: effective_field(model, node_of(model), 0, 0, [x[:1]]),
    "dream.dream": lambda model, x: dream.dream(model, x[:1], dream.class_logit(1), **FEW).image,
    "dream.visualise": lambda model, x: dream.visualise(model, dream.layer(node_of(model)), size=SIDE, steps=1).image,
    "dream.zoom": lambda model, x: dream.zoom(model, x[:1], dream.channel(node_of(model), 0), frames=1, **FEW),
    "dream.several": lambda model, x: dream_layers(model, [node_of(model)], size=SIDE, **FEW)[0].image,
    "dream.blocks": lambda model, x: len(dream.blocks(model.spec)),
    "dream.stages": lambda model, x: len(dream.stages(model.spec)),
    "network.overview": lambda model, x: columns_of(model, x[:1])[0].scores,
    "network.feeds": lambda model, x: next(feeds(model, x[:1], columns_of(model, x[:1]), [0, 1])).whole,
    "network.votes": lambda model, x: len(votes(model, x[:1], [0, 1])),
    "network.cell": lambda model, x: explain_cell(model, x[:1], node_of(model), 0).value,
    "network.backward": lambda model, x: explain_backward(model, x[:1], node_of(model), 0).upstream,
    "network.map": lambda model, x: explain_map(model, x[:1], node_of(model), 0, backward=True).others_added,
    "network.differences": lambda model, x: differences(model, x[:1], x[1:2])[0][1],
    "network.stages": lambda model, x: stage_differences(model, x[:1], x[1:2], stages_of(model))[0].ratio,
    "network.changed": lambda model, x: logits_with(model, x, {(node_of(model), 0): 0.0}),
    "network.look": lambda model, x: look(model, x[:1], columns_of(model, x[:1])).logits,
    "transfer.features": lambda model, x: features(model, x),
}  # fmt: skip

NO_GRAPH = dict.fromkeys(WITH_A_GRAPH, "torch.fx can't trace.*depends on values.*need its graph")
"""Instead of an answer."""


def seeded(module):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.randn(value.shape, generator=generator) * (0.5 if value.ndim < 2 else 0.3))
                if "var" in name:
                    value.abs_().add_(0.5)
    return module


@pytest.fixture
def short(monkeypatch):
    """One or two steps of the attacks whose number isn't asked for."""
    steps = dict.fromkeys(("PGD-20", "APGD-CE", "APGD-T", "Square"), 1)
    robust, masked = (import_module(f"cnnlab_core.evaluation.{name}") for name in ("robustness", "masked_gradients"))
    monkeypatch.setattr(robust, "STEPS", steps)
    monkeypatch.setattr(masked, "_STEPS", (1, 2))
    monkeypatch.setattr(masked, "_QUERIES", 2)


@pytest.mark.parametrize(
    ("kind", "every"), [case for kind in MODULES for case in ((kind, 6), pytest.param(kind, 1, marks=pytest.mark.wide))]
)
def test_every_public_function_takes_it(kind, every, short):
    """By default each kind in every sixth function, so that each function gets four kinds."""
    torch.manual_seed(0)
    module = seeded(MODULES[kind]())
    channels = 1 if kind == "one channel" else 3
    model = LoadedModel.from_module(module, side=SIDE, channels=channels, title=kind)
    x = torch.rand(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    expected = NO_GRAPH if kind == "control flow" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LabWarning)
        functions = list({**ANSWERED, **WITH_A_GRAPH}.items())
        for name, function in functions[list(MODULES).index(kind) % every :: every]:
            if says := expected.get(name):
                with pytest.raises(LabError, match=says):
                    function(model, x)
            else:
                found = function(model, x)
                assert np.isfinite(found.detach().numpy() if isinstance(found, torch.Tensor) else found).all(), name
    given = x if channels == 3 else x.mean(1, keepdim=True)
    with torch.no_grad():
        answer = module.float().eval()(given)
        assert torch.allclose(model(x), answer, atol=1e-4)
        if kind != "control flow":
            assert torch.allclose(model.published(x), answer, atol=1e-4)
            assert torch.allclose(interpretability.capture(model, x, [model.nodes()[-1].name]).popitem()[1], answer,
                                  atol=1e-4)  # fmt: skip


def test_the_tables_know_all_that_is_offered():
    offered = {
        f"{package.__name__.rpartition('.')[2]}.{name}"
        for package in (attacks, dream, evaluation, interpretability)
        for name in package.__all__
        if "_steps" not in name and "model" in getattr(getattr(package, name), "__annotations__", {})
    }
    assert len(offered) > 35
    assert offered - {"evaluation.draw_pictures"} <= {*ANSWERED, *WITH_A_GRAPH}  # that one asks for data by name
    assert len(MODULES) >= 20


class Says(nn.Module):
    """Answers with something else than logits."""

    def forward(self, x):
        return {"logits": x.mean((2, 3))}


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (Says(), "answers with dict. Wrap it"),
        (nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 48, 3)), "doesn't take two pictures of 3 × 32 × 32"),
        (nn.Sequential(nn.LazyConv2d(4, 3), head(4)), "Give it a picture once"),
        (nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False), head(3)), "depend on chance or on the batch"),
    ],
)
def test_what_is_no_classifier_of_squares_gets_a_sentence(module, says):
    with pytest.raises(InputError, match=says):
        LoadedModel.from_module(module, side=SIDE)


class Pair(nn.Module):
    """Gives two values, and computes a third that nobody reads."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)

    def forward(self, x):
        self.one(x).abs()
        return self.one(x), self.two(x)


class Joined(Foreign):
    def inner(self, x):
        one, two = self.pair(self.part(x))
        return one + two


def test_a_module_s_name_stands_for_the_node_whose_values_it_gives():
    module = seeded(Joined(part=nn.Sequential(nn.Conv2d(4, 4, 3), nn.Sequential(nn.ReLU())), pair=Pair()))
    model = LoadedModel.from_module(module, side=SIDE)
    x = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = interpretability.capture(model, x, ["part", "stem"])
        assert torch.allclose(found["part"], module.part(F.relu(module.stem(x))), atol=1e-5)
    assert list(found) == ["part", "stem"]
    by_module, by_node = (interpretability.grad_cam(model, x, 1, name) for name in ("part", "part.1.0"))
    assert torch.equal(by_module, by_node)
    assert dream.dream(model, x[:1], dream.channel("part", 1), **FEW).after
    for name, says in (("pair", "the values of 2 nodes.*Choose one"), ("parts", "Did you mean")):
        with pytest.raises(InputError, match=says):
            interpretability.capture(model, x, [name])


def test_other_code_on_the_same_weights_is_another_network():
    """In a notebook a class is changed and its cell run again: its weights and its name stay."""

    def defined(sign):
        class Net(Foreign):
            def inner(self, x):
                return sign * x

        return seeded(Net())

    x = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    before, after = (LoadedModel.from_module(defined(sign), side=SIDE) for sign in (1, -1))
    assert before.spec.name != after.spec.name
    assert torch.allclose(after(x), defined(-1)(x), atol=1e-5)
    assert not torch.allclose(after(x), before(x), atol=1e-3)


class Overwritten(Foreign):
    """Reads what a ReLU has written over."""

    def inner(self, x):
        x = self.part(x)
        return self.relu(x) - 2 * x


class OverwrittenByCode(Foreign):
    def inner(self, x):
        x = self.part(x)
        return x.relu_() - 2 * x


@pytest.mark.parametrize("kind", [Overwritten, OverwrittenByCode])
def test_values_that_are_written_over_are_told(kind):
    with pytest.raises(InputError, match="written over"):
        LoadedModel.from_module(seeded(kind(part=nn.Conv2d(4, 4, 1), relu=nn.ReLU(inplace=True))), side=SIDE)
