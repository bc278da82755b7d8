"""The tabs of the feature maps page that show several maps: each control, and nonsense in the address."""

import numpy as np
import pytest
import torch

from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.interpretability.first_layer_filters import first_filters
from cnnlab_core.interpretability.map_statistics import correlations, order
from cnnlab_core.models import load_model

NODE = "_blocks.2.add"
TABS = ("Early, middle, late", "Compare", "Strongest patches", "First-layer filters")


def metrics(app):
    return {element.label: element.value for element in app.metric}


def captions(app):
    return "\n".join(element.value for element in app.caption).replace("\\", "")


def code(app):
    return app.code[-1].value


def maps_of(picture, weights="pretrained"):
    model = load_model("efficientnet_lite0", weights)
    with torch.no_grad():
        x = model.prepare(open_image(sample_images()[picture].content))
        return capture(model, x, [NODE])[NODE][0].numpy()


@pytest.mark.parametrize("tab", ["Feature maps", *TABS])
def test_every_tab_opens_finished_and_can_be_taken_away(open_page, tab):
    app = open_page("feature_maps", maps_tab=tab)
    assert not app.error
    assert "load_model" in code(app)
    assert app.get("download_button")


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize(
    "query",
    [
        {"maps_channel": "-1", "maps_filter": "1e9", "maps_versus": "<script>", "maps_order": "none"},
        {"maps_channel": "99999", "maps_filter": "99999", "maps_depths_scale": "x", "maps_weights_scale": "y"},
        {"maps_channel": "٣", "maps_filter": "nan", "maps_patches_two": "perhaps", "maps_filters_scale": "z"},
    ],
)
def test_nonsense_in_the_address_is_left_aside(open_page, tab, query):
    app = open_page("feature_maps", maps_tab=tab, **query)
    assert not app.error
    assert "load_model" in code(app)


# --- compare --------------------------------------------------------------------------------------------------


def test_it_compares_with_the_other_weights_first(open_page):
    app = open_page("feature_maps", maps_tab="Compare")
    trained, random = maps_of("chelsea"), maps_of("chelsea", "random")
    channel = int(order(trained, "interpretable first")[0])
    found = metrics(app)
    assert found["Mean, left"] == f"{trained[channel].mean():.3g}"
    assert found["Mean, right"] == f"{random[channel].mean():.3g}"
    assert found["Correlation"] == f"{correlations(trained, random)[channel]:.2f}"
    assert found["Difference"] == f"{np.abs(trained[channel].astype(float) - random[channel]).mean():.3g}"
    app.segmented_control(key="weights_choice").set_value("random").run()
    assert metrics(app)["Mean, right"] == f"{trained[app.number_input(key='maps_channel_typed').value].mean():.3g}"


def test_it_compares_with_another_picture(open_page):
    app = open_page("feature_maps", maps_tab="Compare", maps_channel="7")
    assert "A channel looks for" not in captions(app)
    app.selectbox(key="maps_versus").set_value("A cup of coffee").run()
    assert metrics(app)["Mean, right"] == f"{maps_of('coffee')[7].mean():.3g}"
    assert "A channel looks for the same thing" in captions(app)
    assert "Each pair on one scale" in captions(app)
    app.selectbox(key="maps_pictures_scale").set_value("both layers").run()
    assert "One scale for all" in captions(app)
    app.number_input(key="maps_channel_typed").set_value(3).run()
    assert app.query_params["maps_channel"] == "3"
    assert metrics(app)["Mean, left"] == f"{maps_of('chelsea')[3].mean():.3g}"
    app.selectbox(key="picture_choice").set_value("coffee").run()  # then the coffee can't be beside itself
    assert not app.exception
    assert "A cup of coffee" not in app.selectbox(key="maps_versus").options


