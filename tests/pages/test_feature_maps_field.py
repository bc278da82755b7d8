"""The tabs about fields and attribution: each control does what it says, and says what it can't do."""

import re

import numpy as np
import pytest

from cnnlab_core.models.build import build_on_meta
from cnnlab_core.models.zoo import DEFAULT_MODEL, find_spec
from cnnlab_core.receptive_field import receptive_fields
from cnnlab_core.receptive_field.stack import PRESETS

TABS = ("Receptive field", "Effective field", "Design your own", "AlexNet", "Attribution")


def markdown(app):
    return "\n".join(element.value for element in app.markdown)


def captions(app):
    return "\n".join(element.value for element in app.caption)


def metrics(app):
    return {element.label: element.value for element in app.metric}


def problems(app):
    return [element.value.replace("\\", "") for element in app.error]


@pytest.fixture(scope="module")
def fields():
    return receptive_fields(build_on_meta(find_spec(DEFAULT_MODEL)), (224, 224))


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("depth", ["early", "late"])
def test_every_tab_opens_with_a_finished_example(open_page, tab, depth):
    app = open_page("feature_maps", maps_tab=tab, maps_depth=depth)
    assert not app.error
    assert app.get("image")


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize(
    "query",
    [
        {"maps_row": "-1", "maps_col": "9" * 30, "maps_channel": "²", "maps_counting": "x", "maps_depth": "x"},
        {"maps_input": "nan", "maps_through": "1e400", "maps_stack": "<script>", "maps_alexnet": "conv9"},
        {"maps_class": "](http://x)", "maps_method": "x", "maps_cam_layer": "x", "maps_ig_steps": "-1"},
        {"maps_window": "100000", "maps_stride": "0", "maps_ig_baseline": "pink", "maps_method": "Occlusion"},
        {"maps_pictures": "0", "maps_effective_over": "x", "maps_effective_unit": "x"},
    ],
)
def test_nonsense_in_the_address_is_left_aside(open_page, tab, query):
    app = open_page("feature_maps", maps_tab=tab, **query)
    if "maps_stack" in query and tab == "Design your own":
        assert "Row 1 of the stack reads “<script>”" in problems(app)[0]
    else:
        assert not app.error


# --- the receptive field --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "col"), [(0, 0), (28, 28), (3, 50), (55, 55)])
def test_the_box_is_the_cores_in_every_convention(open_page, fields, row, col):
    app = open_page("feature_maps", maps_tab="Receptive field", maps_row=str(row), maps_col=str(col))
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


def test_a_typed_unit_is_read_in_its_convention(open_page):
    app = open_page("feature_maps", maps_tab="Receptive field", maps_counting="from 1, bottom left")
    app.number_input(key="maps_row_typed").set_value(1).run()
    app.number_input(key="maps_col_typed").set_value(1).run()
    assert (app.query_params["maps_row"], app.query_params["maps_col"]) == ("55", "0")
    app.selectbox(key="maps_counting").set_value("from 0, top left").run()
    assert [app.number_input(key=f"maps_{name}_typed").value for name in ("row", "col")] == [55, 0]


# --- the effective field --------------------------------------------------------------------------------------


def test_effective_fields_of_trained_and_untrained_weights(open_page):
    app = open_page("feature_maps", maps_tab="Effective field")
    radii = [float(element.value.split()[0]) for element in app.metric]
    assert len(radii) == 6
    assert radii[:3] == sorted(radii[:3])
    assert radii[3:] == sorted(radii[3:])
    assert radii[2] < radii[5]  # training gathers the influence in the middle
    assert markdown(app).count("of the 19 × 19 box") == 2


def test_noise_counts_and_channels(open_page):
    app = open_page("feature_maps", maps_tab="Effective field", maps_effective_over="noise")
    before = [element.value for element in app.metric]
    app.number_input(key="maps_pictures_typed").set_value(12).run()
    assert [button.label for button in app.button if "Average" in button.label] == ["Average over 12 pictures"] * 2
    app.button(key="start effective pretrained").click().run()
    assert len(app.metric) == 3
    assert [element.value for element in app.metric] != before[:3]
    app.segmented_control(key="maps_effective_unit").set_value("one channel").run()
    app.number_input(key="maps_channel_typed").set_value(3).run()
    assert "channel 3" in captions(app)
    assert not app.metric  # what was computed belongs to another unit
    assert [button.label for button in app.button if "Average" in button.label] == ["Average over 12 pictures"] * 2


