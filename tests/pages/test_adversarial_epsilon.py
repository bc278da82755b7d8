"""The Epsilon tab: what the browser gets is the core's, and nonsense in the address is left aside."""

import base64

import numpy as np
import pytest
from screen import components, guess_at, press, texts

from cnnlab_core.attacks.methods import METHODS, Plan
from cnnlab_core.attacks.sweep import sweep
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
    return open_page("adversarial", adversarial_tab="Attack", adversarial_tab_attack="Epsilon", model=model, **query)


FGSM = {"adversarial_way": "FGSM: one direction", "adversarial_target": "8 · ship"}


def scene(app):
    return components(app)[0]


def unpacked(text):
    return np.frombuffer(base64.b64decode(text), np.uint8)


@pytest.mark.parametrize(
    "query",
    [
        {"adversarial_at": "nan", "adversarial_way": "?", "adversarial_reach_linf": ""},
        {"adversarial_at": "-1e999", **FGSM},
    ],
)
def test_it_opens_finished_whatever_the_address_says(open_page, query):
    app = opened(open_page, **query)
    assert not app.error
    assert "load_model" in app.code[-1].value
    assert app.get("download_button")


def test_it_opens_with_pgd_at_a_target_that_is_reached_and_a_notch_empties_nothing(open_page):
    app = opened(open_page, model="efficientnet_lite0")
    assert "**tarantula is reached at" in texts(app)
    assert "load_model" in app.code[-1].value
    assert app.get("download_button")
    before = scene(app)
    app.slider(key="adversarial_eps").set_value(4.5).run()  # the attack above: no epsilon of these here
    assert scene(app) == before
    assert "previous settings" not in texts(app)
    app.slider(key="adversarial_way_steps").set_value(7).run()
    assert scene(app) == before, "the one of previous settings stays"
    assert "These results are from your previous settings." in texts(app)
    assert "5 steps, best picture" in texts(app), "and is told as what it was"


def test_the_browser_gets_all_it_needs_for_the_pictures_of_fgsm(open_page, model, x):
    app = opened(open_page, **FGSM)
    data = scene(app)
    swept = sweep(model, x, eps=LINF, target=8)
    curve = swept.curve()
    original = unpacked(data["original"]).astype(int)
    packed = unpacked(data["signs"])
    signs = np.stack([(packed >> shift) & 3 for shift in (0, 2, 4, 6)], 1).ravel()[: len(original)].astype(int) - 1
    for index, level in enumerate(data["levels"]):
        assert np.array_equal((original + level * signs).clip(0, 255), swept.view(index).pixels.ravel())
    assert data["at"] == 4
    assert data["eps"][4] == "4/255"
    for index, row in enumerate(data["rows"]):
        shares = [share for _, share in row]
        assert shares == sorted(shares, reverse=True)
        assert {curve.y, 8, int(curve.best[index])} <= {found for found, _ in row}
        assert shares[0] == pytest.approx(float(curve.probability(curve.best)[index]), abs=1e-6)
    target = next(line for line in data["lines"] if line["kind"] == "target")
    assert target["name"] == "P(ship)"
    assert np.allclose(target["shares"], curve.probability(8), atol=1e-6)
    first = model.categories[curve.best[LINF.index(curve.changes)]]
    assert data["marks"][0]["text"] == f"{levels(curve.changes)}: first called {first}"
    assert "ship isn't reached" in texts(app)
    named = [model.categories[index] for index in dict.fromkeys(curve.best.tolist())]
    right, told = guess_at(app, "epsilon")
    assert right == ("one", "two", "three", "more")[min(len(named), 4) - 1]
    assert told == f"{len(named)}: {', then '.join(named)}."


def test_the_address_names_the_epsilon_and_the_file_follows(open_page):
    app = opened(open_page, adversarial_at="11", **FGSM)
    assert scene(app)["at"] == 11
    assert "# at 11 / 255" in app.code[-1].value
    assert any(button.label == "Picture at 11/255 (PNG)" for button in app.get("download_button"))
    app = opened(open_page, adversarial_at="30", adversarial_reach_linf="to 32/255", **FGSM)
    assert scene(app)["at"] == 30


def test_pgd_waits_for_its_button_and_is_taken_to_each_epsilon_with_its_settings_as_pictures(open_page, model, x):
    query = {"adversarial_way_steps": "2", "adversarial_momentum": "0.5", "adversarial_loss": "dlr"}
    app = opened(open_page, adversarial_way="PGD at each epsilon", **query)
    assert not components(app)
    app = press(app, "Run PGD at 17 epsilons, 2 steps each")
    data = scene(app)
    assert len(data["pictures"]) == 17
    assert data["pictures"][0].startswith("data:image/png;base64,")
    plan = Plan(steps=2, momentum=0.5, loss="dlr").over_epsilon()
    curve = sweep(model, x, eps=LINF, method=plan).curve()
    assert f"Smallest epsilon that changes the class: {levels(curve.changes)}" in texts(app)
    assert "PGD, norm L∞, steps in proportion to epsilon, 2 steps, best picture on the way, momentum 0.5" in texts(app)
    assert 'Plan("pgd", step_size=None, steps=2, loss="dlr", momentum=0.5, keep_best=True)' in app.code[-1].value


@pytest.mark.parametrize("title", [entry.title for entry in METHODS.values() if not entry.straight])
def test_every_attack_is_offered_at_each_epsilon_or_it_is_said_why_not(open_page, title):
    app = opened(open_page, adversarial_attack=title, adversarial_way=f"{title} at each epsilon")
    options = app.segmented_control(key="adversarial_way").options
    assert options[:2] == ["FGSM: one direction", "PGD at each epsilon"]
    if f"{title} at each epsilon" in options:
        assert app.slider(key="adversarial_way_steps").value == 5
        if title != "PGD":  # the page opens with that one
            assert any(button.label.startswith(f"Run {title} at 17 epsilons, 5 steps") for button in app.button)
    else:
        assert f"{title} has no epsilon" in texts(app)
        assert "FGSM, PGD, Probability ascent" in texts(app)
        assert scene(app)["at"] == 4


def test_a_link_to_pgd_opens_it_below_another_attack(open_page):
    query = {"adversarial_way": "PGD at each epsilon", "adversarial_way_steps": "9"}
    app = opened(open_page, adversarial_attack="Probability ascent", **query)
    assert any(button.label == "Run PGD at 17 epsilons, 9 steps each" for button in app.button)


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_other_norms_have_epsilons_of_their_own(open_page, norm):
    app = opened(open_page, adversarial_norm=norm, **(FGSM | {"adversarial_target": "any other class"}))
    data = scene(app)
    assert "signs" not in data
    assert data["eps"][-1] == {"l2": "4", "l1": "400"}[norm]
    assert [line["kind"] for line in data["lines"]] == ["other", "before"]
    assert "Smallest epsilon that changes the class" in texts(app)


def test_a_tab_keeps_its_controls_while_another_one_is_open(open_page):
    app = opened(open_page, adversarial_reach_linf="to 32/255", **FGSM)
    for tab in ("On paper", "Attack"):
        app.session_state["adversarial_tab"] = tab
        app.run()
    assert scene(app)["eps"][-1] == "32/255"
