"""Every transform keeps shape, range and input, repeats itself, passes gradients on, and is what it says."""

import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from torch.nn.functional import conv2d, interpolate, pad
from torchvision.transforms.v2 import functional as F

from cnnlab_core.attacks.eot import Expectation
from cnnlab_core.attacks.transforms import GREY, TRANSFORMS, find_transform, with_strength
from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images, to_picture, to_tensor, to_uint8

NAMES = list(TRANSFORMS)
SMOOTH = [name for name, transform in TRANSFORMS.items() if not transform.straight_through]
STEPPED = [name for name in NAMES if name not in SMOOTH]
PHOTO = open_image(sample_images()["chelsea"].path).resize((48, 40))
X = to_tensor(PHOTO)


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def pixels(*shape, seed=0, dtype=torch.float32):
    return torch.rand(shape, generator=chance(seed), dtype=dtype)


@st.composite
def a_transform_and_strength(draw):
    transform = TRANSFORMS[draw(st.sampled_from(NAMES))]
    if transform.whole:
        return transform, draw(st.integers(int(transform.low), int(transform.high)))
    return transform, draw(st.floats(transform.low, transform.high))


SIZES = st.tuples(st.integers(1, 3), st.just(3), st.integers(1, 40), st.integers(1, 40))
SEEDS = st.one_of(st.none(), st.integers(0, 1000))

# --- what holds for all of them ---------------------------------------------------------------------------------


@given(a_transform_and_strength(), SIZES, SEEDS)
def test_shape_range_and_input_are_kept_and_the_same_seed_is_the_same_picture(chosen, size, seed):
    transform, strength = chosen
    x = pixels(*size).round(decimals=1)  # some exactly black, some exactly white
    before = x.clone()
    y, again = (transform(x, strength, None if seed is None else chance(seed)) for _ in range(2))
    assert y.shape == x.shape
    assert y.dtype == torch.float32
    assert y.min() >= 0
    assert y.max() <= 1
    assert torch.equal(y, again)
    assert torch.equal(x, before)
    y.fill_(0.5)  # it shares no memory with the input, and none within itself
    assert torch.equal(x, before)


def test_what_a_strength_leaves_open_is_drawn_and_nothing_else():
    for transform in TRANSFORMS.values():
        drawn = {transform(X, None, chance(seed)).numpy().tobytes() for seed in range(3)}
        assert transform.drawn == (len(drawn) > 1), transform.name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_stay_in_range_at_every_strength(name, value):
    """The weights of a mean don't sum to exactly 1: unclipped, resize and blur reach 1.0000004."""
    for strength in TRANSFORMS[name].sweep(21):
        low, high = torch.aminmax(TRANSFORMS[name](torch.full((1, 3, 40, 48), value), strength))
        assert low >= 0
        assert high <= 1


@given(a_transform_and_strength(), SIZES, st.integers(0, 1000))
def test_random_instances_are_pictures_too_and_repeat_by_seed(chosen, size, seed):
    transform, strength = chosen
    x = pixels(*size)
    y = transform.sample(x, chance(seed), strength)
    assert y.shape == x.shape
    assert y.min() >= 0
    assert y.max() <= 1
    assert torch.equal(y, transform.sample(x, chance(seed), strength))


@given(a_transform_and_strength(), st.sampled_from([torch.no_grad, torch.inference_mode]))
def test_it_works_without_gradients(chosen, mode):
    transform, strength = chosen
    with mode():
        quiet = transform(X.clone(), strength)
        transform.sample(X.clone(), chance(), strength)
    assert torch.equal(quiet, transform(X, strength))


@pytest.mark.parametrize("name", NAMES)
def test_the_identity_strength_changes_nothing(name):
    transform = TRANSFORMS[name]
    y = transform(X, transform.identity)
    if name == "jpeg":  # even the highest quality rounds, and shares a colour among four pixels
        assert 0 < (y - X).abs().mean() < 3 / 255
        assert F.rgb_to_grayscale(y - X).abs().max() < 3 / 255
    else:
        assert torch.equal(y, X)
    assert not torch.equal(transform(X), X), "the default strength should be seen"


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_in_a_batch_is_treated_as_if_alone(name):
    batch = torch.cat([X, X.flip(3), X, 1 - X])
    for generator in (lambda: None, chance):
        y = TRANSFORMS[name](batch, generator=generator())
        for index in range(len(batch)):
            alone = TRANSFORMS[name](batch[index : index + 1], generator=generator())
            torch.testing.assert_close(y[index : index + 1], alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["crop", "noise", "translate"])
