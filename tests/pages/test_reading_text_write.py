"""Reading text, Write: what is written is the core's sample, its letters are shaded, and what it copied is said."""

import numpy as np
import pytest
from screen import code, figures, files, press, problems, refused, run_code, texts, values
from text_runs import bring, sung
from training_runs import lab_folders  # noqa: F401  a fixture

from cnnlab_core.data import delete_text, open_text
from cnnlab_core.language import load_character_model, share_known
from cnnlab_core.training import character_model

TAB = {"reading_tab": "Write"}
MODEL = load_character_model()


def shown(app):
    """What the network wrote, as text."""
    return app.code[0].value


def letters(app):
    """The letters of the figure in their rows, and their values."""
    (heat,) = figures(app)[0]["data"]
    return ["".join(row).replace("↵", "") for row in heat["text"]], heat["z"]


def test_it_opens_with_what_the_shipped_network_writes(open_page):
    app = open_page("reading_text", **TAB)
    steps = list(MODEL.sample_steps(temperature=0.8, generator=0, length=150))
    written = steps[-1].written
    assert shown(app) == written.rstrip("\n")
    rows, z = letters(app)
    assert rows == written.split("\n")[: len(rows)]
    found = values(z)
    assert found[np.isfinite(found)] == pytest.approx([step.probability for step in steps])
    assert "Guess first" in texts(app)
    assert not app.error
    names = run_code(app)
    assert names["text"] == written
    assert names["probability"] == [step.probability for step in steps]
    assert (names["known"], names["count"]) == share_known(written.split("\n")[:-1], set(names["lines"]))
    assert files(app) == ["Text", "Probabilities as CSV"]


@pytest.mark.parametrize("guess", ["few", "some", "most"])
def test_a_guess_is_judged_by_the_lines_that_were_copied(open_page, guess):
    app = open_page("reading_text", **TAB, text_guess=guess)
    text = open_text("names")
    known = set(text.written(text.split(0.1)[0]).split("\n"))
    seen, count = share_known(MODEL.sample(temperature=0.8, length=150).split("\n")[:-1], known)
    assert f"{seen} of {count} lines ({seen / count:.0%})" in texts(app)
    assert ("Right." in texts(app)) == (
        guess == ("few" if seen / count < 0.2 else "some" if seen / count < 0.5 else "most")
    )


def test_temperature_beginning_seed_and_length_are_taken(open_page):
    view = {"text_temperature": "0.0", "text_prompt": "chri", "text_length": "20", "text_write_seed": "3"}
    app = open_page("reading_text", **TAB, **view)
    assert shown(app) == ("chri" + MODEL.sample("chri", temperature=0, generator=3, length=20)).rstrip("\n")
    warm = open_page("reading_text", **TAB, **(view | {"text_temperature": "1.5"}))
    press(warm, "Another")
    assert shown(warm) == ("chri" + MODEL.sample("chri", temperature=1.5, generator=4, length=20)).rstrip("\n")
    assert "generator=4" in code(warm)


def test_a_beginning_that_it_has_never_seen_is_a_sentence(open_page):
    app = open_page("reading_text", **TAB, text_prompt="Émile")
    assert "never seen “É”" in problems(app)[0]
    assert app.tabs


def test_ones_own_network_writes_and_says_what_it_copied(open_page, monkeypatch):
    monkeypatch.setenv("CNNLAB_TRAINING", "shared")
    bring()
    run = sung()
    app = open_page("reading_text", **TAB, text_model=run.id, text_temperature="0.5", text_guess="few")
    assert not refused(app)
    assert shown(app) == character_model(run).sample(temperature=0.5, length=150).rstrip("\n")
    assert run_code(app)["text"] == character_model(run).sample(temperature=0.5, length=150)
    delete_text("song")
    gone = open_page("reading_text", **TAB, text_model=run.id)
    assert "isn't here any more" in texts(gone)
    assert "open_text" not in code(gone)
    assert "text_model" in open_page("reading_text", **TAB, text_model="nobody").query_params
    assert "“nobody” as **Network**" in refused(open_page("reading_text", **TAB, text_model="nobody"))[0]
