"""The convolution page: each control does what it says, and says what it can't do."""

import numpy as np
import pytest
from screen import components, figures

from cnnlab_core.convolution import (
    EXAMPLES,
    KERNELS,
    avg_pool2d,
    conv1d,
    conv2d,
    conv2d_backward,
    max_pool2d,
    random_kernel,
    write_planes,
)

SEVEN, POOL = EXAMPLES["seven"].givens, EXAMPLES["pool_stride_1"].givens
TABS = ["1-D", "2-D", "Pooling", "Backward"]


def board(app):
    """What the grid was given."""
    return components(app)[0]


def array(app, name):
    """An array of the grid; of several channels all of them."""
    return np.squeeze(np.array(board(app)["arrays"][name]))


def text(app):
    return "\n".join(element.value for kind in (app.markdown, app.caption) for element in kind)


def said(app):
    return " ".join(error.value.replace("\\", "") for error in app.error)


def labelled(elements, label):
    return next(element for element in elements if element.label == label)


def test_it_opens_with_a_finished_example(open_page):
    app = open_page("convolution")
    assert np.array_equal(array(app, "y"), conv2d(**SEVEN, padding=1))
    assert board(app)["pinned"] == {"array": "y", "index": [0, 2, 5]}
    assert "agrees with PyTorch" in text(app)
    assert r"\left\lfloor \frac{n + 2p" in text(app)
    assert "= -34" in text(app)
    assert not app.error
    assert not app.query_params


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens(open_page, tab):
    app = open_page("convolution", conv_tab=tab)
    assert not app.error
    assert "agrees with PyTorch" in text(app)
    assert board(app)["pinned"]


@pytest.mark.parametrize(
    ("kind", "key", "value", "options"),
    [
        ("slider", "stride", 2, {"stride": 2}),
        ("slider", "dilation", 2, {"dilation": 2}),
        ("selectbox", "padding", "same", {"padding": "same"}),
        ("selectbox", "padding", "full", {"padding": "full"}),
        ("selectbox", "padding", "0", {"padding": 0}),
        ("selectbox", "mode", "reflect", {"padding_mode": "reflect"}),
        ("selectbox", "mode", "circular", {"padding_mode": "circular"}),
        ("toggle", "flip", True, {"flip": True}),
    ],
)
def test_every_setting(open_page, kind, key, value, options):
    app = open_page("convolution")
    getattr(app, kind)(key=f"conv_2_{key}").set_value(value).run()
    assert not app.exception
    assert np.allclose(array(app, "y"), conv2d(**SEVEN, **{"padding": 1} | options))
    linked = open_page("convolution", **{f"conv_2_{key}": str(value).lower()})  # as the browser writes it
    assert board(linked)["arrays"] == board(app)["arrays"]


@pytest.mark.parametrize("title", [kernel.title for kernel in KERNELS.values()])
def test_every_kernel(open_page, title):
    app = open_page("convolution")
    labelled(app.selectbox, "Kernel").set_value(title).run()
    weights = next(kernel.weights for kernel in KERNELS.values() if kernel.title == title)
    assert np.allclose(array(app, "y"), conv2d(SEVEN["x"], weights, padding=1))
    assert labelled(app.selectbox, "Kernel").value == title


@pytest.mark.parametrize("name", ["two_filters", "tall_kernel", "colours"])
def test_every_example(open_page, name):
    app = open_page("convolution")
    example = EXAMPLES[name]
    labelled(app.selectbox, "Example").set_value(example.title).run()
    assert np.array_equal(array(app, "y"), np.squeeze(conv2d(**example.givens, **example.options)))
    assert labelled(app.selectbox, "Example").value == example.title
    assert not app.error


def test_random_numbers_come_from_their_seed(open_page):
    app = open_page("convolution")
    app.number_input(key="conv_2_seed").set_value(5).run()
    assert np.array_equal(array(app, "w"), random_kernel(5, (1, 1, 3, 3))[0, 0])
    assert labelled(app.selectbox, "Example").value == "Random numbers"


