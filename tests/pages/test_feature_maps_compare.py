"""Two pictures, or two kinds of weights, channel by channel."""

import numpy as np
import torch
from screen import captions, metrics

from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.interpretability.map_statistics import correlations, order
from cnnlab_core.models import load_model

NODE = "_blocks.2.add"


def maps_of(picture, weights="pretrained"):
    model = load_model("efficientnet_lite0", weights)
    with torch.no_grad():
        x = model.prepare(open_image(sample_images()[picture].content))
        return capture(model, x, [NODE])[NODE][0].numpy()


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


def test_after_a_reload_one_is_told_to_bring_the_other_picture_again(open_page):
    app = open_page("feature_maps", maps_tab="Compare", maps_versus="Your own: gone.jpg")
    assert any("choose them again under “Use your own”" in element.value for element in app.info)
    assert app.selectbox(key="maps_versus").value != "Your own: gone.jpg"


def test_weights_that_are_not_here_are_offered(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNLAB_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for tab in ("Compare", "First-layer filters"):
        app = open_page("feature_maps", maps_tab=tab, model="squeezenet1_1", weights="random")
        assert any("aren't on this machine" in info.value.replace("\\", "") for info in app.info)
        assert not app.error
