"""Dreams: what is promised of every step, of the picture at the end, and of the network that dreamt it."""

import math
import threading
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlab_core.dream import (
    Jitter,
    channel,
    class_log_probability,
    class_logit,
    diversity,
    dream,
    dream_steps,
    layer,
    memory,
    stages,
    total_variation,
    unit,
    visualise,
    visualise_steps,
    zoom_steps,
)
from cnnlab_core.dream.dream import _tiles, as_shown, octave_sizes
from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images, to_uint8
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models import ZOO, load_model
from cnnlab_core.runtime.gate import Gate
from cnnlab_core.runtime.jobs import finish

NODE = "_blocks.4.add"
SMALL = {"octaves": 2, "steps": 3}


@pytest.fixture(scope="module")
def model():
    return load_model("efficientnet_lite0")


@pytest.fixture(scope="module")
def photo(model):
    return model.prepare(open_image(sample_images()["chelsea"].content))


@pytest.fixture(scope="module")
def small(photo):
    return photo[..., 40:136, 20:148].contiguous()  # 96 × 128


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def state_of(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def hooks_of(network):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in network.modules())


# --- every step -----------------------------------------------------------------------------------------------


def test_steps_say_where_they_are_and_end_with_the_pictures_own_size(model, small):
    steps = list(dream_steps(model, small, layer(NODE), octaves=3, steps=2))
    assert [(s.octave, s.step) for s in steps] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    sizes = [tuple(s.image.shape[2:]) for s in steps]
    assert sizes == [size for size in octave_sizes((96, 128), 3, 1.4) for _ in range(2)]
    assert sizes[-1] == (96, 128)
    assert all(s.image.min() >= 0 and s.image.max() <= 1 for s in steps)
    shares = [s.share for s in steps]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_the_objective_of_a_step_is_that_of_the_picture_before_it(model, small):
    first, second = list(dream_steps(model, small, layer(NODE), octaves=1, steps=2, jitter=0))
    for step, before in ((first, small), (second, first.image)):
        with torch.no_grad():
            maps = capture(model, before, [NODE])[NODE]
        assert step.objective == pytest.approx(maps.square().mean().sqrt().item(), rel=1e-5)


def test_a_step_moves_pixels_by_its_size_on_average(model, small):
    (step,) = dream_steps(model, small * 0.5 + 0.25, layer(NODE), octaves=1, steps=1, step_size=0.01)
    assert (step.image - small * 0.5 - 0.25).abs().mean().item() == pytest.approx(0.01, rel=0.01)


def test_zero_steps_return_the_picture(model, small):
    result = finish(dream_steps(model, small, layer(NODE), steps=0))
    assert torch.equal(result.image, small)
    assert list(dream_steps(model, small, layer(NODE), steps=0)) == []
    assert result.before == pytest.approx(result.after, rel=1e-3)


@pytest.mark.parametrize("laplacian", [0, 3])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(model, small, laplacian):
    def bytes_of(seed):
        result = finish(dream_steps(model, small, layer(NODE), **SMALL, laplacian=laplacian, generator=seeded(seed)))
        return to_uint8(result.image)

    assert torch.equal(bytes_of(1), bytes_of(1))
    assert not torch.equal(bytes_of(1), bytes_of(2))


def test_a_dream_is_computed_when_it_is_asked_for_or_step_by_step(model, small):
    expected = finish(dream_steps(model, small, layer(NODE), **SMALL))
    whole, stepped = (dream(model, small, layer(NODE), **SMALL) for _ in range(2))
    assert (whole.after, whole.result.silent) == (expected.after, ())
    steps = [(step.octave, step.step, step.objective) for step in stepped]
    assert len(steps) == SMALL["octaves"] * SMALL["steps"]
    assert torch.equal(stepped.image, expected.image)
    with pytest.raises(AttributeError, match="imagee"):
        _ = whole.imagee


def test_threads_dream_the_same_as_one_alone(model, small):
    alone = to_uint8(finish(dream_steps(model, small, layer(NODE), **SMALL)).image)
    found = []

    def work():
        found.append(to_uint8(finish(dream_steps(model, small, layer(NODE), **SMALL)).image))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(torch.equal(alone, each) for each in found)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_caller_without_gradients_gets_the_same_dream(model, small, mode):
    plain = finish(dream_steps(model, small, layer(NODE), **SMALL)).image
    drawn = visualise(model, channel(NODE, 1), size=48, steps=2).image
    with mode():
        assert torch.equal(finish(dream_steps(model, small.clone(), layer(NODE), **SMALL)).image, plain)
        assert torch.equal(visualise(model, channel(NODE, 1), size=48, steps=2).image, drawn)