def test_what_a_strength_leaves_open_depends_on_the_seed(name):
    transform = TRANSFORMS[name]
    assert not torch.equal(transform(X, generator=chance(1)), transform(X, generator=chance(2)))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("mirror",)])
def test_each_picture_of_a_batch_gets_a_random_instance_of_its_own(name):
    y = TRANSFORMS[name].sample(X.expand(6, -1, -1, -1), chance())
    assert len({picture.numpy().tobytes() for picture in y}) > 2


def test_a_coin_decides_about_the_mirror():
    y = TRANSFORMS["mirror"].sample(X.expand(200, -1, -1, -1), chance())
    mirrored = sum(torch.equal(picture, X[0].flip(2)) for picture in y)
    assert mirrored + sum(torch.equal(picture, X[0]) for picture in y) == 200
    assert 70 < mirrored < 130


@pytest.mark.parametrize("name", NAMES)
def test_no_global_randomness_is_read_or_moved(name):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = TRANSFORMS[name](X), TRANSFORMS[name].sample(X, chance())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(TRANSFORMS[name](X), first[0])
    assert torch.equal(TRANSFORMS[name].sample(X, chance()), first[1])


@given(a_transform_and_strength(), st.integers(0, 10**6))
def test_drawn_strengths_lie_between_identity_and_strength(chosen, seed):
    transform, strength = chosen
    drawn = transform.draw(chance(seed), strength)
    assert transform.check(drawn) == drawn
    if transform.both_ways:
        assert abs(drawn - transform.identity) <= abs(strength - transform.identity) + 1e-9
    else:
        assert min(strength, transform.identity) <= drawn <= max(strength, transform.identity)


@pytest.mark.parametrize(
    ("name", "strength", "low", "high"),
    [("rotate", 30, -30, 30), ("brightness", 70, 70, 130), ("crop", 80, 80, 100), ("noise", 16, 0, 16)],
)
def test_draws_are_uniform(name, strength, low, high):
    generator = chance()
    drawn = np.sort([TRANSFORMS[name].draw(generator, strength) for _ in range(2000)])
    even = np.linspace(low, high, 2000)
    assert np.abs(drawn - even).max() < 0.043 * (high - low)  # Kolmogorov-Smirnov at 1/1000: 1.95 / sqrt(2000)


@pytest.mark.parametrize(
    ("name", "strength", "values"), [("bit_depth", 4, range(4, 9)), ("translate", 2, range(-2, 3))]
)
def test_whole_draws_hit_every_number_alike(name, strength, values):
    generator = chance()
    drawn = [TRANSFORMS[name].draw(generator, strength) for _ in range(2000)]
    assert set(drawn) == set(values)
    assert all(330 < drawn.count(value) < 470 for value in values)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [2, 5, 11, 1000])
