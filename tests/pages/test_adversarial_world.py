"""The adversarial page's tabs beyond a single attack: the world, the report, one for all, two networks."""

import re
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cnnlab_core.attacks import fgsm
from cnnlab_core.attacks.minimal_epsilon import minimal_epsilon
from cnnlab_core.attacks.plan import Plan
from cnnlab_core.attacks.transforms import TRANSFORMS, find_transform
from cnnlab_core.classification.batch import Classified
from cnnlab_core.errors import DeviceError, InputError
from cnnlab_core.images import open_image, sample_images, to_picture, to_tensor
from cnnlab_core.models import find_spec, load_model
from cnnlab_core.runtime.gate import SLICE_SECONDS
from cnnlab_core.ui.adversarial import report, two_networks

TABS = ("In the world", "Report", "One for all", "Two networks")
FGSM = {"adversarial_attack": "FGSM", "adversarial_eps": "8"}


def texts(app):
    kinds = (app.markdown, app.caption, app.info, app.error)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def metrics(app):
    return {element.label: element.value for element in app.metric}


def press(app, label):
    next(button for button in app.button if button.label.startswith(label)).click().run()
    assert not app.exception
    return app


def prepared(name="chelsea", weights="pretrained"):
    model = load_model("efficientnet_lite0", weights, device="cpu")
    return model, model.prepare(open_image(sample_images()[name].content))


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_finished_and_can_be_taken_away(open_page, tab):
    app = open_page("adversarial", adversarial_tab=tab)
    assert not app.error
    assert "load_model" in app.code[-1].value
    assert app.get("download_button")
    assert app.get("image")


@pytest.mark.parametrize(
    ("tab", "query"),
    [
        (
            "In the world",
            {"adversarial_world_jpeg": "-5", "adversarial_world_blur": "nan", "adversarial_views": "9999"},
        ),
        ("In the world", {"adversarial_through": "Melt", "adversarial_sweep_of": "<b>", "adversarial_zoom": "perhaps"}),
        ("Report", {"adversarial_report_pictures": "nobody", "adversarial_report_targets": "1001 · dragon"}),
        ("One for all", {"adversarial_universal_on": "nobody", "adversarial_universal_epochs": "1e9"}),
        ("Two networks", {"adversarial_second": "HAL 9000"}),
    ],
)
def test_nonsense_in_the_address_is_left_aside(open_page, tab, query):
    app = open_page("adversarial", adversarial_tab=tab, **FGSM, **query)
    assert not app.error


# --- in the world -----------------------------------------------------------------------------------------------------


def test_a_card_says_what_the_network_says_of_the_transformed_picture(open_page):
    app = open_page("adversarial", adversarial_tab="In the world", adversarial_world_jpeg="30", **FGSM)
    model, x = prepared()
    result = fgsm(model, x, target=76, eps=8 / 255)
    shown = texts(app)
    for picture in (to_picture(result.x), to_picture(result.rounded.x_adv)):
        for name, strength in (("jpeg", 30), ("rotate", 30), ("noise", 16)):
            best = model.top_k(to_tensor(find_transform(name).on_picture(picture, strength)), 1)[0]
            assert f"**{best.label}** {best.probability:.1%}" in shown
    assert "**JPEG: quality 30**" in shown
    assert re.search(r"survives \*\*\d+ of 11\*\*", shown)


def test_a_strength_moves_its_card_and_the_curve_follows(open_page):
    app = open_page("adversarial", adversarial_tab="In the world", **FGSM)
    app.slider(key="adversarial_world_rotate").set_value(-10).run()
    assert "**Rotate: -10°**" in texts(app)
    assert '"rotate": -10' in app.code[-1].value
    app.selectbox(key="adversarial_sweep_of").set_value("Blur").run()
    app.toggle(key="adversarial_zoom").set_value(False).run()
    app.slider(key="adversarial_world_blur").set_value(0.0).run()
    assert "**Blur: 0 px**" in texts(app)
    assert not app.exception


