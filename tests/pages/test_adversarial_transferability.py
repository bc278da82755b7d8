"""The Transferability tab: two networks under the same attack, each picture shown to the other network."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from screen import files, guess_at, metrics, press, texts

from cnnlab_core.attacks import fgsm, smallest_rounded_epsilon
from cnnlab_core.attacks.methods import Plan
from cnnlab_core.classification.batch import Classified
from cnnlab_core.errors import InputError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.images.levels import levels
from cnnlab_core.models import find_spec, load_model
from cnnlab_core.ui.adversarial import transferability

FGSM = {"adversarial_attack": "FGSM", "adversarial_eps": "8", "adversarial_target": "2 · bird"}


def prepared(name="standard", weights="pretrained"):
    """One of the lab's own pair of networks, and the picture as it takes it."""
    model = load_model(f"cifar10_{name}", weights, device="cpu")
    return model, model.prepare(open_image(sample_images()["chelsea"].content))


def opened(open_page, **query):
    place = {"adversarial_tab": "Does it survive?", "adversarial_tab_survive": "Transferability"}
    return open_page("adversarial", model="cifar10_standard", **place, **query)


def test_nonsense_in_the_address_is_left_aside_and_the_lab_s_own_pair_meets_without_a_choice(open_page):
    app = opened(open_page, adversarial_second="HAL 9000")
    assert not app.error
    assert app.selectbox(key="adversarial_second").value == "CIFAR-10, adversarial, pretrained"


def test_two_networks_meet_the_same_attack(open_page):
    app = opened(open_page, **FGSM)
    shown, changed = texts(app), 0
    for name, judge in (("standard", "adversarial"), ("adversarial", "standard")):
        model, x = prepared(name)
        result = fgsm(model, x, target=2, eps=8 / 255)
        before, after = (side.probabilities[0, 2].item() for side in (result.clean, result.rounded))
        assert f"P(bird) went from {before:.2%} to {after:.2%}" in shown
        (smallest,) = smallest_rounded_epsilon(model, x, target=2)
        assert (levels(smallest) if smallest else "over 32/255") in [element.value for element in app.metric]
        assert "FGSM to “bird”, rounded to 8 bits" in shown
        other, _ = prepared(judge)
        with torch.no_grad():
            said = other.top_k(result.rounded.x_adv, 1)[0]
            changed += said.index != other.top_k(result.clean.x_adv, 1)[0].index
        assert f"now says **{said.label}** {said.probability:.1%}" in shown
    right, told = guess_at(app, "transfers")
    assert right == ("neither", "one of them", "both")[changed]
    assert told.startswith(f"Of the two, {changed} changed")


def test_an_expensive_attack_waits_and_the_smallest_epsilon_is_that_of_the_attack_shown(open_page):
    app = opened(open_page, adversarial_target="second", adversarial_steps="6")
    assert any(button.label == "Attack (PGD, up to 6 steps)" for button in app.button)
    assert not files(app)
    press(press(press(app, "Attack"), "Attack"), "Smallest epsilon")
    model, x = prepared()
    plan = Plan(steps=6).over_epsilon()
    second = int(model.top_k(x, 2)[1].index)
    (smallest,) = smallest_rounded_epsilon(model, x, method=plan, target=second)
    assert metrics(app)["Smallest epsilon, 8 bits"] == levels(smallest)
    assert f"PGD to “{model.categories[second]}”, rounded to 8 bits" in texts(app)
    assert "method=plan, target=target" in app.code[-1].value
    without = opened(open_page, adversarial_attack="l1 by Adam", adversarial_steps="5")
    assert metrics(without)["Smallest epsilon, 8 bits"] == "none"


def test_a_second_network_that_is_not_here_is_offered(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    app = opened(open_page, adversarial_second="ResNet-50, robust (linf, ε = 4/255), pretrained", **FGSM)
    assert "aren't on this machine" in texts(app)
    assert any(button.label.startswith("Download") for button in app.button)
    assert "**CIFAR-10, standard · pretrained**" in texts(app)  # the first one is there
    assert not app.error


def test_a_second_network_that_says_the_target_anyway_gets_surer(open_page):
    model, x = prepared(weights="random")
    best = model.top_k(x, 1)[0]
    query = {"adversarial_second": "CIFAR-10, standard, random", "adversarial_target": f"{best.index} · {best.label}"}
    app = opened(open_page, **(FGSM | query))
    assert "urer.** P(" in texts(app)
    assert files(app)


@pytest.mark.parametrize(
    ("aim", "target", "expected"), [("2 · dog", 2, 0), ("any other class", None, None), ("least likely", 1, 1)]
)
def test_a_target_is_carried_over_by_its_name(aim, target, expected):
    choice = SimpleNamespace(
        aim=aim, target=target, subject=SimpleNamespace(labels=("ship", "cat", "dog")), plan=Plan()
    )
    other = replace(find_spec("alexnet"), classes=("dog", "frog"))
    named = Classified(0, "x", logits=np.array([2.0, 1.0]))
    assert transferability._target(choice, other, named) == expected


def test_a_target_that_the_other_network_does_not_know_is_a_sentence():
    choice = SimpleNamespace(
        aim="1 · cat", target=1, subject=SimpleNamespace(labels=("ship", "cat", "dog")), plan=Plan()
    )
    other = replace(find_spec("alexnet"), classes=("dog", "frog"))
    with pytest.raises(InputError, match="has no class “cat”"):
        transferability._target(choice, other, Classified(0, "x", logits=np.array([2.0, 1.0])))