def test_a_sweep_runs_over_the_whole_range(name, count):
    transform = TRANSFORMS[name]
    strengths = transform.sweep(count)
    assert (strengths[0], strengths[-1]) == (transform.low, transform.high)
    assert list(strengths) == sorted(set(strengths))
    assert len(strengths) == min(count, round((transform.high - transform.low) / transform.step) + 1)
    for strength in strengths:
        assert transform.check(strength) == strength
        assert math.isclose(math.remainder(strength - transform.low, transform.step), 0, abs_tol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_is_sound(name):
    transform = find_transform(name)
    assert transform.name == name
    assert transform.title
    assert transform.about.endswith(".")
    assert transform.check(None) == transform.default != transform.identity
    assert transform.check(transform.identity) == transform.identity
    assert transform.label(transform.default).startswith(f"{transform.title}: ")


def test_labels_are_words():
    labels = [TRANSFORMS[name].label(TRANSFORMS[name].default) for name in NAMES]
    assert labels == [
        "Mirror: on", "Crop: 80 %", "Rotate: 30°", "Grayscale: 100 %", "Resize: 50 %", "Blur: 1.5 px",
        "JPEG: quality 50", "Bit depth: 4 bits", "Brightness: 70 %", "Noise: 16/255", "Translate: 8 px",
    ]  # fmt: skip
    assert TRANSFORMS["mirror"].label(0) == "Mirror: off"


# --- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_bad_strengths_are_a_sentence(name):
    transform = TRANSFORMS[name]
    wrong = [math.nan, math.inf, -math.inf, transform.low - 1, transform.high + 1, "much", [1], 10**400]
    for strength in wrong + [transform.low + 0.5] * transform.whole:
        for attempt in (transform.check, lambda s: transform(X, s), lambda s: transform.sample(X, chance(), s)):
            with pytest.raises(InputError, match=f"“{transform.title}” takes"):
                attempt(strength)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (torch.full((1, 3, 4, 4), math.nan), "nan"),
        (torch.full((1, 3, 4, 4), 1.5), "1.5"),
        (torch.full((1, 3, 4, 4), -0.1), "-0.1"),
        (torch.zeros(3, 4, 4), "shape"),
        (torch.zeros(1, 1, 4, 4), "shape"),
        (torch.zeros(0, 3, 4, 4), "shape"),
        (torch.zeros(1, 3, 4, 4, dtype=torch.uint8), "float32"),
        ("a picture", "make it a torch.Tensor"),
    ],
)
def test_what_are_not_pixels_is_a_sentence(name, wrong, says):
    for attempt in (TRANSFORMS[name], lambda x: TRANSFORMS[name].sample(x, chance())):
        with pytest.raises(InputError, match=says):
            attempt(wrong)


def test_unknown_names_and_short_sweeps_are_a_sentence():
    with pytest.raises(InputError, match=r"“swirl”.*mirror, crop"):
        find_transform("swirl")
    with pytest.raises(InputError, match="at least 2"):
        TRANSFORMS["blur"].sweep(1)


# --- gradients ----------------------------------------------------------------------------------------------------


def gradient_of(change, x, weights):
    x = x.clone().requires_grad_()
    (change(x) * weights).sum().backward()
    return x.grad


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("seed", [None, 3])
def test_gradients_are_finite_differences_in_float64(name, seed):
    transform = TRANSFORMS[name]
    x = pixels(2, 3, 9, 11, seed=1, dtype=torch.float64) * 0.6 + 0.2
    weights, direction = (torch.randn(x.shape, generator=chance(k), dtype=torch.float64) for k in (2, 3))

    def change(x):
        return transform.change(x, transform.default, None if seed is None else chance(seed))

    step = 1e-6
    measured = ((change(x + step * direction) - change(x - step * direction)) * weights).sum() / (2 * step)
    slope = (gradient_of(change, x, weights) * direction).sum()
    assert slope.abs() > 1e-3
    torch.testing.assert_close(slope, measured, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", STEPPED)
@given(strength=st.integers(1, 8))
def test_what_rounds_passes_gradients_straight_through(name, strength):
    weights = torch.randn(X.shape, generator=chance())
    assert torch.equal(gradient_of(lambda x: TRANSFORMS[name](x, strength), X, weights), weights)


@pytest.mark.parametrize("name", NAMES)
def test_random_instances_pass_gradients_too_and_they_add_up(name):
    weights = torch.randn((4, *X.shape[1:]), generator=chance(1))
    together = gradient_of(lambda x: TRANSFORMS[name].sample(x.expand(4, -1, -1, -1), chance(2)), X, weights)
    generator, apart = chance(2), torch.zeros_like(X)
    for weight in weights:
        apart += gradient_of(lambda x: TRANSFORMS[name].sample(x, generator), X, weight)
    assert together.abs().max() > 0
    torch.testing.assert_close(together, apart, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("noise", "brightness")])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_keep_their_gradient(name, value):
    """Means of white pixels may come out at 1.0000001: clipping that mustn't cost the gradient."""
    x = torch.full((1, 3, 20, 24), value)
    gradient = gradient_of(TRANSFORMS[name], x, torch.ones_like(x))
    middle = gradient[..., 5:15, 8:16]
    assert (middle > 0.1).all()


