"""The convolution page's tabs beyond the grids: a photo, autograd, attention, practice."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from cnnlab_core.convolution import KERNELS
from cnnlab_core.from_scratch.linear_regression import XOR_INPUTS, XOR_TARGETS, descend
from cnnlab_core.from_scratch.photo_filters import respond, to_planes
from cnnlab_core.images import open_image, png, sample_images

PHOTO, AUTOGRAD, ATTENTION, PRACTICE = "On a photo", "Autograd warm-up", "1×1 and attention", "Practice"


@pytest.fixture
def open_tab(open_page):
    return lambda tab, **query: open_page("convolution", conv_tab=tab, **query)


def text(app):
    return "\n".join(element.value for element in [*app.markdown, *app.caption])


def tables(app):
    return [element.value for element in app.table]


def problems(app):
    return [error.value.replace("\\", "") for error in app.error]


def run_code(app):
    """Run the tab's code as a notebook would, and give its names."""
    names: dict = {}
    exec(next(code.value for code in app.code if code.language == "python"), names)
    return names


def charts(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


@pytest.mark.parametrize("tab", [PHOTO, AUTOGRAD, ATTENTION, PRACTICE])
def test_every_tab_opens_finished_and_its_code_runs(open_tab, tab, capsys):
    app = open_tab(tab)
    assert not app.error
    assert run_code(app)
    assert capsys.readouterr().out


# --- on a photo -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"conv_photo_channels": "Red, green, blue", "conv_photo_stride": "3", "conv_photo_padding": "none"},
        {"conv_photo_kernel": "Blur", "conv_photo_padding": "full", "conv_photo_border": "circular"},
        {"conv_photo_kernel": "My own numbers", "conv_photo_numbers": "1/2 -1 0 1; 2 0 0 -2.5", "picture": "coffee"},
        {"conv_photo_kernel": "Emboss", "conv_photo_border": "zeros", "conv_photo_view": "Picture"},
    ],
)
def test_the_response_is_the_cores_and_torchs(open_tab, query):
    app = open_tab(PHOTO, **query)
    assert not app.error
    names = run_code(app)
    y = names["y"]
    assert np.abs(y - names["by_torch"].numpy()).max() < 1e-12
    low, high = re.search(r"numbers from (\S+) to (\S+)\*\*", text(app).replace("−", "-")).groups()
    assert (low, high) == (f"{y.min():.2f}", f"{y.max():.2f}")
    assert " × ".join(map(str, y.shape)) in text(app)


def test_it_opens_with_sobel_on_the_cat(open_tab):
    app = open_tab(PHOTO)
    cat = to_planes(open_image(sample_images()["chelsea"].content))
    y = respond(cat, KERNELS["sobel_x"].weights, padding=1, padding_mode="replicate")
    assert np.array_equal(run_code(app)["y"], y)
    assert "One cell sees 8 × 8 pixels" in text(app)


def test_another_kernel_and_other_layers(open_tab):
    app = open_tab(PHOTO)
    app.selectbox(key="conv_photo_kernel").set_value("Laplacian").run()
    assert "The response of Laplacian" in text(app)
    app.segmented_control(key="conv_photo_pool").set_value(4).run()
    assert "3. max pool 4" in text(app)
    assert "1 × 53 × 80" in text(app)
    assert "One cell sees 14 × 14 pixels" in text(app)
    assert not app.error


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ("1 2; 3", "The rows of the kernel have 2, 1 numbers"),
        ("one two", "isn't a number"),
        (";", "The kernel is empty"),
        ("1 " * 16, "within 15"),
    ],
)
def test_a_kernel_that_is_none_is_a_sentence(open_tab, numbers, words):
    app = open_tab(PHOTO, conv_photo_kernel="My own numbers", conv_photo_numbers=numbers)
    assert words in problems(app)[0]
    app.text_input(key="conv_photo_numbers").set_value("1 -1").run()
    assert not app.error


def test_the_kernel_of_the_grid_can_be_taken_over(open_tab):
    app = open_tab(PHOTO, conv_photo_kernel="My own numbers")
    assert not [button for button in app.button if button.key == "conv_photo_take"]
    app.session_state["conv_2_w"] = "1 0; 0 -1/2 | 2 2; 2 2"
    app.run()
    app.button(key="conv_photo_take").click().run()
    assert run_code(app)["w"] == [[1, 0], [0, -0.5]]


def test_a_damaged_picture_is_a_sentence_and_a_tiny_one_works(open_tab):
    app = open_tab(PHOTO)
    app.file_uploader(key="upload").set_value(("broken.png", b"\x89PNG broken", "image/png")).run()
    assert "damaged" in problems(app)[0]
    app.file_uploader(key="upload").set_value(("tiny.png", png(Image.new("RGB", (8, 8), "red")), "image/png")).run()
    assert not app.error
    assert "1 × 8 × 8" in text(app)


def test_an_unrelated_control_computes_nothing_again(open_tab, monkeypatch):
    from cnnlab_core.ui.convolution import photo_filters, photo_layers

    drawn = []
    real = photo_filters.draw
    for module in (photo_filters, photo_layers):
        monkeypatch.setattr(module, "draw", lambda *args, **options: drawn.append(args) or real(*args, **options))
    app = open_tab(PHOTO, picture="rocket")
    first = len(drawn)
    app.run()
    assert len(drawn) == first
    app.segmented_control(key="conv_photo_pool").set_value(3).run()
    assert len(drawn) == first + 5  # the layers only


