"""The teacher's key: what it opens, for whom and how long; and everything on the server, in a teacher's hands."""

import time

import pytest
from screen import metrics, problems
from training_runs import lab_folders, press, tiny, trained  # noqa: F401  a fixture

from cnnlab_core.data import import_text
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.training import create_run, export, list_runs
from cnnlab_core.training.loop import train
from cnnlab_core.training.storage import things
from cnnlab_core.ui import teacher, tries

KEY = "correct horse battery"


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("CNNLAB_TEACHER_KEY", KEY)
    monkeypatch.setattr(tries, "PAUSE_SECONDS", 0.0)
    teacher.tries.wrong.clear()


def entered(open_page, key=KEY):
    app = open_page("teaching", teaching_tab="Run the server")
    app.text_input(key="teaching_key").set_value(key)
    return press(app, "Enter")


def choose(app, kind):
    options = app.selectbox(key="teaching_thing").options
    return app.selectbox(key="teaching_thing").select_index([o.split(":")[0] for o in options].index(kind)).run()


def test_a_token_holds_for_its_key_and_its_time():
    token = teacher.signed_token(KEY, now=1_700_000_000)
    assert teacher.holds(token, KEY, now=1_700_000_000 + 3600 * teacher.HOURS - 1)
    assert not teacher.holds(token, KEY, now=1_700_000_000 + 3600 * teacher.HOURS)
    assert not teacher.holds(token, "another key altogether", now=1_700_000_000)
    until, digest = token.split(".")
    for forged in (
        f"{int(until) + 9}.{digest}",
        f"{until}.{'0' * 64}",
        until,
        "",
        "٣" * 10 + "." + digest,
        token + "\n",
    ):
        assert not teacher.holds(forged, KEY, now=1_700_000_000)


@pytest.mark.parametrize("key", ["", "too short"])
def test_without_a_key_nobody_is_a_teacher(open_page, monkeypatch, key):
    monkeypatch.setenv("CNNLAB_TEACHER_KEY", key)
    app = open_page("teaching", teaching_tab="Run the server")
    assert "teaching_key" not in {box.key for box in app.text_input}
    assert ["too few to be safe" in problem for problem in problems(app)] == [True] * bool(key)
    assert not app.exception


def test_wrong_keys_are_few(open_page, monkeypatch):
    app = open_page("teaching", teaching_tab="Run the server")
    for number in range(tries.MOST_WRONG_HERE + 1):
        app.text_input(key="teaching_key").set_value(f"guess {number}")
        press(app, "Enter")
        (said,) = problems(app)
        assert ("isn't the teacher's key" in said) == (number < tries.MOST_WRONG_HERE)
    app.text_input(key="teaching_key").set_value(KEY)
    press(app, "Enter")
    assert "Too many wrong ones" in problems(app)[0]  # the right one isn't looked at any more
    assert KEY not in str(app.main)
    teacher.tries.wrong.extend([time.monotonic()] * tries.MOST_WRONG)
    assert "Too many wrong ones" in problems(entered(open_page))[0]  # nor that of another session


def test_a_teacher_sees_steers_hides_and_deletes_everything(open_page, monkeypatch):
    monkeypatch.setattr("cnnlab_core.training.launch.launch", lambda run, **_: resumed.append(run.id))
    resumed = []
    run = create_run(tiny(epochs=1), "yours", owner="you")
    finish(train(run))
    export(run)
    import_text("da di dum " * 100, "song")
    job = train(create_run(tiny(), "at work", owner="them"))
    next(job)
    assert "yours" not in str(open_page("training").selectbox)
    app = entered(open_page)
    assert not problems(app)
    assert set(metrics(app)) == {"Visitors keep", "Caches", "Left on the disk"}
    rows = app.dataframe[0].value.set_index("name")
    assert rows.loc["at work", "stands"] == "training"
    assert rows.loc["at work", "made by"] == "visitor them"
    assert rows.loc["few", "stands"] == "in use"
    app.selectbox(key="teaching_thing").select_index(
        next(i for i, option in enumerate(app.selectbox(key="teaching_thing").options) if "at work" in option)
    ).run()
    press(app, "Pause")
    (at_work,) = [run for run in list_runs() if run.about.name == "at work"]
    assert at_work.request() == "pause"
    job.close()
    for kind in ("text", "exported network"):
        choose(app, kind)
        press(app, "Hide")
        assert [thing.hidden for thing in things()].count(True) == 1
        press(app, "Show again")
        assert not any(thing.hidden for thing in things())
        press(app, "Delete it")
    assert {thing.kind for thing in things()} == {"run", "pictures"}
    before = len(app.get("image"))
    choose(app, "data set")
    assert len(app.get("image")) == before + 1
    app.button(key="teaching_leave").click().run()
    assert "teaching_key" in {box.key for box in app.text_input}


def test_a_hidden_run_is_a_teachers_alone(open_page, monkeypatch):
    monkeypatch.setenv("CNNLAB_TRAINING", "shared")
    run, other = trained("hidden one"), trained("other")
    next(thing for thing in things() if thing.name == run.id).hide()
    app = open_page("training", run=run.id)
    assert app.query_params["run"] == other.id
    monkeypatch.setattr("cnnlab_core.ui.training.choice.is_teacher", lambda: True)
    assert open_page("training", run=run.id).query_params["run"] == run.id


def test_a_key_that_could_be_guessed_is_refused(monkeypatch):
    monkeypatch.setenv("CNNLAB_TEACHER_KEY", "short")
    with pytest.raises(InputError, match="too few to be safe"):
        teacher.teachers_key()
