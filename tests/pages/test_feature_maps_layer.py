"""The layer is named for people, and the address keeps its name in the graph."""

import re

from screen import code, guess_at, markdown, refused, run_code

from cnnlab_core.models import layer_table


def title_of(node, model="efficientnet_lite0"):
    return next(layer.title for layer in layer_table(model) if layer.name == node)


def test_the_layer_is_named_for_people(open_page):
    app = open_page("feature_maps")
    assert "**Block 3 of 16 · 24 maps of 56 × 56**" in markdown(app)
    assert any("`_blocks.2.add`" in element.help for element in app.markdown if element.help)
    for depth in ("middle", "late"):
        app.segmented_control(key="maps_depth").set_value(depth).run()
        node = re.search(r'capture\(model, x, \["(.*?)"\]', code(app))[1]
        assert f"**{title_of(node)}**" in markdown(app)


def test_an_old_link_to_a_layer_goes_on_working(open_page):
    app = open_page("feature_maps", maps_depth="any layer", maps_layer="_blocks.2.add")
    box = app.selectbox(key="maps_layer")
    assert box.value == "_blocks.2.add"
    assert "Block 3 of 16 · 24 maps of 56 × 56" in box.options
    assert 'capture(model, x, ["_blocks.2.add"])' in code(app)
    assert app.query_params["maps_layer"] == "_blocks.2.add"
    silent = 100 * float((run_code(app)["maps"] <= 0).mean())
    right, told = guess_at(app, "silent")
    assert right == ("under 33 %" if silent < 33 else "33 to 66 %" if silent <= 66 else "over 66 %")
    assert told.startswith(f"{silent:.0f} %.")


def test_a_chosen_layer_is_in_the_address_by_its_name_in_the_graph(open_page):
    app = open_page("feature_maps", maps_depth="any layer")
    app.selectbox(key="maps_layer").set_value("_blocks.4.add").run()
    assert app.query_params["maps_layer"] == "_blocks.4.add"
    assert 'capture(model, x, ["_blocks.4.add"])' in code(app)
    app.segmented_control(key="maps_depth").set_value("early").run()
    app.segmented_control(key="maps_depth").set_value("any layer").run()
    assert app.selectbox(key="maps_layer").value == "_blocks.4.add"


def test_a_layer_of_another_network_is_said_to_be_missing(open_page):
    app = open_page(
        "feature_maps", maps_depth="any layer", maps_layer="_blocks.2.add", model="resnet18", weights="random"
    )
    assert "“_blocks.2.add” as **Which**" in refused(app)[0]
    assert app.selectbox(key="maps_layer").value == "conv1"
    app.selectbox(key="maps_layer").set_value("layer2.0.add").run()
    assert not refused(app)


def test_grad_cam_takes_any_layer_from_a_link(open_page):
    app = open_page("feature_maps", maps_tab="Attribution", maps_method="Grad-CAM", maps_cam_layer="_blocks.9.add")
    assert '"_blocks.9.add")' in code(app)
    assert app.selectbox(key="maps_cam_layer").value == "_blocks.9.add"
