"""The receptive field of a unit, in every convention."""

import re

import pytest
from screen import captions, components, guess_at, markdown, metrics

from cnnlab_core.models.build import build_on_meta
from cnnlab_core.models.zoo import DEFAULT_MODEL, find_spec
from cnnlab_core.receptive_field import COUNTINGS, receptive_fields


@pytest.fixture(scope="module")
def fields():
    return receptive_fields(build_on_meta(find_spec(DEFAULT_MODEL)), (224, 224))


@pytest.mark.parametrize(("row", "col"), [(0, 0), (28, 28), (3, 50), (55, 55)])
def test_the_box_is_the_cores_in_every_convention(open_page, fields, row, col):
    app = open_page("receptive_fields", maps_tab="Receptive field", maps_row=str(row), maps_col=str(col))
    field = fields["_blocks.2.add"]
    assert metrics(app) == {"Size": "19 × 19", "Jump": "4, 4", "Start": "-6, -6"}
    table = app.dataframe[0].value
    inner, outer = field.box(row, col), field.box(row, col, clip=False)
    for words, box in (("", inner), (" with padding", outer)):
        rows = [[int(n) for n in re.findall(r"-?\d+", text)] for text in table["rows" + words]]
        cols = [[int(n) for n in re.findall(r"-?\d+", text)] for text in table["columns" + words]]
        top, bottom = box.top, box.bottom
        assert rows == [[top, bottom], [top + 1, bottom + 1], [223 - bottom, 223 - top], [224 - bottom, 224 - top]]
        assert cols == [[box.left + first, box.right + first] for first in (0, 1, 0, 1)]
    assert outer == (4 * row - 6, 4 * col - 6, 4 * row + 12, 4 * col + 12)
    data = components(app)[0]  # what the browser draws of any unit
    assert data["field"] is None, "cut at the photo's edges, size, jump and start give the same boxes"
    assert inner == (max(outer.top, 0), max(outer.left, 0), min(outer.bottom, 223), min(outer.right, 223))
    assert data["reach"] == {"size": [19, 19], "jump": [4, 4], "start": [-6, -6]}
    assert data["chosen"] == 56 * row + col
    pixels = (inner.bottom - inner.top + 1) * (inner.right - inner.left + 1)
    assert guess_at(app, "share")[0] == "under 1 %"
    assert f"{pixels:,} pixels, {100 * pixels / 224**2:.2g} %" in markdown(app)


def test_where_each_layer_cuts_off_more_the_browser_gets_every_box(open_page, fields):
    name = "_blocks.2._depthwise_conv.static_padding"
    app = open_page("receptive_fields", maps_tab="Receptive field", maps_depth="any layer", maps_layer=name)
    data = components(app)[0]
    boxes = [fields[name].box(place, place) for place in range(58)]
    assert boxes[0] is None, "a row of padding sees nothing"
    assert data["field"]["rows"] == [box and [box.top, box.bottom] for box in boxes]
    assert data["field"]["cols"] == [box and [box.left, box.right] for box in boxes]


@pytest.mark.parametrize(("counting", "unit"), [("from 1, bottom left", "(28, 29)"), ("from 0, top left", "(28, 28)")])
def test_other_tabs_count_alike(open_page, counting, unit):
    app = open_page("receptive_fields", maps_tab="Effective field", maps_counting=counting, maps_pictures="1")
    assert f"affects unit {unit} of" in captions(app)
    patches = open_page(
        "feature_maps", maps_tab="What channels look for", maps_tab_channels="Strongest patches", maps_counting=counting
    )
    usual = open_page("feature_maps", maps_tab="What channels look for", maps_tab_channels="Strongest patches")
    way = COUNTINGS[counting]
    units, plain = (re.findall(r"unit \((\d+), (\d+)\)", captions(tab)) for tab in (patches, usual))
    assert units
    assert [way.index(int(row), int(col), 56) for row, col in units] == [(int(row), int(col)) for row, col in plain]


def test_a_typed_unit_is_read_in_its_convention(open_page):
    app = open_page("receptive_fields", maps_tab="Receptive field", maps_counting="from 1, bottom left")
    app.number_input(key="maps_row_typed").set_value(1).run()
    app.number_input(key="maps_col_typed").set_value(1).run()
    assert (app.query_params["maps_row"], app.query_params["maps_col"]) == ("55", "0")
    app.selectbox(key="maps_counting").set_value("from 0, top left").run()
    assert [app.number_input(key=f"maps_{name}_typed").value for name in ("row", "col")] == [55, 0]
