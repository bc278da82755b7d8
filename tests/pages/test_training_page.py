"""The training page: with no run, with finished, failed and running ones, every tab, and nonsense in the address."""

import base64
import shutil

import numpy as np
import pytest
from screen import figures, guess_at, metrics
from training_runs import lab_folders, press, tiny, trained, words  # noqa: F401  a fixture

from cnnlab_core.errors import RunError
from cnnlab_core.images import open_image
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.training import create_run, diagnosis, find_run, list_runs, stop
from cnnlab_core.training.locks import held
from cnnlab_core.training.loop import train, train_steps
from cnnlab_core.training.metrics import say
from cnnlab_core.training.runs import SHIPPED_RUNS as SHIPPED
from cnnlab_core.training.runs import Run
from cnnlab_core.training.snapshots import read_watched
from cnnlab_core.ui.training.branches import BRANCHES
from cnnlab_core.ui.training.film import _film
from cnnlab_core.ui.training.watched import watched

TABS = ["Watch", "Filters and gradients", "Results", "Compare", "New run"]


@pytest.fixture(autouse=True)
def everybody_steers(monkeypatch):
    monkeypatch.setenv("CNNLAB_TRAINING", "shared")


def test_with_no_run_the_page_says_how_to_begin(open_page):
    app = open_page("training")
    assert "No network has been trained here yet" in app.info[0].value
    assert {button.label for button in app.button} >= {"Train a first network", "Start"}
    assert not app.error


def test_it_opens_with_a_finished_run(open_page):
    run = trained(views="mirror")
    app = open_page("training")
    assert app.query_params["run"] == run.id
    assert metrics(app)["Test accuracy"] == f"{run.finals['accuracy']:.2%}"
    assert f"classifies **{run.finals['accuracy']:.1%}** of 101 test pictures correctly, and " in words(app)
    assert f"{run.finals['views_accuracy']:.1%} by the mean over several views of each. Guessing" in words(app)
    assert len(figures(app)) == 4
    assert not app.error
    assert f'find_run("{run.id}")' in app.code[-1].value
    assert "my *own* run" in app.selectbox(key="run_choice").options[0]
    curves = watched(run).curves
    gap = 100 * (curves.train_accuracy[-1] - curves.validation_accuracy[-1])
    right, told = guess_at(app, "gap")
    assert right == ("under 2" if gap < 2 else "2 to 10" if gap <= 10 else "over 10")
    assert told.startswith(f"{gap:.1f} points.")


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_by_its_link(open_page, tab):
    trained()
    app = open_page("training", training_tab=tab)
    assert not app.error
    assert app.code


def test_a_run_that_came_with_the_lab_comes_first_and_cannot_be_changed(open_page, monkeypatch, tmp_path):
    old = trained("came with it")
    monkeypatch.setattr("cnnlab_core.training.runs.SHIPPED_RUNS", tmp_path / "shipped")
    (tmp_path / "shipped").mkdir()
    old.folder.rename(tmp_path / "shipped" / old.id)
    trained("newer")
    app = open_page("training")
    assert app.query_params["run"] == old.id
    labels = {button.label for button in app.button}
    assert "Duplicate" in labels
    assert not labels & {"Export", "Delete this run", "Rename"}
    press(app, "Duplicate")
    copy = find_run(app.query_params["run"])
    assert copy.config.seed == 1
    assert not copy.shipped


def test_filters_that_whiten_and_a_run_with_nothing_held_out_are_said(open_page):
    """The first layer of it isn't learned, and its answers are to pictures that it learns from."""
    run = trained(whiten=True, stack="c8k3,relu,c8k3,relu", validation=0.0)
    for tab, says in {
        "Watch": "worked out from the pictures and stay, so that what they hand on",
        "Filters and gradients": "They are worked out from the pictures, and stay;",
    }.items():
        app = open_page("training", training_tab=tab, run=run.id)
        assert says in words(app), tab
        assert "nobody designs" not in words(app)
        assert "They begin as noise" not in words(app)
    assert "is said by the test:" in words(open_page("training", run=run.id))
    assert not _film(run, watched(run), 20)["held"]


def test_the_film_has_a_moment_for_each_look_inside(lab_folders):  # noqa: F811  the fixture
    run = trained(attack="fgsm")
    film = _film(run, watched(run), 20)
    assert film["moments"][0] == 0
    assert film["moments"][-1] == film["total"] == 20
    assert [line["name"] for line in film["lines"]] == ["training, attacked", "held out", "held out, under PGD"]
    assert film["held"]
    assert film["filters"]["count"] == 4
    strip = open_image(base64.b64decode(film["filters"]["strip"].partition(",")[2]))
    assert strip.size == (4 * 3, len(film["moments"]) * 3)
    kept = read_watched(run)
    assert film["labels"] == kept.labels.tolist() == sorted({*film["labels"]})
    for step, answers in zip(film["moments"], film["answers"], strict=True):
        assert [found for found, _ in answers] == kept.answers[step].argmax(1).tolist()
        assert np.allclose([sure for _, sure in answers], kept.answers[step].max(1), atol=1e-3)


