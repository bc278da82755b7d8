"""The DeepDream page: every tab, its controls, and what happens to a dream that is stopped."""

import base64
import io
import math
import re

import numpy as np
import pytest
from PIL import Image
from screen import captions, code, components, files, guess_at, markdown, press

from cnnlab_core.dream import atlas as atlas_module
from cnnlab_core.dream import layers, memory
from cnnlab_core.models import find_spec, layer_table

TABS = ("Dream", "Neurons", "Atlas", "Classes", "Zoom")
QUICK = {"dream_side": "224", "dream_octaves": "2", "dream_steps": "1"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path))
    return tmp_path


def button(app, label):
    return next(element for element in app.button if element.label == label)


def test_layers_and_presets_show_what_they_draw(open_page):
    app = open_page("deepdream", **QUICK)
    (strip,) = (data for data in components(app) if "block by block" in data.get("alt", ""))
    assert strip["count"] == 18
    assert strip["src"].startswith("data:image/webp")
    random = open_page("deepdream", weights="random", **QUICK)
    (bars,) = (data for data in components(random) if "block by block" in data.get("alt", ""))
    assert bars["src"].startswith("data:image/png")
    look = next(element.proto.body for element in app.get("html") if "preset_woven" in element.proto.body)
    assert look.count("background-image") == 6


def wipes(app):
    return [data for data in components(app) if "before" in data]


def pixels(side):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(side["src"].split(",")[1]))), dtype=float)


def objective(app):
    """Its value before the dream and after."""
    found = re.search(r"is ([\d.]+) before and \*\*([\d.]+)\*\*", captions(app)).groups()
    return [float(number) for number in found]


def test_the_page_opens_with_a_finished_dream(open_page):
    app = open_page("deepdream")
    assert not app.error
    (wipe,) = wipes(app)
    assert wipe["before"]["label"] == "Chelsea the cat"
    assert wipe["before"]["src"] != wipe["after"]["src"]
    before, after = objective(app)
    assert after > before
    assert "from cnnlab_core.dream import dream_steps, layer" in code(app)
    assert files(app) == ["Picture (PNG)", "Animation (WebP)"]
    assert not any(element.label == "Dream" for element in app.button)
    assert "times** as strongly" in markdown(app)
    moved = np.abs(pixels(wipe["after"]) - pixels(wipe["before"])).mean()
    right, told = guess_at(app, "dream")
    assert float(re.match(r"By ([\d.]+)\.", told)[1]) == pytest.approx(moved, abs=2)  # what is shown is a JPEG
    assert right == ("under 5" if moved < 5 else "5 to 20" if moved <= 20 else "over 20")
    app.slider(key="dream_jitter").set_value(3).run()
    assert wipes(app) == [wipe]
    assert "previous settings" in markdown(app)


@pytest.mark.parametrize("tab", TABS)
def test_nonsense_in_the_address_is_left_aside(open_page, tab):
    """With a small network, which dreams in no time: what is left aside is the same."""
    app = open_page(
        "deepdream", dream_tab=tab, model="cifar10_standard", dream_layer="nowhere", neuron_layer="<b>",
        dream_octaves="99", class_target="unicorn", dream_step_size="nan", dream_channel="-4", dream_ask="one channel",
        neuron_channel="1e9", dream_side="7", zoom_frames="x", class_beside="AlexNet 3000", dream_trick="without",
        neuron_steps="16", class_steps="8",
    )  # fmt: skip
    assert not app.error


def test_a_dream_of_ones_own_settings_waits_for_its_button(open_page):
    app = open_page("deepdream", **QUICK, dream_seed="5")
    assert not wipes(app)
    press(app, "Dream")
    assert len(wipes(app)) == 1
    assert "octaves=2" in code(app)
    assert "manual_seed(5)" in code(app)
    app.slider(key="dream_jitter").set_value(3).run()
    assert "previous settings" in markdown(app)
    assert files(app) == []


def test_the_measure_of_a_layer_is_said_and_chosen(open_page):
    app = press(open_page("deepdream", **QUICK, dream_seed="5"), "Dream")
    assert "Maximised: the root mean square of" in captions(app)
    rms = objective(app)
    app = press(open_page("deepdream", **QUICK, dream_seed="5", dream_norm="l2"), "Dream")
    assert "Maximised: the l2 norm of" in captions(app)
    assert '", "l2")' in code(app)
    sizes = {layer.name: math.prod(layer.shape) for layer in layer_table("efficientnet_lite0", (149, 224))}
    node = re.search(r'layer\("([^"]+)", "l2"\)', code(app)).group(1)
    assert objective(app) == pytest.approx([math.sqrt(sizes[node]) * value for value in rms], rel=2e-3)


def test_the_gradient_is_divided_by_what_a_link_says(open_page):
    app = press(open_page("deepdream", **QUICK, dream_normalise="l2"), "Dream")
    assert app.selectbox(key="dream_normalise").value == "l2"
    assert "normalise='l2'" in code(app)
    assert "normalise='mean-abs'" in code(press(app, "Woven"))


