"""The pieces of a dream, each against its closed form: objectives, the network's copy, moves, pictures, gradients."""

import gc
import math
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlab_core import dream as lab
from cnnlab_core.dream import gradients, network, objectives, stages
from cnnlab_core.dream.goal import bind, value
from cnnlab_core.dream.parametrisation import COLOURS, Fourier, Pixels
from cnnlab_core.dream.transforms import STANDARD, Jitter, Pad, Rotate, Scale, apply, roll, unroll
from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models import ZOO, load_model

NODE = "_blocks.2.add"


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=seeded(seed))


@pytest.fixture(scope="module")
def model():
    return load_model("efficientnet_lite0")


@pytest.fixture(scope="module")
def x():
    return noise(2, 3, 64, 96)


@pytest.fixture(scope="module")
def maps(model, x):
    with torch.no_grad():
        return capture(model, x, [NODE])[NODE].double()


def asked(model, objective, x):
    with torch.no_grad():
        return bind(model, objective, tuple(x.shape[2:]))(x).double()


# --- objectives -----------------------------------------------------------------------------------------------


def test_objectives_of_a_layer_are_their_closed_forms(model, x, maps):
    vector = torch.randn(24, generator=seeded(3))
    along = torch.einsum("nchw,c->nhw", maps, vector.double() / vector.double().norm())
    cosine = (along / maps.norm(dim=1)).clamp(min=0.1)
    expected = {
        lab.layer(NODE): maps.square().mean((1, 2, 3)).sqrt(),
        lab.layer(NODE, "l2"): torch.linalg.vector_norm(maps.flatten(1), dim=1),
        lab.layer(NODE, "mean"): maps.mean((1, 2, 3)),
        lab.channel(NODE, 5): maps[:, 5].mean((1, 2)),
        lab.unit(NODE, 5, 3, 7): maps[:, 5, 3, 7],
        lab.unit(NODE, 5): maps[:, 5, 8, 12],
        lab.direction(NODE, vector): along.mean((1, 2)),
        lab.direction(NODE, vector, cosine_power=2): (along * cosine**2).mean((1, 2)),
    }
    for objective, numbers in expected.items():
        assert torch.allclose(asked(model, objective, x), numbers, rtol=1e-4, atol=1e-5), objective.name


def test_a_direction_along_one_channel_is_that_channel(model, x):
    vector = torch.zeros(24)
    vector[7] = 3.0
    assert torch.allclose(asked(model, lab.direction(NODE, vector), x), asked(model, lab.channel(NODE, 7), x))


def test_objectives_of_a_class_are_those_of_the_logits(model, x):
    with torch.no_grad():
        logits = model(x).double()
    assert torch.allclose(asked(model, lab.class_logit(282), x), logits[:, 282], rtol=1e-4)
    assert torch.allclose(asked(model, lab.class_log_probability(282), x), logits.log_softmax(1)[:, 282], rtol=1e-4)


def test_the_l2_norm_and_the_root_mean_square_give_the_same_dream(model, x):
    one, two = (lab.dream(model, x, lab.layer(NODE, norm), octaves=1, steps=3, jitter=0) for norm in ("rms", "l2"))
    assert torch.allclose(one.image, two.image, atol=1e-3)
    assert two.after / one.after == pytest.approx(two.before / one.before, rel=1e-3)
    assert one.after > one.before


def test_objectives_of_the_picture_are_their_closed_forms(model, x):
    down, across = (x.double().diff(dim=dim).abs().mean((1, 2, 3)) for dim in (2, 3))
    assert torch.allclose(asked(model, lab.total_variation(), x), down + across, rtol=1e-5)
    assert torch.allclose(asked(model, lab.l2(0.25), x), (x.double() - 0.25).square().mean((1, 2, 3)), rtol=1e-5)
    row = np.array([1, 4, 6, 4, 1]) / 16
    padded = np.pad(x.double().numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="edge")
    smooth = sum(row[i] * row[j] * padded[:, :, i : i + 64, j : j + 96] for i in range(5) for j in range(5))
    expected = ((x.numpy() - smooth) ** 2).mean((1, 2, 3))
    assert np.allclose(asked(model, lab.blur(), x).numpy(), expected, rtol=1e-4)
    even = torch.full((1, 3, 40, 40), 0.3)
    assert asked(model, lab.blur(), even).item() == pytest.approx(0, abs=1e-12)
    assert asked(model, lab.total_variation(), even).item() == 0


