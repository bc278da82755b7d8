"""Guesses: nothing waits for them, and what is told afterwards is read off the numbers of the page."""

import re

import pytest
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
    pills = next(one for one in app.button_group if one.key == "guess classes")
    pills.set_value("under 5").run()
    told = next(one.value for one in app.markdown if "share what is left" in one.value)
    count, share = map(int, re.search(r"(\d+) do, and together they have (\d+)%", told).groups())
    assert 0 < count < 5
    assert share >= count
    assert told.startswith("**Right.**")
