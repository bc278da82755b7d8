"""Which hidden units follow what; lines that are written side by side; letters as cells."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlab_core.errors import InputError
from cnnlab_core.language import follow_units, load_character_model
from cnnlab_core.language.units import best_units, features
from cnnlab_core.plots.letters import WIDEST, rows_of, shaded_text, sign, units_map
from cnnlab_core.plots.paper import figure_file

MODEL = load_character_model()
TEXT = "bea\nleah\nnoé\n"


# --- units ---


def test_features_of_a_text_are_as_they_are_called():
    found = features(TEXT)
    assert found["vowel"].tolist() == [0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0]
    assert found["two vowels"][1:].tolist() == [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]
    assert found["end"][:-1].tolist() == [0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    assert found["place"].tolist() == [1, 2, 3, 0, 1, 2, 3, 4, 0, 1, 2, 3, 0]
    assert np.isnan([found["two vowels"][0], found["end"][-1]]).all()
    assert set(features("xyz xyz")) == {"end", "place"}  # no vowels; a word's end instead of a line's


def test_the_best_unit_is_that_of_numpys_correlations():
    random = np.random.default_rng(0)
    activity = random.normal(size=(len(TEXT), 6))
    activity[:, 2] = 0.5  # a unit that never changes follows nothing
    for best in best_units(activity, TEXT):
        values = features(TEXT)[best.feature]
        known = np.isfinite(values)
        each = [np.corrcoef(values[known], activity[known, unit])[0, 1] for unit in (0, 1, 3, 4, 5)]
        assert abs(best.correlation) == pytest.approx(np.abs(each).max())
        assert best.correlation == pytest.approx(np.corrcoef(values[known], activity[known, best.unit])[0, 1])


def test_units_are_read_in_parts_as_in_one():
    text = "christopher\nmary\n" * 15  # more than two parts
    units = follow_units(MODEL, text)
    assert np.abs(units.activity - MODEL.activity(text)[:, 0]).max() < 1e-12
    assert {best.feature for best in units.best} == {"vowel", "end", "place"}  # no two vowels in a row
    assert next(abs(best.correlation) for best in units.best if best.feature == "vowel") > 0.7
    with pytest.raises(InputError, match="too short"):
        follow_units(MODEL, "a")
    with pytest.raises(InputError, match="20,001 characters: use at most 20,000"):
        follow_units(MODEL, "a" * 20_001)


# --- lines side by side ---


def test_one_line_is_written_as_by_a_plain_loop():
    for seed in range(5):
        (line,) = MODEL.lines(1, temperature=0.7, generator=seed, length=30)
        assert line + "\n" == MODEL.sample(temperature=0.7, generator=seed, length=30, lines=1)
    assert MODEL.lines(3, temperature=0, length=9) == [MODEL.sample(temperature=0, length=9).split("\n")[0]] * 3


def test_lines_side_by_side_begin_as_likely_as_they_should():
    lines = MODEL.lines(4000, generator=1, length=2)
    expected = MODEL.probabilities("\n")[0]
    for letter in "msb":
        chance = expected[MODEL.characters.index(letter)]
        share = np.mean([line[:1] == letter for line in lines])
        assert abs(share - chance) < 5 * np.sqrt(chance * (1 - chance) / 4000)
    assert MODEL.lines(5, generator=torch.Generator().manual_seed(3)) == MODEL.lines(5, generator=3)
    with pytest.raises(InputError, match="temperature"):
        MODEL.lines(2, temperature=-1)
    with pytest.raises(InputError, match="length"):
        MODEL.lines(100, length=1000)


# --- letters as cells ---


@given(st.text(st.sampled_from("ab \nß\u0301🎉"), max_size=200))
def test_rows_hold_every_place_once_and_end_with_their_line(text):
    rows = rows_of(text)
    assert [place for row in rows for place in row] == list(range(len(text)))
    assert all(0 < len(row) <= WIDEST for row in rows)
    assert all(text[place] != "\n" for row in rows for place in row[:-1])


def test_a_shaded_text_has_each_letter_on_its_value():
    (heat,) = shaded_text("ab\n<b>", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], name="probability").data
    assert [list(row) for row in heat.text] == [["a", "b", "↵"], ["&lt;", "b", "&gt;"]]
    assert np.array(heat.z).ravel().tolist() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert heat.hovertext[0][1] == "b: probability 0.200"
    figure = units_map(np.zeros((3, 5)), "a \u0301", chosen=4)
    assert list(figure.layout.xaxis.ticktext) == ["a", "␣", "◌\u0301"]
    assert figure.layout.shapes[0].y0 < 4 < figure.layout.shapes[0].y1
    for drawn in (figure, shaded_text("aé<\nس", [0.1, np.nan, 1, 0, -1], name="activity", signed=True)):
        assert b"</svg>" in figure_file(drawn, "svg", title="letters")
    assert [sign("\t"), sign("\x01"), sign("é")] == ["⇥", "U+0001", "é"]