def test_diversity_is_minus_the_mean_cosine_of_gram_matrices(model, x, maps):
    grams = torch.einsum("nchw,ndhw->ncd", maps, maps).flatten(1)
    cosine = torch.cosine_similarity(grams[0], grams[1], dim=0)
    assert torch.allclose(asked(model, lab.diversity(NODE), x), -cosine.expand(2), rtol=1e-4)


def test_objectives_add_and_scale(model, x):
    one, two = lab.channel(NODE, 1), lab.layer("_blocks.4.add")
    first, second = asked(model, one, x), asked(model, two, x)
    for objective, expected in (
        (one + two, first + second),
        (2 * one - two / 4, 2 * first - second / 4),
        (-one, -first),
        (sum([one, two, one]), 2 * first + second),
        ((one + two) * 3, 3 * (first + second)),
    ):
        assert torch.allclose(asked(model, objective, x), expected, rtol=1e-4), objective.name
    assert (2 * one - two).name == f"2 · {NODE}, channel 1 + -1 · _blocks.4.add, rms"


def test_the_same_unit_of_the_picture_is_asked_on_smaller_maps(model):
    """(row, col) is of the whole picture's map; on a picture of half the size it is the same place."""
    goal = bind(model, lab.unit(NODE, 3, 12, 4), (96, 128))
    half = noise(1, 3, 48, 64)
    with torch.no_grad():
        maps = capture(model, half, [NODE])[NODE]
    assert value(goal, half) == pytest.approx(maps[0, 3, 6, 2].item(), rel=1e-4)


@pytest.mark.parametrize("vector", [torch.zeros(24), torch.ones(3, 3), torch.tensor([math.nan]), [1.0]])
def test_a_direction_without_direction_raises(vector):
    with pytest.raises(InputError, match=r"finite numbers|make it a torch\.Tensor"):
        lab.direction(NODE, vector)


def test_a_direction_of_another_length_raises(model, x):
    with pytest.raises(InputError, match="24 channels, but the direction has 5"):
        asked(model, lab.direction(NODE, torch.ones(5)), x)


# --- the network's copy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [spec.name for spec in ZOO if "robust" not in spec.name and spec.name != "vgg16"])
def test_the_copy_has_the_networks_values_up_to_its_borders(name):
    """Folding a mean into a zero-padded convolution would show at the border, so every cell is compared."""
    model = load_model(name, "random")
    nodes = tuple(stage.name for stage in stages(model.spec))
    x = noise(1, 3, 96, 80)
    with torch.no_grad():
        expected = capture(model, x, nodes)
        found = network.values_at(model, nodes)(x)
    for node in nodes:
        error = (found[node] - expected[node]).abs().max() / expected[node].abs().max()
        assert error < 1e-4, node


def test_batch_norm_and_even_padding_are_gone_from_the_copy(model):
    from cnnlab_core.models.cuts import cut_behind
    from cnnlab_core.models.folding import folded

    part = cut_behind(model, ("_fc",))
    kinds = [type(module).__name__ for module in folded(part).modules()]
    assert "BatchNorm2d" not in kinds
    uneven = kinds.count("ZeroPad2d")
    assert 0 < uneven < sum(isinstance(module, torch.nn.ZeroPad2d) for module in part.modules())
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in part.modules())  # the shared one has them still


def test_copies_are_few_and_go_with_their_network():
    model = load_model("squeezenet1_1", "random", seed=5)
    for node in ("features.1", "features.4.cat", "features.7.cat", "features.10.cat", "features.12.cat"):
        network.values_at(model, (node,))
    assert len(network._copies[model.network]) == network._MOST_COPIES
    network_there = weakref.ref(model.network)
    from cnnlab_core.models.registry import registry

    del model
    gc.collect()
    registry().put_away_idle()
    gc.collect()
    assert network_there() is None


