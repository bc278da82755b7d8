"""The zoo tells the truth, networks are built without touching anything global, and inputs are checked."""

import copy
import re
import threading

import numpy as np
import pytest
import torch
import torchvision.models
from patience import patience
from PIL import Image
from torch import nn

from cnnlab_core.errors import InputError, WeightsError
from cnnlab_core.images import open_image, sample_images, to_tensor
from cnnlab_core.models import DEFAULT_MODEL, ZOO, find_spec, list_models, load_model
from cnnlab_core.models.build import build_on_meta, build_pretrained, build_random
from cnnlab_core.models.folding import quick_copy
from cnnlab_core.models.graph import trace
from cnnlab_core.models.loaded import preprocessing_stages
from cnnlab_core.models.spec import Preprocessing

NAMES = [spec.name for spec in ZOO]
PUBLISHED = {
    spec.name: next(
        entry
        for entry in torchvision.models.get_model_weights(spec.builder.partition(":")[2])
        if entry.url.endswith(spec.weights.file)
    )
    for spec in ZOO
    if "download.pytorch.org" in spec.weights.url
}


def test_squeezenet_came_with_the_lab_and_names_the_photos():
    model = load_model("squeezenet1_1_caffe", device="cpu")
    named = {
        name: model.top_k(model.prepare(open_image(sample_images()[name].content)), 3) for name in ("chelsea", "coffee")
    }
    assert "tiger cat" in {one.label for one in named["chelsea"]}
    assert "espresso" in {one.label for one in named["coffee"]}
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in model.network.modules())


def test_the_zoo_has_what_was_promised():
    assert [spec.name for spec in list_models()][: len(NAMES)] == NAMES  # then come the networks trained in the lab
    assert {"cifar10_standard", "cifar10_adversarial", "glass_cifar10", "glass_digits"} <= {
        spec.name for spec in list_models()
    }
    assert set(NAMES) >= {
        "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2",
        "alexnet", "vgg16", "googlenet", "squeezenet1_1", "squeezenet1_1_caffe", "resnet18", "resnet50",
        "mobilenet_v3_large", "densenet121", "convnext_tiny", "resnet50_robust_linf4", "resnet50_robust_l2_3",
    }  # fmt: skip
    with pytest.raises(InputError, match="no model called “resnet”"):
        find_spec("resnet")


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_the_zoo_says_is_what_torchvision_published(name):
    spec, entry = find_spec(name), PUBLISHED[name]
    preset = entry.transforms()
    steps = spec.preprocessing
    assert entry.url == spec.weights.url
    assert entry.meta["num_params"] == spec.parameters
    assert entry.meta["_metrics"]["ImageNet-1K"]["acc@1"] == spec.top1
    assert entry.meta["_file_size"] == pytest.approx(spec.weights.megabytes, abs=0.06)
    assert ([steps.resize], [steps.crop]) == (preset.resize_size, preset.crop_size)
    assert (steps.interpolation, list(steps.mean), list(steps.std)) == (
        preset.interpolation.value, preset.mean, preset.std,
    )  # fmt: skip


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[pytest.mark.wide] if name == "vgg16" else [])
        for name in NAMES
        if "robust" not in name
    ],
)
def model(request):
    """A network with random weights, made once for all tests of it."""
    return load_model(request.param, "random", "cpu")


def test_pixels_in_logits_out_equals_torchvisions_own_pipeline(model):
    picture = open_image(sample_images()["coffee"].content)
    x = model.prepare(picture)
    with torch.no_grad():
        if published := PUBLISHED.get(model.spec.name):
            expected = model.network(published.transforms()(picture).unsqueeze(0))
        else:  # its own preprocessing, by hand
            mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in _statistics(model))
            expected = model.network((x - mean) / std)
        largest = expected.abs().max().item()  # hundreds, with random weights
        torch.testing.assert_close(model(x), expected, rtol=0, atol=1e-5 * max(10, largest))