def test_a_dead_unit_is_a_sentence(open_page, monkeypatch):
    from cnnlab_core.ui.feature_maps import effective

    def nothing(*args, **options):
        yield effective.EffectiveStep(1, 1, np.zeros((224, 224)))
        return np.zeros((224, 224))

    monkeypatch.setattr(effective, "effective_field", nothing)
    app = open_page("feature_maps", maps_tab="Effective field", maps_depth="middle", maps_row="1")
    assert len(problems(app)) == 2
    assert "dead ReLU" in problems(app)[0]


# --- stacks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_presets(open_page, name):
    app = open_page("feature_maps", maps_tab="Design your own")
    app.button(key=f"preset {name}").click().run()
    assert app.query_params["maps_stack"] == PRESETS[name].text
    assert PRESETS[name].about in captions(app)
    assert len(app.dataframe[-1].value) == 1 + PRESETS[name].text.count(",") + 1


def test_a_link_reproduces_a_stack(open_page):
    app = open_page("feature_maps", maps_tab="Design your own", maps_stack="c5s2p2, m3s2p1,c3d2", maps_input="64")
    table = app.dataframe[-1].value
    assert list(table["map"]) == ["64 × 64", "32 × 32", "16 × 16", "12 × 12"]
    assert list(table["size"]) == ["1", "5", "9", "25"]
    assert app.query_params["maps_stack"] == "c5s2p2,m3s2p1,c3d2"
    app.number_input(key="maps_through_typed").set_value(2).run()
    assert "**pool1** sees: 9 × 9 pixels" in captions(app)


def test_an_impossible_stack_says_what_to_change_and_the_table_stays(open_page):
    app = open_page("feature_maps", maps_tab="Design your own", maps_stack="c3,c40", maps_input="20")
    assert "Row 2 (convolution of 40): its window spans 40, but the map before it is 18 wide" in problems(app)[0]
    app.number_input(key="maps_input_typed").set_value(60).run()
    assert not app.error
    assert list(app.dataframe[-1].value["map"]) == ["60 × 60", "58 × 58", "19 × 19"]


def test_alexnet_twice(open_page):
    app = open_page("feature_maps", maps_tab="AlexNet")
    text = markdown(app)
    for sentence in ("rows 64 … 162", "rows 62 … 160", "rows 88 … 138", "rows 86 … 136"):
        assert sentence in text
    assert text.count("map 55 × 55") == 2
    app.segmented_control(key="maps_alexnet").set_value("conv1").run()
    assert not app.error


# --- attribution ----------------------------------------------------------------------------------------------


def test_saliency_and_grad_cam_are_there_and_the_dear_ones_wait(open_page):
    app = open_page("feature_maps", maps_tab="Attribution")
    assert "**tiger cat**" in captions(app)
    assert [button.label for button in app.button if "Run" in button.label] == [
        "Run (50 gradients)",
        "Run (169 squares)",
    ]
    code = app.code[-1].value
    assert "saliency(model, x, 282)" in code
    assert "occlusion" not in code


def test_integrated_gradients_add_up_and_grow_stale(open_page):
    app = open_page("feature_maps", maps_tab="Attribution", maps_method="Integrated gradients", maps_ig_steps="10")
    app.button[0].click().run()
    difference, total, gap = (
        float(number) for number in re.findall(r"\*\*([+-]?[\d.]+)\*\*", markdown(app)[markdown(app).index("f(x)") :])
    )
    assert total == pytest.approx(difference + gap, abs=2e-4)
    app.number_input(key="maps_ig_steps").set_value(20).run()
    assert "earlier settings: tiger cat in “Chelsea" in app.info[0].value.replace("\\", "")
    assert not app.code  # what is shown isn't what the page asks: nothing to take away
    app.number_input(key="maps_ig_steps").set_value(10).run()
    assert not app.info  # it was kept


def test_occlusion_with_gaps_is_a_sentence(open_page):
    app = open_page("feature_maps", maps_tab="Attribution", maps_window="16", maps_stride="40")
    assert "every pixel is covered" in problems(app)[0]
    app.number_input(key="maps_window").set_value(112).run()
    assert not app.error
    app.button(key="start attribution Occlusion").click().run()
    assert "occlusion(model, x, 282, window=112, stride=40" in app.code[-1].value


def test_any_class_and_any_layer(open_page):
    app = open_page("feature_maps", maps_tab="Attribution", maps_method="Grad-CAM")
    app.selectbox(key="maps_class").set_value("504 · coffee mug").run()
    app.selectbox(key="maps_cam_layer").set_value("_blocks.2.add").run()
    assert 'grad_cam(model, x, 504, "_blocks.2.add")' in app.code[-1].value
    assert "**coffee mug**" in captions(app)
