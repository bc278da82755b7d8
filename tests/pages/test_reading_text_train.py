"""Reading text, Train: the form, texts that people bring, a run that is watched and steered, several compared."""

import json
from dataclasses import replace

import numpy as np
import pytest
from screen import code, figures, files, metrics, problems, refused, run_code, values
from text_runs import SMALL, bring, sung
from training_runs import alone, lab_folders, press, trained, words  # noqa: F401  a fixture

from cnnlab_core.data import list_texts, open_text
from cnnlab_core.recipes.training import new_run
from cnnlab_core.training import Config, create_run, list_runs
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.curves import curves
from cnnlab_core.training.loop import train
from cnnlab_core.training.presets import TEXT_PRESETS

TAB = {"reading_tab": "Train"}
NEW = TAB | {"text_view": "New run"}


@pytest.fixture(autouse=True)
def everybody_steers(monkeypatch):
    monkeypatch.setenv("CNNLAB_TRAINING", "shared")


def address(values_):
    """What a link to the form says with these values."""
    said = {name: SETTINGS[name].text(v) if SETTINGS[name].options else v for name, v in values_.items()}
    return {f"text_{SETTINGS[name].address}": str(value) for name, value in said.items() if name != "data"}


# --- the form ---


@pytest.mark.parametrize("name", ["window", "net", "optimizer", "rate"])
def test_a_link_can_say_a_setting_of_text(open_page, name):
    others = {"net": {"net": "gru"}, "rate": {"learning_rate": 0.002}, "optimizer": {"optimizer": "sgd"}}
    values_ = others.get(name) or alone(name)
    app = open_page("reading_text", **NEW, **address(values_))
    assert not app.error
    assert not refused(app)
    assert code(app) == new_run.code(Config(**({"data": "names", "net": "lstm"} | values_ | {"data": "names"}))).strip()
    assert not {control.key for control in app.number_input} & {"text_epsilon", "text_limit"}


@pytest.mark.parametrize("preset", TEXT_PRESETS, ids=lambda preset: preset.title)
def test_a_preset_sets_the_form_and_start_begins_a_run(open_page, monkeypatch, preset):
    begun = []
    monkeypatch.setattr("cnnlab_core.training.launch.launch", lambda run, **_: begun.append(run.id))
    bring()
    app = open_page("reading_text", **NEW, data="text:song", text_hidden="7", text_clip="2.5")
    press(app, preset.title)
    assert code(app) == new_run.code(replace(preset.config, data="text:song")).strip()
    assert "training characters" in words(app)
    press(app, "Start")
    (run,) = list_runs()
    assert run.config == replace(preset.config, data="text:song")
    assert begun == [run.id]
    assert app.query_params["run"] == run.id
    assert app.session_state["text_view"] == "Watch"


def test_the_time_is_estimated(open_page):
    bring()
    app = open_page("reading_text", **NEW, data="text:song", **address({**SMALL, "learning_rate": 0.01}))
    press(app, "Estimate the time")
    assert "characters/s" in words(app)


# --- a text that somebody brings ---


def brought(app, source, name="mine"):
    """The page after a text was pasted, or dropped as a file, and imported."""
    if isinstance(source, str):
        app.text_area(key="text_pasted").set_value(source)
    else:
        app.get("file_uploader")[0].set_value(("mine.txt", source, "text/plain"))
    app.text_input(key="text_file_name").set_value(name).run()
    return press(app, "Import")


@pytest.mark.parametrize(
    ("source", "letters"),
    [
        ("🎉🎂 alles Gute 🥳\n" * 20, "🎂"),
        (("السلام عليكم\n" * 30).encode("utf-16"), "س"),
        ("aé\r\n" * 80, "é"),
    ],
    ids=["emoji", "Arabic as UTF-16", "other line ends"],
)
def test_a_text_in_any_script_can_be_learned_from(open_page, source, letters):
    app = brought(open_page("reading_text", **NEW), source)
    assert not app.error
    assert app.query_params["data"] == "text:mine"
    assert "characters" in app.success[0].value
    assert letters in open_text("text:mine").characters
    assert "different ones" in words(app)
    assert "mine (your own)" in app.selectbox(key="data_choice").options


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x" * 500, "one character again and again"),
        (b"\x89PNG\r\n\x1a\n" * 50, "isn't text in UTF-8"),
        (b"a" * 5_000_000, "longer than 4 MB"),
        ("too short", "too short to learn from"),
    ],
    ids=["one letter", "not text", "50 MB", "short"],
)
def test_what_cannot_be_learned_from_is_a_sentence(open_page, monkeypatch, source, says):
    monkeypatch.setenv("CNNLAB_UPLOAD_MB", "60")
    app = brought(open_page("reading_text", **NEW), source)
    assert says in problems(app)[0]
    assert [text.name for text in list_texts()] == ["names"]


