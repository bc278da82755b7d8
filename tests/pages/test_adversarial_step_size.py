"""The Step size tab: the map is the core's, and the address, the sliders and the pictures follow each other."""

import itertools

import pytest
from screen import figures, guess_at, press, texts

from cnnlab_core.attacks.methods import METHODS
from cnnlab_core.attacks.step_map import step_map
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model

METHODS_BY_TITLE = {method.title: method for method in METHODS.values()}


@pytest.fixture(scope="module")
def model():
    return load_model("cifar10_standard", device="cpu")


@pytest.fixture(scope="module")
def x(model):
    return model.prepare(open_image(sample_images()["chelsea"].content))


def opened(open_page, model="cifar10_standard", **query):
    return open_page("adversarial", adversarial_tab="Attack", adversarial_tab_attack="Step size", model=model, **query)


@pytest.mark.parametrize(
    "query",
    [
        {"model": "efficientnet_lite0"},
        {"adversarial_map_row": "-1", "adversarial_longest": "up to nothing"},
        {"adversarial_map_row": "999", "adversarial_map_column": "٣"},
    ],
)
def test_it_opens_finished_whatever_the_address_says(open_page, query):
    app = opened(open_page, **query)
    assert not app.error
    assert "load_model" in app.code[-1].value
    assert app.get("download_button")


def test_the_map_opens_at_the_cheapest_success_and_goes_where_it_is_said(open_page, model, x):
    app = opened(open_page, adversarial_target="7 · horse")
    sizes = [part * 4 / 255 for part in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2)]
    cells = step_map(model, x, eps=4 / 255, step_sizes=sizes, steps=(1, 2, 3, 4, 6), target=7)
    fewest = min(cell.steps for cell in cells if cell.success)
    assert app.select_slider(key="adversarial_map_steps").value == str(fewest)
    assert "**fooled**" in texts(app)
    app.select_slider(key="adversarial_map_size").set_value("0.25/255")
    app.run()
    assert app.query_params["adversarial_map_row"] == "0"
    app.select_slider(key="adversarial_map_steps").set_value("3").run()
    said = texts(app)
    assert "3 × 0.25/255: **not fooled**" in said
    assert "which is less than ε" in said
    cell = cells[2]
    view = cell.view()
    assert f"**{model.categories[view.best]}** {view.probability(view.best):.1%}" in said
    pairs = [pair for pair in itertools.pairwise(cells) if pair[0].step_size == pair[1].step_size]
    fell = 100 * sum(after.loss < before.loss for before, after in pairs) / len(pairs)
    right, told = guess_at(app, "step_size")
    assert right == ("under 10 %" if fell < 10 else "10 to 30 %" if fell <= 30 else "over 30 %")
    assert told.startswith(f"{fell:.0f} %.")


def test_more_steps_wait_for_a_button_and_the_map_stays_until_then(open_page):
    app = opened(open_page)
    before = figures(app)
    app.segmented_control(key="adversarial_longest").set_value("up to 12").run()
    assert any(button.label == "Run PGD for 6 step sizes, 12 steps each" for button in app.button)
    assert "These results are from your previous settings." in texts(app)
    assert figures(app) == before


@pytest.mark.parametrize("title", [method.title for method in METHODS.values()])
def test_every_attack_with_steps_has_a_map(open_page, title):
    app = opened(open_page, adversarial_attack=title)
    if title == "PGD":
        assert app.select_slider(key="adversarial_map_size").options[0] == "0.25/255"
        return
    able = METHODS_BY_TITLE[title].takes("step_size", "steps")
    shown = title if able else "PGD"
    assert (f"{title} has no step size to choose" in texts(app)) == (not able)
    app = press(app, f"Run {shown} for 6 step sizes, 6 steps each")
    assert app.select_slider(key="adversarial_map_steps").options == ["1", "2", "3", "4", "6"]
    assert f'Plan("{METHODS_BY_TITLE[shown].key}"' in app.code[-1].value


def test_no_epsilon_no_step(open_page):
    app = opened(open_page, adversarial_eps="0")
    assert "no step leads anywhere" in app.error[0].value
