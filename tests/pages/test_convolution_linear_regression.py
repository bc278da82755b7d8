"""Autograd warm-up: derivatives by hand and by autograd agree, and the descent on XOR is the core's."""

import pytest
from screen import figures, run_code

from cnnlab_core.from_scratch.linear_regression import XOR_INPUTS, XOR_TARGETS, descend


@pytest.fixture
def open_tab(open_page):
    return lambda **query: open_page("convolution", conv_tab="Autograd warm-up", **query)


def text(app):
    return "\n".join(element.value for element in [*app.markdown, *app.caption])


def tables(app):
    return [element.value for element in app.table]


def test_the_tab_opens_finished_and_its_code_runs(open_tab, capsys):
    app = open_tab()
    assert not app.error
    assert run_code(app)
    assert capsys.readouterr().out


def test_nonsense_in_the_address_is_left_aside(open_tab):
    app = open_tab(conv_auto_w="1e400", conv_auto_eta="nan", conv_auto_step="x")
    assert not app.error


def test_both_columns_are_the_same(open_tab):
    app = open_tab(conv_auto_w="0.3", conv_auto_x="-7.25", conv_auto_b="2")
    line, loss = (table for table in tables(app) if "by hand" in table)
    assert line["by hand"].tolist() == line["by autograd"].tolist() == ["−0.175", "−7.25", "0.3", "1"]
    assert loss["by hand"].tolist() == loss["by autograd"].tolist()


def test_the_table_of_points_is_in_the_link(open_tab):
    app = open_tab(conv_auto_rows="1 2; 2 4; 5 10", conv_auto_w="2", conv_auto_b="0")
    loss = [table for table in tables(app) if "by hand" in table][1]
    assert loss["by hand"].tolist() == ["0", "0", "0"]
    assert app.query_params["conv_auto_rows"] == "1 2; 2 4; 5 10"
    assert "No line does better here than w = 2, b = 0" in text(app)


@pytest.mark.parametrize("rows", ["nonsense", "1 2 3", "1 2; 3", "", "1 1e9", "1 1;" * 40, "1 2 | 3 4 | x"])
def test_points_that_are_none_are_a_sentence(open_tab, rows):
    app = open_tab(conv_auto_rows=rows)
    assert len(app.error) == 1
    assert [table for table in tables(app) if "by hand" in table]


@pytest.mark.parametrize("step", [0, 5, 60])
def test_the_walk_is_the_cores(open_tab, step):
    app = open_tab()
    app.slider(key="conv_auto_step").set_value(step).run()
    path = descend(XOR_INPUTS, XOR_TARGETS, [1.4, -1], 0.6, eta=0.2, steps=60)
    assert f"After {step} steps the loss is {path[step].loss:.4f}" in text(app)
    assert run_code(app)["here"].loss == path[step].loss
    surface = figures(app)[0]
    assert len(surface["data"][1]["x"]) == step + 1
    assert surface["data"][1]["x"][-1] == pytest.approx(path[step].w[0])


def test_a_learning_rate_that_is_too_large_climbs(open_tab):
    app = open_tab(conv_auto_eta="0.8", conv_auto_step="60")
    assert not app.error
    assert run_code(app)["here"].loss > 1e6


@pytest.mark.parametrize("pair", ["w1 and b", "w2 and b"])
def test_the_surface_over_another_pair(open_tab, pair):
    app = open_tab(conv_auto_pair=pair)
    assert figures(app)[0]["layout"]["yaxis"]["title"]["text"] == "b"