def test_the_network_and_the_global_seed_are_left_alone(model, small):
    before, hooks, rng = state_of(model.network), hooks_of(model.network), torch.get_rng_state()
    x = small.clone()
    finish(dream_steps(model, x, layer(NODE), **SMALL))
    visualise(model, channel(NODE, 0) - total_variation(), size=48, steps=2)
    assert hooks_of(model.network) == hooks == 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.network.state_dict().items())
    assert all(p.grad is None and not p.requires_grad for p in model.network.parameters())
    assert not any(module.training for module in model.network.modules())
    assert torch.equal(torch.get_rng_state(), rng)
    assert torch.equal(x, small)


@pytest.mark.parametrize("after", range(1, 7))
def test_a_dream_can_be_left_at_any_step_and_holds_nothing(model, small, after):
    gate = Gate(slots=1)
    events = gate.drive(dream_steps(model, small, layer(NODE), **SMALL), slice_seconds=0)
    for _ in range(after):
        next(events)
    events.close()
    assert gate.running == gate.waiting == 0
    again = finish(dream_steps(model, small, layer(NODE), **SMALL)).image
    assert torch.equal(again, finish(dream_steps(model, small, layer(NODE), **SMALL)).image)


# --- the end exceeds the beginning ----------------------------------------------------------------------------

TRAINED = ("efficientnet_lite0", "cifar10_standard", "cifar10_adversarial")
WIDE = {"vgg16", "resnet50", "efficientnet_lite1", "efficientnet_lite2", "squeezenet1_1_caffe"}
OFFLINE = [
    *((name, "pretrained") for name in TRAINED),
    *(
        pytest.param(spec.name, "random", marks=[pytest.mark.wide] if spec.name in WIDE else [])
        for spec in ZOO
        if "robust" not in spec.name
    ),
]
"""A robust network that isn't trained is its standard twin; the wide ones have the layers of others here."""


@pytest.mark.parametrize(("name", "weights"), OFFLINE)
def test_every_stage_of_an_offline_model_ends_higher_than_it_began(name, weights, photo):
    """Without jitter: an untrained ConvNeXt cuts the picture into squares of 4 × 4, and a roll is another picture."""
    model = load_model(name, weights)
    x = photo[..., 64:160, 64:160].contiguous()
    for stage in stages(model.spec):
        result = finish(dream_steps(model, x, layer(stage.name), octaves=2, steps=3, jitter=0))
        assert result.after > result.before, stage.name


def test_every_stage_of_the_default_model_ends_far_higher_with_every_trick(model, photo):
    for stage in stages(model.spec):
        result = finish(dream_steps(model, photo, layer(stage.name), octaves=3, steps=4))
        assert result.after > 1.2 * result.before, stage.name


@pytest.mark.parametrize("target", [76, pytest.param(282, marks=pytest.mark.wide)])
def test_a_class_dream_from_a_photo_convinces_the_network(model, target):
    """As on the page, from the gallery's photo that is hardest to convince with."""
    photo = model.prepare(open_image(sample_images()["coffee"].content))

    def probability(x):
        with torch.no_grad():
            return model(as_shown(x)).softmax(1)[0, target].item()

    goal = class_log_probability(target)
    result = visualise(model, goal, start=photo, steps=48, learning_rate=0.03)
    assert probability(photo) < 0.5
    assert probability(result.image) > 0.9
    assert math.exp(result.after) == pytest.approx(probability(result.image), rel=1e-4)


# --- tiles and shapes -----------------------------------------------------------------------------------------


def test_tiles_cover_the_picture_and_meet_elsewhere_each_time(model, small):
    steps = list(dream_steps(model, small, layer(NODE), octaves=1, steps=2, tile=64))
    assert [(s.step, s.tile, s.tiles) for s in steps] == [(s, t, 4) for s in range(2) for t in range(4)]
    assert torch.equal(steps[2].image, small)  # it moves with the last tile
    assert not torch.equal(steps[3].image, small)
    assert steps[3].image.shape == small.shape
    assert finish(dream_steps(model, small, layer(NODE), octaves=1, steps=2, tile=64)).after > steps[0].objective