def test_copies_made_without_gradients_have_gradients_for_others():
    model = load_model("squeezenet1_1", "random", seed=6)
    with torch.inference_mode():
        look = network.values_at(model, ("features.4.cat",))
        model(noise(1, 3, 64, 64))
    x = noise(1, 3, 64, 64).requires_grad_()
    look(x)["features.4.cat"].sum().backward()
    assert x.grad.abs().sum() > 0


# --- transforms -----------------------------------------------------------------------------------------------


@given(down=st.integers(-200, 200), across=st.integers(-200, 200), height=st.integers(1, 40), width=st.integers(1, 40))
def test_rolling_and_unrolling_is_exact(down, across, height, width):
    x = noise(2, 3, height, width, seed=1)
    assert torch.equal(unroll(roll(x, (down, across)), (down, across)), x)
    assert sorted(roll(x, (down, across)).flatten().tolist()) == sorted(x.flatten().tolist())


def test_jitter_is_seeded_and_stays_within_its_pixels():
    x = torch.zeros(1, 1, 41, 41)
    x[..., 20, 20] = 1
    jitter, generator, places = Jitter(3), seeded(), set()
    for _ in range(400):
        row, col = divmod(int(jitter(x, generator).argmax()), 41)
        places.add((row - 20, col - 20))
    assert places == {(row, col) for row in range(-3, 4) for col in range(-3, 4)}
    assert torch.equal(jitter(x, seeded(4)), jitter(x, seeded(4)))


def test_turning_by_right_angles_turns_and_by_nothing_does_nothing():
    x = noise(1, 3, 33, 33)
    assert torch.equal(Rotate((0,))(x, seeded()), x)
    turned = Rotate((90,))(x, seeded())
    assert torch.allclose(turned, torch.rot90(x, 1, (2, 3)), atol=1e-5)
    assert torch.allclose(Rotate((-180,))(x, seeded()), x.flip(2, 3), atol=1e-5)


@pytest.mark.parametrize("angle", [37, -8, 160])
def test_turning_is_scikit_images_also_on_pictures_that_arent_square(angle):
    from skimage.transform import rotate

    x = objectives.blurred(noise(1, 1, 41, 71))
    inside = (slice(14, -14), slice(24, -24))  # beyond it, corners come in
    expected = rotate(x[0, 0].double().numpy(), angle)[inside]
    assert np.allclose(Rotate((angle,))(x, seeded())[0, 0].numpy()[inside], expected, atol=1e-5)


def test_padding_and_scaling_have_their_sizes():
    x = noise(1, 3, 20, 30)
    assert Pad(4, grey=0.25)(x, seeded())[0, 0, 0, 0] == 0.25
    assert Pad(4)(x, seeded()).shape == (1, 3, 28, 38)
    assert torch.equal(Pad(4, grey=None)(x, seeded())[..., 4:-4, 0], x[..., 4])
    assert Scale((0.5,))(x, seeded()).shape == (1, 3, 10, 15)
    assert {Scale((1.0, 2.0))(x, seeded(i)).shape[3] for i in range(20)} == {30, 60}


def test_gradients_flow_through_every_transform():
    x = noise(2, 3, 48, 40).requires_grad_()
    apply(STANDARD, x, seeded()).square().sum().backward()
    assert (x.grad != 0).float().mean() > 0.95


@pytest.mark.parametrize(
    "nonsense",
    [lambda: Jitter(-1), lambda: Pad(-2), lambda: Pad(1, 7.0), lambda: Scale(()), lambda: Scale((math.nan,)),
     lambda: Rotate(()), lambda: Rotate((math.inf,))],
)  # fmt: skip
def test_transforms_that_make_no_sense_raise(nonsense):
    with pytest.raises(InputError):
        nonsense()


# --- parametrisations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Pixels, Fourier])
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (64, 41)])
def test_a_photo_comes_back_from_either_parametrisation(kind, size):
    x = noise(2, 3, *size)
    assert torch.allclose(kind.of(x).image(), x.clamp(1 / 512, 1 - 1 / 512), atol=1e-4)


