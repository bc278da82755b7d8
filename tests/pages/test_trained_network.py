"""A network that was trained here is one of the lab's networks on the other pages."""

import pytest
from training_runs import lab_folders, tiny  # noqa: F401  a fixture

from cnnlab_core.device import finish
from cnnlab_core.training import create_run, export
from cnnlab_core.training.loop import train


@pytest.mark.parametrize("page", ["classifier", "feature_maps"])
def test_it_can_be_chosen(open_page, page):
    before = open_page(page)
    run = create_run(tiny(), "my *own* net")
    finish(train(run))
    name = export(run)
    app = open_page(page, model=name)
    assert app.query_params["model"] == name
    assert not app.error
    choice = next(box for box in app.sidebar.selectbox if box.label == "Network")
    offered = next(box for box in before.sidebar.selectbox if box.label == "Network").options
    assert choice.value == name
    assert "my *own* net" in choice.options
    assert "my *own* net" not in offered