# --- autograd -------------------------------------------------------------------------------------------------


def test_both_columns_are_the_same(open_tab):
    app = open_tab(AUTOGRAD, conv_auto_w="0.3", conv_auto_x="-7.25", conv_auto_b="2")
    line, loss = (table for table in tables(app) if "by hand" in table)
    assert line["by hand"].tolist() == line["by autograd"].tolist() == ["−0.175", "−7.25", "0.3", "1"]
    assert loss["by hand"].tolist() == loss["by autograd"].tolist()


def test_the_table_of_points_is_in_the_link(open_tab):
    app = open_tab(AUTOGRAD, conv_auto_rows="1 2; 2 4; 5 10", conv_auto_w="2", conv_auto_b="0")
    loss = [table for table in tables(app) if "by hand" in table][1]
    assert loss["by hand"].tolist() == ["0", "0", "0"]
    assert app.query_params["conv_auto_rows"] == "1 2; 2 4; 5 10"
    assert "No line does better here than w = 2, b = 0" in text(app)


@pytest.mark.parametrize("rows", ["nonsense", "1 2 3", "1 2; 3", "", "1 1e9", "1 1;" * 40, "1 2 | 3 4 | x"])
def test_points_that_are_none_are_a_sentence(open_tab, rows):
    app = open_tab(AUTOGRAD, conv_auto_rows=rows)
    assert len(app.error) == 1
    assert [table for table in tables(app) if "by hand" in table]


@pytest.mark.parametrize("step", [0, 5, 60])
def test_the_walk_is_the_cores(open_tab, step):
    app = open_tab(AUTOGRAD)
    app.slider(key="conv_auto_step").set_value(step).run()
    path = descend(XOR_INPUTS, XOR_TARGETS, [1.4, -1], 0.6, eta=0.2, steps=60)
    assert f"After {step} steps the loss is {path[step].loss:.4f}" in text(app)
    assert run_code(app)["here"].loss == path[step].loss
    surface = charts(app)[0]
    assert len(surface["data"][1]["x"]) == step + 1
    assert surface["data"][1]["x"][-1] == pytest.approx(path[step].w[0])


def test_a_learning_rate_that_is_too_large_climbs(open_tab):
    app = open_tab(AUTOGRAD, conv_auto_eta="0.8", conv_auto_step="60")
    assert not app.error
    assert run_code(app)["here"].loss > 1e6


@pytest.mark.parametrize("pair", ["w1 and b", "w2 and b"])
def test_the_surface_over_another_pair(open_tab, pair):
    app = open_tab(AUTOGRAD, conv_auto_pair=pair)
    assert charts(app)[0]["layout"]["yaxis"]["title"]["text"] == "b"


# --- 1x1 and attention ----------------------------------------------------------------------------------------


def badges(app):
    return re.findall(r"(green|orange)-badge\[.*?: (\S+)\]", text(app))


@pytest.mark.parametrize("seed", ["0", "13", "9999"])
def test_the_symmetries_hold(open_tab, seed):
    app = open_tab(ATTENTION, conv_attn_seed=seed)
    colours = [colour for colour, _ in badges(app)]
    assert colours[:3] == ["green", "green", "green"]
    readouts = next(table for table in tables(app) if "read-out" in table)
    assert readouts["of X"][0] == readouts["of PX"][0]
    assert readouts["difference"][0] == "0"


def test_what_breaks_them(open_tab):
    app = open_tab(ATTENTION, conv_attn_border="zeros", conv_attn_positions="true")
    assert [colour for colour, _ in badges(app)] == ["green", "orange", "orange", "orange"]
    assert "With zeros at the border the two differ at positions" in text(app)


def test_rows_move_with_the_order(open_tab):
    app = open_tab(ATTENTION, conv_attn_order="4 3 2 1 0")
    moved = next(c for c in charts(app) if c["layout"]["yaxis"].get("ticktext") == list("edcba"))
    assert moved
    before = app.text_input(key="conv_attn_order").value
    app.button(key="conv_attn_shuffle").click().run()
    after = app.text_input(key="conv_attn_order").value
    assert after != before
    assert sorted(after.split()) == list("01234")
    assert not app.error


@pytest.mark.parametrize("order", ["", "0 1 2 3", "0 0 1 2 3", "a b c d e", "](http://x)"])
def test_an_order_that_is_none_is_a_sentence_and_the_rest_stays(open_tab, order):
    app = open_tab(ATTENTION)
    app.text_input(key="conv_attn_order").set_value(order).run()
    assert "0 to 4" in problems(app)[0]
    assert len(badges(app)) == 2


@pytest.mark.parametrize(
    ("tab", "query"),
    [
        (PHOTO, {"conv_photo_kernel": "x", "conv_photo_stride": "-1", "conv_photo_pool": "9"}),
        (AUTOGRAD, {"conv_auto_w": "1e400", "conv_auto_eta": "nan", "conv_auto_step": "x"}),
        (ATTENTION, {"conv_attn_seed": "-5", "conv_attn_shift": "99", "conv_attn_position": "none"}),
        (PRACTICE, {"conv_practice_kind": "evil", "conv_practice_level": "9", "conv_practice_seed": "1.5"}),
    ],
)
def test_nonsense_in_the_address_is_left_aside(open_tab, tab, query):
    assert not open_tab(tab, **query).error
