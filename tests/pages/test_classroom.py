"""What the person who runs the lab settles for everybody, and whose runs a browser sees."""

import re

import pytest
from training_runs import lab_folders, tiny  # noqa: F401  a fixture

from cnnlab_core.training import create_run, list_runs
from cnnlab_core.training.loop import train

STEERING = {"Rename", "Delete this run", "Export", "Export again", "Resume", "Start", "Stop and test", "Pause"}


@pytest.fixture(autouse=True)
def two_visitors(monkeypatch, tmp_path):
    """No shipped runs; this browser is “me”."""
    monkeypatch.setattr("cnnlab_core.training.runs.SHIPPED_RUNS", tmp_path / "shipped")
    for module in ("choice", "steering", "new_run"):
        monkeypatch.setattr(f"cnnlab_core.ui.training.{module}.visitor", lambda: "me")


@pytest.fixture
def runs():
    """A finished run of each of three people: this visitor, another one, and whoever has the command line."""
    found = {}
    for owner in ("me", "you", ""):
        found[owner] = create_run(tiny(), f"run of {owner or 'nobody'}", owner=owner)
        train(found[owner])
    return found


def buttons(app):
    return {button.label for button in app.button}


def offered(app):
    return " ".join(app.selectbox(key="run_choice").options)


def test_a_visitor_sees_and_steers_their_own_runs(open_page, runs):
    app = open_page("training", run=runs["me"].id)
    assert "run of me" in offered(app)
    assert "run of nobody" in offered(app)
    assert "run of you" not in offered(app)
    assert {"Rename", "Delete this run", "Export"} <= buttons(app)


def test_a_link_to_another_visitors_run_opens_nothing_of_it(open_page, runs):
    app = open_page("training", run=runs["you"].id)
    assert app.query_params["run"] != runs["you"].id
    assert "another visitor" in app.info[0].value
    everything = " ".join(element.value for element in (*app.markdown, *app.caption, *app.code))
    assert runs["you"].id not in everything
    assert "run of you" not in everything
    compared = open_page("training", training_tab="Compare", runs=f"{runs['me'].id},{runs['you'].id}")
    assert "run of you" not in str(compared.multiselect)


def test_a_run_of_the_command_line_is_seen_and_not_steered(open_page, runs):
    app = open_page("training", run=runs[""].id)
    assert app.query_params["run"] == runs[""].id
    assert not STEERING & buttons(app)
    assert "Duplicate" in buttons(app)
    assert any("command line" in caption.value for caption in app.caption)


def test_in_a_shared_lab_everybody_steers_everything(open_page, runs, monkeypatch):
    monkeypatch.setenv("CNNLAB_TRAINING", "shared")
    app = open_page("training", run=runs["you"].id)
    assert app.query_params["run"] == runs["you"].id
    assert {"Rename", "Delete this run", "Export"} <= buttons(app)


def test_with_training_off_nothing_is_started(open_page, runs, monkeypatch):
    monkeypatch.setenv("CNNLAB_TRAINING", "off")
    app = open_page("training", run=runs["me"].id)
    assert not (STEERING | {"Duplicate"}) & buttons(app)
    assert "New run" not in [tab.label for tab in app.tabs]
    assert any("Training is off" in caption.value for caption in app.caption)


def test_with_training_off_and_nothing_to_see_the_page_says_so(open_page, monkeypatch):
    monkeypatch.setenv("CNNLAB_TRAINING", "off")
    app = open_page("training")
    assert "Training is off" in app.info[0].value
    assert {button.key for button in app.button} == {"projector_on"}


def test_only_chosen_networks_are_offered(open_page, monkeypatch):
    monkeypatch.setenv("CNNLAB_MODELS", "alexnet, resnet18")
    app = open_page("classifier", model="vgg16")
    offered = app.selectbox(key="model_choice").options
    assert [name.split(" (")[0] for name in offered[:3]] == ["EfficientNet-Lite0", "AlexNet", "ResNet-18"]
    assert "VGG" not in " ".join(offered)
    assert app.query_params["model"] == "efficientnet_lite0"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CNNLAB_TRAINING", "yes", "own, shared, off"),
        ("CNNLAB_MODELS", "alexnet,<b>", "The networks are"),
        ("CNNLAB_UPLOAD_MB", "-3", "1 to 200"),
        ("CNNLAB_UPLOAD_MB", "9" * 30, "1 to 200"),
        ("CNNLAB_QUEUE", "many", "whole number"),
    ],
)
def test_a_setting_that_cannot_be_is_a_sentence(open_page, monkeypatch, name, value, says):
    monkeypatch.setenv(name, value)
    app = open_page("convolution")
    shown = app.error[0].value.replace("\\", "")
    assert name in shown
    assert says in shown


def test_who_has_no_room_left_is_told_what_goes(open_page, monkeypatch):
    monkeypatch.setattr("cnnlab_core.training.launch.launch", lambda run, **_: None)
    monkeypatch.setenv("CNNLAB_VISITOR_MB", "1")
    for owner in ("me", "you"):
        run = create_run(tiny(), f"old run of {owner}", owner=owner)
        (run.folder / "weights").write_bytes(bytes(1_200_000))
    app = open_page("training", training_tab="New run", data="own:few")
    app.button(key="training_start").click().run()
    assert not app.exception
    (said,) = [info.value.replace("\\", "") for info in app.info if "make room" in info.value]
    assert "the run “old run of me”" in said
    assert {run.about.name for run in list_runs()} == {"old run of you", "homework_bn on own:few"}


def test_who_lost_the_cookie_gets_runs_back_by_a_code(open_page, monkeypatch, runs):
    monkeypatch.setattr("cnnlab_core.training.launch.launch", lambda run, **_: None)
    monkeypatch.setattr("cnnlab_core.ui.tries.PAUSE_SECONDS", 0.0)
    app = open_page("training", training_tab="New run", data="own:few")
    app.button(key="training_start").click().run()
    (code,) = re.findall(r"\*\*([A-Z2-7]{5}-[A-Z2-7]{5})\*\*", app.info[0].value)
    assert not [path for path in runs["me"].folder.parent.rglob("*") if path.is_file() and code in str(path)]
    for module in ("training.choice", "training.steering", "training.new_run", "own_things"):
        monkeypatch.setattr(f"cnnlab_core.ui.{module}.visitor", lambda: "me again")
    other = open_page("training")
    assert "run of me" not in offered(other)
    for typed, says in (
        ("AAAAA-AAAAA", "No runs are kept"),
        (code.lower().replace("-", " "), "2 things are yours again"),
    ):
        other.text_input(key="pictures_code").set_value(typed)
        next(button for button in other.button if button.label == "Get my runs back").click().run()
        assert says in (other.error or other.success)[0].value
    assert "run of me" in offered(open_page("training"))
    assert {run.about.owner for run in list_runs()} == {"me again", "you", ""}
