"""Attributions equal captum's, and the code on the page gives them again."""

import copy
import warnings

import numpy as np
import pytest
import torch

from cnnlab_core.errors import InputError, LabWarning
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability import capture, rise, rise_mask, smooth_grad
from cnnlab_core.interpretability.attribution import (
    WIDE_GAP,
    grad_cam,
    grad_cam_plus_plus,
    integrated_gradients,
    occlusion,
    occlusion_corners,
    saliency,
)
from cnnlab_core.interpretability.methods import METHODS, Request, attribute
from cnnlab_core.models import DEFAULT_MODEL, load_model
from cnnlab_core.recipes.feature_maps import attribution as recipe


@pytest.fixture(scope="module")
def model():
    return load_model(DEFAULT_MODEL, device="cpu")


@pytest.fixture(scope="module")
def cat(model):
    return model.prepare(open_image(sample_images()["chelsea"].content))


def test_bad_requests_are_sentences(model, cat):
    with pytest.raises(InputError, match="Classes run from 0 to 999"):
        saliency(model, cat, 1000)
    with pytest.raises(InputError, match="needs maps"):
        grad_cam(model, cat, 0, "_fc")
    with pytest.raises(InputError, match="one picture"):
        attribute(model, cat.expand(2, -1, -1, -1), Request("Saliency", 0))
    with pytest.raises(InputError, match="there are 2 pictures"):
        saliency(model, cat.expand(2, -1, -1, -1), [0, 1, 2])
    with pytest.raises(InputError, match="1 to 224 pixels wide"):
        occlusion(model, cat, 0, window=300)
    with pytest.raises(InputError, match="1 to 1000 steps"):
        integrated_gradients(model, cat, 0, steps=0)


def hooks(network):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in network.modules())


@pytest.mark.parametrize("target", [282, 504])
def test_saliency_integrated_gradients_and_occlusion_are_captums(model, cat, target):
    from captum.attr import IntegratedGradients, Occlusion, Saliency  # here: it takes long to import

    cat = cat[..., 56:168, 56:168].contiguous()
    twin = copy.deepcopy(model.network)

    def forward(x):
        return twin(model.normalise(x))

    expected = Saliency(forward).attribute(cat.clone().requires_grad_(), target=target)
    torch.testing.assert_close(saliency(model, cat, target), expected, atol=1e-6, rtol=1e-5)

    ours = integrated_gradients(model, cat, target, steps=8)
    expected, gap = IntegratedGradients(forward).attribute(
        cat, target=target, n_steps=8, internal_batch_size=1, return_convergence_delta=True
    )
    torch.testing.assert_close(ours.attribution.double(), expected.double(), atol=1e-6, rtol=1e-5)
    assert ours.gap == pytest.approx(gap.item(), abs=1e-4)
    assert ours.attribution.sum().item() - ours.difference == pytest.approx(ours.gap)
    assert ours.gap_share == pytest.approx(abs(ours.gap / ours.difference))

    ours = occlusion(model, cat, target, window=32, stride=24, baseline=0.5)
    with torch.no_grad():
        expected = Occlusion(forward).attribute(
            cat, target=target, sliding_window_shapes=(3, 32, 32), strides=(3, 24, 24), baselines=0.5
        )
    torch.testing.assert_close(ours, expected[:, :1].to(ours.dtype), atol=1e-6, rtol=1e-5)
    assert hooks(model.network) == 0


CAMS = [
    ("resnet18", "layer4.1.conv2"),
    ("alexnet", "features.10"),
    ("resnet18", "layer2.1.conv2"),
    ("alexnet", "features.11"),
]


@pytest.mark.parametrize(("name", "node"), CAMS)
def test_grad_cam_is_captums(name, node, cat):
    from captum.attr import LayerGradCam

    shared = load_model(name, "random", "cpu")
    twin = copy.deepcopy(shared.network)
    expected = LayerGradCam(lambda x: twin(shared.normalise(x)), twin.get_submodule(node)).attribute(cat, target=5)
    torch.testing.assert_close(grad_cam(shared, cat, 5, node), expected.detach(), atol=1e-6, rtol=1e-4)


@pytest.fixture(scope="module")
def ship():
    """A small network and a picture: what is said of both holds of any."""
    return load_model("cifar10_standard", device="cpu"), torch.rand(
        1, 3, 32, 32, generator=torch.Generator().manual_seed(8)
    )