def test_a_name_that_is_taken_or_cannot_be_is_a_sentence(open_page):
    bring()
    for name, says in (("song", "already"), ("../evil", "can't be called")):
        app = brought(open_page("reading_text", **NEW), "new words, many of them\n" * 20, name)
        assert says in problems(app)[0]


# --- watching ---


def test_a_finished_run_shows_bits_beside_counting_and_what_it_wrote(open_page):
    bring()
    run = sung()
    app = open_page("reading_text", **TAB)
    assert not app.error
    assert app.query_params["run"] == run.id
    assert metrics(app)["Test bits per character"] == f"{run.finals['bits']:.3f}"
    assert metrics(app)["Counting pairs"] == f"{run.finals['letter_pair_bits']:.3f}"
    lines = {trace["name"]: values(trace["y"]) for trace in figures(app)[0]["data"] if trace.get("name")}
    assert lines["held out"] == pytest.approx(curves(run.metrics()).in_bits().validation_loss)
    assert set(lines["counting letters"]) == {run.machine["single_letter_bits"]}
    samples = run.metrics().samples
    assert app.code[0].value == samples[-1]["text"].strip("\n")
    app.select_slider(key="text_sample").set_value("1").run()
    assert app.code[0].value == samples[0]["text"].strip("\n")
    assert "After 1 steps" in words(app)
    assert "What it wrote (text)" in files(app)
    assert run_code(app)["bits"].loss == pytest.approx(curves(run.metrics()).in_bits().loss)


def test_a_run_is_paused_resumed_written_with_and_deleted(open_page, monkeypatch):
    bring()
    run = create_run(Config(**(SMALL | {"epochs": 2})), "mine")
    wishes = iter(["", "", "", *["pause"] * 100])
    train(run, wish=lambda: next(wishes), checkpoint_seconds=0)
    resumed = []
    monkeypatch.setattr("cnnlab_core.ui.training.steering.resume", resumed.append)
    app = open_page("reading_text", **TAB, run=run.id)
    assert "paused" in words(app)
    assert {"Resume", "Stop and test", "Write with it", "Look inside it"} <= {button.label for button in app.button}
    press(app, "Resume")
    assert [one.id for one in resumed] == [run.id]
    press(app, "Write with it")
    assert app.query_params["text_model"] == run.id
    assert app.session_state["reading_tab"] == "Write"
    assert app.selectbox(key="text_model").value == run.id
    app = open_page("reading_text", **TAB, run=run.id)
    press(app, "Delete this run")
    assert not list_runs()


def test_runs_of_text_are_compared_in_bits(open_page):
    bring()
    runs = [sung(f"seed {seed}", seed=seed) for seed in (0, 1)]
    app = open_page("reading_text", **TAB, text_view="Compare", runs=",".join(run.id for run in runs))
    assert not app.error
    drawn = figures(app)[0]["data"]
    for trace, run in zip(drawn, runs, strict=True):
        assert values(trace["y"]) == pytest.approx(curves(run.metrics()).in_bits().validation_loss)
    (row,) = app.dataframe[0].value.to_dict("records")
    bits = [run.finals["bits"] for run in runs]
    assert row["bits per character"] == f"{np.mean(bits):.3f} ± {np.std(bits, ddof=1):.3f}"
    assert row["seeds"] == 2
    assert "group.bits" in code(app)
    run_code(app)


def test_runs_of_text_and_of_pictures_keep_to_their_pages(open_page):
    bring()
    song, picture = sung(), trained("pictures")
    text_page, training_page = open_page("reading_text", **TAB), open_page("training", run=song.id)
    assert len(text_page.selectbox(key="run_choice").options) == 1
    (only,) = training_page.selectbox(key="run_choice").options
    assert only.startswith("pictures")
    assert training_page.query_params["run"] == picture.id
    assert "This link's run is gone" in training_page.info[0].value
    for app, page in ((training_page, "reading_text"), (text_page, "training")):
        links = [json.dumps(str(link.proto)) for link in app.get("page_link")]
        assert any(page in link and "Runs that learn from" in link for link in links)


def test_without_runs_the_form_comes_first_and_where_training_is_off_that_is_said(open_page, monkeypatch):
    app = open_page("reading_text", **TAB)
    assert "Start" in {button.label for button in app.button}
    monkeypatch.setenv("CNNLAB_TRAINING", "off")
    assert "Training is off" in words(open_page("reading_text", **TAB))
