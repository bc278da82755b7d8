"""Early, middle and late layers in one figure."""

from screen import captions, code


def test_the_scales_of_the_three_depths_are_said(open_page):
    app = open_page("feature_maps", maps_tab="Early, middle, late")
    assert "Each map is on its own scale" in captions(app)
    app.selectbox(key="maps_depths_scale").set_value("all layers").run()
    assert "One scale for all fifteen" in captions(app)
    app.selectbox(key="maps_order").set_value("index").run()
    assert "'_blocks.2.add': [0, 1, 2, 3, 4]" in code(app)
    text = "\n".join(element.value for element in app.markdown)
    assert all(f"**{depth}.**" in text for depth in ("Early", "Middle", "Late"))
    app.segmented_control(key="weights_choice").set_value("random").run()
    assert any("These weights are random" in element.value for element in app.markdown)