def test_clipped_pixels_have_no_gradient():
    brightness = TRANSFORMS["brightness"]
    x = torch.full((1, 3, 2, 2), 0.8)
    assert gradient_of(lambda x: brightness(x, 150), x, torch.ones_like(x)).abs().max() == 0
    torch.testing.assert_close(gradient_of(lambda x: brightness(x, 50), x, torch.ones_like(x)), torch.full_like(x, 0.5))


# --- each against its reference -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_transform_alone_has_its_default_strength(name):
    transform = TRANSFORMS[name]
    whole = (transform, transform.default)
    for wanted in (name, transform, (name, None), [transform, None], (name, transform.default), whole):
        assert with_strength(wanted) == whole
    assert transform.label() == transform.label(transform.default)
    views = [
        Expectation(lambda x: x.flatten(1)[:, :4], [wanted], torch.Generator().manual_seed(1), 2)(X)
        for wanted in (transform, name, whole)
    ]
    assert torch.equal(views[0], views[1])
    assert torch.equal(views[0], views[2])


@pytest.mark.parametrize(
    "wanted", [None, 3, ("rotate", "x"), ("rotate", 30, 1), (), "swirl", ("rotate", 999), 1.5, [None, 1]]
)
def test_what_is_no_transform_is_a_sentence(wanted):
    with pytest.raises(InputError):
        with_strength(wanted)
    with pytest.raises(InputError):
        Expectation(torch.flatten, [wanted], torch.Generator(), 2)


def test_mirror_twice_is_the_picture():
    mirror = TRANSFORMS["mirror"]
    assert torch.equal(mirror(X), X.flip(3))
    assert torch.equal(mirror(mirror(X)), X)


def test_crop_keeps_the_middle():
    y = TRANSFORMS["crop"](X, 50)
    expected = interpolate(X[..., 10:30, 12:36], size=(40, 48), mode="bilinear", align_corners=False)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-6)


def test_a_random_crop_is_a_window_anywhere_in_the_picture():
    rows = torch.linspace(0, 1, 21).view(1, 1, -1, 1).expand(1, 3, -1, 21)  # the value is the place
    generator, tops = chance(), []
    for _ in range(300):
        seen = TRANSFORMS["crop"](rows.contiguous(), 80, generator)[0, 0, :, 0] * 20
        tops.append(round(seen[0].item()))
        assert round((seen[-1] - seen[0]).item()) == 16  # 17 of 21 rows
    assert set(tops) == {0, 1, 2, 3, 4}


def test_quarter_turns_are_exact_and_four_are_none():
    rotate, x = TRANSFORMS["rotate"], pixels(2, 3, 30, 30)
    assert torch.equal(rotate(x, 90), torch.rot90(x, 1, (2, 3)))
    assert torch.equal(rotate(x, -90), torch.rot90(x, -1, (2, 3)))
    assert torch.equal(rotate(x, 180), rotate(x, -180))
    assert torch.equal(rotate(rotate(x, 180), 180), x)
    turned = x
    for _ in range(4):
        turned = rotate(turned, 90)
    assert torch.equal(turned, x)
    assert torch.equal(rotate(X, 180), X.flip(2, 3))


