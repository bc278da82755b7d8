"""The tabs over epsilon, over step sizes and over pictures: what they say is the core's, and nonsense is left aside."""

import base64
import json

import numpy as np
import pytest

from cnnlab_core.attacks.studies.sweep import compare_methods, levels, map_steps, sweep_picture
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.runtime.jobs import finish

TABS = ("Epsilon", "Step size", "Sweep")
LINF = tuple(k / 255 for k in range(17))


@pytest.fixture(scope="module")
def model():
    return load_model("efficientnet_lite0", device="cpu")


@pytest.fixture(scope="module")
def x(model):
    return model.prepare(open_image(sample_images()["chelsea"].content))


def opened(open_page, tab, **query):
    return open_page("adversarial", adversarial_tab=tab, **query)


def words(app):
    return "\n".join(element.value for element in app.markdown).replace("\\", "")


def scene(app):
    return json.loads(app.get("bidi_component")[0].proto.json)


def unpacked(text):
    return np.frombuffer(base64.b64decode(text), np.uint8)


def start(app, label):
    next(button for button in app.button if button.label.startswith(label)).click().run()
    assert not app.exception
    assert not app.error
    return app


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"adversarial_at": "nan", "adversarial_map_row": "-1", "adversarial_of": "<b>", "adversarial_way": "?"},
        {"adversarial_at": "-1e999", "adversarial_map_row": "999", "adversarial_map_column": "٣"},
    ],
)
def test_every_tab_opens_finished_whatever_the_address_says(open_page, tab, query):
    app = opened(open_page, tab, **query)
    assert not app.error
    assert "load_model" in app.code[-1].value
    assert app.get("download_button")


# --- epsilon ----------------------------------------------------------------------------------------------------------


def test_the_browser_gets_all_it_needs_for_the_pictures_of_fgsm(open_page, model, x):
    app = opened(open_page, "Epsilon")
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
    assert "tarantula isn't reached" in words(app)


def test_the_address_names_the_epsilon_and_the_file_follows(open_page):
    app = opened(open_page, "Epsilon", adversarial_at="11")
    assert scene(app)["at"] == 11
    assert "# at 11 / 255" in app.code[-1].value
    assert any(button.label == "Picture at 11/255 (PNG)" for button in app.get("download_button"))
    app = opened(open_page, "Epsilon", adversarial_at="30", adversarial_reach_linf="to 32/255")
    assert scene(app)["at"] == 30


def test_pgd_waits_for_its_button_and_comes_as_pictures(open_page):
    query = {"adversarial_target": "any other class", "adversarial_way_steps": "2"}
    app = opened(open_page, "Epsilon", adversarial_way="PGD at each epsilon", **query)
    assert not app.get("bidi_component")
    app = start(app, "Run PGD at 17 epsilons, 2 steps each")
    data = scene(app)
    assert len(data["pictures"]) == 17
    assert data["pictures"][0].startswith("data:image/png;base64,")
    assert "Smallest epsilon that changes the class: 1/255" in words(app)
    assert 'method="pgd", norm="linf", steps=2, eps=' in app.code[-1].value


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_other_norms_have_epsilons_of_their_own(open_page, norm):
    app = opened(open_page, "Epsilon", adversarial_norm=norm, adversarial_target="any other class")
    data = scene(app)
    assert "signs" not in data
    assert data["eps"][-1] == {"l2": "4", "l1": "400"}[norm]
    assert [line["kind"] for line in data["lines"]] == ["other", "before"]
    assert "Smallest epsilon that changes the class" in words(app)


# --- step size --------------------------------------------------------------------------------------------------------


def test_the_map_opens_at_the_cheapest_success_and_goes_where_it_is_told(open_page, model, x):
    app = opened(open_page, "Step size")
    sizes = [part * 4 / 255 for part in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2)]
    cells = finish(map_steps(model, x, eps=4 / 255, step_sizes=sizes, steps=(1, 2, 3, 4, 6), norm="linf", target=76))
    fewest = min(cell.steps for cell in cells if cell.success)
    assert app.select_slider(key="adversarial_map_steps").value == str(fewest)
    assert "**fooled**" in words(app)
    app.select_slider(key="adversarial_map_size").set_value("0.25/255")
    app.run()
    assert app.query_params["adversarial_map_row"] == "0"
    app.select_slider(key="adversarial_map_steps").set_value("3").run()
    told = words(app)
    assert "3 × 0.25/255: **not fooled**" in told
    assert "they can't use up ε" in told
    cell = cells[2]
    assert f"**{model.categories[cell.view.best]}** {cell.view.probability(cell.view.best):.1%}" in told


def test_more_steps_wait_for_a_button(open_page):
    app = opened(open_page, "Step size", adversarial_longest="up to 12", adversarial_norm="l2")
    assert any(button.label == "Run PGD for 6 step sizes, 12 steps each" for button in app.button)


def test_no_epsilon_no_step(open_page):
    app = opened(open_page, "Step size", adversarial_eps="0")
    assert "no step leads anywhere" in app.error[0].value


# --- sweep ------------------------------------------------------------------------------------------------------------


def test_both_attacks_against_epsilon(open_page, model, x):
    app = opened(open_page, "Sweep")
    fgsm, pgd = finish(compare_methods(model, x, eps=LINF[:9], norm="linf", steps=5, target=76))
    told = words(app)
    assert f"PGD brings the network to say tarantula at ε = {levels(pgd.smallest, 'linf')}." in told
    assert "FGSM doesn't bring the network to say tarantula up to 8/255" in told
    figure = json.loads(app.get("plotly_chart")[-1].proto.spec)
    drawn = {trace["name"]: trace["y"] for trace in figure["data"] if "name" in trace}
    for curve, name in ((fgsm, "FGSM"), (pgd, "PGD")):
        assert np.allclose(values(drawn[name]), curve.probability(76), atol=1e-6)
    assert app.dataframe[0].value["PGD, sweep"][0] == levels(pgd.smallest, "linf")
    assert app.dataframe[0].value["FGSM, sweep"][0] == "above 8/255"


def values(array):
    """Numbers as plotly writes them."""
    if isinstance(array, dict):
        return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])
    return array


def test_the_bisection_joins_the_table(open_page):
    query = {"adversarial_target": "any other class", "adversarial_sweep_steps": "2"}
    app = start(opened(open_page, "Sweep", **query), "Run FGSM and PGD at 9 epsilons")
    app = start(app, "Search for the smallest epsilon")
    row = app.dataframe[0].value.iloc[0]
    assert row["FGSM, bisection"].endswith("/255, undone by rounding")
    assert float(row["FGSM, bisection"].split("/")[0]) < 1


def test_pictures_that_were_wrong_before_are_set_apart(open_page):
    app = opened(open_page, "Sweep", adversarial_of="Accuracy over several", adversarial_sweep_steps="2")
    told = words(app)
    assert "**3 of 7 wrong before anything was done**" in told
    assert "Grace Hopper (academic gown instead of military uniform)" in told
    assert "Left out, without a true class: An astronaut." in told
    assert any(button.label == "Run FGSM and PGD at 9 epsilons, for 4 pictures" for button in app.button)


def test_a_tab_keeps_its_controls_while_another_one_is_open(open_page):
    app = opened(open_page, "Epsilon", adversarial_reach_linf="to 32/255")
    for tab in ("In the plane", "Epsilon"):
        app.session_state["adversarial_tab"] = tab
        app.run()
    assert scene(app)["eps"][-1] == "32/255"
