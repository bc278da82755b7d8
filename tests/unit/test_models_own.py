"""Networks of one's own: files are read as data, weights find their network, and every study takes what comes."""

import argparse
import gc
import io
import json
import pickle
import random
import re
import struct
import zipfile
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from hostile import bit_flipped
from onnx_files import inside, node, number, onnx
from own_files import another_projects_resnet, huge_file, places_of_cifar_resnet, seeded, torch_saved
from PIL import Image
from places import ROOT
from safetensors.torch import save as safetensors
from torch import nn
from torch.nn import functional as F
from torchvision.models import VisionTransformer
from torchvision.models.convnext import CNBlockConfig, ConvNeXt

from cnnlab_core.attacks import pgd
from cnnlab_core.dream import class_logit, dream_steps
from cnnlab_core.errors import DeviceError, InputError, LabError, WeightsError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability import capture, saliency
from cnnlab_core.interpretability.first_layer_filters import first_layer_filters
from cnnlab_core.models import LoadedModel, find_spec, layer_table, load_model
from cnnlab_core.models.own import Pixels, alternatives, own_from_file
from cnnlab_core.models.own import architectures as shapes
from cnnlab_core.models.own.pickled import BYTES
from cnnlab_core.models.own.stored import Contents, Place, contents, read_contents
from cnnlab_core.models.own.table import bytes_in_memory, find_own
from cnnlab_core.models.own.trying import try_out
from cnnlab_core.models.own.understood import choose_weights, class_names, classes_in, read_tensors
from cnnlab_core.network.stages import stages_of
from cnnlab_core.receptive_field import receptive_fields

TORCHVISIONS = shapes.architectures()[: shapes.architectures().index("cifar_resnet")]
CAT = open_image(sample_images()["chelsea"].path)


def read(content):
    """All tensors in a file by their path, as the lab reads it."""
    found = read_contents(contents(content))
    return read_tensors(content, {".".join(path): place for path, place in found.tensors}), found


# --- files --------------------------------------------------------------------------------------------------------


BASE = torch.arange(24.0).reshape(4, 6)
MIXED = {
    "whole": BASE,
    "turned": BASE.T,
    "part": BASE[1:, ::2],
    "half": BASE.half(),
    "brain": BASE.bfloat16(),
    "double": BASE.double(),
    "bool": BASE > 3,
    "count": torch.tensor(7),
    "bytes": torch.arange(5, dtype=torch.uint8),
    "none": torch.empty(0, 3),
    "own": nn.Parameter(BASE[0]),
}


@pytest.mark.parametrize(
    "options",
    [{}, {"_use_new_zipfile_serialization": False}, {"pickle_protocol": 4}],
    ids=["zip", "before zips", "protocol 4"],
)
def test_what_torch_saved_is_read_without_running_it(options):
    saved = torch_saved({"state_dict": OrderedDict(MIXED), "epoch": 3, "args": argparse.Namespace(arch="x")}, **options)
    found, about = read(saved)
    assert found.keys() == {f"state_dict.{name}" for name in MIXED}
    for name, value in MIXED.items():
        expected = value.detach().float() if value.is_floating_point() else value
        assert torch.equal(found[f"state_dict.{name}"], expected), name
        assert found[f"state_dict.{name}"].is_contiguous()
    assert about.words["epoch"] == 3


def test_safetensors_are_read_to_the_last_bit():
    plain = {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in MIXED.items()}
    found, about = read(safetensors(plain, {"classes": '["a", "b"]'}))
    for name, value in plain.items():
        assert torch.equal(found[name], value.float() if value.is_floating_point() else value), name
    assert about.words == {"classes": '["a", "b"]'}


class _Runs:
    def __reduce__(self):
        return print, ("this ran",)


def _header(table, data=b"12345678"):
    content = json.dumps(table).encode()
    return struct.pack("<Q", len(content)) + content + data