@given(st.floats(-180, 180))
def test_rotation_is_the_bilinear_picture_over_grey(angle):
    """Pixel by pixel in float64: look up where each pixel comes from in the picture laid on endless grey."""
    height, width = 12, 15
    x = pixels(1, 3, height, width, dtype=torch.float64)
    ground = np.full((3, height + 40, width + 40), GREY)
    ground[:, 20:-20, 20:-20] = x[0].numpy()
    rows, cols = np.mgrid[:height, :width]
    down, right = rows - (height - 1) / 2, cols - (width - 1) / 2
    turn = math.radians(angle)
    source_row = math.cos(turn) * down + math.sin(turn) * right + (height - 1) / 2 + 20
    source_col = -math.sin(turn) * down + math.cos(turn) * right + (width - 1) / 2 + 20
    row, col = np.floor(source_row).astype(int), np.floor(source_col).astype(int)
    below, beside = source_row - row, source_col - col
    expected = (
        ground[:, row, col] * (1 - below) * (1 - beside)
        + ground[:, row + 1, col] * below * (1 - beside)
        + ground[:, row, col + 1] * (1 - below) * beside
        + ground[:, row + 1, col + 1] * below * beside
    )
    y = TRANSFORMS["rotate"](x.float(), angle)[0].numpy()
    np.testing.assert_allclose(y, expected, rtol=0, atol=2e-5)


def test_grey_is_the_luma_of_pillow():
    y = to_uint8(TRANSFORMS["grayscale"](X))
    luma = torch.from_numpy(np.array(PHOTO.convert("L")))
    assert (y[0].int() - luma.int()).abs().max() <= 1  # Pillow cuts where to_uint8 rounds
    assert torch.equal(y[0, 0], y[0, 1])
    assert torch.equal(y[0, 0], y[0, 2])
    torch.testing.assert_close(TRANSFORMS["grayscale"](X), F.rgb_to_grayscale(X, 3), rtol=0, atol=0)
    half = (X + F.rgb_to_grayscale(X, 3)) / 2
    torch.testing.assert_close(TRANSFORMS["grayscale"](X, 50), half, rtol=0, atol=1e-6)


def test_resizing_is_pillows_antialiased_bilinear_both_ways():
    y = TRANSFORMS["resize"](X, 50)[0].numpy()
    for channel in range(3):
        plane = Image.fromarray(X[0, channel].numpy())  # float planes: Pillow doesn't round them
        small = plane.resize((24, 20), Image.Resampling.BILINEAR)
        expected = np.asarray(small.resize(plane.size, Image.Resampling.BILINEAR))
        np.testing.assert_allclose(y[channel], expected, rtol=0, atol=1e-5)


def test_a_chessboard_shrunk_is_grey():
    board = (torch.arange(32).view(-1, 1) + torch.arange(32)).remainder(2).float().expand(1, 3, -1, -1)
    y = TRANSFORMS["resize"](board, 25)
    assert (y[..., 8:-8, 8:-8] - 0.5).abs().max() < 0.02  # without antialiasing it would be black or white


@pytest.mark.parametrize("sigma", [0.1, 0.7, 1.5, 3.0])
def test_blur_is_a_gaussian_convolution(sigma):
    reach = math.ceil(3 * sigma)
    places = torch.arange(-reach, reach + 1, dtype=torch.float64)
    bell = torch.exp(-0.5 * (places / sigma) ** 2)
    kernel = torch.outer(bell, bell) / bell.sum() ** 2
    padded = pad(X.double(), [reach] * 4, mode="reflect")
    expected = conv2d(padded, kernel.expand(3, 1, -1, -1), groups=3)
    y = TRANSFORMS["blur"](X, sigma)
    torch.testing.assert_close(y, expected.float(), rtol=0, atol=1e-6)
    size = [2 * reach + 1] * 2
    torch.testing.assert_close(y, F.gaussian_blur(X, size, [sigma, sigma]), rtol=0, atol=1e-6)
    pillow = np.asarray(PHOTO.filter(ImageFilter.GaussianBlur(sigma)), dtype=float) / 255  # boxes in place of the bell
    assert np.abs(y[0].permute(1, 2, 0).numpy() - pillow)[8:-8, 8:-8].max() < 0.06


@pytest.mark.parametrize("quality", [1, 50, 75, 100])
def test_jpeg_is_pillows_file_opened_again(quality):
    x = torch.cat([X, X.flip(3)]) + 0.4 / 255 * (torch.cat([X, X]) < 0.9)  # off the bytes: they are rounded first
    y = TRANSFORMS["jpeg"](x, quality)
    for picture, decoded in zip((PHOTO, PHOTO.transpose(Image.Transpose.FLIP_LEFT_RIGHT)), y, strict=True):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        expected = np.asarray(Image.open(io.BytesIO(file.getvalue())))
        assert np.array_equal(to_uint8(decoded).permute(1, 2, 0).numpy(), expected)
        assert np.array_equal(decoded.permute(1, 2, 0).numpy(), expected.astype(np.float32) / np.float32(255))