def test_the_quick_copy_answers_as_the_published_graph_to_the_last_pixel(model):
    """Logits and input gradients against float64: as near as the published graph's own, which rounds elsewhere."""
    if not any(isinstance(module, nn.BatchNorm2d) for module in model.network.modules()):
        assert model.quick is None  # it answers itself
        return
    x = torch.rand(1, 3, 96, 80, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    exact = copy.deepcopy(model.network).double()
    mean, std = (torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in _statistics(model))

    def of(answer, x):
        x = x.clone().requires_grad_()
        logits = answer(x)
        (gradient,) = torch.autograd.grad(logits[0, 7], x)
        return logits.detach().double(), gradient.double()

    logits, gradient = of(lambda x: exact((x - mean) / std), x)
    for answer in (model, lambda x: model.network(model.normalise(x))):
        close, steep = of(answer, x.float())
        assert steep.is_contiguous()
        assert (close - logits).abs().max() < 1e-4 * logits.abs().max()
        assert (steep - gradient).norm() < 0.03 * gradient.norm()  # a ReLU at 0 goes the other way here and there


def _statistics(model):
    return model.spec.preprocessing.mean, model.spec.preprocessing.std


def test_a_network_that_cannot_be_traced_answers_itself():
    class Depends(nn.Sequential):
        def forward(self, x):
            return super().forward(x if x.sum() > 0 else -x)

    layers = nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2)
    assert quick_copy(Depends(*layers).eval()) is None
    assert quick_copy(nn.Sequential(*layers).eval()) is not None


def test_random_weights_come_from_their_seed_alone_and_draw_nothing_global():
    spec = find_spec("resnet18")
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    first, again, other = (build_random(spec, seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_random_networks_are_he_initialised_and_their_answers_are_no_spikes(model):
    for module in model.network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.numel() > 20_000:
            std = (2 / module.weight[0].numel()) ** 0.5
            assert module.weight.std().item() == pytest.approx(std, rel=0.05)
            assert module.bias is None or not module.bias.any()
    assert not any(t.is_meta for t in [*model.network.parameters(), *model.network.buffers()])
    x = model.prepare(open_image(sample_images()["chelsea"].content))
    assert 0.001 < model.top_k(x, 1)[0].probability < 0.9
    assert not model.network.training
    assert not any(module.training for module in model.network.modules())
    assert not any(p.requires_grad for p in model.network.parameters())


def test_the_default_model_names_the_samples():
    model = load_model(DEFAULT_MODEL, device="cpu")
    gallery = sample_images()
    expected = {"chelsea": {"tabby", "tiger cat", "Egyptian cat"}, "coffee": {"espresso", "cup", "coffee mug"},
                "rocket": {"missile", "projectile"}, "motorcycle": {"moped", "motor scooter"}}  # fmt: skip
    for name, labels in expected.items():
        best = model.top_k(model.prepare(open_image(gallery[name].content)), 5)
        assert best[0].label in labels
        assert [p.probability for p in best] == sorted((p.probability for p in best), reverse=True)


def test_the_gradient_reaches_the_pixels():
    model = load_model(DEFAULT_MODEL, device="cpu")
    x = torch.rand(2, 3, 224, 224).requires_grad_()
    model(x)[:, 7].sum().backward()
    assert x.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.network.parameters())


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (torch.full((1, 3, 224, 224), 1.001), "in [0, 1]"),
        (torch.full((1, 3, 224, 224), -0.001), "in [0, 1]"),
        (torch.full((1, 3, 224, 224), float("nan")), "in [0, 1]"),
        (torch.full((1, 3, 224, 224), float("inf")), "in [0, 1]"),
        (torch.zeros(3, 224, 224), "shape"),
        (torch.zeros(1, 1, 224, 224), "shape"),
        (torch.zeros(0, 3, 224, 224), "shape"),
        (torch.zeros(1, 3, 224, 224, dtype=torch.float64), "float32"),
        (torch.zeros(1, 3, 224, 224, dtype=torch.uint8), "float32"),
        (np.zeros((1, 3, 224, 224), np.float32), "make it a torch.Tensor"),
    ],
)
def test_inputs_that_are_no_pixels_are_a_sentence(x, says):
    model = load_model(DEFAULT_MODEL, device="cpu")
    with pytest.raises(InputError) as problem:
        model(x)
    assert says in str(problem.value)


def test_bad_requests_are_sentences():
    with pytest.raises(InputError, match="pretrained"):
        load_model(DEFAULT_MODEL, "trained")
    with pytest.raises(InputError, match="no model called"):
        load_model("../../etc/passwd")
    model = load_model(DEFAULT_MODEL, device="cpu")
    with pytest.raises(InputError, match="one picture"):
        model.top_k(torch.zeros(2, 3, 224, 224))