def test_grad_cam_plus_plus_is_the_paper_s_formula_by_loops(ship):
    model, x = ship
    node = [layer.name for layer in model.nodes() if layer.has_maps][-3]
    found = grad_cam_plus_plus(model, x, 3, node)
    last = model.nodes()[-1].name
    with torch.enable_grad():
        values = capture(model, x.clone().requires_grad_(), [node, last])
        (slope,) = torch.autograd.grad(values[last][0, 3].exp(), values[node])
    score = float(values[last][0, 3].exp())
    maps, slope = (part[0].detach().double().numpy() for part in (values[node], slope))
    expected = np.zeros(maps.shape[1:])
    for channel, slopes in zip(maps, slope, strict=True):
        weight = 0.0
        for first in slopes.flat:  # the derivatives of exp(S): S'' is 0 in a network of straight pieces
            second, third = first**2 / score, first**3 / score**2
            below = 2 * second + channel.sum() * third
            weight += second / below * max(first, 0) if below else 0
        expected += weight * channel
    assert found.shape[:2] == (1, 1)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found[0, 0].numpy(), expected / score, atol=1e-4 * np.abs(expected / score).max())


def test_smooth_grad_is_captum_s_noise_tunnel(ship):
    from captum.attr import NoiseTunnel, Saliency

    model, x = ship
    x = 0.4 + 0.2 * x  # where no noise is clipped, which captum wouldn't
    twin = copy.deepcopy(model.network)
    tunnel = NoiseTunnel(Saliency(lambda pixels: twin(model.normalise(pixels))))
    with torch.random.fork_rng():
        torch.manual_seed(6)
        expected = tunnel.attribute(
            x, target=3, nt_type="smoothgrad", nt_samples=5, nt_samples_batch_size=1, stdevs=0.05, abs=False
        )
    torch.testing.assert_close(
        smooth_grad(model, x, 3, draws=5, noise=0.05, generator=6), expected, atol=1e-4, rtol=1e-4
    )
    still = smooth_grad(model, x, 3, draws=2, noise=0.0)
    torch.testing.assert_close(still.abs(), saliency(model, x, 3), atol=1e-5, rtol=1e-4)
    for wrong in ({"draws": 0}, {"noise": 2.0}):
        with pytest.raises(InputError):
            smooth_grad(model, x, 3, **wrong)


def test_rise_is_the_mean_of_its_masks_by_what_the_network_says(ship):
    model, x = ship
    found = rise(model, x, 3, masks=20, cells=5, keep=0.3, generator=4)
    generator = torch.Generator().manual_seed(4)
    masks = torch.cat([rise_mask(32, 32, 5, 0.3, generator) for _ in range(20)]).double().numpy()
    with torch.no_grad():
        p = model(x * torch.from_numpy(masks).float()).double().softmax(1)[:, 3].numpy()
    expected = sum(p[i] * masks[i, 0] for i in range(20)) / (20 * 0.3)
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-4)
    several = rise(model, x, 3, masks=20, cells=5, keep=0.3, batch=7, generator=4)
    torch.testing.assert_close(several, found, atol=1e-5, rtol=1e-4)
    with pytest.raises(InputError, match="chance between 0 and 1"):
        rise(model, x, 3, keep=1.0)


def test_a_mask_is_a_grid_enlarged_smoothly_and_moved():
    masks = np.stack([rise_mask(32, 28, 4, 0.4, seed)[0, 0].numpy() for seed in range(400)])
    assert masks.shape == (400, 32, 28)
    assert masks.mean() == pytest.approx(0.4, abs=0.02)
    assert len({mask.tobytes() for mask in masks}) > 380
    generator = torch.Generator().manual_seed(9)
    top, left = (
        int(share * side) for share, side in zip(torch.rand(2, generator=generator).tolist(), (8, 7), strict=True)
    )
    grid = (torch.rand(4, 4, generator=generator) < 0.4).double().numpy()
    for (row, column), value in np.ndenumerate(rise_mask(32, 28, 4, 0.4, 9)[0, 0].numpy()):
        places = ((row + top + 0.5) * 4 / 40 - 0.5, (column + left + 0.5) * 4 / 35 - 0.5)
        (r, c), expected = (min(max(place, 0), 3) for place in places), 0.0
        for i, j in np.ndindex(4, 4):  # a hat over each cell's middle
            expected += grid[i, j] * max(0, 1 - abs(r - i)) * max(0, 1 - abs(c - j))
        assert value == pytest.approx(expected, abs=1e-5)