def test_the_attack_through_transforms_stands_beside_the_plain_one(open_page):
    query = {"adversarial_through": "Rotate", "adversarial_views": "4", **FGSM}
    app = open_page("adversarial", adversarial_tab="In the world", **query)
    before = len(app.get("image"))
    press(app, "Attack through 1 transform (")
    assert len(app.get("image")) == before + len(TRANSFORMS) + 1
    assert "Made through transforms, it survives" in texts(app)
    assert '(find_transform("rotate"), 30),\n]' in app.code[-1].value
    app.slider(key="adversarial_views").set_value(6).run()
    assert "left out below" in texts(app)
    assert len(app.get("image")) == before


def test_an_attack_that_fails_has_nothing_to_survive(open_page):
    app = open_page("adversarial", adversarial_tab="In the world", adversarial_attack="FGSM", adversarial_eps="0")
    assert "doesn't fool the network even before" in texts(app)


def test_a_dear_attack_waits_in_every_tab(open_page):
    for tab in ("In the world", "Two networks"):
        app = open_page("adversarial", adversarial_tab=tab, adversarial_steps="7")
        assert any(button.label == "Attack (PGD, up to 7 steps)" for button in app.button)
        assert not app.get("download_button")


# --- the report -------------------------------------------------------------------------------------------------------


def test_the_report_is_of_the_pictures_and_targets_asked_for(open_page):
    app = open_page("adversarial", adversarial_tab="Report", **FGSM)
    app.multiselect(key="adversarial_report_pictures").set_value(["A cup of coffee", "Chelsea the cat"])
    app.multiselect(key="adversarial_report_targets").set_value(["282 · tiger cat", "any other class"]).run()
    press(app, "Make the report (4 attacks")
    table = app.dataframe[0].value
    assert list(table["picture"]) == ["A cup of coffee", "A cup of coffee", "Chelsea the cat"]
    assert "named “tiger cat” without an attack" in texts(app)
    model, x = prepared("coffee")
    result = fgsm(model, x, eps=8 / 255)
    row = table.iloc[1]
    assert row["after"] == model.categories[int(result.rounded.predicted)]
    assert row["l2"] == round(result.rounded.l2.item(), 3)
    assert row["SSIM"] == round(result.rounded.ssim.item(), 4)
    assert row["fooled"] == bool(result.success)


def test_too_many_rows_or_none_are_a_sentence(open_page):
    app = open_page("adversarial", adversarial_tab="Report", **FGSM)
    targets = app.multiselect(key="adversarial_report_targets")
    targets.set_value(targets.options[4:20]).run()
    press(app, "Make the report (32 attacks")
    assert "1 to 24 rows" in texts(app)
    app.multiselect(key="adversarial_report_targets").set_value([]).run()
    assert "at least one picture and one target" in texts(app)


def test_a_stopped_report_shows_its_rows_and_goes_on(open_page, monkeypatch):
    app = open_page("adversarial", adversarial_tab="Report", **FGSM)
    app.multiselect(key="adversarial_report_targets").set_value(["3 · tiger shark", "76 · tarantula"]).run()
    made = report.attack_grid

    def cut_off(*args):
        steps = made(*args)
        for step in steps:
            if len(step.rows) == 2:
                time.sleep(2 * SLICE_SECONDS)  # the slice ends here, so this step is painted
                yield step
                raise DeviceError("The memory is full.")
            yield step

    monkeypatch.setattr(report, "attack_grid", cut_off)
    press(app, "Make the report (4 attacks")
    assert len(app.dataframe[0].value) == 2
    assert "here are 2 of 4 rows" in texts(app)
    seen = []

    def watched(*args):
        seen.append(len(args[-1]))
        return (yield from made(*args))

    monkeypatch.setattr(report, "attack_grid", watched)
    press(app, "Try again")
    assert seen == [2]
    assert len(app.dataframe[0].value) == 4


# --- one for all ------------------------------------------------------------------------------------------------------


def test_the_rates_are_of_those_it_was_made_on_and_of_the_others(open_page):
    app = open_page("adversarial", adversarial_tab="One for all")
    found = metrics(app)
    assert re.fullmatch(r"\d of 6 fooled", found["Pictures it was made on"])
    assert re.fullmatch(r"\d of 2 fooled", found["Pictures it never saw"])
    assert found["Epsilon (linf)"] == "4/255"
    badges = [element.value for element in app.markdown if "-badge[" in element.value]
    fooled = sum("badge[fooled]" in badge for badge in badges)
    assert fooled == sum(int(found[name][0]) for name in ("Pictures it was made on", "Pictures it never saw"))
    app.multiselect(key="adversarial_universal_on").set_value(["Chelsea the cat"]).run()
    assert metrics(app)["Pictures it never saw"].endswith("of 7 fooled")
    app.multiselect(key="adversarial_universal_on").set_value([]).run()
    assert "at least one picture" in texts(app)