@given(length=st.integers(32, 3000), tile=st.integers(64, 900))
def test_tiles_are_even_and_none_is_larger_than_asked(length, tile):
    tiles = _tiles((length, 70), tile)
    rows = [area[2] for area in tiles[:: len({area[3].start for area in tiles})]]
    assert rows[0].start == 0
    assert rows[-1].stop == length
    assert all(above.stop == below.start for above, below in pairwise(rows))
    assert max(row.stop - row.start for row in rows) <= tile


@pytest.mark.parametrize("size", [(40, 200), (97, 61), (33, 33)])
def test_odd_and_narrow_pictures_dream(model, size):
    x = torch.rand(1, 3, *size, generator=seeded())
    result = finish(dream_steps(model, x, layer("_blocks.2.add"), octaves=1, steps=1, laplacian=4, generator=seeded()))
    assert result.image.shape == x.shape


def test_a_zoom_goes_on_from_its_own_frames(model, small):
    steps = zoom_steps(model, small, layer(NODE), frames=3, factor=1.1, octaves=1, steps=1)
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as stop:
            frames = stop.value
            break
    assert [s.frame for s in seen] == [0, 1, 2]
    assert all(s.whole_frame for s in seen)
    assert frames.shape == (3, 3, 96, 128)
    assert frames.dtype == torch.uint8
    assert not torch.equal(frames[0], frames[1])


def test_an_enlarged_picture_keeps_its_middle():
    from cnnlab_core.dream.zoom import enlarged

    ramp = torch.linspace(0, 1, 65).expand(1, 3, 65, 65)
    grown = enlarged(ramp, 2)
    assert grown[0, 0, 32, 32].item() == pytest.approx(0.5, abs=1e-6)
    assert (grown[0, 0, 32, 33] - grown[0, 0, 32, 32]).item() == pytest.approx(1 / 128, abs=1e-5)
    assert torch.allclose(enlarged(ramp, 1), ramp, atol=1e-5)


# --- visualisation --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("node", ["_blocks.2.add", "_blocks.4.add", "_blocks.8._bn2"])
def test_pictures_from_noise_become_plainly_unlike_it(model, node):
    """Plainly: the picture differs from its noise by far more than two noises differ from one another."""
    first = visualise(model, layer(node), size=64, steps=24, generator=seeded(1))
    other = visualise(model, layer(node), size=64, steps=0, generator=seeded(2))
    moved = (first.image - first.start).square().mean().sqrt()
    assert moved > 2 * (first.start - other.start).square().mean().sqrt()
    assert first.after > 1.5 * first.before
    corrcoef = np.corrcoef(first.image.flatten().numpy(), first.start.flatten().numpy())[0, 1]
    assert abs(corrcoef) < 0.5


def test_diversity_gives_different_answers(model):
    """Two pictures of one question are less alike to the layer when diversity is asked for too."""

    def alike(objective):
        image = visualise(model, objective, size=48, steps=12, count=2, transforms=[Jitter(2)]).image
        with torch.no_grad():
            flat = capture(model, image, [NODE])[NODE].flatten(2)
        grams = (flat @ flat.transpose(1, 2)).flatten(1)
        return torch.cosine_similarity(grams[0], grams[1], dim=0).item()

    assert alike(channel(NODE, 3) + 100 * diversity(NODE)) < alike(channel(NODE, 3)) - 0.05


def test_a_silent_relu_is_climbed_before_its_activation(model):
    """On an even picture some channels of the head are at zero everywhere."""
    grey = torch.full((1, 3, 96, 96), 0.5)
    with torch.no_grad():
        maps = capture(model, grey, ["_swish_1"])["_swish_1"][0]
    dead = int((maps.amax((1, 2)) == 0).nonzero()[0])
    alive = int((maps.amax((1, 2)) > 0).nonzero()[0])
    first, *_, last = dream_steps(model, grey, channel("_swish_1", dead), octaves=1, steps=4)
    assert first.silent == last.silent == ("_swish_1",)
    assert first.objective < 0 < last.objective - first.objective
    assert finish(dream_steps(model, grey, channel("_swish_1", alive), octaves=1, steps=1)).silent == ()


def test_a_silent_relu_is_found_behind_a_concatenation():
    model = load_model("squeezenet1_1", "random")
    grey = torch.full((1, 3, 96, 96), 0.5)
    with torch.no_grad():
        maps = capture(model, grey, ["features.4.cat"])["features.4.cat"][0]
    dead = (maps.amax((1, 2)) == 0).nonzero().flatten().tolist()
    assert dead
    for index in (dead[0], dead[-1]):
        result = finish(dream_steps(model, grey, channel("features.4.cat", index), octaves=1, steps=2, jitter=0))
        assert result.silent == ("features.4.cat",)
        assert result.after > result.before