def test_less_quality_is_more_damage():
    damage = [(TRANSFORMS["jpeg"](X, quality) - X).abs().mean() for quality in (1, 10, 50, 90)]
    assert damage == sorted(damage, reverse=True)


@given(st.integers(1, 8), st.integers(0, 100))
def test_bit_depth_is_the_nearest_level(bits, seed):
    x = pixels(1, 3, 6, 6, seed=seed)
    levels = np.arange(2**bits) / (2**bits - 1)
    y = TRANSFORMS["bit_depth"](x, bits).numpy()
    nearest = np.abs(levels[:, None] - x.numpy().ravel().astype(float)).min(axis=0)
    np.testing.assert_allclose(np.abs(y - x.numpy()).ravel(), nearest, rtol=0, atol=1e-7)
    assert np.abs(y.ravel()[:, None] - levels).min(axis=1).max() < 1e-7
    if bits == 8:
        assert np.array_equal(y, to_uint8(x).numpy().astype(np.float32) / np.float32(255))


@given(st.floats(0, 200))
def test_brightness_is_a_factor(percent):
    expected = np.minimum(X.numpy().astype(float) * percent / 100, 1)
    np.testing.assert_allclose(TRANSFORMS["brightness"](X, percent).numpy(), expected, rtol=0, atol=1e-6)


def test_noise_has_the_mean_and_deviation_it_says():
    x = torch.full((1, 3, 200, 200), 0.5)
    for strength in (1, 16, 32):
        for generator in (None, chance(5)):
            noise = TRANSFORMS["noise"](x, strength, generator) - 0.5
            sigma = strength / 255
            assert abs(noise.mean()) < 4 * sigma / math.sqrt(x.numel())
            assert math.isclose(noise.std(), sigma, rel_tol=0.02)
            assert abs((noise / sigma).pow(4).mean() - 3) < 0.15  # the fourth moment of a Gaussian
    weak, strong = (TRANSFORMS["noise"](x, strength) - 0.5 for strength in (4, 8))
    torch.testing.assert_close(2 * weak, strong, rtol=0, atol=1e-6)  # a sweep strengthens the same noise


@given(st.integers(-64, 64), st.integers(1, 70))
def test_translation_moves_whole_pixels(places, width):
    x = pixels(1, 3, 4, width)
    y = TRANSFORMS["translate"](x, places)
    expected = torch.full_like(x, GREY)
    for column in range(width):
        if 0 <= column - places < width:
            expected[..., column] = x[..., column - places]
    assert torch.equal(y, expected)


@given(st.integers(-12, 12), st.integers(0, 1000))
def test_a_random_translation_goes_so_far_in_some_direction(places, seed):
    x = torch.zeros(1, 3, 31, 31)
    x[..., 15, 15] = 1
    ((row, column),) = (TRANSFORMS["translate"](x, places, chance(seed))[0, 0] == 1).nonzero().tolist()
    assert abs(math.hypot(row - 15, column - 15) - abs(places)) <= math.sqrt(0.5)


def test_random_translations_go_all_ways():
    x = torch.zeros(1, 3, 31, 31)
    x[..., 15, 15] = 1
    generator, ways = chance(), set()
    for _ in range(60):
        ((row, column),) = (TRANSFORMS["translate"](x, 10, generator)[0, 0] == 1).nonzero().tolist()
        ways.add((row > 15, column > 15))
    assert len(ways) == 4


@pytest.mark.parametrize("name", NAMES)
def test_a_photo_stays_eight_bit(name):
    shown = TRANSFORMS[name].on_picture(PHOTO)
    assert (shown.mode, shown.size) == ("RGB", PHOTO.size)
    assert np.array_equal(np.asarray(shown), np.asarray(to_picture(TRANSFORMS[name](X))))
