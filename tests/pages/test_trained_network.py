"""A network that was trained here is one of the lab's networks on the other pages."""

import pytest
from training_runs import lab_folders, tiny  # noqa: F401  a fixture

from cnnlab_core.attacks.methods import METHODS
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.training import create_run, export
from cnnlab_core.training.loop import train


@pytest.mark.parametrize("page", ["classifier", "feature_maps", "adversarial"])
def test_it_can_be_chosen(open_page, page):
    before = open_page(page)
    run = create_run(tiny(), "my *own* net")
    train(run)
    name = export(run)
    app = open_page(page, model=name)
    assert app.query_params["model"] == name
    assert not app.error
    choice = next(box for box in app.sidebar.selectbox if box.label == "Network")
    offered = next(box for box in before.sidebar.selectbox if box.label == "Network").options
    assert choice.value == name
    assert "my *own* net" in choice.options
    assert "my *own* net" not in offered


@pytest.mark.parametrize("method", [method.title for method in METHODS.values()])
def test_it_can_be_attacked_in_every_way(open_page, method):
    """Ten classes, not a thousand, and pictures of 32 pixels."""
    run = create_run(tiny())
    train(run)
    name = export(run)
    shown = load_model(name).top_k(load_model(name).prepare(open_image(sample_images()["chelsea"].content)), k=1)
    target = next(f"{i} · {label}" for i, label in enumerate(run.machine["classes"]) if i != shown[0].index)
    query = {"picture": "chelsea", "model": name, "adversarial_attack": method, "adversarial_steps": "3"}
    for aim in ({}, {"adversarial_target": target}):
        app = open_page("adversarial", **query, **aim)
        start = [button for button in app.button if button.label.startswith("Attack (")]
        if start:
            start[0].click().run()
        assert not app.exception
        assert not app.error
        assert {metric.label for metric in app.metric} >= {"L∞", "SSIM"}
