"""Explanations are the methods' own numbers, and the code on the page gives them again."""

import numpy as np
import pytest

from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability.attribution import occlusion_corners
from cnnlab_core.interpretability.explanation import METHODS, Question, explain
from cnnlab_core.models import load_model
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.plots.overlays import BAND, attribution_overlay, full_colour, influence_in_box
from cnnlab_core.receptive_field.effective import share_of_box
from cnnlab_core.receptive_field.fields import Box
from cnnlab_core.recipes.feature_maps import attribution_code, effective_field_code
from cnnlab_core.runtime.jobs import finish

QUESTIONS = {
    "Saliency": Question("Saliency", 282),
    "Grad-CAM": Question("Grad-CAM", 282, node="_blocks.13._swish_1"),
    "Integrated gradients": Question("Integrated gradients", 282, steps=5),
    "Occlusion": Question("Occlusion", 282, window=112, stride=56, baseline=0.5),
}


@pytest.fixture(scope="module")
def answers():
    model = load_model("efficientnet_lite0", device="cpu")
    x = model.prepare(open_image(sample_images()["chelsea"].content))
    return {method: finish(explain(model, x, question)) for method, question in QUESTIONS.items()}


def test_one_number_per_pixel(answers):
    assert tuple(answers) == METHODS
    assert answers["Saliency"].values.min() >= 0
    assert not answers["Saliency"].signed
    assert answers["Grad-CAM"].values.shape == (7, 7)
    assert all(answers[method].values.shape == (224, 224) for method in METHODS if method != "Grad-CAM")
    gradients = answers["Integrated gradients"]
    assert gradients.values.sum() == pytest.approx(gradients.difference + gradients.gap, abs=1e-3)


def test_the_code_on_the_page_gives_the_numbers_on_the_page(answers, monkeypatch, capsys):
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")
    scope = {}
    code = attribution_code("efficientnet_lite0", "pretrained", "chelsea", [vars(q) for q in QUESTIONS.values()])
    exec(code, scope)
    for method, name in zip(METHODS, ("saliency_map", "cam", "gradients", "falls"), strict=True):
        np.testing.assert_allclose(scope[name].numpy(), answers[method].values, rtol=1e-4, atol=1e-5)
    assert f"{answers['Integrated gradients'].gap:.2f}" in f"{float(capsys.readouterr().out.split()[1]):.2f}"
    alone = attribution_code("resnet18", "random", None, [vars(QUESTIONS["Saliency"])])
    assert "photo.jpg" in alone
    assert "finish" not in alone


@pytest.mark.parametrize("noise", [False, True])
def test_the_code_for_effective_fields_runs(noise, monkeypatch):
    monkeypatch.setenv("CNNLAB_DEVICE", "cpu")
    scope = {}
    unit = ("_blocks.2.add", 28, 28)
    exec(effective_field_code("efficientnet_lite0", ("pretrained", "random"), unit, None, 2, noise=noise), scope)
    assert {weights: map.shape for weights, map in scope["influence"].items()} == dict.fromkeys(
        ("pretrained", "random"), (224, 224)
    )
    assert scope["radii"] == sorted(scope["radii"])


def test_squares_that_leave_gaps_are_refused():
    assert len(occlusion_corners(224, 224, 32, 16)) == 13 * 13
    for window, stride in ((0, 1), (300, 10), (16, 32), (16, 0)):
        with pytest.raises(InputError, match="square"):
            occlusion_corners(224, 224, window, stride)


def test_share_of_a_box():
    box = Box(0, 0, 9, 9)
    assert share_of_box((4.5, 4.5), 100, box) == 1
    assert share_of_box((4.5, 4.5), 0.8, box) == 4 / 100
    assert share_of_box((50, 50), 3, box) == 0


def test_heat_is_drawn_at_any_value():
    photo = open_image(sample_images()["chelsea"].content)
    for values in (np.zeros((7, 7)), np.full((5, 9), -1e-30), np.eye(20) * 1e6):
        picture = attribution_overlay(photo, values, signed=True)
        assert picture.width == 448
        assert picture.height == round(448 * photo.height / photo.width) + BAND
    assert full_colour(np.zeros(4)) == 0
    assert full_colour([0.0] * 999 + [2.0]) == 2
    assert side_by_side([picture, picture]).width == 2 * 448 + 12


def test_influence_is_cut_out_around_its_box():
    influence = np.zeros((50, 60))
    influence[20, 30] = 1
    for box in (Box(18, 28, 22, 32), Box(0, 0, 49, 59), Box(49, 59, 49, 59)):
        assert max(influence_in_box(influence, box, (20, 30), [1.0, 3.0], side=120).size) == 120