def test_three_layers_from_the_same_noise(open_page):
    query = {"dream_octaves": "2", "dream_steps": "1", "dream_norm": "l2", "dream_third_of_three": "_blocks.2.add"}
    app = press(open_page("deepdream", **query), "Dream of the three")
    lines = [element.value for element in app.markdown if " to " in element.value and "l2 norm" in element.value]
    assert len(lines) == 3
    for line in lines:
        before, after = (float(number) for number in re.search(r"l2 norm ([\d.]+) to ([\d.]+)", line).groups())
        assert after > before
    assert {"Figure (PNG)", "Figure (SVG)", "Figure (PDF)"} <= set(files(app))
    assert "dream_layers(" in code(app)
    assert "'_blocks.2.add'" in code(app)


def test_a_preset_sets_the_controls_and_runs(open_page):
    app = open_page("deepdream", **QUICK)
    app.selectbox(key="dream_side").set_value(224)
    press(app, "Woven")
    assert app.slider(key="dream_octaves").value == 3
    assert app.number_input(key="dream_seed").value == 3
    assert len(wipes(app)) == 1


def test_a_surprise_is_seeded_and_in_the_address(open_page, monkeypatch):
    from cnnlab_core.ui.deepdream import settings

    monkeypatch.setattr(settings.secrets, "randbelow", lambda most: 1234)
    first = press(open_page("deepdream", **QUICK), "Surprise me")
    assert first.number_input(key="dream_seed").value == 1234
    second = press(open_page("deepdream", **QUICK), "Surprise me")
    assert wipes(first)[0]["after"]["src"] == wipes(second)[0]["after"]["src"]
    assert code(first) == code(second)


@pytest.mark.parametrize(
    ("trick", "says"),
    [("without octaves", "octaves=1"), ("without jitter", "jitter=0"), ("without normalisation", "normalise='none'")],
)
def test_a_trick_is_left_out_at_one_click(open_page, trick, says):
    app = open_page("deepdream", **QUICK)
    app.segmented_control(key="dream_trick").set_value(trick).run()
    assert says in code(app)
    assert wipes(app)[0]["after"]["label"] == trick


def test_without_normalisation_next_to_nothing_happens(open_page):
    app = open_page("deepdream", **QUICK)
    app.segmented_control(key="dream_trick").set_value("without normalisation").run()
    before, after = (pixels(wipes(app)[0][side]) for side in ("before", "after"))
    assert 0 <= np.abs(before - after).mean() < 0.5  # of 255


def test_a_channel_is_chosen_with_its_strongest_patches_beside(open_page):
    app = open_page("deepdream", **QUICK, dream_ask="one channel", dream_channel="3")
    assert "excite channel 3 most" in captions(app)
    press(app, "Dream")
    assert re.search(r'channel\("[\w.]+", 3\)', code(app))


def test_another_network_has_its_own_layers(open_page):
    app = open_page("deepdream", model="squeezenet1_1", weights="random", **QUICK)
    titles = [layer.title for layer in layers.maps_of(find_spec("squeezenet1_1"))]
    assert app.selectbox(key="dream_layer").options == titles
    press(app, "Dream")
    assert "squeezenet1_1" in code(app)


def test_a_film_is_looked_through_step_by_step(open_page):
    app = open_page("deepdream", **QUICK, dream_seed="6")
    press(app, "Dream")
    app.segmented_control(key="dream view").set_value("step by step").run()
    assert "After step 2 of 2" in captions(app)
    app.slider(key="dream frame").set_value(1).run()
    assert "After step 1 of 2" in captions(app)
    app.segmented_control(key="dream view").set_value("animation").run()
    assert not app.error


def test_a_stopped_dream_keeps_what_there_is(open_page):
    """As after Stop: the film of these settings has two steps, and the job isn't asked for."""
    app = open_page("deepdream", **QUICK, dream_seed="7")
    press(app, "Dream")
    shown = app.session_state["film dream"]
    shown.film.result = None
    results = app.session_state["results"]
    with results._lock:
        results._entries.pop(shown.key)
    app.run()
    assert "Stopped at octave 2 of 2, step 1 of 1" in captions(app)
    assert len(wipes(app)) == 1
    assert files(app) == ["Picture (PNG)", "Animation (WebP)"]
    assert button(app, "Dream")


def test_a_picture_that_doesnt_fit_into_memory_is_offered_smaller(open_page, monkeypatch):
    monkeypatch.setattr(memory, "largest_area", lambda spec, nodes, device: 300 * 300)
    app = open_page("deepdream", dream_side="448", dream_octaves="2", dream_steps="1")
    assert "needs more memory" in app.warning[0].value
    press(app, "Use 336 pixels")
    assert app.selectbox(key="dream_side").value == 336
    assert not app.warning
    press(app, "Dream")
    assert len(wipes(app)) == 1


def test_too_many_octaves_are_a_sentence(open_page):
    app = open_page("deepdream", dream_side="224", dream_octaves="8", dream_scale="2.0", dream_steps="1")
    press(app, "Dream")
    assert "Use at most 3 octaves" in app.error[0].value.replace("\\", "")


