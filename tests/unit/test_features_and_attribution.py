"""Captures equal the network's own values and leave it alone; attributions equal captum's."""

import copy
import gc
import threading

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion, Saliency
from torchvision.models.feature_extraction import create_feature_extractor

from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.interpretability.attribution import grad_cam, integrated_gradients, occlusion, saliency
from cnnlab_core.models import DEFAULT_MODEL, ZOO, load_model
from cnnlab_core.receptive_field import receptive_fields
from cnnlab_core.receptive_field.effective import effective_field, mass_radii, noise_pictures
from cnnlab_core.runtime.jobs import finish


@pytest.fixture(scope="module")
def model():
    return load_model(DEFAULT_MODEL, device="cpu")


@pytest.fixture(scope="module")
def cat(model):
    return model.prepare(open_image(sample_images()["chelsea"].content))


def hooks(network):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in network.modules())


def test_captures_are_the_networks_own_values(cat):
    shared = load_model("resnet18", "random", "cpu")
    nodes = ["layer4.1.relu_1", "conv1", "layer2.0.add", "fc"]
    with torch.no_grad():
        ours = capture(shared, cat, nodes)
        expected = {}
        for node in nodes:  # one by one: torchvision's own extractor lets "+=" overwrite what it has captured
            theirs = create_feature_extractor(copy.deepcopy(shared.network), return_nodes={node: node})
            expected |= theirs(shared.normalise(cat))
    assert list(ours) == nodes
    assert all(torch.equal(ours[node], expected[node]) for node in nodes)


