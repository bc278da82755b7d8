"""The adversarial page's attack: each control, every method, and nonsense in the address."""

import json

import pytest
import torch
from reading import metrics, press, texts
from screen import files

from cnnlab_core.attacks import pgd
from cnnlab_core.attacks.methods import METHODS
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.ui.adversarial.settings import SETTINGS

QUICK = {"adversarial_steps": "6"}


def pictures(app):
    return len(app.get("image"))


def test_the_page_opens_with_a_finished_attack(open_page):
    app = open_page("adversarial")
    assert not app.error
    assert "Fooled." in app.success[0].value
    assert "tarantula" in app.success[0].value
    assert set(metrics(app)) == {"L∞", "L2", "L1", "Pixels changed", "SSIM"}
    assert metrics(app)["L∞"] == "4/255"
    assert pictures(app) == 5
    assert "pgd(model, x, target=76" in app.code[-1].value
    assert app.get("download_button")


def test_the_verdict_is_the_core_s(open_page):
    app = press(open_page("adversarial", picture="coffee", adversarial_eps="2", **QUICK), "Attack")
    model = load_model("efficientnet_lite0", device="cpu")
    x = model.prepare(open_image(sample_images()["coffee"].content))
    result = pgd(model, x, target=76, eps=2 / 255, step_size=1 / 255, steps=6)
    with torch.no_grad():
        assert bool(result.success) == bool(app.success)
    values = metrics(app)
    assert values["L2"] == f"{result.rounded.l2.item():.2f}"
    assert values["SSIM"] == f"{result.rounded.ssim.item():.4f}"


@pytest.mark.parametrize("method", [method.title for method in METHODS.values()])
def test_every_attack_runs_from_its_link(open_page, method):
    app = open_page("adversarial", adversarial_attack=method, **QUICK)
    assert not app.error
    if not app.metric:
        app = press(app, "Attack")
    assert app.metric
    assert not app.error
    assert app.code[-1].value.count("model, x, target=76") == 1


@pytest.mark.parametrize(("norm", "eps"), [("l2", {"adversarial_eps_l2": "3"}), ("l1", {"adversarial_eps_l1": "300"})])
def test_other_norms(open_page, norm, eps):
    app = press(open_page("adversarial", adversarial_norm=norm, **eps, **QUICK), "Attack")
    assert f'norm="{norm}", eps={next(iter(eps.values()))}' in app.code[-1].value


def test_the_network_is_asked_once_a_step_and_once_about_the_8_bit_picture(open_page, monkeypatch):
    asked, calls = LoadedModel.__call__, []

    def counted(model, x):
        calls.append(len(x))
        return asked(model, x)

    monkeypatch.setattr(LoadedModel, "__call__", counted)
    app = open_page("adversarial", picture="rocket", adversarial_steps="7")
    assert len(calls) <= 1, "what the network says of the picture, if that isn't known yet"
    calls.clear()
    press(app, "Attack")
    assert calls == [1] * (8 + 1)


def test_every_setting_has_a_control_and_reaches_the_attack(open_page):
    query = {"adversarial_momentum": "0.5", "adversarial_loss": "margin", "adversarial_restarts": "2"}
    app = press(open_page("adversarial", picture="coffee", adversarial_best="true", **query, **QUICK), "Attack")
    assert (
        'steps=6, loss="margin", momentum=0.5, restarts=2, keep_best=True, generator=torch.Generator().manual_seed(0))'
        in app.code[-1].value
    )
    assert set(SETTINGS) >= {name for method in METHODS.values() for name in method.settings} - {"seed"}


@pytest.mark.parametrize("aim", ["any other class", "least likely", "second", "random"])
def test_targets_by_rule(open_page, aim):
    app = open_page("adversarial", adversarial_attack="FGSM", adversarial_target=aim)
    assert not app.error
    assert app.metric
    assert ("target=" in app.code[-1].value) == (aim != "any other class")


def test_a_target_that_the_picture_already_is_gets_a_sentence(open_page):
    app = open_page("adversarial", adversarial_target="282 · tiger cat")
    assert len(app.error) == 1
    assert "already classifies this picture" in app.error[0].value
    app.selectbox(key="adversarial_target").select("812 · space shuttle").run()
    assert not app.error


def test_dearer_attacks_wait_and_older_ones_are_marked(open_page):
    app = open_page("adversarial", picture="coffee", **QUICK)
    app.slider(key="adversarial_steps").set_value(10).run()
    assert not app.metric
    press(app, "Attack")
    assert app.metric
    app.slider(key="adversarial_eps").set_value(8.0).run()
    assert any("your previous settings" in info.value for info in app.info)
    assert app.metric, "the older one stays"


def test_any_step_of_the_way_can_be_seen_again(open_page):
    app = open_page("adversarial")
    slider = app.select_slider(key="adversarial_look")
    assert slider.options[-1] == "20"
    slider.set_value(0).run()
    assert not app.exception
    assert "Noise × 1" in texts(app)


@pytest.mark.parametrize(
    "query",
    [
        {"adversarial_eps": "-4", "adversarial_step": "nan", "adversarial_steps": "1e9"},
        {"adversarial_attack": "<script>", "adversarial_norm": "l9", "adversarial_target": "99999 · nothing"},
        {"adversarial_eps": "999", "adversarial_tab": "no such tab", "adversarial_seed": "-1"},
        {"adversarial_attack": "l1 by Adam", "adversarial_alpha": "inf", "adversarial_rate": "0"},
    ],
)
def test_nonsense_in_the_address_is_harmless(open_page, query):
    app = open_page("adversarial", **query)
    assert not app.exception
    assert app.get("image")


def test_the_verdict_can_be_taken_away(open_page):
    app = open_page("adversarial", adversarial_attack="FGSM")
    labels = files(app)
    assert labels == ["Adversarial (PNG)", "Original (PNG)", "Noise (PNG)", "Every step (CSV)", "Verdict (JSON)"]
    assert json.dumps(labels)


@pytest.mark.parametrize("tab", ["One neuron", "Questions"])
def test_the_tabs_on_paper_need_no_network(open_page, tab):
    app = open_page("adversarial", adversarial_tab=tab, model="vgg16", weights="pretrained")
    assert not app.error


@pytest.mark.parametrize(
    ("old", "now", "said"),
    [
        ("In the world", "Robustness", "Does the attack survive?"),
        ("One for all", "Universal", "the same noise is added to all"),
        ("Two networks", "Transferability", "Which network gives way first"),
        ("In the plane", "One neuron", "the smallest network there is"),
    ],
)
def test_an_old_link_opens_the_tab_by_its_new_name(open_page, old, now, said):
    app = open_page("adversarial", adversarial_tab=old, adversarial_attack="FGSM")
    assert said in texts(app)
    assert app.query_params["adversarial_tab"] == now
    app.query_params["adversarial_tab"] = app.session_state["adversarial_tab"] = "Attack"  # as a click does
    app.run()
    assert said not in texts(app)