def test_sizes_and_channels(open_page):
    app = open_page("convolution")
    for label, value in (("Input height", 5), ("Kernel width", 2), ("Channels in", 4), ("Channels out", 2)):
        labelled(app.number_input, label).set_value(value).run()
    assert not app.error
    assert array(app, "x").shape == (4, 5, 7)
    assert array(app, "w").shape == (2, 4, 3, 2)
    app.number_input(key="conv_2_groups").set_value(2).run()
    x, w = array(app, "x"), array(app, "w")
    assert w.shape == (2, 2, 3, 2)
    assert np.array_equal(array(app, "y"), conv2d(x, w, padding=1, groups=2))


def test_typed_numbers(open_page):
    app = open_page("convolution", conv_tab="Slide", conv_tab_slide="1-D")
    app.text_area(key="conv_1_x_typed").set_value("1 2 3 4")
    app.text_area(key="conv_1_w_typed").set_value("1/2 -1")
    labelled(app.button, "Use these numbers").click().run()
    assert np.array_equal(array(app, "y"), conv1d([1, 2, 3, 4], [0.5, -1], padding=1))
    assert app.query_params["conv_1_x"] == "1 2 3 4"
    app.text_area(key="conv_1_x_typed").set_value("1 two 3")
    labelled(app.button, "Use these numbers").click().run()
    assert "'two' isn't a number" in said(app)
    assert np.array_equal(array(app, "x"), [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"conv_2_padding": "same", "conv_2_stride": "2"}, "set stride to 1"),
        ({"conv_2_padding": "0", "conv_2_dilation": "3", "conv_2_x": "1 2 3;4 5 6;7 8 9"}, "covers 7 rows"),
        ({"conv_2_padding": "3", "conv_2_mode": "reflect", "conv_2_x": "1 2;3 4"}, "too wide"),
        ({"conv_2_groups": "2"}, "groups"),
        ({"conv_2_x": ";".join(["1 " * 40] * 40)}, "more than can be drawn"),
        ({"conv_2_w": ";".join(["1 " * 9] * 9)}, "more than can be drawn"),
        ({"conv_2_x": "1 2 | 3"}, "channels"),
    ],
)
def test_impossible_configurations_are_sentences_and_the_controls_stay(open_page, query, sentence):
    app = open_page("convolution", **query)
    assert sentence in said(app)
    assert app.slider(key="conv_2_stride")
    assert labelled(app.selectbox, "Example")


@pytest.mark.parametrize(
    "query",
    [
        {"conv_2_x": "<script>alert(1)</script>", "conv_2_w": "](http://x)", "conv_2_cell": "y[99, 99]"},
        {"conv_2_x": "nan inf", "conv_2_b": "1e999", "conv_2_cell": "__import__"},
        {
            "conv_2_stride": "0",
            "conv_2_padding": "-1",
            "conv_2_mode": "evil",
            "conv_2_groups": "99",
            "conv_2_flip": "2",
        },
        {"conv_2_stride": "1e9", "conv_2_dilation": "nan", "conv_2_seed": "x", "conv_2_dy": "?" * 20000},
        {"conv_tab": "nowhere", "conv_2_flip": "2", "conv_2_x": "1 " * 9000},
    ],
)
def test_nonsense_in_the_address_is_left_aside(open_page, query):
    app = open_page("convolution", **query)
    assert np.array_equal(array(app, "y"), conv2d(**SEVEN, padding=1))


def test_a_link_reopens_the_numbers(open_page):
    x, w = np.round(np.random.default_rng(0).normal(size=(2, 3, 4, 5)), 3), random_kernel(3, (2, 3, 2, 2))
    query = {"conv_2_x": write_planes(x[0]), "conv_2_w": write_planes(w.reshape(-1, 2, 2)), "conv_2_cell": "y[1, 2, 0]"}
    app = open_page("convolution", **query)
    assert np.array_equal(array(app, "x"), x[0])
    assert np.array_equal(array(app, "w"), w)
    assert board(app)["pinned"] == {"array": "y", "index": [1, 2, 0]}
    app.slider(key="conv_2_stride").set_value(2).run()
    assert {name: app.query_params[name] for name in query} == query


