"""The adversarial page's attack: each control, every method, and nonsense in the address."""

import json

import pytest
import torch
from screen import files, metrics, press, texts

from cnnlab_core.attacks import (
    fgsm,
    log_probability_ascent,
    normalised_probability_ascent,
    pgd,
    probability_ascent,
)
from cnnlab_core.attacks.methods import METHODS
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.images.levels import levels
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
    assert "100.0%" in app.success[0].value  # it stays where it has won
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


def test_probability_ascent_shows_its_gradient_and_two_attacks_that_work(open_page):
    query = {"adversarial_attack": "Probability ascent", "adversarial_target": "812 · space shuttle"}
    app = press(open_page("adversarial", picture="coffee", adversarial_factor="1", **query, **QUICK), "Attack")
    model = load_model("efficientnet_lite0", device="cpu")
    x = model.prepare(open_image(sample_images()["coffee"].content))
    raw = probability_ascent(model, x, target=812, eps=4 / 255, step_size=1, steps=6)
    assert not raw.success
    length = raw.history.gradient_norm[0, 0].item()
    assert f"P(space shuttle) is **{raw.history.p_target[0, 0]:.3g}**, and its gradient is **{length:.3g}**" in texts(
        app
    )
    assert f"no channel by more than **{levels(raw.linf.item(), 2)}**" in texts(app)
    press(press(app, "Attack (Probability ascent, normalised, up to 6 steps)"), "Attack (Log-probability ascent")
    for attack, more in ((normalised_probability_ascent, {"eps": 4 / 255}), (log_probability_ascent, {})):
        found = attack(model, x, target=812, step_size=0.5, steps=6, **more)
        assert found.success
        after = found.rounded.probabilities[0, 812]
        assert f"**Fooled.** P(space shuttle) went from 0.00% to {after:.2%}" in texts(app)


def test_alpha_takes_any_number_of_its_range_from_a_link(open_page):
    link = {"adversarial_attack": "l1 by Adam", **QUICK}
    for text, alpha in (("0.25", 0.25), ("100", 100.0), ("0.0001", 1e-4)):
        app = open_page("adversarial", adversarial_alpha=text, **link)
        assert app.select_slider(key="adversarial_alpha").value == alpha
        assert app.query_params["adversarial_alpha"] == text
        assert f"alpha={alpha:g}" in press(app, "Attack").code[-1].value
    app.select_slider(key="adversarial_alpha").set_value(0.3).run()
    assert app.select_slider(key="adversarial_alpha").value == 0.3


def test_the_question_about_l1_is_one_figure_with_its_code(open_page, tmp_path, monkeypatch):
    link = {"adversarial_attack": "l1 by Adam", "adversarial_l1_targets_2": "76 · tarantula"}
    app = press(open_page("adversarial", adversarial_l1_targets_1="812 · space shuttle", **link, **QUICK), "Attack")
    press(app, "Make the figure (2 attacks of up to 6 steps)")
    assert not app.error
    labels = [button.proto.label for button in app.get("download_button")]
    assert {"Figure (PNG)", "Figure (PDF)", "Figure's numbers (CSV)"} <= set(labels)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(next(code.value for code in app.code if "l1_rows" in code.value), names)
    assert [(row.picture, row.found.target) for row in names["rows"]] == [
        (title, target) for (title, _, _), target in zip(names["asked"], (812, 76), strict=True)
    ]
    for row, shown in zip(names["rows"], names["shown"], strict=True):
        distances = row.found.distances
        l1, l2, pixels = (distances[name] for name in ("l1", "l2", "l0"))
        assert shown.note == f"L1 {l1:.0f}, L2 {l2:.2f}, {pixels} pixels"
    assert (tmp_path / "l1.pdf").read_bytes().startswith(b"%PDF")


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


def test_a_target_that_the_picture_already_is_makes_the_network_surer(open_page):
    query = {"adversarial_attack": "FGSM", "adversarial_target": "282 · tiger cat"}
    app = open_page("adversarial", **query, adversarial_eps="1")
    assert not app.error
    assert "already classifies this picture as “tiger cat”" in texts(app)
    model = load_model("efficientnet_lite0", device="cpu")
    result = fgsm(model, model.prepare(open_image(sample_images()["chelsea"].content)), target=282, eps=1 / 255)
    before, after = (side.probabilities[0, 282].item() for side in (result.clean, result.rounded))
    assert after > before
    assert f"**Surer.** **tiger cat** {before:.1%} before the attack, **tiger cat** {after:.1%} after" in texts(app)
    app.selectbox(key="adversarial_target").select("812 · space shuttle").run()
    assert "already classifies" not in texts(app)
    still = open_page("adversarial", **query, adversarial_eps="0")
    assert "**No surer.**" in texts(still)


def test_dearer_attacks_wait_and_older_ones_are_marked(open_page):
    app = open_page("adversarial", picture="coffee", **QUICK)
    app.slider(key="adversarial_steps").set_value(10).run()
    assert not app.metric
    press(app, "Attack")
    assert app.metric
    app.slider(key="adversarial_eps").set_value(8.0).run()
    assert any("your previous settings" in text.value for text in app.markdown)
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
    ("old", "said"),
    [
        ("In the world", "Does the attack survive?"),
        ("One for all", "the same noise is added to all"),
        ("Two networks", "Which network gives way first"),
        ("In the plane", "the smallest network there is"),
    ],
)
@pytest.mark.usefixtures("short_jobs")
def test_an_old_link_opens_the_tab_by_its_new_name(open_page, old, said):
    app = open_page("adversarial", adversarial_tab=old, adversarial_attack="FGSM")
    assert said in texts(app)
    app.query_params["adversarial_tab"] = app.session_state["adversarial_tab"] = "Attack"  # as a click does
    app.run()
    assert said not in texts(app)


def test_what_is_left_of_previous_settings_is_told_as_what_it_was(open_page):
    app = open_page("adversarial")
    before = next(success.value for success in app.success)
    assert "tarantula" in before
    app.query_params["picture"] = "coffee"
    app.slider(key="adversarial_steps").set_value(33).run()
    assert any("your previous settings" in text.value for text in app.markdown)
    assert next(success.value for success in app.success) == before
    assert "steps=20" in next(code.value for code in app.code if code.language == "python")
