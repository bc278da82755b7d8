"""The adversarial page's tab about a single neuron: every number on the page follows its controls."""

import csv
import io
import json

import numpy as np
import pytest
from patience import patience
from screen import figures, problems
from streamlit.testing.v1 import AppTest

from cnnlab_core.attacks.exact.ball import Ball
from cnnlab_core.attacks.exact.neuron import Neuron, minimal_epsilon, optimum, pgd
from cnnlab_core.plots.plane import pair
from cnnlab_core.ui.adversarial import neuron_files
from cnnlab_core.ui.adversarial.neuron_setting import Setting, work_out


def one_neuron():
    from cnnlab_core.ui.adversarial import neuron
    from cnnlab_core.ui.show import sentences

    with sentences():
        neuron.show()


@pytest.fixture
def open_tab():
    def opened(tab, **query):
        app = AppTest.from_function(tab, default_timeout=patience(30))
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        assert not app.exception
        return app

    return opened


def words(app):
    return "\n".join(element.value for element in [*app.markdown, *app.info, *app.caption])


def column(table, name):
    return table.value[name].tolist()


def names_of_corners(figure):
    return [note["text"] for note in figure["layout"].get("annotations", [])]


def test_the_first_look_has_a_step_inside_one_at_the_corner_and_one_outside(open_tab):
    app = open_tab(one_neuron)
    assert not app.error
    assert column(app.table[0], "that is") == ["inside", "at a corner", "outside"]
    assert column(app.table[0], "fooled") == ["no", "yes", "yes"]
    assert column(app.table[0], "projected") == ["", "", "(0.2, −0.3)"]
    for figure in figures(app)[:2]:
        assert set(names_of_corners(figure)) == {"(0.2, −0.3)", "(1.8, −0.3)", "(0.2, 1.3)", "(1.8, 1.3)"}
    walk = app.dataframe[0]
    assert {"inside", "outside"} <= set(column(walk, "that is"))
    assert column(walk, "stands at")[-2:] == ["(0.2, −0.3)"] * 2  # it arrives, and stays
    assert "It is reached by a step of 0.8, a step of 1.2, PGD in 7 steps; a step of 0.5 falls 0.439 short." in words(
        app
    )
    assert "touches the line at epsilon **0.6667**" in words(app)
    assert r"\frac{2}{1 + 2} = 0.6667" in words(app)
    assert "so the attack succeeds" in words(app)


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_every_number_follows_the_controls(open_tab, norm):
    app = open_tab(one_neuron, adversarial_plane_norm=norm, adversarial_plane_label="0")
    for name, value in {"w1": -1.5, "w2": 0.5, "b": 0.3, "x1": 0.4, "x2": -0.7}.items():
        app.number_input(key=f"adversarial_plane_{name}").set_value(value)
    app.slider(key="adversarial_plane_eps").set_value(0.5)
    app.text_input(key="adversarial_plane_sizes").set_value("0.1 2")
    app.number_input(key="adversarial_plane_step").set_value(0.25)
    app.number_input(key="adversarial_plane_steps").set_value(12)
    app.number_input(key="adversarial_plane_seed").set_value(11).run()
    neuron, ball = Neuron([-1.5, 0.5], 0.3), Ball([0.4, -0.7], 0.5, norm)
    start = ball.random_point(np.random.default_rng(11))
    path = pgd(neuron, ball, 0, step_size=0.25, steps=12, start=start)
    assert column(app.table[0], "that is") == ["inside", "outside"]
    assert column(app.dataframe[0], "stands at") == [pair(start), *(pair(step.after) for step in path)]
    assert f"**{pair(optimum(neuron, ball, 0))}**" in words(app)
    smallest = minimal_epsilon(neuron, ball.centre, 0, norm=norm).eps
    assert f"epsilon **{round(smallest, 4):g}**" in words(app)
    names = {}
    exec(app.code[-1].value, names)
    assert np.array_equal(names["path"][-1].after, path[-1].after)


def test_steps_can_follow_the_gradient_as_it_is(open_tab):
    query = {"gradient": "raw", "sizes": "1 3 4 6", "step": "2", "steps": "3", "random": "false"}
    app = open_tab(one_neuron, **{f"adversarial_plane_{key}": value for key, value in query.items()})
    neuron, ball = Neuron([1.0, 2.0]), Ball([1.0, 0.5], 0.8)
    gradient = (1 / (1 + np.exp(-2)) - 1) * np.array([1.0, 2.0])
    table = app.table[0]
    assert column(table, "lands at") == [pair(ball.centre + size * gradient) for size in (1, 3, 4, 6)]
    assert column(table, "that is") == ["inside", "inside", "outside", "outside"]
    for step, *shares in zip([1, 3], column(table, "P(0)"), column(table, "P(1)"), strict=False):
        p = float(neuron.probability(ball.centre + step * gradient))
        assert shares == [f"{1 - p:.3f}".rstrip("0"), f"{p:.3f}".rstrip("0")]
    path = pgd(neuron, ball, 1, step_size=2, steps=3, raw=True)
    assert column(app.dataframe[0], "stands at")[1:] == [pair(step.after) for step in path]
    assert r"(0.8808 - 1) \begin{bmatrix} 1 \\ 2 \end{bmatrix}" in words(app)
    names = {}
    exec(app.code[-1].value, names)
    assert np.array_equal(names["path"][-1].after, path[-1].after)
    assert names["single"][3].place == "outside"