def _entry(begin, end, shape, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def _zip(entries, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        for name, content in entries.items():
            made.writestr(name, content)
    return file.getvalue()


def _claiming(shape, stride, count=2):
    """A torch zip of two numbers whose table says other sizes."""
    arguments = (("storage", torch.FloatStorage, "0", "cpu", count), 0, shape, stride, False, OrderedDict())

    class Tensor:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, arguments

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return value if isinstance(value, tuple) and value[:1] == ("storage",) else None

    file = io.BytesIO()
    Pickler(file, 2).dump({"a": Tensor()})
    return _zip({"x/data.pkl": file.getvalue(), "x/data/0": b"12345678"})


GOOD = torch_saved({"a": torch.zeros(3, 3)})
HOSTILE = {
    "empty": (b"", "holds no weights"),
    "text": (b"Dear reader, these are my weights.", "holds no weights"),
    "a whole network": (torch_saved(nn.Linear(2, 2)), "torch.nn.modules.linear.Linear.*state_dict"),
    "a pickle that runs": (pickle.dumps(_Runs()), "print.*could run code"),
    "a checkpoint that runs": (torch_saved({"a": torch.zeros(2, 2), "b": _Runs()}), "print.*could run code"),
    "a program": (_zip({"x/data.pkl": b"", "x/code/x.py": b""}), "TorchScript"),
    "another zip": (_zip({"a.txt": b"x"}), "no weights saved by torch"),
    "a zip bomb": (_zip({"x/data.pkl": b"", "x/data/0": bytes(10**6)}, zipfile.ZIP_DEFLATED), "compressed"),
    "truncated": (GOOD[: len(GOOD) // 2], "damaged"),
    "a negative size": (_claiming((-2,), (1,)), "negative"),
    "more than is stored": (_claiming((3,), (1,)), "more numbers than are stored"),
    "more than is there": (_claiming((100,), (1,), 100), "numbers of its weights are missing"),
    "repeated numbers": (_claiming((10**6, 10**6), (0, 0)), "more numbers than are stored"),
    "a long stride": (_claiming((2,), (5,)), "beyond its storage"),
    "a huge memo": (b"\x80\x02}r\xff\xff\xff\x7f.", "pickle without weights"),
    "overlapping": (_header({"a": _entry(0, 8, [2]), "b": _entry(4, 8, [1])}), "lie on the same bytes"),
    "far offsets": (_header({"a": _entry(10**15, 10**15 + 8, [2])}), "beyond its end"),
    "a negative dimension": (_header({"a": _entry(0, 8, [-1, -2])}), "other bytes than its shape"),
    "bytes of another number": (_header({"a": _entry(0, 8, [3])}), "other bytes than its shape"),
    "a strange kind": (_header({"a": _entry(0, 8, [8], "F8_E4M3")}), "F8_E4M3"),
    "no table": (struct.pack("<Q", 4) + b"{,,}" + b"x" * 8, "table of tensors"),
    "a long table": (struct.pack("<Q", 2**60) + b"{}" + b"x" * 8, "longer than itself"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_broken_or_hostile_file_gets_a_sentence_and_nothing_in_it_runs(kind, capsys):
    content, says = HOSTILE[kind]
    with pytest.raises(WeightsError, match=says):
        own_from_file(content)
    assert "this ran" not in capsys.readouterr().out


def test_whatever_bit_is_flipped_the_file_is_read_or_gets_a_sentence():
    chance = random.Random(0)
    files = [GOOD, torch_saved({"a": BASE}, _use_new_zipfile_serialization=False), safetensors({"a": BASE}), TINY_ONNX]
    refused = 0
    for content in files * 40:
        damaged = bit_flipped(content, chance)
        try:
            read(damaged)
        except WeightsError:
            refused += 1
    assert refused > 30


# --- which tensors, and of what network ---------------------------------------------------------------------------


def table_of(names, shape=(4, 4)):
    return [(name if isinstance(name, list) else [name], Place("float32", shape, (shape[1], 1), 0)) for name in names]


@pytest.mark.parametrize(
    ("names", "taken", "says"),
    [
        (["conv1.weight", "fc.weight"], {"conv1.weight", "fc.weight"}, ""),
        (["module.conv1.weight", "module.fc.weight"], {"conv1.weight", "fc.weight"}, "“module.” was taken off"),
        ([["state_dict", "model.network.fc.weight"]], {"fc.weight"}, "“state_dict”.*“model.”.*“network.”"),
        ([["model", "fc.weight"], ["model_ema", "module.fc.weight"]], {"fc.weight"}, "“model_ema” was taken, the run"),
        (["backbone.conv1.weight", "fc.weight"], {"conv1.weight", "fc.weight"}, "“backbone.”"),
        (
            ["module.model.a.weight", "module.model.b.weight", "module.normalizer.new.weight"],
            {"a.weight", "b.weight", "normalizer.new.weight"},
            "“model.”",
        ),
    ],
)  # fmt: skip
def test_wrappers_prefixes_and_averages_are_understood_and_told(names, taken, says):
    table, notes = choose_weights(Contents("checkpoint", table_of(names)))
    assert table.keys() == taken
    assert bool(notes) == bool(says)
    assert re.search(says, " ".join(notes))


def test_one_of_several_sets_can_be_asked_for():
    both = Contents("checkpoint", table_of([["model", "fc.weight"], ["ema", "fc.weight"]]))
    assert choose_weights(both)[1]
    assert choose_weights(both, "model")[0].keys() == {"fc.weight"}
    with pytest.raises(InputError, match="no weights under “other”, but under “model”, “ema”"):
        choose_weights(both, "other")


def places(network):
    return {
        name: Place("float32", tuple(value.shape), tuple(value.stride()), 0)
        for name, value in network.state_dict().items()
    }


@pytest.mark.parametrize("name", TORCHVISIONS)
def test_the_architecture_is_told_by_the_weights_whatever_its_classes(name):
    table = places(shapes.build(name, 7))
    found = shapes.guess({key: place.shape for key, place in table.items()})
    assert name in found
    assert len(found) <= 2
    _, kept, classes, channels, notes = shapes.fit(name, table)
    assert (classes, channels, notes, kept.keys()) == (7, 3, [], table.keys())


def test_what_does_not_fit_is_said_with_the_layer_and_both_shapes():
    table = places(shapes.build("resnet18", 10))
    with pytest.raises(WeightsError, match=r"layer layer1.0.conv1 has a weight of 64 × 64 × 1 × 1, the file one of 64"):
        shapes.fit("resnet50", table)
    with pytest.raises(WeightsError, match=r"aren't all of vgg11.*features.0.weight"):
        shapes.fit("vgg11", table)
    with pytest.raises(InputError, match="Did you mean resnet18"):
        shapes.fit("ResNet-18", table)
    del table["layer3.0.bn1.weight"]
    with pytest.raises(
        WeightsError, match=r"1 of its 122 tensors aren't in the file, such as layer3.0.bn1.weight \(256\)"
    ):
        shapes.fit("resnet18", table)


def test_a_changed_head_a_missing_one_and_what_is_too_much_are_told():
    table = places(shapes.build("resnet18", 5))
    moved = {name.replace("fc.", "fc.1."): place for name, place in table.items()}
    assert shapes.fit("resnet18", moved)[2:4] == (5, 3)
    assert "called “fc.1” in the file" in shapes.fit("resnet18", moved)[4][0]
    headless = {name: place for name, place in table.items() if not name.startswith("fc.")}
    *_, classes, _, notes = shapes.fit("resnet18", headless, 12)
    assert classes == 12
    assert "has no classifier (fc): one of 12 classes with random weights" in notes[0]
    *_, notes = shapes.fit("resnet18", {**table, "projector.0.weight": table["fc.weight"]})
    assert notes == ["Left out: a tensor that resnet18 doesn't have (projector.0.weight)."]


def test_class_names_come_as_lines_lists_tables_and_from_the_file():
    expected = ("cat", "dog")
    for text in ("cat\ndog\n", '["cat", "dog"]', '{"0": "cat", "1": "dog"}', '{"dog": 1, "cat": 0}'):
        assert class_names(text) == expected
    for words in (
        {"classes": '["cat", "dog"]'},
        {"names": "{0: 'cat', 1: 'dog'}"},
        {"class_to_idx.cat": 0, "class_to_idx.dog": 1},
        {"meta.classes.0": "cat", "meta.classes.1": "dog"},
    ):
        assert classes_in(words, 2) == expected
        assert classes_in(words, 3) is None
    for wrong, says in (
        ("cat", "two classes"),
        ("[1", "JSON"),
        ('{"0": "a", "2": "b"}', "without a gap"),
        ("[[1], [2]]", "list"),
    ):
        with pytest.raises(InputError, match=says):
            class_names(wrong)


# --- from a file to a model ---------------------------------------------------------------------------------------


def test_another_projects_cifar_resnet_answers_as_it_did_there():
    state = another_projects_resnet()
    saved = torch_saved({"net": {f"module.{name}": value for name, value in state.items()}, "acc": 91.2, "epoch": 9})
    own = own_from_file(saved, title="ResNet-8", pixels=Pixels(), names="\n".join("abcdefghij"))
    assert own.understood.architecture == "cifar_resnet"
    assert (own.understood.side, own.understood.classes) == (32, 10)
    assert [note[:12] for note in own.understood.notes] == [
        "The weights ",
        "The prefix “",
        "Renamed: its",
        "Renamed: its",
    ]
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))

    def norm(name, x):
        part = {key: state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")}
        return F.batch_norm(x, *part.values())

    expected = F.relu(norm("bn1", F.conv2d(x, state["conv1.weight"], padding=1)))
    for group in (1, 2, 3):
        at, stride, past = f"layer{group}.0", 1 if group == 1 else 2, expected
        if group > 1:
            past = norm(f"{at}.shortcut.1", F.conv2d(past, state[f"{at}.shortcut.0.weight"], stride=stride))
        y = F.relu(norm(f"{at}.bn1", F.conv2d(expected, state[f"{at}.conv1.weight"], stride=stride, padding=1)))
        expected = F.relu(norm(f"{at}.bn2", F.conv2d(y, state[f"{at}.conv2.weight"], padding=1)) + past)
    expected = F.linear(expected.mean((2, 3)), state["linear.weight"], state["linear.bias"])
    model = load_model(own.spec.name)
    assert torch.allclose(model(x), expected, atol=1e-4)
    assert torch.allclose(model.published(x), expected, atol=1e-4)
    assert model.categories == tuple("abcdefghij")
    assert model.nodes()[-1].name == "fc"
    assert load_model(own.spec.name, "random").top_k(x[:1])


def test_shortcuts_without_weights_are_he_et_al_s_option_a():
    shape = {name: value for name, value in places_of_cifar_resnet().items() if "shortcut" not in name}
    shape = {name.replace("linear", "fc"): value for name, value in shape.items()}
    network = shapes.build("cifar_resnet", 10, shape).to_empty(device="cpu")
    x = torch.rand(1, 4, 6, 6)
    thinned = network.layer2[0].downsample(x)
    assert torch.equal(thinned[:, 2:6], x[:, :, ::2, ::2])
    assert not thinned[:, :2].any()
    assert not thinned[:, 6:].any()


def test_a_mobilenet_of_five_classes_from_safetensors_with_its_names():
    network = seeded(torchvision.models.mobilenet_v2(num_classes=5))
    names = ["daisy", "rose", "tulip", "iris", "lily"]
    own = own_from_file(safetensors(network.state_dict(), {"classes": json.dumps(names)}))
    assert own.understood.architecture == "mobilenet_v2"
    assert own.categories == tuple(names)
    assert own.spec.preprocessing.mean == (0.485, 0.456, 0.406)
    assert own.costs.parameters == sum(p.numel() for p in network.parameters()) == own.spec.parameters
    assert own.costs.multiply_adds == sum(layer.multiply_adds for layer in layer_table(own.spec.name))
    model = own.on(torch.device("cpu"))
    x = model.prepare(CAT)
    with torch.no_grad():
        assert torch.allclose(model(x), network(model.normalise(x)), rtol=1e-4, atol=1e-4)
    with pytest.raises(InputError, match="5 classes, but there are 2 names"):
        own_from_file(safetensors(network.state_dict()), names="a\nb")


def test_weights_that_are_no_numbers_are_told_by_layer():
    state = another_projects_resnet()
    state["layer2.0.conv1.weight"][0, 0] = float("nan")
    with pytest.raises(WeightsError, match=r"288 weights layer2.0.conv1.weight, 9 are no numbers"):
        own_from_file(torch_saved(state))


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("CNNLAB_NETWORK_PARAMETERS", 1, "2 million numbers, more than the 1"),
        ("CNNLAB_NETWORK_WORK", 100, "300 million multiply-adds for a picture, more than the 100"),
        ("CNNLAB_NETWORK_ACTIVATIONS", 10, "MB of activations for a picture, more than the 10"),
        ("CNNLAB_NETWORK_MB", 1, "9 MB in its file, more than the 1"),
        ("CNNLAB_NETWORKS_MB", 1, "take all the memory"),
    ],
)
def test_what_is_more_than_is_allowed_is_said_before_it_is_computed(monkeypatch, setting, value, says):
    network = torchvision.models.mobilenet_v2(num_classes=5)
    content = safetensors(network.state_dict())
    monkeypatch.setenv(setting, str(value))
    with pytest.raises((InputError, DeviceError), match=says):
        own_from_file(content)


def test_reading_takes_no_longer_than_is_allowed(monkeypatch):
    monkeypatch.setenv("CNNLAB_NETWORK_SECONDS", "1")
    monkeypatch.setattr("cnnlab_core.runtime.apart._PATIENCE", 60)  # the system ends it, not the clock
    with pytest.raises(WeightsError, match="more time or memory"):
        own_from_file(number(1, 8) + number(2, 1) * 10_000_000)


# --- pixels -------------------------------------------------------------------------------------------------------


class Means(nn.Module):
    """Answers with the mean of each channel."""

    def forward(self, x):
        return x.mean((2, 3))


PIXELS = {
    "RGB": (
        Pixels("0..1", (0.1, 0.2, 0.3), (0.5, 0.5, 0.25)),
        lambda x: (x - torch.tensor([0.1, 0.2, 0.3])) / torch.tensor([0.5, 0.5, 0.25]),
    ),
    "-1..1": (Pixels("-1..1"), lambda x: 2 * x - 1),
    "Caffe": (
        Pixels("0..255", (103.939, 116.779, 123.68), order="BGR"),
        lambda x: 255 * x.flip(-1) - torch.tensor([103.939, 116.779, 123.68]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", PIXELS)
def test_pixels_come_as_the_network_wants_them(kind):
    pixels, wanted = PIXELS[kind]
    model = LoadedModel.from_module(Means(), side=8, preprocessing=pixels)
    x = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(model(x), wanted(x.mean((2, 3))), atol=1e-4)
    assert torch.allclose(pixels(x).mean((2, 3)), model(x), atol=1e-4)


def test_what_would_be_named_under_the_usual_ways_shows_a_wrong_one():
    own = find_own(LoadedModel.from_module(Means(), side=8, preprocessing=Pixels("-1..1")).spec.name)
    assert own is None  # nobody had it any more
    model = LoadedModel.from_module(Means(), side=8, categories=("red", "green", "blue"), preprocessing=Pixels("-1..1"))
    blue = Image.new("RGB", (8, 8), (30, 60, 200))
    found = alternatives(model.held, blue, 1)
    assert next(iter(found)) == "as set"
    assert "-1..1" not in found
    assert found["as set"][0] == model.top_k(model.prepare(blue), 1)[0]
    assert found["as set"][0].label == found["0..255"][0].label == "blue"
    assert found["BGR, 0..255 less 104, 117, 123"][0].label == "red"
    assert (
        model.held.seen_as(Pixels("0..255", order="BGR")).on(model.device).top_k(model.prepare(blue), 1)[0].label
        == "red"
    )


class Shares(nn.Module):
    """Answers with each channel's share of the light: 0/0 of a black picture."""

    def forward(self, x):
        return x.mean((2, 3)) / x.mean((1, 2, 3), keepdim=True).flatten(1)


def test_a_quick_look_tells_what_a_network_does_and_what_speaks_against_it():
    red, green, blue, black = (
        Image.new("RGB", (8, 8), colour) for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250), (0, 0, 0))
    )
    shares = LoadedModel.from_module(Shares(), side=8)
    found = try_out(shares, [red, green, blue])
    p = np.exp([3, 0, 0]) / np.exp([3, 0, 0]).sum()
    assert (found.pictures, found.finite, found.same, found.named, found.doubts) == (3, True, True, 3, ())
    assert found.sure == pytest.approx(p[0], abs=1e-6)
    assert found.spread == pytest.approx(-(p * np.log(p)).sum() / np.log(3), abs=1e-6)
    assert "one class in all of them" in try_out(shares, [red, red]).doubts[0]
    assert "no number" in try_out(shares, [red, black]).doubts[0]
    dark = [Image.new("RGB", (8, 8), colour) for colour in ((60, 0, 0), (0, 60, 0))]
    assert "hardly differ from chance" in try_out(LoadedModel.from_module(Means(), side=8), dark).doubts[0]
    assert "asked again" in replace(found, same=False).doubts[0]


# --- every kind of network in every study -------------------------------------------------------------------------


def conv(channels, out, activation, *more):
    return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), *more, activation, nn.MaxPool2d(2))


def head(features, classes):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, classes))