@pytest.mark.parametrize("spec", ZOO, ids=lambda spec: spec.name)
def test_every_node_of_every_network_can_be_captured(spec, cat):
    shared = load_model(spec.name, "random", "cpu")
    layers = shared.nodes()
    chosen = dict.fromkeys(layers[:: max(1, len(layers) // 12)] + layers[-1:])
    with torch.no_grad():
        values = capture(shared, cat, [layer.name for layer in chosen])
        logits = shared(cat)
        for name, value in values.items():  # nothing that comes later writes into an earlier value
            assert torch.equal(capture(shared, cat, [name])[name], value), name
    assert [tuple(value.shape[1:]) for value in values.values()] == [layer.shape for layer in chosen]
    assert torch.equal(values[layers[-1].name], logits)


def test_only_what_is_needed_is_computed(model, cat):
    from cnnlab_core.models.cuts import cut_behind

    early = cut_behind(model, ("_blocks.0._bn2",))
    assert len(early.graph.nodes) < 30
    assert len(cut_behind(model, ("_fc",)).graph.nodes) > 150


def test_a_hundred_captures_leave_the_model_as_it_was(model, cat):
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    names = [layer.name for layer in model.nodes() if len(layer.shape) == 3]
    results = []

    def ask(node):
        with torch.no_grad():
            results.append((node, capture(model, cat, [node])[node]))

    threads = [threading.Thread(target=ask, args=(names[i % len(names)],)) for i in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 100
    with torch.no_grad():
        alone = {node: capture(model, cat, [node])[node] for node, _ in results}
    assert all(torch.equal(value, alone[node]) for node, value in results)
    assert hooks(model.network) == 0
    assert not model.network.training
    after = model.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_graphs_go_with_their_network(cat):
    import weakref

    from cnnlab_core.models.registry import registry

    shared = load_model("squeezenet1_1", "random", "cpu", seed=77)
    with torch.no_grad():
        capture(shared, cat, ["classifier.1"])
    network = weakref.ref(shared.network)
    del shared
    registry().put_away_idle()
    gc.collect()
    assert network() is None


def test_bad_requests_are_sentences(model, cat):
    with pytest.raises(InputError, match=r"no node called “_blocks\.0\._bn9”.*Did you mean _blocks\.0\._bn"):
        capture(model, cat, ["_blocks.0._bn9"])
    with pytest.raises(InputError, match="at least one"):
        capture(model, cat, [])
    with pytest.raises(InputError, match="20 × 20 are too small for AlexNet"):
        capture(load_model("alexnet", "random", "cpu"), torch.rand(1, 3, 20, 20), ["features.12"])
    with pytest.raises(InputError, match="Classes run from 0 to 999"):
        saliency(model, cat, 1000)
    with pytest.raises(InputError, match="needs maps"):
        grad_cam(model, cat, 0, "_fc")
    with pytest.raises(InputError, match="one picture"):
        finish(occlusion(model, cat.expand(2, -1, -1, -1), 0))
    with pytest.raises(InputError, match="1 to 224 pixels wide"):
        finish(occlusion(model, cat, 0, window=300))
    with pytest.raises(InputError, match="rows 0 to 6"):
        finish(effective_field(model, "_conv_head.conv2d", 7, 0, [cat]))


@pytest.mark.parametrize("target", [282, 504])
def test_saliency_integrated_gradients_and_occlusion_are_captums(model, cat, target):
    twin = copy.deepcopy(model.network)

    def forward(x):
        return twin(model.normalise(x))

    expected = Saliency(forward).attribute(cat.clone().requires_grad_(), target=target)
    torch.testing.assert_close(saliency(model, cat, target), expected, atol=1e-6, rtol=1e-5)

    ours = finish(integrated_gradients(model, cat, target, steps=8))
    expected, gap = IntegratedGradients(forward).attribute(
        cat, target=target, n_steps=8, internal_batch_size=1, return_convergence_delta=True
    )
    torch.testing.assert_close(ours.attribution.double(), expected.double(), atol=1e-6, rtol=1e-5)
    assert ours.gap == pytest.approx(gap.item(), abs=1e-4)
    assert ours.attribution.sum().item() - ours.difference == pytest.approx(ours.gap)

    ours = finish(occlusion(model, cat, target, window=64, stride=48, baseline=0.5))
    with torch.no_grad():
        expected = Occlusion(forward).attribute(
            cat, target=target, sliding_window_shapes=(3, 64, 64), strides=(3, 48, 48), baselines=0.5
        )
    torch.testing.assert_close(ours, expected[:, :1].to(ours.dtype), atol=1e-6, rtol=1e-5)


CAMS = [
    ("resnet18", "layer4.1.conv2"),
    ("vgg16", "features.28"),
    ("resnet18", "layer2.1.conv2"),
    ("vgg16", "features.29"),
]


@pytest.mark.parametrize(("name", "node"), CAMS)
def test_grad_cam_is_captums(name, node, cat):
    shared = load_model(name, "random", "cpu")
    twin = copy.deepcopy(shared.network)
    expected = LayerGradCam(lambda x: twin(shared.normalise(x)), twin.get_submodule(node)).attribute(cat, target=5)
    torch.testing.assert_close(grad_cam(shared, cat, 5, node), expected.detach(), atol=1e-6, rtol=1e-4)


def test_the_effective_field_lies_inside_the_theoretical_one(model):
    field = receptive_fields(load_model("vgg16", "random", "cpu"))["features.14"]
    vgg = load_model("vgg16", "random", "cpu")
    pictures = noise_pictures(vgg, 2, torch.Generator().manual_seed(0))
    steps = list(effective_field(vgg, "features.14", 20, 30, pictures))
    influence = finish(effective_field(vgg, "features.14", 20, 30, pictures))
    assert np.array_equal(steps[-1].influence, influence)
    box = field.box(20, 30)
    outside = influence.copy()
    outside[box.top : box.bottom + 1, box.left : box.right + 1] = 0
    assert influence.sum() > 0
    assert not outside.any()
    centre, radii = mass_radii(influence)
    assert abs(centre[0] - (box.top + box.bottom) / 2) < 4
    assert radii == sorted(radii)
    assert radii[1] < (box.bottom - box.top) / 3  # half of the mass in much less than the field


def test_thirty_sessions_clicking_units_get_their_own_answers(model, cat):
    """Each thread follows one unit: its activation, its box, its effective field."""
    node = "_blocks.4.add"

    def answer(unit):
        row, col = unit
        with torch.no_grad():
            value = capture(model, cat, [node])[node][0, 0, row, col].item()
        box = receptive_fields(model)[node].box(row, col)
        influence = finish(effective_field(model, node, row, col, [cat], channel=0))
        return value, box, influence.tobytes()

    units = [(i % 6, i // 6) for i in range(30)]
    alone = {unit: answer(unit) for unit in units[::6]}
    together = {}
    threads = [threading.Thread(target=lambda unit=unit: together.update({unit: answer(unit)})) for unit in units]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(together) == 30
    assert len({box for _, box, _ in together.values()}) == 30
    assert all(together[unit] == expected for unit, expected in alone.items())


def test_mass_radii_in_closed_form():
    flat = np.zeros((101, 101))
    flat[50, 50] = 1
    assert mass_radii(flat) == ((50, 50), [0, 0, 0])
    rows, cols = np.indices((201, 201))
    disc = (np.hypot(rows - 100, cols - 100) <= 80).astype(float)
    centre, radii = mass_radii(disc)
    assert centre == pytest.approx((100, 100))
    assert radii == pytest.approx([80 * share**0.5 for share in (0.25, 0.5, 0.95)], abs=1)
    with pytest.raises(InputError, match="dead ReLU"):
        mass_radii(np.zeros((5, 5)))