def test_the_branches_are_shown_with_what_they_came_to_after_a_guess(open_page, monkeypatch):
    monkeypatch.setattr("cnnlab_core.training.runs.SHIPPED_RUNS", SHIPPED)
    app = open_page("training")
    assert app.query_params["run"] == "small_standard"
    assert "held out: **" not in words(app)
    app.segmented_control(key="branches_guess").set_value("small_standard").run()
    assert words(app).count("held out: **") == len(BRANCHES)
    assert "No: it is “Random labels”" in words(app)
    press(app, "Compare all")
    assert app.multiselect(key="runs_choice").value == list(BRANCHES)


# --- what can be done with a run ------------------------------------------------------------------------------


def test_a_run_is_renamed_duplicated_exported_and_deleted(open_page):
    run = trained()
    app = open_page("training")
    app.text_input[0].set_value("  better   name ")
    press(app, "Rename")
    assert run.about.name == "better name"
    assert "better name" in app.selectbox(key="run_choice").options[0]
    press(app, "Export")
    assert "Export again" in {button.label for button in app.button}
    press(app, "Duplicate")
    copy = find_run(app.query_params["run"])
    assert (copy.config.seed, copy.state().name) == (1, "ready")
    assert "Start" in {button.label for button in app.button}
    press(app, "Delete this run")
    assert [run.id for run in list_runs()] == [run.id]
    assert app.query_params["run"] == run.id


def test_a_name_that_cannot_be_is_a_sentence(open_page):
    trained()
    app = open_page("training")
    app.text_input[0].set_value("   ")
    press(app, "Rename")
    assert "letters" in app.error[0].value


def test_a_paused_run_can_be_resumed_and_a_running_one_paused(open_page):
    run = create_run(tiny())
    job = train_steps(run, wish=lambda: "pause")
    finish(job)
    labels = {button.label for button in open_page("training").button}
    assert {"Resume", "Stop and test"} <= labels
    assert "Pause" not in labels
    with held(run.lock, 1, "busy"):
        say(run.metrics_path, "started", "")
        app = open_page("training")
        assert {"Pause", "Stop and test"} <= {button.label for button in app.button}
        press(app, "Pause")
        assert run.request() == "pause"
        assert "Pausing" in words(app)


def test_what_cannot_be_done_is_a_sentence(open_page, monkeypatch):
    run = trained()

    def refuse(run):
        raise RunError("The disk is full. Free some space.")

    monkeypatch.setattr(Run, "delete", refuse)
    app = press(open_page("training"), "Delete this run")
    assert "The disk is full" in app.error[0].value
    assert not press(app, "Duplicate").error
    with pytest.raises(RunError):
        stop(run)


def test_a_failure_is_explained_in_words(open_page):
    run = create_run(tiny(optimizer="sgd", learning_rate=100.0, schedule="constant", stack="c4k3,relu,c4k3,relu"))
    with pytest.raises(RunError) as problem:
        train(run)
    say(run.metrics_path, "failed", str(problem.value))
    app = open_page("training")
    assert "learning rate of 10 instead of 100" in app.error[0].value
    assert metrics(app)["Training loss"] == "not a number"
    assert "once" in words(open_page("training", training_tab="Results"))
    inside = open_page("training", training_tab="Filters and gradients")
    assert not inside.exception


def test_a_trainer_that_was_killed_is_said_to_be_gone(open_page):
    run = create_run(tiny())
    job = train_steps(run)
    for _ in range(5):
        next(job)
    job.close()
    app = open_page("training", run=run.id)
    assert "killed" in app.error[0].value
    assert "Resume" in {button.label for button in app.button}


# --- the tabs -------------------------------------------------------------------------------------------------


def test_the_scrubber_shows_the_filters_of_its_step(open_page):
    run = trained()
    app = open_page("training", training_tab="Filters and gradients")
    scrubber = app.select_slider(key=f"training_step {run.id}")
    assert scrubber.options[0] == "0"
    assert "before step 20 of" in words(app)
    scrubber.set_value(0).run()
    assert "before step 0 of" in words(app)
    for scale in ("all filters", "each filter's range"):
        app.selectbox(key="training_scale").set_value(scale).run()
        assert not app.exception
    assert "stretched" in words(app)


def test_results_show_the_mistakes_and_name_a_picture_once_exported(open_page):
    run = trained()
    app = open_page("training", training_tab="Results")
    assert len(app.get("image")) == min(21, len(run.finals["mistakes"]))
    first = run.finals["mistakes"][0]
    assert f"{first['probability']:.0%}" in words(app)
    assert "Press **Export**" in words(app)
    press(app, "Export")
    assert "Press **Export**" not in words(app)
    assert len(figures(app)) == 3


