"""A stack of your own, and AlexNet's."""

import pytest
from screen import captions, code, markdown, problems

from cnnlab_core.receptive_field.stack import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_presets(open_page, name):
    app = open_page("receptive_fields", maps_tab="Design your own")
    app.button(key=f"preset {name}").click().run()
    assert app.query_params["maps_stack"] == PRESETS[name].text
    assert PRESETS[name].about in captions(app)
    assert len(app.dataframe[-1].value) == 1 + PRESETS[name].text.count(",") + 1


def test_a_link_reproduces_a_stack(open_page):
    app = open_page("receptive_fields", maps_tab="Design your own", maps_stack="c5s2p2, m3s2p1,c3d2", maps_input="64")
    table = app.dataframe[-1].value
    assert list(table["map"]) == ["64 × 64", "32 × 32", "16 × 16", "12 × 12"]
    assert list(table["size"]) == ["1", "5", "9", "25"]
    assert app.query_params["maps_stack"] == "c5s2p2,m3s2p1,c3d2"
    app.number_input(key="maps_through_typed").set_value(2).run()
    assert "**pool1** sees: 9 × 9 pixels" in captions(app)


def test_an_impossible_stack_says_what_to_change_and_the_table_stays(open_page):
    app = open_page("receptive_fields", maps_tab="Design your own", maps_stack="c3,c40", maps_input="20")
    assert "Row 2 (convolution of 40): its window spans 40, but the map before it is 18 wide" in problems(app)[0]
    app.number_input(key="maps_input_typed").set_value(60).run()
    assert not app.error
    assert list(app.dataframe[-1].value["map"]) == ["60 × 60", "58 × 58", "19 × 19"]


def test_alexnet_twice(open_page):
    app = open_page("receptive_fields", maps_tab="AlexNet")
    text = markdown(app)
    for sentence in ("**64 … 162**", "**62 … 160**", "**88 … 138**", "**86 … 136**"):
        assert sentence in text
    assert text.count("map 55 × 55") == 2
    app.segmented_control(key="maps_alexnet").set_value("conv1").run()
    assert not app.error


@pytest.mark.parametrize(
    ("counting", "seen"),
    [
        ("pixels from 1, units 0, bottom left", ("109 … 119", "89 … 139", "65 … 163")),
        ("from 1, bottom left", ("105 … 115", "81 … 131", "49 … 147")),
    ],
)
def test_alexnet_as_a_sheet_counts(open_page, counting, seen):
    app = open_page("receptive_fields", maps_tab="AlexNet", maps_counting=counting)
    for rows in seen:
        assert f"**{rows}**" in markdown(app)
    table = app.dataframe[0].value.set_index("counted")
    assert tuple(table.loc[counting]) == seen
    assert len(table) == 8
    assert "227 - " in app.latex[0].value
    assert {"Figure 2012 (PDF)", "Worked out (text)"} <= {button.label for button in app.get("download_button")}
    assert f'COUNTINGS["{counting}"]' in code(app)


def test_the_stack_counts_as_it_is_told(open_page):
    app = open_page(
        "receptive_fields", maps_tab="Design your own", maps_stack="c11s4", maps_input="227",
        maps_counting="from 1, bottom left",
    )  # fmt: skip
    assert "unit (28, 28) of **conv1** sees: 11 × 11 pixels, rows 109 … 119, columns 109 … 119" in captions(app)