class Writes(nn.Module):
    """Its forward depends on values, so it has no graph."""

    def __init__(self):
        super().__init__()
        self.body, self.head = conv(3, 4, nn.ReLU()), head(4, 3)

    def forward(self, x):
        return self.head(self.body(x) if x.sum() > -1e9 else x)


class Squeezing(nn.Module):
    """SiLU, a squeeze-and-excite gate and a group norm."""

    def __init__(self):
        super().__init__()
        self.stem = conv(3, 8, nn.SiLU(inplace=True), nn.GroupNorm(2, 8))
        self.gate, self.head = nn.Conv2d(8, 8, 1), head(8, 4)

    def forward(self, x):
        x = self.stem(x)
        return self.head(x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True))))


KINDS = {
    "one channel, 28": (
        lambda: nn.Sequential(conv(1, 4, nn.ReLU(), nn.BatchNorm2d(4)), nn.Flatten(), nn.Linear(784, 10)), 28, 1,
    ),
    "32, no norm": (
        lambda: nn.Sequential(conv(3, 4, nn.ReLU(inplace=True)), conv(4, 6, nn.Tanh()), head(6, 10)), 32, 3,
    ),
    "512": (lambda: nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.ReLU(), head(4, 5)), 512, 3),
    "two classes": (lambda: nn.Sequential(conv(3, 4, nn.LeakyReLU()), head(4, 2)), 32, 3),
    "21,000 classes": (lambda: nn.Sequential(conv(3, 4, nn.ReLU()), head(4, 21_000)), 32, 3),
    "SiLU and a gate": (Squeezing, 36, 3),
    "GELU and layer norm": (
        lambda: ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=6), 32, 3,
    ),
    "attention": (lambda: VisionTransformer(32, 8, 1, 2, 16, 32, num_classes=7), 32, 3),
    "no graph": (Writes, 32, 3),
}  # fmt: skip