def test_runs_are_compared_with_their_settings_and_seeds(open_page):
    runs = [trained("a", seed=0), trained("b", seed=1), trained("c", epochs=1)]
    app = open_page("training", training_tab="Compare", runs=",".join(run.id for run in runs))
    finals, differ = (table.value for table in app.dataframe)
    assert set(differ["setting"]) == {"seed", "epochs"}
    assert list(differ[differ["setting"] == "epochs"].iloc[0])[1:] == ["2", "2", "1"]
    assert sorted(finals["seeds"]) == [1, 2]
    assert "±" in " ".join(finals["test accuracy"])
    assert len(figures(app)) == 1
    ends = [(curves.train_loss[-1], curves.validation_accuracy[-1]) for curves in (watched(run).curves for run in runs)]
    lowest, best = min(ends), max(accuracy for _, accuracy in ends)
    right, told = guess_at(app, "best")
    assert right == ("yes" if lowest[1] == best else "no")
    assert told.startswith(f"The lowest training loss goes with {lowest[1]:.1%}")
    for what in app.selectbox(key="training_what").options:
        app.selectbox(key="training_what").set_value(what).run()
        assert not app.exception
    app.multiselect(key="runs_choice").set_value([runs[0].id]).run()
    assert app.query_params["runs"] == runs[0].id
    app.multiselect(key="runs_choice").set_value([]).run()
    assert "Choose one or more runs" in words(app)


def test_runs_that_minimise_different_losses_are_marked(open_page):
    runs = [trained("plain", label_smoothing=0.0), trained("smooth", label_smoothing=0.1)]
    app = open_page("training", training_tab="Compare", runs=",".join(run.id for run in runs))
    assert "different losses" in words(app)
    assert set(app.dataframe[0].value["loss"]) == {"cross-entropy", "cross-entropy, label smoothing 0.1"}
    lines = figures(app)[0]["data"]
    assert [line["name"] for line in lines] == ["plain", "smooth (label smoothing 0.1)"]
    app.multiselect(key="runs_choice").set_value([runs[0].id]).run()
    assert "different losses" not in words(app)


def test_the_lab_s_own_runs_are_compared_by_choice_alone(open_page, tmp_path):
    given = trained("came with the lab")
    shutil.move(given.folder, tmp_path / "shipped" / given.folder.name)
    alone = open_page("training", training_tab="Compare")
    assert alone.multiselect(key="runs_choice").value == [given.id]
    first, second = trained("mine"), trained("mine too", epochs=1)
    app = open_page("training", training_tab="Compare", run=first.id)
    assert app.multiselect(key="runs_choice").value == [first.id, second.id]
    app.multiselect(key="runs_choice").set_value([first.id, given.id]).run()
    assert app.dataframe[0].value["runs"].str.contains("came with the lab").any()


def test_the_curves_of_an_attacked_run_say_whose_they_are_and_a_collapse_is_told(open_page, monkeypatch):
    monkeypatch.setattr(diagnosis, "overfits_catastrophically", lambda attacked, robust: len(robust) == 2)
    robust = watched(trained(attack="fgsm", epochs=2, limit=64)).curves.robust_accuracy
    app = open_page("training")
    assert "The training curves are of attacked pictures" in words(app)
    assert f"In epoch 2 its robustness collapsed: held-out accuracy under PGD fell from {robust[0]:.0%} to " in words(
        app
    )
    assert app.warning[0].value.startswith("Catastrophic overfitting")
    assert "Of a run that learns from attacked pictures" in words(open_page("training", training_tab="Compare"))


def test_a_run_without_held_out_pictures_says_so(open_page):
    trained(validation=0.0, limit=0)
    app = open_page("training")
    assert "No pictures are held out in this run" in words(app)
    names = [trace["name"] for chart in figures(app) for trace in chart["data"]]
    assert not [name for name in names if "held out" in name]
    assert "256 training pictures" in words(open_page("training", training_tab="Filters and gradients"))
    app = open_page("training", training_tab="Compare")
    assert "they have no held-out accuracy" in words(app)


@pytest.mark.parametrize(
    "query",
    [
        {"run": "nothing"},
        {"runs": ",,x", "training_tab": "Compare"},
        {"training_smoothing": "7"},
        {"training_tab": "Nowhere"},
        {"training_tab": "New run", "data": "own:gone", "training_epochs": "-4", "training_rate": "none"},
        {"training_tab": "New run", "training_net": "my own stack", "training_stack": "c0k0,%"},
    ],
)
def test_nonsense_in_the_address_does_no_harm(open_page, query):
    trained()
    assert not open_page("training", **query).exception


def test_a_run_that_another_tab_has_deleted_is_said_to_be_gone(open_page, monkeypatch):
    run, delete = trained(), Run.delete
    app = open_page("training", run=run.id)
    monkeypatch.setattr(Run, "delete", lambda run: (delete(run), delete(run)))  # the other tab is a moment faster
    press(app, "Delete this run")
    assert "is gone" in app.error[0].value
    assert not run.folder.exists()
