"""Every tab of Feature maps and Receptive fields opens finished, whatever is in the address."""

import pytest
from screen import code, components, problems

MAPS = ("Feature maps", "Early, middle, late", "Compare", "Strongest patches", "First-layer filters")
FIELDS = ("Receptive field", "Effective field", "Design your own", "AlexNet", "Attribution")
SMALL = {"model": "cifar10_standard"}
"""With it a page opens soon, and what is left aside is the same."""


@pytest.mark.parametrize("tab", MAPS)
def test_every_tab_of_maps_opens_finished_and_can_be_taken_away(open_page, tab):
    app = open_page("feature_maps", maps_tab=tab)
    assert not app.error
    assert "load_model" in code(app)
    assert app.get("download_button")


@pytest.mark.parametrize("tab", FIELDS)
@pytest.mark.parametrize("depth", ["early", "late"])
def test_every_tab_of_fields_opens_with_a_finished_example(open_page, tab, depth):
    app = open_page("feature_maps", maps_tab=tab, maps_depth=depth)
    assert not app.error
    assert app.get("image") or components(app)
    assert "cnnlab_core" in code(app)


@pytest.mark.parametrize("tab", MAPS)
@pytest.mark.parametrize(
    "query",
    [
        {
            "maps_channel": "-1", "maps_filter": "1e9", "maps_versus": "<script>", "maps_order": "none",
            "maps_depths_scale": "x", "maps_weights_scale": "y", "maps_filters_scale": "z",
        },
        {
            "maps_channel": "٣", "maps_filter": "99999", "maps_patches_two": "perhaps",
            "maps_depth": "any layer", "maps_layer": "](http://x)",
        },
    ],
)  # fmt: skip
def test_nonsense_in_the_address_of_maps_is_left_aside(open_page, tab, query):
    app = open_page("feature_maps", maps_tab=tab, **SMALL, **query)
    assert not app.error
    assert "load_model" in code(app)


@pytest.mark.parametrize("tab", FIELDS)
@pytest.mark.parametrize(
    "query",
    [
        {
            "maps_row": "-1", "maps_col": "9" * 30, "maps_channel": "²", "maps_counting": "x", "maps_depth": "x",
            "maps_input": "nan", "maps_through": "1e400", "maps_stack": "<script>", "maps_alexnet": "conv9",
            "maps_class": "](http://x)", "maps_method": "x", "maps_cam_layer": "x", "maps_ig_steps": "-1",
        },
        {
            "maps_window": "100000", "maps_stride": "0", "maps_ig_baseline": "pink", "maps_method": "Occlusion",
            "maps_channel": "99999", "maps_pictures": "0", "maps_effective_over": "x", "maps_effective_unit": "x",
        },
    ],
)  # fmt: skip
def test_nonsense_in_the_address_of_fields_is_left_aside(open_page, tab, query):
    app = open_page("feature_maps", maps_tab=tab, **SMALL, **query)
    if "maps_stack" in query and tab == "Design your own":
        assert "Row 1 of the stack reads “<script>”" in problems(app)[0]
    else:
        assert not app.error
