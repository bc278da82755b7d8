"""The adversarial page's attack: each control, every method, and nonsense in the address."""

import numpy as np
import pytest
import torch
from screen import files, guess_at, metrics, press, texts

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

SMALL = {"model": "cifar10_standard"}
"""A network on which an attack costs next to nothing: for all that isn't about the one that the page opens with."""
AT_ONCE = SMALL | {"adversarial_steps": "5"}
"""So few steps need no button."""


def prepared(name="chelsea"):
    """The small network, and a picture as it takes it."""
    model = load_model("cifar10_standard", device="cpu")
    return model, model.prepare(open_image(sample_images()[name].content))


def test_the_page_opens_with_a_finished_attack_its_files_and_its_steps(open_page):
    app = open_page("adversarial")
    assert not app.error
    assert "Fooled." in app.success[0].value
    assert "tarantula" in app.success[0].value
    assert "100.0%" in app.success[0].value  # it stays where it has won
    assert set(metrics(app)) == {"L∞", "L2", "L1", "Pixels changed", "SSIM"}
    assert metrics(app)["L∞"] == "4/255"
    assert len(app.get("image")) == 5
    assert "A change of at most **4/255** in each colour of each pixel turned" in app.success[0].value
    assert "**Why so little is enough:** a picture has 150,528 numbers." in texts(app)
    assert "pgd(model, x, target=76" in app.code[-1].value
    assert files(app) == ["Adversarial (PNG)", "Original (PNG)", "Noise (PNG)", "Every step (CSV)", "Verdict (JSON)"]
    slider = app.select_slider(key="adversarial_look")
    assert slider.options[-1] == "20"
    before = texts(app).count("**tiger cat**")
    slider.set_value(0).run()
    assert not app.exception
    assert texts(app).count("**tiger cat**") == before + 1, "what it was at the start"


@pytest.mark.parametrize("view", ["Robustness", "Transferability"])
def test_a_view_that_begins_with_the_attack_opens_finished_too(open_page, view):
    app = open_page("adversarial", adversarial_tab="Does it survive?", adversarial_tab_survive=view)
    assert not app.error
    assert "load_model" in app.code[-1].value
    assert app.get("download_button")
    assert app.get("image")


def test_the_verdict_is_the_core_s(open_page):
    query = {"adversarial_target": "8 · ship", "adversarial_eps": "2"}
    app = open_page("adversarial", picture="coffee", **query, **AT_ONCE)
    model, x = prepared("coffee")
    result = pgd(model, x, target=8, eps=2 / 255, step_size=1 / 255, steps=5)
    with torch.no_grad():
        assert bool(result.success) == bool(app.success)
    values = metrics(app)
    assert values["L2"] == f"{result.rounded.l2.item():.2f}"
    assert values["SSIM"] == f"{result.rounded.ssim.item():.4f}"
    before, after = (np.asarray(side.view().pixels, int) for side in (result.clean, result.rounded))
    share = 100 * (np.abs(after - before) == 2).mean()
    right, told = guess_at(app, "attack")
    assert right == ("under 10 %" if share < 10 else "10 to 50 %" if share <= 50 else "over 50 %")
    assert told.startswith(f"{share:.0f} % moved by 2/255. In L∞")


@pytest.mark.parametrize("method", [method.title for method in METHODS.values()])
def test_every_attack_runs_from_its_link(open_page, method):
    app = open_page(
        "adversarial", adversarial_attack=method, adversarial_target="2 · bird", adversarial_searches="1", **AT_ONCE
    )
    assert not app.error
    assert app.metric
    assert app.code[-1].value.count("model, x, target=2") == 1