def test_pooling(open_page):
    app = open_page("convolution", conv_tab="Slide", conv_tab_slide="Pooling")
    x = np.array(POOL["x"], dtype=float)
    assert np.array_equal(array(app, "y"), max_pool2d(x, 2, stride=1))
    app.segmented_control(key="conv_pool_kind").set_value("Average").run()
    assert np.array_equal(array(app, "y"), avg_pool2d(x, 2, stride=1))
    app.selectbox(key="conv_pool_stride").set_value("the window").run()
    app.number_input(key="conv_pool_padding").set_value(1).run()
    app.toggle(key="conv_pool_count").set_value(False).run()
    app.toggle(key="conv_pool_ceil").set_value(True).run()
    assert np.array_equal(array(app, "y"), avg_pool2d(x, 2, padding=1, count_include_pad=False, ceil_mode=True))
    assert "agrees with PyTorch" in text(app)
    app.number_input(key="conv_pool_padding").set_value(2).run()
    assert "at most half" in said(app)
    app.number_input(key="conv_pool_padding").set_value(0).run()
    labelled(app.number_input, "Width").set_value(6).run()
    assert array(app, "x").shape == (4, 6)
    labelled(app.selectbox, "Example").set_value("A handwritten seven").run()
    assert np.array_equal(array(app, "x"), SEVEN["x"])


@pytest.mark.parametrize("dims", ["1-D", "2-D"])
@pytest.mark.parametrize("view", ["As a matrix", "One gradient step", "Borders compared"])
def test_backward_looks_closer(open_page, dims, view):
    app = open_page("convolution", conv_tab="Backward", conv_view=view, conv_back=dims)
    assert not app.error
    shown = {"As a matrix": 2, "One gradient step": 0, "Borders compared": 1}[view]
    assert len(figures(app)) == shown


def test_a_gradient_step_is_taken(open_page):
    app = open_page("convolution", conv_tab="Backward", conv_view="One gradient step")
    dy = array(app, "dy")
    dw, db = conv2d_backward(**SEVEN, dy=dy, padding=1)[1:]
    assert np.array_equal(array(app, "dw"), dw)
    before, after = (float(metric.value) for metric in app.metric)
    assert after == pytest.approx(before - 0.01 * ((dw**2).sum() + db**2), rel=1e-4)
    labelled(app.button, "Take this step").click().run()
    assert np.allclose(array(app, "w"), np.array(SEVEN["w"]) - 0.01 * dw, rtol=0, atol=1e-12)
    assert not app.exception


def test_the_matrix_of_something_large_is_a_sentence(open_page):
    large = write_planes(np.ones((1, 16, 16)))
    app = open_page("convolution", conv_tab="Backward", conv_2_x=large)
    assert "more than can be looked at" in said(app)
    assert "agrees with PyTorch" in text(app)


def test_the_numbers_of_a_tab_outlive_a_visit_to_another(open_page):
    app = open_page("convolution", conv_2_x="1 2;3 4", conv_2_stride="2")
    for view in ("Pooling", "2-D"):
        app.session_state["conv_tab_slide"] = view
        app.run()
    assert np.array_equal(array(app, "x"), [[1, 2], [3, 4]])
    assert app.slider(key="conv_2_stride").value == 2


def test_the_code_is_shown_and_runs(open_page):
    app = open_page("convolution")
    code = next(code.value for code in app.code if "import torch" in code.value)
    names: dict = {}
    exec(code, names)
    assert np.array_equal(names["y"].detach().numpy()[0, 0], array(app, "y"))


# --- problem sheets -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stride", "y"), [("1", [0, 2, 7, 8]), ("2", [0, 7])])
def test_a_convolution_without_padding_opens_by_a_link(open_page, stride, y):
    query = {"conv_1_x": "1 -1 3 4 4", "conv_1_w": "1 1", "conv_1_padding": "0", "conv_1_stride": stride}
    app = open_page("convolution", conv_tab="Slide", conv_tab_slide="1-D", **query)
    assert array(app, "y").tolist() == y
    assert not app.error


@pytest.fixture
def backward_1d(open_page):
    """The sheet's signal and kernel, with a gradient of ones."""
    query = {"conv_1_x": "1 -1 3 4 4 2", "conv_1_w": "1 2 3", "conv_1_padding": "0", "conv_1_dy": "1 1 1 1"}
    return lambda **more: open_page("convolution", conv_tab="Backward", conv_back="1-D", **query, **more)


def matrices(app):
    """Each matrix with the names of its rows and columns, as its figure writes them."""
    specs = figures(app)
    return [
        (spec["data"][0]["text"], spec["layout"]["yaxis"]["ticktext"], spec["layout"]["xaxis"]["ticktext"])
        for spec in specs
    ]