# --- the other tabs -------------------------------------------------------------------------------------------


def test_neurons_open_with_an_answer_and_patches(open_page):
    app = open_page("deepdream", dream_tab="Neurons", neuron_side="96", neuron_steps="16")
    assert len(wipes(app)) == 1
    assert wipes(app)[0]["before"]["label"] == "Noise"
    assert "excite channel 7 most" in captions(app)
    assert "visualise" in code(app)


def test_a_silent_neuron_is_asked_before_its_activation_and_the_page_says_so(open_page):
    query = {"neuron_layer": "_swish_1", "neuron_channel": "11", "neuron_side": "96", "neuron_steps": "16"}
    app = open_page("deepdream", dream_tab="Neurons", **query)
    assert "is silent here" in app.info[0].value
    assert len(wipes(app)) == 1


def test_a_neuron_gives_several_answers(open_page):
    app = open_page("deepdream", dream_tab="Neurons", neuron_side="96", neuron_steps="16", neuron_answers="2")
    if any(element.label == "Draw" for element in app.button):
        press(app, "Draw")
    assert "diversity" in code(app)
    assert "count=2" in code(app)


def test_a_class_dream_convinces_the_network_and_names_it(open_page):
    app = open_page("deepdream", dream_tab="Classes")
    (metric,) = app.metric
    assert metric.label == "P(tarantula)"
    assert float(metric.value.rstrip("%")) > 90
    assert "class_log_probability(76)" in code(app)
    assert len(wipes(app)) == 1


def test_two_networks_dream_side_by_side(open_page):
    app = open_page("deepdream", dream_tab="Classes", class_beside="SqueezeNet 1.1", weights="random", class_steps="8")
    for _ in range(2):
        press(app, next(element.label for element in app.button if element.label.startswith("Dream of")))
    assert len(wipes(app)) == len(app.metric) == 2


def test_the_robust_network_beside_is_offered_for_download(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    beside = {"class_beside": "ResNet-50, robust (linf, ε = 4/255)", "class_steps": "8"}
    app = press(open_page("deepdream", dream_tab="Classes", **beside), "Dream of")
    assert any("205 MB" in element.label for element in app.button)
    assert len(wipes(app)) == 1  # the other side goes on


def test_the_atlas_is_drawn_once_and_then_there(open_page, monkeypatch, cache):
    monkeypatch.setattr(atlas_module, "STEPS", 1)
    monkeypatch.setattr(atlas_module, "DEEP_STEPS", 1)
    monkeypatch.setattr(atlas_module, "SIDE", 32)
    monkeypatch.setattr(atlas_module, "DEEP_SIDE", 40)
    app = open_page("deepdream", dream_tab="Atlas", model="squeezenet1_1", weights="random")
    press(app, next(element.label for element in app.button if element.label.startswith("Draw the atlas")))
    assert len(components(app)) == len(layers.stages(find_spec("squeezenet1_1")))
    assert list(cache.rglob("*.png"))
    again = open_page("deepdream", dream_tab="Atlas", model="squeezenet1_1", weights="random")
    assert not any(element.label.startswith("Draw the atlas") for element in again.button)


def test_a_picture_of_the_atlas_leads_to_its_neuron(open_page, monkeypatch):
    """With buttons in the place of the picker, which only a browser can press."""
    from cnnlab_core.ui.deepdream import atlas

    def buttons(image, *, on_pick, cols, key, labels, **rest):
        for index in range(cols):
            atlas.st.button(labels[index], key=f"{key} {index}", on_click=on_pick, args=(index,))

    monkeypatch.setattr(atlas_module, "STEPS", 1)
    monkeypatch.setattr(atlas_module, "DEEP_STEPS", 1)
    monkeypatch.setattr(atlas, "pick_cell", buttons)
    query = {"model": "squeezenet1_1", "weights": "random", "neuron_steps": "16", "neuron_side": "96"}
    app = open_page("deepdream", dream_tab="Atlas", **query)
    for drawn in [element.label for element in app.button if element.label.startswith("Draw the atlas")]:
        press(app, drawn)
    app.button(key="atlas features.4.cat 1").click().run()
    assert app.query_params["neuron_layer"] in ("features.4.cat", ["features.4.cat"])
    assert app.selectbox(key="neuron_layer").value == "features.4.cat"
    assert app.number_input(key="neuron_channel").value == 128 // 6
    assert 'channel("features.4.cat", 21)' in code(app)


def test_a_zoom_ends_as_an_animation(open_page):
    app = open_page("deepdream", dream_tab="Zoom", zoom_frames="4", zoom_steps="2")
    press(app, "Zoom")
    assert "zoom(" in code(app)
    assert app.segmented_control(key="zoom view").value == "animation"
    film = app.session_state["film zoom"].film
    assert Image.open(io.BytesIO(film.animation())).n_frames == 4
    assert np.asarray(film.picture).shape[2] == 3
