"""1×1 and attention: the symmetries hold, and what breaks them is seen."""

import re

import pytest
from screen import charts, figures, problems, run_code


@pytest.fixture
def open_tab(open_page):
    return lambda **query: open_page(
        "convolution", conv_tab="Linear layers", conv_tab_linear="1×1 and attention", **query
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
    app = open_tab(conv_attn_seed="-5", conv_attn_shift="99", conv_attn_position="none")
    assert not app.error


def badges(app):
    return re.findall(r"(green|orange)-badge\[.*?: (\S+)\]", text(app))


def test_the_position_wise_layer_is_there_to_take_away(open_tab, capsys):
    app = open_tab(conv_attn_seed="5")
    code = next(code.value for code in app.code if "nn.Conv1d" in code.value)
    assert code in app.code[-1].value
    assert "cnnlab_core.ui" not in code
    names: dict = {}
    exec(code, names)
    written = "; ".join(" ".join(f"{value:g}" for value in row) for row in names["by_linear"][0].tolist())
    shown = [chart["alt"] for chart in charts(app)]
    assert [f"`{layer}`, then ReLU: {written}" in shown for layer in ("nn.Linear", "nn.Conv1d")] == [True, True]


@pytest.mark.parametrize("seed", ["0", "13", "9999"])
def test_the_symmetries_hold(open_tab, seed):
    app = open_tab(conv_attn_seed=seed)
    colours = [colour for colour, _ in badges(app)]
    assert colours[:4] == ["green"] * 4
    assert re.findall(r"difference here: (\S+)", text(app)) == ["0", "0", "0"]
    averages = re.findall(r"displaystyle w\^\\top A\(P?X\) = (.*?)\$", text(app))
    assert len(averages) == 2
    assert averages[0] == averages[1]
    assert r"w = \tfrac{1}{T} \mathbf{1} = (0.2, 0.2, 0.2, 0.2, 0.2)^\top" in text(app)
    readouts = next(table for table in tables(app) if "read-out" in table)
    assert readouts["of X"][0] == readouts["of PX"][0]
    assert readouts["difference"][0] == "0"


def test_what_breaks_them(open_tab):
    app = open_tab(conv_attn_border="zeros", conv_attn_positions="true")
    assert [colour for colour, _ in badges(app)] == ["green", "green", "orange", "orange", "orange"]
    proof = re.findall(r"difference here: (\S+)", text(app))
    assert len(proof) == 3
    assert "0" not in proof
    assert "PX + E" in text(app)
    assert "With zeros at the border the two differ at positions" in text(app)


def test_rows_move_with_the_order(open_tab):
    app = open_tab(conv_attn_order="4 3 2 1 0")
    moved = next(c for c in figures(app) if c["layout"]["yaxis"].get("ticktext") == list("edcba"))
    assert moved
    before = app.text_input(key="conv_attn_order").value
    app.button(key="conv_attn_shuffle").click().run()
    after = app.text_input(key="conv_attn_order").value
    assert after != before
    assert sorted(after.split()) == list("01234")
    assert not app.error


@pytest.mark.parametrize("order", ["", "0 1 2 3", "0 0 1 2 3", "a b c d e", "](http://x)"])
def test_an_order_that_is_none_is_a_sentence_and_the_rest_stays(open_tab, order):
    app = open_tab()
    app.text_input(key="conv_attn_order").set_value(order).run()
    assert "0 to 4" in problems(app)[0]
    assert len(badges(app)) == 3
    assert run_code(app)