def test_small_matrices_show_their_numbers(backward_1d):
    app = backward_1d()
    by_x, by_w = matrices(app)
    assert by_x[0] == [["1", "2", "3", "0", "0", "0"], ["0", "1", "2", "3", "0", "0"],
                       ["0", "0", "1", "2", "3", "0"], ["0", "0", "0", "1", "2", "3"]]  # fmt: skip
    assert by_w[0] == [["1", "−1", "3"], ["−1", "3", "4"], ["3", "4", "4"], ["4", "4", "2"]]
    assert by_w[1:] == (["y[0]", "y[1]", "y[2]", "y[3]"], ["w[0]", "w[1]", "w[2]"])
    assert array(app, "dx").tolist() == [1, 3, 6, 6, 5, 3]
    assert array(app, "dw").tolist() == [7, 10, 13]
    assert array(app, "db").item() == 4


def test_everything_can_be_counted_from_1(backward_1d):
    app = backward_1d(conv_from_1="true", conv_1_cell="dw[1]")
    assert board(app)["first"] == 1
    assert board(app)["pinned"] == {"array": "dw", "index": [0, 0, 0, 1]}  # the address counts from 0
    assert r"dw_{2} = dy_{1} \, x_{2} + dy_{2} \, x_{3} + dy_{3} \, x_{4} + dy_{4} \, x_{5}" in text(app)
    assert r"dw_{u} = \sum_{i} dy_{i} \, x_{i + u - 1}" in text(app)
    assert matrices(app)[1][1:] == (["y[1]", "y[2]", "y[3]", "y[4]"], ["w[1]", "w[2]", "w[3]"])


@pytest.mark.parametrize(("first", "place"), [("false", 4), ("true", 5)])
def test_what_is_dropped_is_counted_so_too(open_page, first, place):
    query = {"conv_1_x": "1 -1 3 4 4", "conv_1_w": "1 1", "conv_1_padding": "0", "conv_1_stride": "2"}
    app = open_page("convolution", conv_tab="Slide", conv_tab_slide="1-D", conv_from_1=first, **query)
    assert f"No window reaches position {place}." in text(app)


@pytest.mark.parametrize(
    ("kind", "y", "dx"),
    [("Maximum", [5, 5, 4, 4], [0, 3, 0, 7, 0, 0]), ("Average", [8 / 3, 11 / 3, 10 / 3, 8 / 3], None)],
)
def test_pooling_of_a_signal(open_page, kind, y, dx):
    query = {"x": "1 5 2 4 4 0", "window": "3", "stride": "1", "dy": "1 2 3 4", "kind": kind}
    app = open_page(
        "convolution",
        conv_tab="Slide",
        conv_tab_slide="Pooling",
        conv_pool_dims="1-D",
        **{f"conv_pool1_{name}": value for name, value in query.items()},
    )
    assert np.allclose(array(app, "y"), y)
    assert np.allclose(array(app, "dx"), dx or np.array([1, 3, 6, 9, 7, 4]) / 3)
    assert "agrees with PyTorch" in text(app)
    labelled(app.number_input, "Length").set_value(5).run()
    app.selectbox(key="conv_pool1_stride").set_value("2").run()
    assert array(app, "y").shape == (2,)


def test_rectangular_windows_and_strides(open_page):
    app = open_page(
        "convolution", conv_tab="Slide", conv_tab_slide="Pooling", conv_pool_window="3", conv_pool_width="2"
    )
    x = np.array(POOL["x"], dtype=float)
    assert np.array_equal(array(app, "y"), max_pool2d(x, (3, 2), stride=1))
    app.selectbox(key="conv_pool_across").set_value("2").run()
    assert np.array_equal(array(app, "y"), max_pool2d(x, (3, 2), stride=(1, 2)))
    app.selectbox(key="conv_pool_stride").set_value("the window").run()
    assert np.array_equal(array(app, "y"), max_pool2d(x, (3, 2), stride=(3, 2)).squeeze())
    assert "agrees with PyTorch" in text(app)
    code = next(code.value for code in app.code if "import torch" in code.value)
    names: dict = {}
    exec(code, names)
    assert np.array_equal(names["y"].detach().numpy().squeeze(), array(app, "y"))
