"""The strongest patches follow the channel and the switch."""

import numpy as np
import pytest
import torch
from screen import code, press, refused

from cnnlab_core.data.dataset import Dataset, write_dataset
from cnnlab_core.data.shapes import CLASSES, draw
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models import load_model

NODE = "_blocks.2.add"


def strongest_in_gallery(channel):
    model = load_model("efficientnet_lite0")
    with torch.no_grad():
        pictures = (model.prepare(open_image(sample.content)) for sample in sample_images().values())
        return max(capture(model, x, [NODE])[NODE][0, channel].max().item() for x in pictures)


def test_patches_follow_the_channel_and_the_switch(open_page):
    app = open_page(
        "feature_maps", maps_tab="What channels look for", maps_tab_channels="Strongest patches", maps_channel="3"
    )

    def activations():
        heads = [element.value for element in app.markdown if element.value[:2] == "**" and ".**" in element.value[:6]]
        return [float(head.split()[1]) for head in heads]

    def pictures():
        return [element.value.split(",")[0] for element in app.caption if ", unit " in element.value.replace("\\", "")]

    two = activations()
    assert len(two) == 9
    assert two == sorted(two, reverse=True)
    assert two[0] == pytest.approx(strongest_in_gallery(3), rel=0.01)
    assert max(pictures().count(title) for title in pictures()) <= 2
    app.toggle(key="maps_patches_two").set_value(False).run()
    assert min(np.subtract(activations(), two)) >= 0
    app.number_input(key="maps_channel_typed").set_value(4).run()
    assert activations() != two


def test_patches_of_a_data_set_wait_for_their_button(open_page, tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    few = Dataset("own:few", "few", CLASSES, draw(4, [1]), lambda: draw(2, [2]))
    write_dataset(tmp_path / "own" / "few.safetensors", few)
    place = {"maps_tab": "What channels look for", "maps_tab_channels": "Strongest patches"}
    app = open_page("feature_maps", maps_patches_of="own:few", maps_channel="3", **place)
    assert not any(", unit " in caption.value.replace("\\", "") for caption in app.caption)
    press(app, "Look through the pictures")
    found = [caption.value for caption in app.caption if ", unit " in caption.value.replace("\\", "")]
    assert found
    assert all("number" in caption for caption in found)
    assert 'open_data("own:few")' in code(app)
    missing = open_page("feature_maps", maps_patches_of="cifar10", **place)
    assert "cifar10" in refused(missing)[0]


def test_a_damaged_upload_leaves_the_patches(open_page):
    app = open_page("feature_maps", maps_tab="What channels look for", maps_tab_channels="Strongest patches")
    app.file_uploader(key="upload").set_value(("broken.png", b"\x89PNG broken", "image/png")).run()
    assert "damaged" in app.error[0].value
    assert len(app.error) == 1
    assert "top_patches" in code(app)