def test_probability_ascent_shows_its_gradient_and_two_attacks_that_work(open_page):
    query = {"adversarial_attack": "Probability ascent", "adversarial_target": "9 · truck", "adversarial_factor": "1"}
    app = press(open_page("adversarial", **query, adversarial_steps="6", **SMALL), "Attack")
    model, x = prepared()
    raw = probability_ascent(model, x, target=9, eps=4 / 255, step_size=1, steps=6)
    assert not raw.success
    length = raw.history.gradient_norm[0, 0].item()
    assert f"P(truck) is **{raw.history.p_target[0, 0]:.3g}**, and its gradient is **{length:.3g}**" in texts(app)
    press(press(app, "Attack (Probability ascent, normalised, up to 6 steps)"), "Attack (Log-probability ascent")
    before = raw.clean.probabilities[0, 9]
    for attack, more in ((normalised_probability_ascent, {"eps": 4 / 255}), (log_probability_ascent, {})):
        found = attack(model, x, target=9, step_size=0.5, steps=6, **more)
        assert found.success
        after = found.rounded.probabilities[0, 9]
        assert f"**Fooled.** P(truck) went from {before:.2%} to {after:.2%}" in texts(app)


def test_probability_ascent_says_that_rounding_takes_a_small_change_away(open_page):
    query = {"adversarial_attack": "Probability ascent", "adversarial_target": "8 · ship", "adversarial_factor": "1"}
    app = open_page("adversarial", **query, adversarial_steps="1", **SMALL)
    raw = probability_ascent(*prepared(), target=8, eps=4 / 255, step_size=1, steps=1)
    assert f"no channel by more than **{levels(raw.linf.item(), 2)}**, and rounding to 8 bits takes" in texts(app)


def test_alpha_takes_any_number_of_its_range_from_a_link(open_page):
    link = {"adversarial_attack": "l1 by Adam", **AT_ONCE}
    for text, alpha in (("0.25", 0.25), ("100", 100.0), ("0.0001", 1e-4)):
        app = open_page("adversarial", adversarial_alpha=text, **link)
        assert app.select_slider(key="adversarial_alpha").value == alpha
        assert app.query_params["adversarial_alpha"] == text
        assert f"alpha={alpha:g}" in app.code[-1].value
    app.select_slider(key="adversarial_alpha").set_value(0.3).run()
    assert app.select_slider(key="adversarial_alpha").value == 0.3


def test_the_question_about_l1_is_one_figure_with_its_code(open_page, tmp_path, monkeypatch):
    link = {"adversarial_l1_targets_1": "8 · ship", "adversarial_l1_targets_2": "2 · bird"}
    app = open_page("adversarial", adversarial_attack="l1 by Adam", **link, **AT_ONCE)
    press(app, "Make the figure (2 attacks of up to 5 steps)")
    assert not app.error
    labels = [button.proto.label for button in app.get("download_button")]
    assert {"Figure (PNG)", "Figure (PDF)", "Figure's numbers (CSV)"} <= set(labels)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(next(code.value for code in app.code if "l1_rows" in code.value), names)
    assert [(row.picture, row.found.target) for row in names["rows"]] == [
        (title, target) for (title, _, _), target in zip(names["asked"], (8, 2), strict=True)
    ]
    for row, shown in zip(names["rows"], names["shown"], strict=True):
        distances = row.found.distances
        l1, l2, pixels = (distances[name] for name in ("l1", "l2", "l0"))
        assert shown.note == f"L1 {l1:.0f}, L2 {l2:.2f}, {pixels} pixels"
    assert (tmp_path / "l1.pdf").read_bytes().startswith(b"%PDF")


def test_the_network_is_asked_once_a_step_and_once_about_the_8_bit_picture(open_page, monkeypatch):
    asked, calls = LoadedModel.__call__, []

    def counted(model, x):
        calls.append(len(x))
        return asked(model, x)

    monkeypatch.setattr(LoadedModel, "__call__", counted)
    app = open_page("adversarial", picture="rocket", adversarial_steps="7", **SMALL)
    assert len(calls) <= 1, "what the network says of the picture, if that isn't known yet"
    calls.clear()
    press(app, "Attack")
    assert calls == [1] * (8 + 1)