def test_one_for_all_towards_the_target_waits_for_its_button(open_page):
    app = open_page("adversarial", adversarial_tab="One for all", adversarial_eps="16")
    app.multiselect(key="adversarial_universal_on").set_value(["Chelsea the cat", "A rocket"])
    app.segmented_control(key="adversarial_universal_goal").set_value("the target above")
    app.slider(key="adversarial_universal_epochs").set_value(16).run()
    press(app, "Make the noise (32 gradients)")
    assert metrics(app)["Pictures it was made on"].endswith("of 2 fooled")
    assert "target=76" in app.code[-1].value


# --- two networks -----------------------------------------------------------------------------------------------------


def test_two_networks_meet_the_same_attack(open_page):
    app = open_page("adversarial", adversarial_tab="Two networks", **FGSM)
    shown = texts(app)
    for weights in ("pretrained", "random"):
        model, x = prepared(weights=weights)
        result = fgsm(model, x, target=76, eps=8 / 255)
        before, after = (side.probabilities[0, 76].item() for side in (result.clean, result.rounded))
        assert f"P(tarantula) went from {before:.2%} to {after:.2%}" in shown
        smallest = minimal_epsilon(model, x, method="fgsm").eps.item()
        assert f"{smallest * 255:.2f}/255" in [element.value for element in app.metric]
        other, _ = prepared(weights="random" if weights == "pretrained" else "pretrained")
        with torch.no_grad():
            said = other.top_k(result.rounded.x_adv, 1)[0]
        assert f"now says **{said.label}** {said.probability:.1%}" in shown


def test_a_second_network_that_is_not_here_is_offered(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    robust = "ResNet-50, robust (linf, ε = 4/255), pretrained"
    app = open_page("adversarial", adversarial_tab="Two networks", adversarial_second=robust, **FGSM)
    assert "aren't on this machine" in texts(app)
    assert any(button.label.startswith("Download") for button in app.button)
    assert "## EfficientNet-Lite0 · pretrained" in texts(app)  # the first one is there
    assert not app.error


def test_a_second_network_that_says_the_target_anyway_is_a_sentence(open_page):
    model, x = prepared(weights="random")
    best = model.top_k(x, 1)[0]
    target = f"{best.index} · {best.label}"
    app = open_page("adversarial", adversarial_tab="Two networks", adversarial_target=target, **FGSM)
    assert "without an attack" in texts(app)
    assert not app.get("download_button")


@pytest.mark.parametrize(
    ("aim", "target", "expected"), [("2 · dog", 2, 0), ("any other class", None, None), ("least likely", 1, 1)]
)
def test_a_target_is_carried_over_by_its_name(aim, target, expected):
    choice = SimpleNamespace(aim=aim, target=target, labels=("ship", "cat", "dog"), plan=Plan())
    other = replace(find_spec("alexnet"), classes=("dog", "frog"))
    named = Classified(0, "x", logits=np.array([2.0, 1.0]))
    assert two_networks._target(choice, other, named) == expected


def test_a_target_that_the_other_network_does_not_know_is_a_sentence():
    choice = SimpleNamespace(aim="1 · cat", target=1, labels=("ship", "cat", "dog"), plan=Plan())
    other = replace(find_spec("alexnet"), classes=("dog", "frog"))
    with pytest.raises(InputError, match="knows no class “cat”"):
        two_networks._target(choice, other, Classified(0, "x", logits=np.array([2.0, 1.0])))


def test_the_lab_s_own_pair_meets_without_a_choice(open_page):
    app = open_page(
        "adversarial", adversarial_tab="Two networks", model="cifar10_standard", adversarial_target="any other class"
    )
    assert not app.error
    assert app.selectbox(key="adversarial_second").value == "CIFAR-10, adversarial, pretrained"