@pytest.mark.parametrize("size", [(32, 32), (48, 64), (31, 50)])
def test_fourier_pictures_are_torch_lucents(size):
    from lucent.optvis.param.color import to_valid_rgb
    from lucent.optvis.param.spatial import fft_image

    (spectrum,), image = fft_image((2, 3, *size), sd=0.5)
    expected = to_valid_rgb(image, decorrelate=True)().detach()
    assert torch.allclose(Fourier(spectrum.detach(), size).image(), expected.cpu(), atol=1e-5)


def test_fourier_noise_is_as_strong_in_every_octave():
    """1 / frequency: every doubling of the frequency holds about the same power."""
    made = Fourier.noise((8, 128, 128), seeded(), sd=0.01)
    pixels = torch.logit(made.image()).double()
    power = torch.fft.fft2(torch.einsum("dc,nchw->ndhw", torch.linalg.inv(COLOURS), pixels)).abs().square().mean((0, 1))
    radius = torch.hypot(torch.fft.fftfreq(128)[:, None], torch.fft.fftfreq(128)[None])
    octaves = [power[(radius >= low) & (radius < 2 * low)].sum().item() for low in (1 / 32, 1 / 16, 1 / 8)]
    assert max(octaves) / min(octaves) < 1.4


def test_colours_are_lucids_square_root_of_the_covariance():
    assert torch.linalg.vector_norm(COLOURS, dim=0).max().item() == pytest.approx(1)
    assert (COLOURS[:, 0] > 0.5).all()  # first comes brightness
    assert COLOURS[0, 1] * COLOURS[2, 1] < 0  # then red against blue


@pytest.mark.parametrize("kind", [Pixels, Fourier])
def test_noise_is_seeded(kind):
    one, same, other = (kind.noise((1, 32, 32), seeded(seed)).image() for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


# --- gradients ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "size"),
    [
        ("mean-abs", lambda g: g.abs().mean((1, 2, 3))),
        ("std", lambda g: g.std((1, 2, 3))),
        ("l2", lambda g: g.square().mean((1, 2, 3)).sqrt()),
    ],
)
def test_a_normalised_gradient_has_size_one_whatever_its_scale(how, size):
    slope = torch.randn(3, 3, 20, 30, generator=seeded()) * torch.tensor([1e-9, 1.0, 1e9]).view(3, 1, 1, 1)
    assert torch.allclose(size(gradients.normalised(slope, how)), torch.ones(3), rtol=1e-4)
    assert torch.equal(gradients.normalised(torch.zeros(1, 3, 8, 8), how), torch.zeros(1, 3, 8, 8))
    assert gradients.normalised(slope, "none") is slope


@pytest.mark.parametrize("size", [(64, 64), (37, 50), (33, 5)])
def test_the_pyramid_without_normalising_is_the_picture(size, monkeypatch):
    monkeypatch.setattr(gradients, "normalised", lambda band, how: band)
    slope = torch.randn(2, 3, *size, generator=seeded())
    assert torch.allclose(gradients.laplacian_normalised(slope, 4), slope, atol=1e-5)


def test_the_pyramid_brings_coarse_and_fine_closer_to_one_size():
    def fine_share(x):
        return ((x - objectives.blurred(x)).std() / x.std()).item()

    fine = torch.randn(1, 3, 64, 64, generator=seeded())
    coarse = torch.nn.functional.interpolate(torch.randn(1, 3, 4, 4, generator=seeded(1)), (64, 64), mode="bicubic")
    mostly_coarse = fine + 100 * coarse
    assert fine_share(gradients.laplacian_normalised(mostly_coarse, 4)) > 2 * fine_share(mostly_coarse)
    assert fine_share(gradients.laplacian_normalised(fine, 4)) < 0.8 * fine_share(fine)


def test_the_kernel_is_burt_and_adelsons():
    kernel = objectives.binomial_kernel(3, torch.zeros(1))
    assert kernel.shape == (3, 1, 5, 5)
    assert torch.allclose(kernel.sum((1, 2, 3)), torch.ones(3))
    assert kernel[0, 0, 2, 2].item() == pytest.approx(36 / 256)
