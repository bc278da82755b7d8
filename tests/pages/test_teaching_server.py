"""The teacher's key: what it opens, for whom and how long; and everything on the server, in a teacher's hands."""

import time

import pytest
from screen import metrics, problems
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from training_runs import lab_folders, press, tiny, trained  # noqa: F401  a fixture

from cnnlab_core.data import import_text
from cnnlab_core.errors import InputError
from cnnlab_core.images import sample_images
from cnnlab_core.training import create_run, export, list_runs
from cnnlab_core.training.loop import train, train_steps
from cnnlab_core.training.storage import things
from cnnlab_core.ui import teacher, tries
from cnnlab_core.ui.brought import Keeper, brought
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.uploads import Uploads

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
    train(run)
    export(run)
    import_text("da di dum " * 100, "song")
    job = train_steps(create_run(tiny(), "at work", owner="them"))
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


def test_a_teacher_sees_what_visitors_have_brought_and_takes_it_away(open_page, monkeypatch):
    uploads = Uploads(MemoryUploadedFileManager("/upload"))
    monkeypatch.setattr("cnnlab_core.ui.brought.bound_uploads", lambda: uploads)
    mine, yours = (open_page("convolution", conv_tab="On a photo") for _ in "12")
    for app, names in ((mine, ("cat.png", "cup.png")), (yours, ("cup.png",))):
        samples = {"cat.png": "chelsea", "cup.png": "coffee"}
        bring = [(name, sample_images()[samples[name]].content, "image/png") for name in names]
        app.file_uploader(key="upload").set_value(bring).run()
    for number, app in enumerate((mine, yours)):  # the test driver calls all sessions alike
        app.session_state["shared"].session = f"session {number}"
    batch = UploadedFileRec("batch 1", "one of a batch.png", "image/png", sample_images()["rocket"].content)
    uploads.add_file("session 0", batch)
    uploads.add_file("session 0", UploadedFileRec("text", "no picture.zip", "", b"PK"))
    app = entered(open_page)
    assert not problems(app)
    rows = app.dataframe[-1].value
    assert sorted(rows["name"]) == ["cat.png", "cup.png", "cup.png", "one of a batch.png"]
    assert rows[""].str.startswith("data:image/jpeg;base64,").all()
    owners = dict(zip(rows["name"], rows["brought by"], strict=True))
    assert owners["cat.png"] == owners["one of a batch.png"] == f"visitor {mine.session_state['shared'].owner[:6]}"
    assert len(set(rows["brought by"])) == 2
    assert "cat.png" not in str(yours.selectbox)

    for name in ("cat.png", "one of a batch.png"):
        options = app.selectbox(key="teaching_picture").options
        (place,) = [i for i, option in enumerate(options) if option.startswith(name)]
        app.selectbox(key="teaching_picture").select_index(place).run()
        press(app, "Delete the picture")
    assert sorted(app.dataframe[-1].value["name"]) == ["cup.png", "cup.png"]
    assert [file.name for _, file, _ in uploads.files()] == ["no picture.zip"]
    shown = mine.selectbox(key="picture_choice").value
    assert mine.session_state["shared"].own[shown].title == "cat.png"
    mine.run()
    assert sorted(problems(mine)) == [
        f"A teacher has deleted your picture “{name}” from this server." for name in ("cat.png", "one of a batch.png")
    ]
    assert not mine.info  # which would ask for a picture that a reload has lost
    assert [one.title for one in mine.session_state["shared"].own.values()] == ["cup.png"]
    assert mine.selectbox(key="picture_choice").value in sample_images()
    yours.run()
    assert not problems(yours)


def test_pictures_are_listed_as_long_as_their_session_lives():
    sample = sample_images()["coffee"]
    session = Keeper("a session", "me", {"own-1": Picture("own-1", "cup.png", sample.content, "1", is_sample=False)})
    listed = lambda: [one.title for one in brought() if one.session == "a session"]  # noqa: E731
    assert listed() == ["cup.png"]
    del session
    assert listed() == []