def _maps(model):
    found = [layer for layer in model.nodes() if layer.has_maps]
    if not found:
        raise InputError("No maps.")
    return found[-1].name


STUDIES = {
    "names": lambda model, x: len(model.top_k(x)) == min(5, len(model.categories)),
    "maps": lambda model, x: capture(model, x, [_maps(model)])[_maps(model)].isfinite().all(),
    "filters": lambda model, x: first_layer_filters(model).weights.shape[1] == 3,
    "fields": lambda model, x: receptive_fields(model, model.spec.preprocessing.crop),
    "attack": lambda model, x: pgd(model, x, None, norm="linf", eps=0.1, step_size=0.05, steps=2).linf[0] <= 0.1 + 1e-6,
    "dream": lambda model, x: [step.image for step in dream_steps(model, x, class_logit(1), octaves=1, steps=1)],
    "attribution": lambda model, x: saliency(model, x, 1).shape == x.shape,
    "stages": lambda model, x: len(stages_of(model)) > 0,
    "random weights": lambda model, x: load_model(model.spec.name, "random").top_k(x),
}  # fmt: skip
NO_GRAPH = dict.fromkeys(("maps", "filters", "fields", "dream", "stages"), "torch.fx can't trace")
REFUSED = {"no graph": NO_GRAPH}


