"""The training page's views that try something: the rate test, the loss around a network, weights, sweeps, all runs."""

import io
import json
import sys
from contextlib import redirect_stdout
from types import SimpleNamespace

import numpy as np
import pytest
from screen import code, figures, files, guess_at, press, run_code, texts, values
from training_runs import lab_folders, tiny, trained  # noqa: F401  a fixture

from cnnlab_core.recipes.training import sweep as sweep_recipe
from cnnlab_core.training import create_run, launch, list_runs
from cnnlab_core.training.__main__ import main
from cnnlab_core.training.histograms import read_histograms
from cnnlab_core.training.rate_test import read_rates
from cnnlab_core.training.runs import SHIPPED_RUNS as SHIPPED
from cnnlab_core.training.sweep import still_to_come

NEW, INSIDE = {"training_tab": "New run"}, {"training_tab": "Filters and gradients"}


@pytest.fixture(autouse=True)
def everybody_steers(monkeypatch):
    monkeypatch.setenv("CNNLAB_TRAINING", "shared")


@pytest.fixture
def no_process(monkeypatch):
    """What is tried apart is tried in this process: the same command, with the same question and answer."""

    def trial_steps(command, question, seconds):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(question.encode())))
        with redirect_stdout(io.StringIO()) as said:
            assert main([command, str(seconds)]) == 0
        lines = [json.loads(line) for line in said.getvalue().splitlines()]
        yield lines
        return lines

    monkeypatch.setattr("cnnlab_core.training.worker.stand_back", lambda seconds: None)
    for module in ("rate_test", "landscape"):
        monkeypatch.setattr(f"cnnlab_core.training.{module}.trial_steps", trial_steps)


def test_a_rate_is_found_and_taken(open_page, no_process):
    run = trained()
    view = NEW | {"training_tab_new": "Rate test", "training_rate_low": "0.001", "training_rate_steps": "100"}
    app = open_page("training", **view)
    assert "appears here" in texts(app)
    press(app, "Run the test")
    found = run_code(app)["found"]
    assert found.rates[[0, 1]].tolist() == pytest.approx([1e-3, 1e-3 * 1e4 ** (1 / 99)])
    line = next(trace for trace in figures(app)[0]["data"] if trace["name"] == "smoothed")
    assert np.allclose(values(line["x"]), found.rates)
    assert np.allclose(values(line["y"]), found.smooth, rtol=1e-3)
    assert f"Suggested, a tenth of the former: **{found.suggested:.2g}**" in texts(app)
    assert files(app) == ["Rates and losses (CSV)"]
    press(app, "A new run with")
    (made,) = [one for one in list_runs() if one.id != run.id]
    assert made.config.learning_rate == float(f"{found.suggested:.2g}")
    assert made.state().name == "ready"
    assert app.query_params["run"] == made.id


def test_what_came_with_a_run_stands_there_at_once(open_page, monkeypatch):
    monkeypatch.setattr("cnnlab_core.training.runs.SHIPPED_RUNS", SHIPPED)
    rates, losses = (
        np.array(json.loads((SHIPPED / "small_standard" / f"{name}.json").read_text())["lines"])
        for name in ("rates", "landscape")
    )
    app = open_page("training", **NEW, training_tab_new="Rate test")
    assert app.query_params["run"] == "small_standard"
    assert f"Suggested, a tenth of the former: **{read_rates(rates).suggested:.2g}**" in texts(app)
    assert "Now you know" in texts(app)
    app.segmented_control(key="training_rate_steps").set_value(100).run()
    assert "from your previous settings" in texts(app)
    app = open_page("training", **INSIDE, training_tab_inside="Loss around it")
    assert np.allclose(values(figures(app)[0]["data"][0]["customdata"]), losses.ravel(), rtol=1e-6)
    assert f"is {losses.min():.3f}" in guess_at(app, "lowest")[1]


def test_the_loss_around_a_network_is_computed_and_kept(open_page, no_process):
    trained()
    view = INSIDE | {"training_tab_inside": "Loss around it", "training_loss_pictures": "32"}
    app = press(open_page("training", **view), "Compute the loss at 121 places")
    found = run_code(app)["found"]
    surface = figures(app)[0]["data"][0]
    assert np.allclose(values(surface["customdata"]), found.losses.ravel(), rtol=1e-4)
    assert f"**{found.centre:.3f}**; on the rim the median is **{found.rim:.3f}**" in texts(app)
    right, told = guess_at(app, "lowest")
    assert right == ("no" if found.lowest[1:] == (0, 0) else "yes")
    assert f"is {found.lowest[0]:.3f}" in told
    app.number_input(key="training_directions").set_value(1).run()
    assert "from your previous settings" in texts(app)
    assert "seed=1" in code(app)


