"""Reading text, Look inside: units, next letters and a changed letter are the core's numbers, in every script."""

import numpy as np
import pytest
from screen import figures, problems, run_code, texts, values
from text_runs import bring, sung
from training_runs import lab_folders  # noqa: F401  a fixture

from cnnlab_core.data import open_text
from cnnlab_core.language import follow_units, load_character_model

TAB = {"reading_tab": "Look inside"}
MODEL = load_character_model()
LINE = "christopher"


def heats(app):
    """The heat maps of the page: units over the line, the likeliest letters, one unit over more text."""
    return [figure["data"][0] for figure in figures(app) if figure["data"][0]["type"] == "heatmap"]


def test_units_and_next_letters_of_a_name_are_the_models(open_page):
    app = open_page("reading_text", **TAB)
    units, likely, more = heats(app)
    assert values(units["z"]) == pytest.approx(MODEL.activity("\n" + LINE)[1:, 0].T.ravel())
    chances = MODEL.probabilities("\n" + LINE)
    first = [MODEL.characters[row.argmax()].replace("\n", "↵") for row in chances]
    assert list(likely["text"][0]) == first
    assert values(likely["z"])[: len(first)] == pytest.approx(chances.max(1))
    text = open_text("names")
    found = follow_units(MODEL, text.written(text.test[:2000]))
    best = found.best[0]
    assert app.selectbox(key="text_unit").value == str(best.unit + 1)
    assert f"a vowel ({best.correlation:+.2f})" in app.selectbox(key="text_unit").options[0]
    assert len(app.selectbox(key="text_unit").options) == 128
    drawn = values(more["z"])
    drawn = drawn[np.isfinite(drawn)]
    assert drawn == pytest.approx(found.activity[: len(drawn), best.unit])
    costs = -np.log2([chances[place, MODEL.characters.index(letter)] for place, letter in enumerate(LINE)])
    assert f"costs {costs.mean():.2f} bits" in texts(app)
    assert "Guess first" in texts(app)
    assert not app.error


def test_another_line_and_unit_are_taken(open_page):
    app = open_page("reading_text", **TAB, text_line="zoe", text_unit="7")
    units, _, more = heats(app)
    assert values(units["z"]) == pytest.approx(MODEL.activity("\nzoe")[1:, 0].T.ravel())
    assert values(more["z"])[0] == pytest.approx(MODEL.activity(more["text"][0][0])[0, 0, 6])
    assert "Unit 7 over other text" in texts(app)


@pytest.mark.parametrize(("guess", "right"), [("1", False), ("few", False), ("many", True)])
def test_a_changed_letter_is_felt_as_far_as_is_said(open_page, guess, right):
    app = open_page("reading_text", **TAB, text_changed="chrystopher", text_change_guess=guess)
    comparison = MODEL.compare("\n" + LINE, "\nchrystopher")
    felt = int((comparison.divergence >= 0.1).sum())
    assert felt >= 5
    assert f"{'Right' if right else 'Not quite'}. After {felt} of the letters" in texts(app)
    curve = next(figure["data"][0] for figure in figures(app) if figure["data"][0]["type"] == "scatter")
    assert values(curve["y"]) == pytest.approx(comparison.divergence[1:])
    names = run_code(app)
    assert (names["chances"] == MODEL.probabilities("\n" + LINE)).all()
    assert names["comparison"].divergence == pytest.approx(comparison.divergence)
    assert names["units"].best[0].feature == "vowel"


@pytest.mark.parametrize(
    ("view", "says"),
    [
        ({"text_line": "Zoé"}, "never seen “Z”"),
        ({"text_changed": "chris"}, "have 12 and 6 characters"),
        ({"text_changed": "christophér"}, "never seen “é”"),
    ],
)
def test_what_cannot_be_read_is_a_sentence_and_the_usual_line_is_there(open_page, view, says):
    app = open_page("reading_text", **TAB, **view)
    (problem,) = problems(app)
    assert says in problem
    assert "Here it is" in problem
    assert len(heats(app)) == 3


@pytest.mark.parametrize("layers", [1, 2])
def test_a_network_of_another_script_is_looked_into(open_page, monkeypatch, layers):
    monkeypatch.setenv("CNNLAB_TRAINING", "shared")
    bring("السلام عليكم 🎉 ورحمة الله\n" * 20, "greeting")
    run = sung(data="text:greeting", layers=layers)
    app = open_page("reading_text", **TAB, text_model=run.id, text_change_guess="few")
    assert not app.error
    units, _, more = heats(app)
    assert len(units["text"] if "text" in units else units["customdata"]) >= 1
    assert values(units["z"]).size % (8 * layers) == 0
    assert "🎉" in "".join(more["text"][0]) + "".join(more["text"][1])