# --- sentences ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"step_size": float("nan")}, "step_size is nan"),
        ({"step_size": -0.1}, "more than 0"),
        ({"octave_scale": float("nan")}, "octave_scale is nan"),
        ({"octaves": 0}, "1 to 12 octaves"),
        ({"octaves": 9}, "Use at most 4 octaves"),
        ({"steps": -1}, "0 to 10000 steps"),
        ({"jitter": -3}, "0 to 4096 pixels"),
        ({"tile": 3}, "64 to 8192"),
        ({"normalise": "max"}, "make it one of mean-abs"),
        ({"laplacian": 99}, "0 \\(none\\) to 8 levels"),
    ],
)
def test_settings_that_make_no_sense_raise_at_once(model, small, settings, says):
    with pytest.raises(InputError, match=says):
        dream_steps(model, small, layer(NODE), **settings)


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        (lambda: layer("_blocks.4.ad"), "Did you mean"),
        (lambda: layer("_avg_pooling"), "after the global pooling.*_swish_1"),
        (lambda: channel("view", 3), "after the global pooling"),
        (lambda: layer("x"), "no node|enters"),
        (lambda: layer(NODE, "l3"), "l2 or mean"),
        (lambda: channel(NODE, 40), "channels 0 to 39, but 40"),
        (lambda: unit(NODE, 0, 12, 0), "rows 0 to 11, but 12"),
        (lambda: unit(NODE, 0, 0, -1), "columns 0 to 15, but -1"),
        (lambda: class_logit(1000), "classes 0 to 999, but 1000"),
        (lambda: "layer", "make it an Objective"),
        (lambda: layer(NODE) * float("nan"), "not by nan"),
        (lambda: layer(NODE) / 0, "divided by 0"),
        (lambda: diversity(NODE), "at least two"),
    ],
)
def test_objectives_that_make_no_sense_raise(model, small, objective, says):
    with pytest.raises(InputError, match=says):
        next(dream_steps(model, small, objective(), octaves=1, steps=1))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"steps": -1}, "0 to 100000"),
        ({"learning_rate": float("nan")}, "is nan"),
        ({"size": 8}, "28 to 1024"),
        ({"count": 0}, "1 to 64"),
        ({"parametrisation": "clay"}, "fourier or pixels"),
    ],
)
def test_visualisations_that_make_no_sense_raise_at_once(model, settings, says):
    with pytest.raises(InputError, match=says):
        visualise_steps(model, channel(NODE, 0), **settings)


def test_pixels_out_of_range_and_tiny_pictures_raise(model):
    with pytest.raises(InputError, match=r"Pixels must lie in \[0, 1\]"):
        dream_steps(model, torch.full((1, 3, 64, 64), float("nan")), layer(NODE))
    with pytest.raises(InputError, match="at least 28 × 28"):
        dream_steps(model, torch.rand(1, 3, 16, 16), layer(NODE))
    with pytest.raises(InputError, match="too small for AlexNet"):
        finish(dream_steps(load_model("alexnet", "random"), torch.rand(1, 3, 40, 33), layer("features.12"), octaves=1))


def test_nothing_to_climb_raises(model):
    """A class that is certain beyond float32 has no gradient, and no activation to go around."""
    from dataclasses import replace

    from cnnlab_core.dream.objectives import Objective

    (term,) = channel(NODE, 0).terms
    flat = Objective((replace(term, prepare=lambda model, layer: lambda maps: 0 * maps.sum((1, 2, 3))),))
    with pytest.raises(InputError, match="nothing to climb"):
        next(dream_steps(model, torch.full((1, 3, 64, 64), 0.5), flat, octaves=1))


def test_a_picture_for_which_there_is_no_memory_is_offered_smaller(model, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda device: 1_000_000_000)
    x = torch.zeros(1, 3, 1, 1).expand(1, 3, 2500, 2500)
    assert memory.largest_area(model.spec, [NODE], model.device) < 2000**2
    with pytest.raises(InputError, match=r"2500 × 2500 pixels needs more memory.*at most \d+ × \d+"):
        dream_steps(model, x, layer(NODE))


def test_a_picture_that_fits_only_in_tiles_is_computed_in_tiles(model, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda device: 2_000_000_000)
    assert memory.tile_for(model.spec, [NODE], (448, 448), model.device) == 448
    assert memory.tile_for(model.spec, [NODE], (1500, 1500), model.device) == memory.TILE