def test_ones_own_picture_can_be_put_beside(open_page):
    app = open_page("feature_maps", maps_tab="Compare")
    content = sample_images()["rocket"].content
    app.file_uploader(key="upload").set_value(("[x](y) $a$.jpg", content, "image/jpeg")).run()
    app.selectbox(key="picture_choice").set_value("chelsea").run()
    app.selectbox(key="maps_versus").set_value("Your own: [x](y) $a$.jpg").run()
    assert not app.error
    channel = app.number_input(key="maps_channel_typed").value
    assert metrics(app)["Mean, right"] == f"{maps_of('rocket')[channel].mean():.3g}"


def test_weights_that_are_not_here_are_offered(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for tab in ("Compare", "First-layer filters"):
        app = open_page("feature_maps", maps_tab=tab, model="squeezenet1_1", weights="random")
        assert any("aren't on this machine" in info.value.replace("\\", "") for info in app.info)
        assert not app.error


# --- early, middle, late --------------------------------------------------------------------------------------


def test_the_scales_of_the_three_depths_are_said(open_page):
    app = open_page("feature_maps", maps_tab=TABS[0])
    assert "Each map is on its own scale" in captions(app)
    app.selectbox(key="maps_depths_scale").set_value("all layers").run()
    assert "One scale for all fifteen" in captions(app)
    app.selectbox(key="maps_order").set_value("index").run()
    assert "'_blocks.2.add': [0, 1, 2, 3, 4]" in code(app)
    text = "\n".join(element.value for element in app.markdown)
    assert all(f"**{depth}.**" in text for depth in ("Early", "Middle", "Late"))
    app.segmented_control(key="weights_choice").set_value("random").run()
    assert any("These weights are random" in element.value for element in app.markdown)


# --- strongest patches ----------------------------------------------------------------------------------------


def test_patches_follow_the_channel_and_the_switch(open_page):
    app = open_page("feature_maps", maps_tab="Strongest patches", maps_channel="3")

    def activations():
        heads = [element.value for element in app.markdown if element.value[:2] == "**" and ".**" in element.value[:6]]
        return [float(head.split()[1]) for head in heads]

    def pictures():
        return [element.value.split(",")[0] for element in app.caption if ", unit " in element.value.replace("\\", "")]

    two = activations()
    assert len(two) == 9
    assert two == sorted(two, reverse=True)
    assert two[0] == pytest.approx(max(maps_of(name)[3].max() for name in sample_images()), rel=0.01)
    assert max(pictures().count(title) for title in pictures()) <= 2
    app.toggle(key="maps_patches_two").set_value(False).run()
    assert min(np.subtract(activations(), two)) >= 0
    app.number_input(key="maps_channel_typed").set_value(4).run()
    assert activations() != two


def test_a_damaged_upload_leaves_the_patches(open_page):
    app = open_page("feature_maps", maps_tab="Strongest patches")
    app.file_uploader(key="upload").set_value(("broken.png", b"\x89PNG broken", "image/png")).run()
    assert "damaged" in app.error[0].value
    app.selectbox(key="picture_choice").set_value("chelsea").run()
    assert not app.error
    assert "strongest_patches" in code(app)


# --- first-layer filters --------------------------------------------------------------------------------------


def test_the_numbers_of_a_filter(open_page):
    app = open_page("feature_maps", maps_tab="First-layer filters")
    weights = first_filters(load_model("efficientnet_lite0")).weights

    def shown():
        return [[[float(cell) for cell in row] for row in table.value.to_numpy()] for table in app.dataframe]

    assert np.allclose(shown(), weights[0], atol=6e-4)
    app.number_input(key="maps_filter_typed").set_value(31).run()
    assert np.allclose(shown(), weights[31], atol=6e-4)
    app.selectbox(key="maps_filters_scale").set_value("each filter").run()
    assert "own largest weight" in captions(app)
    app.segmented_control(key="weights_choice").set_value("random").run()
    assert np.allclose(shown(), first_filters(load_model("efficientnet_lite0", "random")).weights[31], atol=6e-4)
