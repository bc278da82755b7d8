"""The Epsilon tab: what the browser gets is the core's, and nonsense in the address is left aside."""

import base64
import json

import numpy as np
import pytest
from reading import press, texts

from cnnlab_core.attacks.studies.sweep import levels, sweep_picture
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.runtime.jobs import finish

LINF = tuple(k / 255 for k in range(17))


@pytest.fixture(scope="module")
def model():
    return load_model("efficientnet_lite0", device="cpu")


@pytest.fixture(scope="module")
def x(model):
    return model.prepare(open_image(sample_images()["chelsea"].content))


def opened(open_page, **query):
    return open_page("adversarial", adversarial_tab="Epsilon", **query)


def scene(app):
    return json.loads(app.get("bidi_component")[0].proto.json)


def unpacked(text):
    return np.frombuffer(base64.b64decode(text), np.uint8)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"adversarial_at": "nan", "adversarial_way": "?"},
        {"adversarial_at": "-1e999", "adversarial_reach_linf": ""},
    ],
)
def test_it_opens_finished_whatever_the_address_says(open_page, query):
    app = opened(open_page, **query)
    assert not app.error
    assert "load_model" in app.code[-1].value
    assert app.get("download_button")


def test_the_browser_gets_all_it_needs_for_the_pictures_of_fgsm(open_page, model, x):
    app = opened(open_page)
    data = scene(app)
    swept = finish(sweep_picture(model, x, eps=LINF, method="fgsm", norm="linf", steps=1, target=76))
    original = unpacked(data["original"]).astype(int)
    packed = unpacked(data["signs"])
    signs = np.stack([(packed >> shift) & 3 for shift in (0, 2, 4, 6)], 1).ravel()[: len(original)].astype(int) - 1
    for level, pixels in zip(data["levels"], swept.pixels, strict=True):
        assert np.array_equal((original + level * signs).clip(0, 255), pixels.ravel())
    assert data["at"] == 4
    assert data["eps"][4] == "4/255"
    for index, row in enumerate(data["rows"]):
        shares = [share for _, share in row]
        assert shares == sorted(shares, reverse=True)
        assert {swept.curve.y, 76, int(swept.curve.best[index])} <= {found for found, _ in row}
        assert shares[0] == pytest.approx(float(swept.curve.probability(swept.curve.best)[index]), abs=1e-6)
    target = next(line for line in data["lines"] if line["kind"] == "target")
    assert target["name"] == "P(tarantula)"
    assert np.allclose(target["shares"], swept.curve.probability(76), atol=1e-6)
    first = model.categories[swept.curve.best[LINF.index(swept.curve.changes)]]
    assert data["marks"][0]["text"] == f"{levels(swept.curve.changes, 'linf')}: first called {first}"
    assert "tarantula isn't reached" in texts(app)


def test_the_address_names_the_epsilon_and_the_file_follows(open_page):
    app = opened(open_page, adversarial_at="11")
    assert scene(app)["at"] == 11
    assert "# at 11 / 255" in app.code[-1].value
    assert any(button.label == "Picture at 11/255 (PNG)" for button in app.get("download_button"))
    app = opened(open_page, adversarial_at="30", adversarial_reach_linf="to 32/255")
    assert scene(app)["at"] == 30


def test_pgd_waits_for_its_button_and_comes_as_pictures(open_page):
    query = {"adversarial_target": "any other class", "adversarial_way_steps": "2"}
    app = opened(open_page, adversarial_way="PGD at each epsilon", **query)
    assert not app.get("bidi_component")
    app = press(app, "Run PGD at 17 epsilons, 2 steps each")
    data = scene(app)
    assert len(data["pictures"]) == 17
    assert data["pictures"][0].startswith("data:image/png;base64,")
    assert "Smallest epsilon that changes the class: 1/255" in texts(app)
    assert 'method="pgd", norm="linf", steps=2, eps=' in app.code[-1].value


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_other_norms_have_epsilons_of_their_own(open_page, norm):
    app = opened(open_page, adversarial_norm=norm, adversarial_target="any other class")
    data = scene(app)
    assert "signs" not in data
    assert data["eps"][-1] == {"l2": "4", "l1": "400"}[norm]
    assert [line["kind"] for line in data["lines"]] == ["other", "before"]
    assert "Smallest epsilon that changes the class" in texts(app)


def test_a_tab_keeps_its_controls_while_another_one_is_open(open_page):
    app = opened(open_page, adversarial_reach_linf="to 32/255")
    for tab in ("One neuron", "Epsilon"):
        app.session_state["adversarial_tab"] = tab
        app.run()
    assert scene(app)["eps"][-1] == "32/255"
