"""The effective receptive field lies in the theoretical one, and its mass is measured."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models import DEFAULT_MODEL, load_model
from cnnlab_core.receptive_field import receptive_fields
from cnnlab_core.receptive_field.effective import (
    effective_field,
    effective_field_steps,
    mass_radii,
    noise_pictures,
    share_of_box,
)
from cnnlab_core.receptive_field.fields import Box
from cnnlab_core.recipes.receptive_fields import effective as recipe


@pytest.fixture(scope="module")
def model():
    return load_model(DEFAULT_MODEL, device="cpu")


@pytest.fixture(scope="module")
def cat(model):
    return model.prepare(open_image(sample_images()["chelsea"].content))


def test_a_unit_that_is_not_there_is_a_sentence(model, cat):
    with pytest.raises(InputError, match="rows 0 to 6"):
        effective_field(model, "_conv_head.conv2d", 7, 0, [cat])


def test_the_effective_field_lies_inside_the_theoretical_one():
    resnet, unit = load_model("resnet18", "random", "cpu"), ("layer2.1.add", 12, 15)
    pictures = noise_pictures(resnet, 2, torch.Generator().manual_seed(0))
    steps = list(effective_field_steps(resnet, *unit, pictures))
    influence = effective_field(resnet, *unit, pictures)
    assert np.array_equal(steps[-1].latest, influence)
    box = receptive_fields(resnet)["layer2.1.add"].box(12, 15)
    outside = influence.copy()
    outside[box.top : box.bottom + 1, box.left : box.right + 1] = 0
    assert influence.sum() > 0
    assert not outside.any()
    centre, radii = mass_radii(influence)
    assert abs(centre[0] - (box.top + box.bottom) / 2) < 4
    assert radii == sorted(radii)
    assert radii[1] < (box.bottom - box.top) / 3  # half of the mass in much less than the field


def test_thirty_sessions_clicking_units_get_their_own_answers(model, cat):
    """Each session follows one unit: its activation, its box, its effective field."""
    node, cat = "_blocks.4.add", cat[..., :112, :112].contiguous()
    field = receptive_fields(model, (112, 112))[node]

    def answer(unit):
        row, col = unit
        with torch.no_grad():
            value = capture(model, cat, [node])[node][0, 0, row, col].item()
        box = field.box(row, col)
        influence = effective_field(model, node, row, col, [cat], channel=0)
        return value, box, influence.tobytes()

    units = [(i % 6, i // 6) for i in range(30)]
    alone = {unit: answer(unit) for unit in units[::6]}
    with ThreadPoolExecutor(8) as threads:
        together = dict(zip(units, threads.map(answer, units), strict=True))
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


def test_share_of_a_box():
    box = Box(0, 0, 9, 9)
    assert share_of_box((4.5, 4.5), 100, box) == 1
    assert share_of_box((4.5, 4.5), 0.8, box) == 4 / 100
    assert share_of_box((50, 50), 3, box) == 0


@pytest.mark.parametrize("noise", [False, True])
def test_the_code_for_effective_fields_runs(noise, monkeypatch):
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")
    scope = {}
    unit = ("_blocks.2.add", 28, 28)
    exec(recipe.code("efficientnet_lite0", ("pretrained", "random"), unit, None, 2, noise=noise), scope)
    assert {weights: map.shape for weights, map in scope["influence"].items()} == dict.fromkeys(
        ("pretrained", "random"), (224, 224)
    )
    assert scope["radii"] == sorted(scope["radii"])
