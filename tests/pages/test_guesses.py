"""Guesses: nothing waits for them. (What is right is tested with the views.)"""

import re

import pytest
from places import ROOT
from screen import guess_at
from streamlit.testing.v1 import AppTest

PAGE = """
import streamlit as st
from cnnlab_core.ui.guess import guess_number

guess_number("some", "how many?", float(st.query_params["value"]), (5, 20), " %", "Told.")
"""
CHOICES = ["under 5 %", "5 to 20 %", "over 20 %"]


@pytest.mark.parametrize(("value", "right"), [(4.9, 0), (5, 1), (20, 1), (20.1, 2)])
def test_a_number_is_in_one_of_three_ranges(value, right):
    app = AppTest.from_string(PAGE)
    app.query_params["value"] = str(value)
    pills = app.run().button_group[0]
    assert pills.options == CHOICES
    assert not app.markdown
    for choice, label in enumerate(CHOICES):
        app.button_group[0].set_value(label).run()
        assert app.markdown[0].value == f"**{'Right' if choice == right else f'It is: {CHOICES[right]}'}.** Told."


def test_naming_photos_asks_and_tells(open_page):
    app = open_page("classifier")
    right, told = guess_at(app, "classes")
    count, share = map(int, re.match(r"(\d+) do, and together they have (\d+)%", told).groups())
    assert 0 < count < 5
    assert right == "under 5"
    assert share >= count


WITHOUT = {"adversarial/report", "classifier/batch", "classifier/layers", "classifier/preprocessing"}
WITHOUT |= {"classifier/softmax", "classifier/take_away", "deepdream/several_layers", "exercises/sheets"}
WITHOUT |= {"network/compare", "network/live", "training/branches", "training/new_run"}
WITHOUT |= {"teaching/follow", "teaching/make", "teaching/ready"}
"""Files, forms, and what stands on a page that has said it."""


def test_every_view_says_what_to_have_learned():
    views = ROOT / "cnnlab_core" / "ui"
    sources = {path: path.read_text(encoding="utf-8") for path in views.glob("*/*.py")}
    silent = {path for path, text in sources.items() if "\ndef show(" in text and "learned(" not in text}
    assert {path.relative_to(views).with_suffix("").as_posix() for path in silent} == WITHOUT