def test_pgd_can_start_at_x(open_tab):
    app = open_tab(one_neuron)
    app.toggle(key="adversarial_plane_random").set_value(False).run()
    assert column(app.dataframe[0], "stands at")[0] == "(1, 0.5)"
    assert "start=None" in app.code[-1].value


def test_the_box_cuts_what_is_allowed(open_tab):
    app = open_tab(one_neuron, adversarial_plane_boxed="true")
    assert set(names_of_corners(figures(app)[0])) == {"(0.2, 0)", "(1, 0)", "(1, 1)", "(0.2, 1)"}
    assert column(app.table[0], "that is") == ["on the edge", "outside", "outside"]
    assert "and the answer still right" in words(app)
    assert "These are without the box" in words(app)
    assert "L∞ **1**" in words(app)
    app.number_input(key="adversarial_plane_low").set_value(0.2).run()
    assert "so **no epsilon is enough**" in words(app)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"w1": "0", "w2": "0"}, ("The gradient is zero", "no epsilon is enough")),
        ({"w1": "0", "w2": "0", "b": "-1"}, ("w is 0",)),
        ({"w2": "0"}, ("leaves x₂ as it is",)),
        ({"label": "0"}, ("wrong without any attack", "the smallest epsilon is **0**")),
        ({"x1": "-1"}, ("on the line",)),
        ({"eps": "0"}, ("is too little, and no attack can succeed",)),
        ({"sizes": "0"}, ("inside",)),
        (
            {"norm": "l1", "boxed": "true", "x1": "0.8"},
            ("the coordinate with the largest weight", "PGD in 7 steps falls"),
        ),
    ],
)
def test_special_cases_are_said(open_tab, query, said):
    app = open_tab(one_neuron, **{f"adversarial_plane_{key}": value for key, value in query.items()})
    assert not app.error
    everything = words(app) + str([table.value for table in app.table])
    for sentence in said:
        assert sentence.lower() in everything.lower()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"sizes": "much"}, "much"),
        ({"sizes": " "}, "empty"),
        ({"sizes": "-1"}, "beyond 0 to 10"),
        ({"sizes": "1 2 3 4 5 6 7"}, "6 or fewer"),
        ({"boxed": "true", "x1": "3"}, "outside the box"),
        ({"boxed": "true", "low": "2"}, "smaller one"),
    ],
)
def test_what_can_not_be_is_a_sentence(open_tab, query, sentence):
    app = open_tab(one_neuron, **{f"adversarial_plane_{key}": value for key, value in query.items()})
    assert len(problems(app)) == 1
    assert sentence in problems(app)[0]


def test_nonsense_in_the_address_is_left_aside(open_tab):
    query = {"w1": "nan", "w2": "1e9", "norm": "l7", "eps": "-1", "steps": "0", "seed": "x", "label": "2", "boxed": "?"}
    app = open_tab(one_neuron, **{f"adversarial_plane_{key}": value for key, value in query.items()})
    assert not app.error
    assert column(app.table[0], "that is") == ["inside", "at a corner", "outside"]


def test_the_files_hold_what_is_shown():
    neuron, ball = Neuron([1.0, 2.0]), Ball([1.0, 0.5], 0.8)
    setting = Setting(neuron, ball, 1, [0.5, 1.2], 0.3, 7, 4)
    story = work_out(setting)
    rows = list(csv.DictReader(io.StringIO(neuron_files.steps_table(setting, story))))
    assert [row["attack"] for row in rows] == ["single"] * 2 + ["pgd"] * 7
    assert [row["place"] for row in rows[:2]] == ["inside", "outside"]
    for row, step in zip(rows, [*story.single, *story.walk], strict=True):
        for name, point in (("start", step.start), ("before", step.before), ("after", step.after)):
            assert [float(row[f"{name}_x{i}"]) for i in (1, 2)] == point.tolist()
        assert float(row["loss"]) == neuron.loss(step.after, 1)
        assert float(row["p_class_1"]) == pytest.approx(float(neuron.probability(step.after)))
        assert float(row["p_class_0"]) + float(row["p_class_1"]) == pytest.approx(1)
    found = json.loads(neuron_files.everything(setting, story))
    assert found["optimum"]["x"] == story.best.tolist()
    assert found["smallest_epsilon"]["linf"] == minimal_epsilon(neuron, ball.centre, 1).eps
    flat = Setting(Neuron([0.0, 0.0], 1.0), ball, 1, [0.5], 0.3, 7, None)
    assert json.loads(neuron_files.everything(flat, work_out(flat)))["smallest_epsilon"]["l2"] is None