REQUESTS = {
    "Saliency": Request("Saliency", 282),
    "SmoothGrad": Request("SmoothGrad", 282, draws=2),
    "Integrated gradients": Request("Integrated gradients", 282, steps=5),
    "Grad-CAM": Request("Grad-CAM", 282, node="_blocks.13._swish_1"),
    "Grad-CAM++": Request("Grad-CAM++", 282, node="_blocks.13._swish_1"),
    "Occlusion": Request("Occlusion", 282, window=112, stride=56, baseline=0.5),
    "RISE": Request("RISE", 282, masks=6),
}
VARIABLES = ("saliency_map", "smooth", "gradients", "cam", "cam_plus", "falls", "above")


@pytest.fixture(scope="module")
def answers(model, cat):
    return {method: attribute(model, cat, request) for method, request in REQUESTS.items()}


def test_one_number_per_pixel(answers):
    assert tuple(answers) == METHODS
    assert answers["Saliency"].values.min() >= 0
    assert not answers["Saliency"].signed
    assert answers["RISE"].values.mean() == pytest.approx(0, abs=1e-6)
    assert answers["Grad-CAM"].values.shape == (7, 7)
    assert all(answers[method].values.shape == (224, 224) for method in METHODS if "CAM" not in method)
    gradients = answers["Integrated gradients"]
    assert gradients.values.sum() == pytest.approx(gradients.difference + gradients.gap, abs=1e-3)


def test_the_code_on_the_page_gives_the_numbers_on_the_page(answers, monkeypatch, capsys):
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")
    scope = {}
    code = recipe.code("efficientnet_lite0", "pretrained", "chelsea", [vars(request) for request in REQUESTS.values()])
    exec(code, scope)
    for method, name in zip(METHODS, VARIABLES, strict=True):
        np.testing.assert_allclose(scope[name].numpy(), answers[method].values, rtol=1e-4, atol=1e-5)
    assert f"{answers['Integrated gradients'].gap:.2f}" in f"{float(capsys.readouterr().out.split()[1]):.2f}"
    alone = recipe.code("resnet18", "random", None, [vars(REQUESTS["Saliency"])])
    assert "photo.jpg" in alone
    assert "finish" not in alone


def test_a_batch_is_explained_as_its_pictures_one_by_one(ship):
    """Each towards a class of its own."""
    model, x = ship
    pictures, classes = torch.cat([x, x.flip(3), 1 - x]), [3, 8, 0]
    node = [layer.name for layer in model.nodes() if layer.has_maps][-1]
    methods = {
        "saliency": saliency,
        "cam": lambda *given: grad_cam(*given, node),
        "cam++": lambda *given: grad_cam_plus_plus(*given, node),
        "integrated": lambda *given: integrated_gradients(*given, steps=3).attribution,
        "gaps": lambda *given: integrated_gradients(*given, steps=3).gap,
        "occlusion": lambda *given: occlusion(*given, window=16, batch=2),
        "smooth": lambda *given: smooth_grad(*given, draws=2),
        "rise": lambda *given: rise(*given, masks=3, batch=2),
    }
    for name, method in methods.items():
        together = method(model, pictures, classes)
        alone = torch.cat([method(model, one, y) for one, y in zip(pictures.split(1), classes, strict=True)])
        torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4, msg=name)


def test_a_network_may_be_asked_about_several_at_once(ship):
    one, several = (occlusion(*ship, 3, window=8, stride=5, batch=batch) for batch in (1, 10))
    torch.testing.assert_close(several, one, atol=1e-5, rtol=1e-4)
    one, several = (integrated_gradients(*ship, 3, steps=7, batch=batch).attribution for batch in (1, 3))
    torch.testing.assert_close(several, one, atol=1e-5, rtol=1e-4)


def test_squares_that_leave_gaps_are_refused():
    assert len(occlusion_corners(224, 224, 32, 16)) == 13 * 13
    for window, stride in ((0, 1), (300, 10), (16, 32), (16, 0)):
        with pytest.raises(InputError, match="square"):
            occlusion_corners(224, 224, window, stride)


def test_a_wide_gap_of_integrated_gradients_is_warned_of(model, cat):
    """On this network more steps don't close it: its activations are cut off, so that the gradient jumps on the way."""
    small, part = cat[..., ::2, ::2].contiguous(), cat[..., 64:160, 64:160].contiguous()
    said = []
    for x, steps in ((part, 25), (small, 12), (small, 25)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = integrated_gradients(model, x, 282, steps=steps)
        said.append((found.gap_share, [str(w.message) for w in caught if w.category is LabWarning]))
    assert [bool(sentences) for _, sentences in said] == [share > WIDE_GAP for share, _ in said] == [False, True, True]
    assert said[2][0] > said[1][0]
    assert f"by {said[2][0]:.0%}" in said[2][1][0]
