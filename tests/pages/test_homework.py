"""“I have this exercise”: every question is found, its link opens it, and its answer is on the page."""

import re

import numpy as np
import pytest
from patience import patience
from places import ROOT
from screen import components, files, press, refused, texts
from streamlit.testing.v1 import AppTest

from cnnlab_core.ui.homework import QUESTIONS, homework_table


def seen(app):
    """What the page says and shows: its sentences, numbers, tables and grids."""
    found = [texts(app), *(str(metric.value) for metric in app.metric)]
    found += [table.value.to_string() for table in (*app.table, *app.dataframe)]
    for data in components(app):
        arrays = data.get("arrays", {}) if isinstance(data, dict) else {}
        found += [f"{name} = {' '.join(f'{cell:g}' for cell in np.ravel(values))}" for name, values in arrays.items()]
    return "\n".join(found)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.title)
def test_a_link_opens_its_question_and_the_answer_is_there(open_page, question):
    # An attack of which no class is asked is the same with any network.
    any_network = question.page == "adversarial" and not question.answer
    app = open_page(question.page, **({"model": "cifar10_standard"} if any_network else {}) | dict(question.view))
    if question.button:
        press(app, question.button)
    assert not app.error
    assert not refused(app)
    for key in question.view:  # a key that no control has would do nothing
        assert key in app.session_state or key in app.query_params
    if question.answer:
        assert re.search(question.answer, seen(app))
    if question.file and question.file != "PNG":
        assert question.file in files(app)


def home(search=""):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=patience(60)).run()
    if search:
        app.text_input(key="homework_search").set_value(search).run()
    assert not app.exception
    return [link.proto.label for link in app.get("page_link")]


def test_all_questions_are_on_the_home_page_and_a_search_finds_some():
    assert {question.title for question in QUESTIONS} <= set(home())
    assert "Pooling a signal" in home("max pooling")
    assert "Receptive fields of AlexNet's first layers" in home("alexnet 227")
    assert not set(home("unicorn juggling")) & {question.title for question in QUESTIONS}


@pytest.mark.parametrize(
    "words",
    [
        "backward jacobian",
        "random pretrained",
        "top-k",
        "early",
        "receptive field",
        "tarantula",
        "tiger cat",
        "rotation grayscale",
        "l1",
        "fgsm pgd plane",
        "l2 layers",
        "robust network",
        "three networks cifar",
        "batch norm",
        "transfer",
        "attention",
        "autograd",
        "mse",
        "rnn bptt",
        "language model names",
    ],
)
def test_what_a_sheet_calls_a_question_finds_it(words):
    assert any(question.fits(words) for question in QUESTIONS)


def test_the_teachers_table_is_that_of_the_page():
    assert homework_table() in (ROOT / "docs" / "homework.md").read_text(encoding="utf-8")
