"""Ways of counting pixels and units, and a field worked out in each."""

import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnnlab_core.models.stack import read_stack
from cnnlab_core.plots.fields import fields_figure
from cnnlab_core.plots.report import rendered
from cnnlab_core.receptive_field import COUNTINGS, Box, Counting
from cnnlab_core.receptive_field.stack import PRESETS, stack_fields
from cnnlab_core.receptive_field.worked_out import box_formula, box_steps, every_counting, seen_by, worked_out
from cnnlab_core.recipes.receptive_fields import alexnet, stack

LAYERS, NUMBERS = ("conv1", "conv2", "conv3"), (27, 13, 6)


def fields_of(name):
    preset = PRESETS[name]
    found = {field.name: field for field in stack_fields(read_stack(preset.text), preset.side)}
    return [found[layer] for layer in LAYERS]


def test_the_names_that_links_hold():
    assert list(COUNTINGS)[:4] == ["from 0, top left", "from 1, top left", "from 0, bottom left", "from 1, bottom left"]
    assert len(COUNTINGS) == 8
    assert all(way.name == name for name, way in COUNTINGS.items())


@given(way=st.sampled_from(list(COUNTINGS.values())), rows=st.integers(1, 60), data=st.data())
def test_a_number_names_one_unit(way, rows, data):
    row, col = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, 60))
    number = way.unit(row, col, rows)
    assert way.index(*number, rows) == (row, col)
    assert way.units <= number[0] < rows + way.units


@given(way=st.sampled_from(list(COUNTINGS.values())), edges=st.tuples(*[st.integers(0, 19)] * 4))
def test_a_box_is_the_ruler_read_at_its_edges(way, edges):
    top, bottom = sorted(edges[:2])
    left, right = sorted(edges[2:])
    ruler = np.arange(20) + way.pixels
    rows = ruler[::-1] if way.from_below else ruler
    counted = way.box(Box(top, left, bottom, right), 20)
    assert counted == (rows[top], ruler[left], rows[bottom], ruler[right])


@pytest.mark.parametrize(
    ("way", "seen"),
    [
        (Counting(), ["108 … 118", "88 … 138", "64 … 162"]),
        (Counting(1, 0, True), ["109 … 119", "89 … 139", "65 … 163"]),
        (Counting(1, 1, True), ["105 … 115", "81 … 131", "49 … 147"]),
    ],
)
def test_alexnet_at_227_as_sheets_count(way, seen):
    fields = fields_of("AlexNet 2012")
    assert [seen_by(field, n, way) for field, n in zip(fields, NUMBERS, strict=True)] == seen
    assert list(every_counting(fields, NUMBERS)[list(COUNTINGS).index(way.name)].values())[1:] == seen
    text = worked_out(fields, NUMBERS, way)
    assert all(f"It sees {rows}" in text for rows in seen)
    assert "size 19 + (5 − 1) · 8 = 51" in text


def value(how):
    """A side of a formula, computed."""
    return eval(how.replace(r"\cdot", "*"))  # noqa: S307


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("way", COUNTINGS.values(), ids=str)
def test_every_step_is_true_and_ends_at_the_box(name, way):
    preset = PRESETS[name]
    for field in stack_fields(read_stack(preset.text), preset.side)[:4]:
        row = field.map_size[0] // 3
        found = {}
        for what, how in box_steps(field, row, way):
            left, right = how.split(" = ")
            assert value(left) == value(right)
            found[what] = value(right)
        assert found.get("row", row) == row
        whole = field.box(row, row, clip=False)
        assert (found["first"], found["last"]) == (whole.top, whole.bottom)
        counted = sorted(way.box(whole, preset.side)[::2])
        assert [found.get("from", found["first"]), found.get("to", found["last"])] == counted


def test_steps_that_change_nothing_are_left_out():
    field = fields_of("AlexNet 2012")[0]
    assert box_formula(field, 27) == (
        r"\begin{aligned}\text{first} &= 0 + 27 \cdot 4 = 108 \\ \text{last} &= 108 + 11 - 1 = 118\end{aligned}"
    )
    assert re.findall(r"\{(\w+)\} &", box_formula(field, 27, Counting(0, 1))) == ["row", "first", "last"]


def test_the_figure_draws_the_box_where_the_ruler_says():
    """Its pixels lie around their numbers, the first one at the bottom."""
    picture = Image.fromarray(np.zeros((10, 10, 3), np.uint8))
    figure = fields_figure(picture, {"here": (9, 2, 7, 4)}, "a title", first=1, from_below=True)
    (axes,) = figure.axes
    assert axes.get_xlim() == axes.get_ylim() == (0.5, 10.5)
    assert axes.patches[0].get_bbox().extents.tolist() == [1.5, 6.5, 4.5, 9.5]
    assert axes.images[0].get_extent() == [0.5, 10.5, 0.5, 10.5]
    assert Image.open(io.BytesIO(rendered(figure, "png", dpi=50))).width == 260
    assert rendered(figure, "pdf").startswith(b"%PDF")


def test_the_recipes_print_what_the_page_says(capsys):
    preset = PRESETS["AlexNet 2012"]
    exec(alexnet.code(preset.text, preset.side, dict(zip(LAYERS, NUMBERS, strict=True)), "from 1, bottom left"), {})
    assert capsys.readouterr().out.splitlines()[:2] == ["conv1 27 105 … 115 105 … 115", "conv2 13 81 … 131 81 … 131"]
    exec(stack.code("c11s4", 227, "pixels from 1, units 0, bottom left"), {})
    assert capsys.readouterr().out.splitlines()[1] == "109 … 119 109 … 119"