def test_weights_are_shown_layer_by_layer(open_page):
    run = trained()
    app = open_page("training", **INSIDE, training_tab_inside="Weights")
    kept = read_histograms(run)
    layers = list(kept[0])
    app.selectbox(key="training_layer").set_value(layers[-1]).run()
    first, last = kept[0][layers[-1]], kept[max(kept)][layers[-1]]
    assert f"{first.deviation:.3g} → **{last.deviation:.3g}**" in texts(app)
    heat, *lines = figures(app)[0]["data"]
    assert len(values(heat["x"])) == len(kept)
    assert np.allclose(values(lines[0]["y"]), [found[layers[-1]].mean for found in kept.values()])
    assert guess_at(app, "wider")[1].endswith(f"{last.deviation / first.deviation:.2f} times the first.")
    assert run_code(app)["found"] == last


def test_a_sweep_is_started_followed_and_cancelled(open_page, monkeypatch):
    begun = []
    monkeypatch.setattr(launch, "_spawn", lambda run, seconds: begun.append(run.id))
    base, other = trained("base", epochs=1), trained("other seed", epochs=1, seed=1)
    app = open_page("training", **NEW, training_tab_new="Sweep", training_sweep="epochs", run=base.id)
    app.text_input(key="training_sweep_epochs").set_value("1, 3").run()
    scores = [run.finals["accuracy"] for run in (base, other)]
    assert f"Best so far: epochs **1**, with {np.mean(scores):.1%} (the mean of 2 seeds)." in texts(app)
    assert "look for where the bars" in texts(app)
    (line,) = figures(app)[0]["data"]
    assert line["mode"] == "lines+markers"
    assert values(line["y"]).tolist() == [pytest.approx(100 * np.mean(scores))]
    assert values(line["error_y"]["array"])[0] == pytest.approx(100 * (max(scores) - np.mean(scores)))
    assert code(app) == sweep_recipe.code(base.id, "epochs", (1, 3), 3).strip()
    press(app, "Start 6 runs")
    made = [run for run in list_runs() if run.id not in (base.id, other.id)]
    assert sorted((run.config.epochs, run.config.seed) for run in made) == [(e, s) for e in (1, 3) for s in range(3)]
    assert len(begun) == 1
    assert begun[0] == min(made, key=lambda run: run.about.created).id
    assert "6 to come" in texts(app)
    assert app.dataframe[0].value["to come"].tolist() == [3, 3]
    press(app, "Go on")
    assert len(begun) == 2
    press(app, "Cancel the 6 to come")
    assert not still_to_come(base)
    assert {run.id for run in list_runs()} == {base.id, other.id}
    app.slider(key="training_sweep_seeds").set_value(2).run()
    app.text_input(key="training_sweep_epochs").set_value("1").run()
    assert "All of these runs are there" in texts(app)
    assert next(button for button in app.button if button.key == "training_sweep_start").disabled
    app.text_input(key="training_sweep_epochs").set_value("one").run()
    assert "no number" in app.error[0].value
    other.delete()
    app.run()
    assert "with one seed for each value" in texts(app)
    (line,) = figures(app)[0]["data"]
    assert (line["mode"], "error_y" in line) == ("markers", False)


def test_all_runs_stand_in_one_table(open_page):
    runs = [trained("a"), trained("b", epochs=1)]
    app = open_page("training", training_tab="Compare", training_tab_runs="All runs")
    table = app.dataframe[0].value
    assert set(table["name"]) == {"a", "b"}
    assert set(table["epochs"]) == {1, 2}
    best = max(runs, key=lambda run: run.finals["accuracy"])
    assert f"of own:few: **{best.finals['accuracy']:.1%}**, by " in texts(app)
    assert next(button for button in app.button if button.key == "training_compare_ticked").disabled
    assert len(run_code(app)["tested"]) == 2
    assert json.dumps(sorted(table["test accuracy"])) == json.dumps(sorted(run.finals["accuracy"] for run in runs))


def test_before_there_is_anything_the_views_say_so(open_page):
    create_run(tiny())
    assert "appear with the first step" in texts(open_page("training", **INSIDE, training_tab_inside="Weights"))
    app = press(open_page("training", **INSIDE, training_tab_inside="Loss around it"), "Compute the loss")
    assert "no weights yet" in app.error[0].value