@pytest.mark.parametrize(("norm", "eps"), [("l2", "3"), ("l1", "300")])
def test_every_setting_has_a_control_and_reaches_the_attack_in_other_norms_too(open_page, norm, eps):
    query = {"adversarial_momentum": "0.5", "adversarial_loss": "margin", "adversarial_restarts": "2"}
    query |= {"adversarial_norm": norm, f"adversarial_eps_{norm}": eps, "adversarial_best": "true"}
    app = press(open_page("adversarial", picture="coffee", **query, **AT_ONCE), "Attack")
    assert f'norm="{norm}", eps={eps}' in app.code[-1].value
    assert (
        'steps=5, loss="margin", momentum=0.5, restarts=2, keep_best=True, generator=torch.Generator().manual_seed(0))'
        in app.code[-1].value
    )
    assert set(SETTINGS) >= {name for method in METHODS.values() for name in method.settings} - {"seed"}


@pytest.mark.parametrize("aim", ["any other class", "least likely", "second", "random"])
def test_targets_by_rule(open_page, aim):
    app = open_page("adversarial", adversarial_attack="FGSM", adversarial_target=aim, **SMALL)
    assert not app.error
    assert app.metric
    assert ("target=" in app.code[-1].value) == (aim != "any other class")


def test_a_target_that_the_picture_already_is_makes_the_network_surer(open_page):
    query = {"adversarial_attack": "FGSM", "adversarial_target": "6 · frog"}
    app = open_page("adversarial", **query, adversarial_eps="1", **SMALL)
    assert not app.error
    assert "already classifies this picture as “frog”" in texts(app)
    result = fgsm(*prepared(), target=6, eps=1 / 255)
    before, after = (side.probabilities[0, 6].item() for side in (result.clean, result.rounded))
    assert after > before
    assert f"**Surer.** **frog** {before:.1%} before the attack, **frog** {after:.1%} after" in texts(app)
    app.slider(key="adversarial_eps").set_value(0.0).run()
    assert "**No surer.**" in texts(app)
    app.selectbox(key="adversarial_target").select("8 · ship").run()
    assert "already classifies" not in texts(app)


def test_dearer_attacks_wait_and_what_is_left_of_previous_settings_is_told_as_what_it_was(open_page):
    app = open_page("adversarial", adversarial_steps="10", **SMALL)
    assert not app.metric
    press(app, "Attack")
    assert app.metric
    assert "your previous settings" not in texts(app)
    (before,) = (success.value for success in app.success)
    app.query_params["picture"] = "coffee"
    app.slider(key="adversarial_eps").set_value(8.0).run()
    assert any("your previous settings" in text.value for text in app.markdown)
    assert app.metric, "the older one stays"
    assert "Noise × 31.8" in texts(app), "with its own gain, that of 4/255"
    assert [success.value for success in app.success] == [before]
    assert "eps=4/255" in next(code.value for code in app.code if code.language == "python").replace(" ", "")


@pytest.mark.parametrize(
    "query",
    [
        {"eps": "-4", "step": "nan", "steps": "1e9", "norm": "l9", "target": "99999 · nothing", "seed": "-1"}
        | {"attack": "<script>", "tab": "no such tab"},
        {"eps": "999", "attack": "l1 by Adam", "alpha": "inf", "rate": "0"},
    ],
)
def test_nonsense_in_the_address_is_harmless(open_page, query):
    app = open_page("adversarial", **{f"adversarial_{key}": value for key, value in query.items()}, **SMALL)
    assert not app.exception
    assert app.get("image")


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
    app = open_page("adversarial", adversarial_tab=old, adversarial_attack="FGSM", **SMALL)
    assert said in texts(app)
    app.query_params["adversarial_tab"] = app.session_state["adversarial_tab"] = "Attack"  # as a click does
    app.run()
    assert said not in texts(app)