@pytest.mark.parametrize("kind", KINDS)
def test_every_study_takes_every_kind_of_network_or_says_why_not(kind):
    make, side, channels = KINDS[kind]
    module = seeded(make())
    model = LoadedModel.from_module(module, side=side, channels=channels, title=kind)
    x = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    refused = {}
    for study, run in STUDIES.items():
        try:
            assert run(model, x), study
        except LabError as error:
            refused[study] = str(error)
    assert refused.keys() == REFUSED.get(kind, {}).keys(), refused
    assert all(REFUSED[kind][study] in said for study, said in refused.items())
    grey = x.mean(1, keepdim=True) if channels == 1 else x
    with torch.no_grad():
        assert torch.allclose(model(x), module(grey), atol=1e-4)


def test_a_module_stays_as_it_is_and_its_weights_are_those_of_then():
    module = seeded(nn.Sequential(conv(3, 4, nn.ReLU(inplace=True), nn.BatchNorm2d(4)), head(4, 3))).train()
    x = torch.rand(1, 3, 16, 16)
    model = LoadedModel.from_module(module, side=16, categories=("a", "b", "c"))
    before = model(x)
    assert module.training
    assert module[0][2].inplace
    assert all(parameter.requires_grad for parameter in module.parameters())
    with torch.no_grad():
        module[1][2].weight.mul_(2)
    assert torch.equal(model(x), before)
    other = LoadedModel.from_module(module, side=16, categories=("a", "b", "c"))
    assert other.identity != model.identity
    assert find_spec(other.spec.name) == other.spec


