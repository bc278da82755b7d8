"""The Sweep tab: the curves and the smallest epsilons are the core's, over one picture and over several."""

import base64
import itertools
import re

import numpy as np
import pytest
from screen import figures, guess_at, press, texts

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.studies.sweep import compare_attacks
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.images.levels import levels
from cnnlab_core.models import load_model

LINF = tuple(k / 255 for k in range(17))


@pytest.fixture(scope="module")
def model():
    return load_model("cifar10_standard", device="cpu")


@pytest.fixture(scope="module")
def x(model):
    return model.prepare(open_image(sample_images()["chelsea"].content))


def opened(open_page, model="cifar10_standard", **query):
    return open_page("adversarial", adversarial_tab="Attack", adversarial_tab_attack="Sweep", model=model, **query)


@pytest.mark.parametrize(
    "query",
    [
        {"model": "efficientnet_lite0"},
        {"adversarial_of": "<b>", "adversarial_sweep_steps": "-1", "adversarial_sweep_linf": "to the moon"},
    ],
)
def test_it_opens_finished_whatever_the_address_says(open_page, query):
    app = opened(open_page, **query)
    assert not app.error
    assert "load_model" in app.code[-1].value
    assert app.get("download_button")


def test_both_attacks_against_epsilon(open_page, model, x):
    app = opened(open_page, adversarial_target="1 · automobile")
    plans = Plan("fgsm"), Plan("pgd", steps=5).over_epsilon()
    fgsm, pgd = compare_attacks(model, x, plans, eps=LINF[:9], target=1)
    said = texts(app)
    assert f"PGD gets the network to say automobile at ε = {levels(pgd.smallest)}." in said
    assert "FGSM doesn't get the network to say automobile up to 8/255" in said
    figure = figures(app)[-1]
    drawn = {trace["name"]: trace["y"] for trace in figure["data"] if "name" in trace}
    for curve, name in ((fgsm, "FGSM"), (pgd, "PGD")):
        assert np.allclose(values(drawn[name]), curve.probability(1), atol=1e-6)
    assert app.dataframe[0].value["PGD, sweep"][0] == levels(pgd.smallest)
    assert app.dataframe[0].value["FGSM, sweep"][0] == "above 8/255"
    shares = list(fgsm.probability(1))
    back = sum(after < before - 0.01 for before, after in itertools.pairwise(shares))
    right, told = guess_at(app, "sweep")
    assert right == ("never", "once", "more often")[min(back, 2)]
    assert told.startswith(f"By more than 1% at {back} of 8.")


def values(array):
    """Numbers as plotly writes them."""
    if isinstance(array, dict):
        return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])
    return array


def test_the_bisection_joins_the_table(open_page):
    app = press(opened(open_page, adversarial_sweep_steps="2"), "Run FGSM and PGD at 9 epsilons")
    app = press(app, "Search for the smallest epsilon")
    row = app.dataframe[0].value.iloc[0]
    smallest, in_eight_bits = re.fullmatch(r"([\d.]+)/255 \(([\d.]+)/255 in 8 bits\)", row["FGSM, bisection"]).groups()
    assert float(smallest) < 1
    assert in_eight_bits == "1"  # no smaller change can be saved


def test_the_attack_above_stands_beside_fgsm_with_its_settings(open_page):
    query = {"adversarial_attack": "Probability ascent", "adversarial_factor": "3000", "adversarial_sweep_steps": "2"}
    query["adversarial_target"] = "2 · bird"
    app = press(opened(open_page, **query), "Run FGSM and Probability ascent at 9 epsilons")
    assert set(app.dataframe[0].value) >= {"FGSM, sweep", "Probability ascent, sweep"}
    assert 'Plan("probability_ascent", step_size=3000, steps=2, keep_best=True)' in app.code[-1].value


def test_an_attack_that_cannot_be_swept_is_replaced_aloud(open_page):
    app = opened(open_page, adversarial_attack="l1 by Adam")
    assert "has no epsilon, so PGD stands in" in texts(app)
    assert set(app.dataframe[0].value) >= {"FGSM, sweep", "PGD, sweep"}
    query = {"adversarial_attack": "Probability ascent", "adversarial_of": "Accuracy over several"}
    app = opened(open_page, model="efficientnet_lite0", **query)  # the samples have classes of ImageNet
    assert "leads to a target, not just away from a class, so PGD stands in" in texts(app)
    assert any(button.label.startswith("Run FGSM and PGD at 9 epsilons") for button in app.button)


def test_earlier_curves_stay_until_there_are_others(open_page):
    app = opened(open_page)
    before = figures(app)
    app.slider(key="adversarial_eps").set_value(5.0).run()  # the attack's own: it isn't among these
    assert "previous settings" not in texts(app)
    app.slider(key="adversarial_sweep_steps").set_value(6).run()
    assert "These results are from your previous settings." in texts(app)
    assert figures(app) == before
    assert "5 steps" in texts(app), "told as what they were"


def test_pictures_that_were_wrong_before_are_set_apart(open_page):
    query = {"adversarial_of": "Accuracy over several", "adversarial_sweep_steps": "2"}
    app = opened(open_page, model="efficientnet_lite0", **query)
    said = texts(app)
    assert "**3 of 7 misclassified without any attack**" in said
    assert "Grace Hopper (academic gown instead of military uniform)" in said
    assert "Left out, without a true class: An astronaut." in said
    assert any(button.label == "Run FGSM and PGD at 9 epsilons, for 4 pictures" for button in app.button)