def test_preprocessing_stages_are_the_real_ones():
    picture = open_image(sample_images()["rocket"].content)
    steps = Preprocessing(resize=256, crop=224, interpolation="bicubic", mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    stages = preprocessing_stages(picture, steps)
    assert [stage.name for stage in stages] == ["original", "resized", "cropped", "normalised"]
    assert [stage.shape for stage in stages] == [(3, 427, 640), (3, 256, 383), (3, 224, 224), (3, 224, 224)]
    x = to_tensor(stages[2].picture)[0]
    z = (x - torch.tensor(steps.mean)[:, None, None]) / torch.tensor(steps.std)[:, None, None]
    assert stages[2].range == pytest.approx((x.min().item(), x.max().item()))
    assert stages[3].range == pytest.approx((z.min().item(), z.max().item()))


# --- checkpoints ----------------------------------------------------------------------------------------------


def checkpoint_of(name, seed=3):
    return dict(build_random(find_spec(name), seed).state_dict())


def test_a_madry_checkpoint_is_read_and_the_attacker_left_out(tmp_path):
    spec, state = find_spec("resnet50_robust_linf4"), checkpoint_of("resnet50")
    content = {"model": {}, "epoch": 90}
    for key, value in state.items():
        content["model"][f"module.model.{key}"] = value
        content["model"][f"module.attacker.model.{key}"] = value + 1
    content["model"]["module.normalizer.new_mean"] = torch.zeros(3, 1, 1)
    torch.save(content, tmp_path / "robust.ckpt")
    loaded = build_pretrained(spec, tmp_path / "robust.ckpt").state_dict()
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_old_names_and_unused_heads(tmp_path):
    state = checkpoint_of("densenet121")
    old = {
        re.sub(r"(norm|conv)([12])\.", r"\1.\2.", key) if "denselayer" in key else key: value
        for key, value in state.items()
        if "num_batches" not in key
    }
    assert set(old) - set(state)
    torch.save(old, tmp_path / "dense.pth")
    loaded = build_pretrained(find_spec("densenet121"), tmp_path / "dense.pth").state_dict()
    assert all(torch.equal(loaded[key], state[key]) for key in state if "num_batches" not in key)
    state = checkpoint_of("googlenet")
    torch.save({**state, "aux1.fc1.weight": torch.zeros(3)}, tmp_path / "google.pth")
    assert build_pretrained(find_spec("googlenet"), tmp_path / "google.pth")


class Surprise:
    """A pickle that would run code."""

    def __reduce__(self):
        return (print, ("code ran",))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state.pop("conv1.weight"), "1 missing (conv1.weight)"),
        (lambda state: state.update({"new.weight": torch.zeros(2)}), "1 not of this network (new.weight)"),
        (lambda state: state.update({"fc.weight": torch.zeros(10, 512)}), "fc.weight is 10×512, not 1000×512"),
        (lambda state: state.update({"fc.bias": 3}), "fc.bias is int, not 1000"),
        (lambda state: state.update({"fc.bias": Surprise()}), "could run code"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_named(tmp_path, capsys, change, says):
    state = checkpoint_of("resnet18")
    change(state)
    torch.save(state, tmp_path / "odd.pth")
    with pytest.raises(WeightsError) as problem:
        build_pretrained(find_spec("resnet18"), tmp_path / "odd.pth")
    assert says in str(problem.value)
    assert "odd.pth" in str(problem.value)
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(50), b"\x80\x02}q\x00."])
def test_a_file_that_is_no_checkpoint_is_a_sentence(tmp_path, content):
    (tmp_path / "bad.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"bad\.pth"):
        build_pretrained(find_spec("resnet18"), tmp_path / "bad.pth")


def test_a_cut_checkpoint_is_a_sentence(tmp_path):
    torch.save(checkpoint_of("squeezenet1_1"), tmp_path / "whole.pth")
    whole = (tmp_path / "whole.pth").read_bytes()
    for part in (0.1, 0.5, 0.99):
        (tmp_path / "cut.pth").write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(WeightsError, match="damaged"):
            build_pretrained(find_spec("squeezenet1_1"), tmp_path / "cut.pth")


# --- threads --------------------------------------------------------------------------------------------------


def test_others_compute_undisturbed_while_a_graph_is_traced():
    model = load_model(DEFAULT_MODEL, device="cpu")
    x = to_tensor(Image.new("RGB", (224, 224), "teal"))
    with torch.no_grad():
        expected = model(x)
    architectures = {name: build_on_meta(find_spec(name)) for name in ("resnet18", "googlenet")}
    alone = {name: list(trace(network)[1].values()) for name, network in architectures.items()}
    problems, done = [], threading.Event()

    def compute():
        while not done.is_set():
            try:
                with torch.no_grad():
                    assert torch.equal(model(x), expected)
            except BaseException as problem:
                problems.append(problem)
                return

    def trace_often():
        for _ in range(3):
            for name, network in architectures.items():
                if list(trace(network)[1].values()) != alone[name]:
                    problems.append(AssertionError(f"{name} traced to another graph"))

    workers = [threading.Thread(target=compute)] + [threading.Thread(target=trace_often) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers[1:]:
        worker.join(patience(60))
    done.set()
    workers[0].join(patience(10))
    assert not problems, problems[0]