def test_what_nobody_has_any_more_is_gone():
    gc.collect()
    before = bytes_in_memory()
    model = LoadedModel.from_module(nn.Sequential(nn.Flatten(), nn.Linear(192, 50)), side=8)
    name, network = model.spec.name, model.network
    capture(model, torch.zeros(1, 3, 8, 8), ["1"])
    assert bytes_in_memory() == before + 4 * (192 * 50 + 50)
    del model, network
    gc.collect()
    assert bytes_in_memory() == before
    with pytest.raises(InputError, match="no model called"):
        find_spec(name)


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (nn.Flatten(2), r"logits \(2, classes\), but answers with shape \(2, 3, 64\)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 1)), r"shape \(2, 1\)"),
        (nn.Linear(5, 5), "doesn't take two pictures of 3 × 8 × 8: mat1 and mat2"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 2), nn.Threshold(1e9, float("inf"))), "isn't finite"),
    ],
)
def test_a_module_that_is_no_classifier_gets_a_sentence(module, says):
    with pytest.raises(InputError, match=says):
        LoadedModel.from_module(module, side=8)


# --- ONNX ---------------------------------------------------------------------------------------------------------


def floats(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32) / 2


W, B, LINEAR = floats(4, 3, 3, 3), floats(4), floats(5, 64)
TINY = [
    node("Conv", ["pixels", "stem.weight", "stem.bias"], "a", pads=[1, 1, 1, 1], strides=[2, 2]),
    node("Relu", ["a"], "b"),
    node("Flatten", ["b"], "c"),
    node("Gemm", ["c", "fc.weight", ""], "logits", transB=1),
]
TENSORS = {"stem.weight": W, "stem.bias": B, "fc.weight": LINEAR}
TINY_ONNX = onnx(TINY, TENSORS, words=[("names", "{0: 'a', 1: 'b', 2: 'c', 3: 'd', 4: 'e'}")])


