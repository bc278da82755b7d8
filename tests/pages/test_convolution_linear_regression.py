"""Autograd warm-up: derivatives by hand and by autograd agree, and the descent on XOR is the core's."""

import pytest
from screen import figures, run_code

from cnnlab_core.from_scratch.linear_regression import XOR_INPUTS, XOR_TARGETS, descend


@pytest.fixture
def open_tab(open_page):
    return lambda **query: open_page(
        "convolution", conv_tab="Linear layers", conv_tab_linear="Autograd warm-up", **query
    )


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


@pytest.mark.parametrize("w", ["two", "1 2 3 4 5", "2000", "", "1 2 | x"])
def test_weights_that_are_none_are_a_sentence(open_tab, w):
    app = open_tab(conv_auto_w=w)
    assert "Here w is 1.5." in app.error[0].value.replace("\\", "")
    assert tables(app)[0]["by hand"].tolist() == ["2.5", "2", "1.5", "1"]


def test_weights_and_inputs_that_do_not_fit_are_a_sentence(open_tab):
    app = open_tab(conv_auto_w="2 1", conv_auto_x="4")
    assert "give each input one weight" in app.error[0].value


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
    assert "Nothing does better here than w = 2, b = 0" in text(app)


@pytest.mark.parametrize("rows", ["nonsense", "1 2 3", "1 2; 3", "", "1 1e9", "1 1;" * 40, "1 2 | 3 4 | x"])
def test_points_that_are_none_are_a_sentence(open_tab, rows):
    app = open_tab(conv_auto_rows=rows)
    assert len(app.error) == 1
    assert [table for table in tables(app) if "by hand" in table]


def test_a_neuron_of_two_inputs(open_tab, capsys):
    app = open_tab(conv_auto_w="2 1", conv_auto_x="4 2", conv_auto_b="3")
    neuron, loss = (table for table in tables(app) if "by hand" in table)
    assert neuron["by hand"].tolist() == neuron["by autograd"].tolist() == ["13", "4", "2", "2", "1", "1"]
    assert neuron["rule"].tolist()[1:] == ["$x_1$", "$x_2$", "$w_1$", "$w_2$", "$1$"]
    assert loss["by hand"].tolist() == loss["by autograd"].tolist() == ["17.5", "5", "4.5", "8"]  # over XOR
    assert app.query_params["conv_auto_rows_2"] == "0 0 0; 0 1 1; 1 0 1; 1 1 0"
    run_code(app)
    assert capsys.readouterr().out.startswith("13.0 [4.0, 2.0] [2.0, 1.0] 1.0\n17.5 [5.0, 4.5] 8.0\n")


def test_the_mean_squared_error_of_typed_predictions(open_tab, capsys):
    app = open_tab(conv_auto_table="predictions and targets", conv_auto_pairs="1 0; 2 4; 3 3")
    loss = [table for table in tables(app) if "by hand" in table][1]
    assert loss["by hand"].tolist() == loss["by autograd"].tolist() == ["1.666667"]
    gradients = next(table for table in tables(app) if "by autograd" in table and "by hand" not in table)
    assert gradients["by autograd"].tolist() == ["0.666667", "−1.333333", "0"]
    run_code(app)  # the piece beside the table
    assert capsys.readouterr().out == f"{5 / 3} {5 / 3}\n"
    assert app.code[0].value in app.code[-1].value


def test_the_sheets_start_on_xor(open_tab):
    app = open_tab(conv_auto_start_w1="2", conv_auto_start_w2="1", conv_auto_start_b="3", conv_auto_step="0")
    found = next(table for table in tables(app) if "mean squared error" in table)
    assert found["mean squared error"].tolist() == ["17.5", "17.5"]
    assert found["gradient by w₁, w₂, b"].tolist() == ["(5, 4.5, 8)"] * 2
    assert app.number_input(key="conv_auto_start_b").value == 3
    assert figures(app)[0]["layout"]["yaxis"]["range"] == pytest.approx([-3.3, 3.3])  # where the descent begins is seen


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