def answer(content, x, **options):
    """What the network in an ONNX file says of pixels as they are."""
    return own_from_file(content, pixels=Pixels(), **options).on(torch.device("cpu"))(x)


X = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def expected():
    maps = F.conv2d(X, torch.tensor(W), torch.tensor(B), 2, 1).relu()
    return maps, maps.flatten(1) @ torch.tensor(LINEAR).T


def test_an_onnx_file_becomes_torchs_own_layers():
    own = own_from_file(TINY_ONNX, pixels=Pixels())
    assert torch.allclose(own.on(torch.device("cpu"))(X), expected()[1], atol=1e-5)
    assert own.categories == tuple("abcde")
    first = layer_table(own.spec.name)[0]
    assert (first.name, first.kind) == ("stem", "Conv2d")
    assert receptive_fields(own.on(torch.device("cpu")), 8)["stem"].size == (3, 3)


CONSTANTS = {
    "zero": np.array([0]), "one": np.array([1]), "two": np.array([2]), "far": np.array([2**62]),
    "half": np.array(0.5, np.float32), "quarter": np.array([0.25], np.float32),
}  # fmt: skip


def _ending(*nodes):
    return onnx([*TINY[:2], *nodes], {**TENSORS, **CONSTANTS})


def _linear(*between, last="c"):
    return _ending(*between, node("Gemm", [last, "fc.weight"], "logits", transB=1))


ENDINGS = {
    "reshape for one picture": (
        _linear(node("Constant", [], "s", value=np.array([1, 64])), node("Reshape", ["b", "s"], "c")),
        lambda m: m.flatten(1),
    ),
    "reshape by shape": (
        _linear(
            node("Shape", ["b"], "s"), node("Constant", [], "i", value=np.array([0])), node("Gather", ["s", "i"], "n"),
            node("Constant", [], "m", value=np.array([-1])), node("Concat", ["n", "m"], "t", axis=0),
            node("Reshape", ["b", "t"], "c"),
        ),
        lambda m: m.flatten(1),
    ),
    "transposed, split and joined": (
        _linear(
            node("Slice", ["b", "zero", "two", "one"], "p"), node("Slice", ["b", "two", "far", "one"], "q"),
            node("Concat", ["q", "p"], "r", axis=1), node("Transpose", ["r"], "t", perm=[0, 2, 3, 1]),
            node("Flatten", ["t"], "c"),
        ),
        lambda m: m[:, [2, 3, 0, 1]].permute(0, 2, 3, 1).flatten(1),
    ),
    "activations": (
        _linear(
            node("HardSigmoid", ["b"], "h", alpha=1 / 6), node("Sigmoid", ["b"], "g"), node("Mul", ["h", "g"], "u"),
            node("Clip", ["u", "", "half"], "v"), node("Elu", ["v"], "e", alpha=0.5), node("Flatten", ["e"], "c"),
        ),
        lambda m: F.elu((F.hardsigmoid(m) * m.sigmoid()).clamp(max=0.5), 0.5).flatten(1),
    ),
    "a pool that pads one side": (
        _linear(
            node("MaxPool", ["b"], "p", kernel_shape=[2, 2], strides=[1, 1], auto_pad="SAME_UPPER"),
            node("Flatten", ["p"], "c"),
        ),
        lambda m: F.max_pool2d(F.pad(m, (0, 1, 0, 1), value=-torch.inf), 2, 1).flatten(1),
    ),
    "softmax at the end": (
        _ending(
            node("Flatten", ["b"], "c"), node("Gemm", ["c", "fc.weight"], "d", transB=1),
            node("Softmax", ["d"], "logits", axis=1),
        ),
        lambda m: m.flatten(1),
    ),
    "mean and scale by numbers": (
        _linear(node("Sub", ["b", "half"], "d"), node("Div", ["d", "quarter"], "e"), node("Flatten", ["e"], "c")),
        lambda m: ((m - 0.5) / 0.25).flatten(1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ENDINGS)
def test_operators_do_what_torchs_functions_do_for_any_number_of_pictures(kind):
    content, wanted = ENDINGS[kind]
    maps, _ = expected()
    assert torch.allclose(answer(content, X), wanted(maps) @ torch.tensor(LINEAR).T, atol=1e-4)


EXPORTS = np.load(ROOT / "tests" / "onnx_exports.npz")  # see make_onnx_exports.py


LARGE = {"alexnet", "googlenet", "inception", "maxvit", "mnasnet", "resnet"}
"""What most takes long to read, while others have the same operators."""


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(name.removesuffix(" answers"), marks=[pytest.mark.wide] if name.split()[0] in LARGE else [])
        for name in EXPORTS
        if name.endswith("answers")
    ],
)
def test_what_torch_exports_answers_as_onnxruntime_does(kind):
    """One of each family of torchvision's classifiers, as either of torch's exporters writes it."""
    model = own_from_file(EXPORTS[kind].tobytes(), pixels=Pixels()).on(torch.device("cpu"))
    side, said = model.spec.preprocessing.crop, torch.tensor(EXPORTS[f"{kind} answers"])
    x = torch.tensor(EXPORTS["pictures"]).repeat(1, 1, 7, 7)[..., :side, :side]
    assert torch.allclose(
        model.published(x), said, atol=1e-5 * float(said.abs().max())
    )  # three at once, exported for one
    assert all(field.known for field in receptive_fields(model, side).values())
    assert saliency(model, x[:1], 1).any()


def test_every_family_of_torchvisions_classifiers_is_among_them():
    builders = map(torchvision.models.get_model_builder, TORCHVISIONS)
    assert {builder.__module__.rpartition(".")[2] for builder in builders} == {
        kind.split()[0] for kind in EXPORTS if kind != "pictures"
    }


def test_what_an_onnx_file_cannot_have_is_named():
    for content, says in (
        (onnx([*TINY[:1], node("LSTM", ["a"], "b"), node("Fancy", ["b"], "logits", domain="x")], TENSORS),
         "doesn't know: LSTM, x.Fancy"),
        (onnx(TINY, TENSORS, ("batch", 2, 8, 8)), "takes 2 channels"),
        (onnx(TINY, TENSORS, ("batch", 3, 8, 9)), "8 × 9"),
        (onnx(TINY[:2], TENSORS, output="b"), "answers with .4, 4, 4. numbers"),
        (onnx(TINY, {**TENSORS, "fc.weight": LINEAR[:, :9]}), "can't follow Gemm"),
        (onnx(TINY, TENSORS, more=inside(25, b"f")), "functions of its own"),
        (TINY_ONNX[:200], "damaged or incomplete"),
        (huge_file(), "525 MB of activations for a picture, more than the 400"),
        (huge_file(maps=2, side=600), "pictures of 600 × 600.* up to 512"),
    ):  # fmt: skip
        with pytest.raises((WeightsError, InputError), match=says):
            own_from_file(content)
    with pytest.raises(InputError, match="leave the choice of one out"):
        own_from_file(TINY_ONNX, architecture="resnet18")


def test_kinds_of_numbers_are_known_by_their_bytes():
    assert {getattr(torch, name).itemsize for name in BYTES} == {1, 2, 4, 8}
    assert all(getattr(torch, name).itemsize == size for name, size in BYTES.items())
