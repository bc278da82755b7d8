"""Looking at runs: curves, smoothing, comparison, estimates, the report, and the Python that the page shows."""

import html.parser
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_runs import lab_folders, tiny  # noqa: F401  a fixture

from cnnlab_core.data import open_data
from cnnlab_core.errors import RunError
from cnnlab_core.interpretability.first_layer_filters import as_colours
from cnnlab_core.models import find_spec
from cnnlab_core.plots.confusion import confusion_matrix
from cnnlab_core.plots.lines import MOST_POINTS, Line, line_figure, thinned
from cnnlab_core.recipes.training import compare, filters_and_gradients, new_run, results, watch
from cnnlab_core.training import Config, check, create_run
from cnnlab_core.training.comparison import curves_in_words, differences, group_by_settings, loss_in_words, spread
from cnnlab_core.training.curves import curves, layers_over_time, seconds_left, smoothed
from cnnlab_core.training.estimate import known_speed, seconds_of_training, try_steps
from cnnlab_core.training.exporting import export
from cnnlab_core.training.loop import NotANumberError, train, train_steps
from cnnlab_core.training.metrics import MOST_STEPS, read_metrics, stride
from cnnlab_core.training.presets import PRESETS
from cnnlab_core.training.report import report
from cnnlab_core.training.snapshots import filter_steps, read_filters, read_mistakes


def trained(name="", **changes):
    run = create_run(tiny(**changes), name)
    train(run)
    return run


# --- curves ---------------------------------------------------------------------------------------------------

numbers = st.lists(st.floats(-100, 100) | st.just(float("nan")), max_size=30)


@given(numbers, st.floats(0, 0.99))
def test_smoothing_is_the_weighted_mean_of_what_came_before(values, weight):
    means = smoothed(values, weight)
    for index, value in enumerate(values):
        known = [v for v in values[: index + 1] if np.isfinite(v)]
        shares = np.array([weight ** (len(known) - 1 - k) for k in range(len(known))])
        wanted = np.nan if np.isnan(value) else np.dot(shares, known) / shares.sum()
        assert means[index] == pytest.approx(wanted, abs=1e-9, nan_ok=True)


def test_curves_are_what_the_metrics_say():
    run = trained(attack="fgsm", epsilon=4 / 255)
    metrics, found = run.metrics(), curves(run.metrics())
    assert found.loss.tolist() == [line["loss"] for line in metrics.steps]
    assert found.validation_accuracy.tolist() == [line["validation_accuracy"] for line in metrics.epochs]
    assert found.robust_accuracy.tolist() == [line["robust_accuracy"] for line in metrics.epochs]
    assert found.done == run.machine["total_steps"] == len(metrics.steps)
    assert seconds_left(run.config, run.machine, found) == 0
    steps, norms, dead = layers_over_time(metrics.probes)
    assert steps.tolist() == [line["step"] for line in metrics.probes]
    assert set(norms) == {"conv1", "norm1", "conv2", "classifier"}
    assert set(dead) == {"relu1", "relu2"}
    assert all(((share >= 0) & (share <= 1)).all() for share in dead.values())


def test_half_a_run_takes_as_long_again():
    run = create_run(tiny(epochs=4))
    job = train_steps(run)
    for step in job:
        if step.done == 20:
            break
    job.close()
    found = curves(run.metrics())
    left = seconds_left(run.config, run.machine, found)
    assert left == pytest.approx((40 - found.done) * 32 / found.speed_now)


def test_nothing_is_known_of_a_run_that_has_not_begun():
    run = create_run(tiny())
    found = curves(run.metrics())
    assert found.done == 0
    assert np.isnan(found.speed_now)
    assert np.isnan(seconds_left(run.config, run.machine, found))
    assert filter_steps(run) == []


# --- what was kept --------------------------------------------------------------------------------------------


def test_filters_and_mistakes_are_kept_with_the_run():
    run = trained()
    steps = filter_steps(run)
    assert steps[0] == 0
    assert steps[-1] == 20
    assert read_filters(run, 20).shape == (4, 3, 3, 3)
    assert not np.array_equal(read_filters(run, 0), read_filters(run, 20))
    wrong = [entry["index"] for entry in run.finals["mistakes"]]
    assert np.array_equal(read_mistakes(run), open_data("own:few").read_test().images[wrong].numpy())
    (run.folder / "mistakes.npy").write_bytes(b"torn")
    for gone in (lambda: read_mistakes(run), lambda: read_filters(run, 7000)):
        with pytest.raises(RunError, match="damaged"):
            gone()


def test_each_filters_range_is_stretched_to_its_ends():
    weights = np.random.default_rng(0).normal(0.3, 1, (5, 3, 4, 4))
    weights[4] = 2.0
    colours = as_colours(weights, "each filter's range")
    assert colours.shape == (5, 4, 4, 3)
    assert np.allclose(colours[:4].min((1, 2, 3)), 0)
    assert np.allclose(colours[:4].max((1, 2, 3)), 1)
    assert (colours[4] == 0.5).all()
    assert np.corrcoef(colours[0].ravel(), np.moveaxis(weights[0], 0, -1).ravel())[0, 1] == pytest.approx(1)


# --- comparison -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ["held-out loss without either"]),
        ({"label_smoothing": 0.0}, []),
        ({"label_smoothing": 0.0, "attack": "fgsm"}, ["attacked by FGSM (epsilon 8/255) before the network learns"]),
        ({"attack": "pgd", "epsilon": 4 / 255}, ["attacked by PGD (epsilon 4/255)", "held-out loss without either"]),
        ({"attack": "pgd", "validation": 0.0}, ["attacked by PGD", "No pictures are held out"]),
    ],
)
def test_curves_say_how_they_are_to_be_read(changes, says):
    words = curves_in_words(Config(**changes))
    assert len(words) == len(says)
    assert all(part in sentence for part, sentence in zip(says, words, strict=True))
    assert any("held out is clean" in sentence for sentence in words) == (
        changes.get("attack", "none") != "none" and changes.get("validation", 0.1) > 0
    )


def test_settings_that_differ_are_told_for_every_run():
    configs = [Config(), Config(seed=1), Config(net="homework", seed=1)]
    assert differences(configs) == {"net": ["homework_bn", "homework_bn", "homework"], "seed": [0, 1, 1]}
    assert differences(configs[:1]) == differences([]) == {}


def test_a_loss_is_called_what_it_is():
    words = [
        loss_in_words(Config(label_smoothing=smoothing, attack=attack, epsilon=4 / 255))
        for smoothing, attack in ((0.0, "none"), (0.1, "none"), (0.0, "fgsm"))
    ]
    assert words == [
        "cross-entropy",
        "cross-entropy, label smoothing 0.1",
        "cross-entropy, on pictures attacked by FGSM, epsilon 4/255",
    ]
    assert {loss_in_words(preset.config) for preset in PRESETS[:3]} == {"cross-entropy"}


def test_settings_that_play_no_part_make_no_difference():
    assert differences([Config(momentum=0.5), Config(epsilon=0.1, attack_steps=3)]) == {}
    assert differences([Config(), Config(optimizer="sgd", momentum=0.5)]) == {
        "optimizer": ["adamw", "sgd"],
        "momentum": [None, 0.5],
    }


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_mean_and_spread_are_numpys(scores):
    found = spread(scores)
    assert found.mean == pytest.approx(np.mean(scores), abs=1e-12)
    assert found.count == len(scores)
    if len(scores) > 1:
        assert found.deviation == pytest.approx(np.std(scores, ddof=1), abs=1e-9)
    else:
        assert found.deviation is None


def test_runs_that_differ_in_their_seed_alone_are_one_group():
    runs = [trained(seed=0), trained(seed=1), trained(epochs=1), create_run(tiny(seed=5))]
    groups = group_by_settings(runs)
    assert sorted(len(group.runs) for group in groups) == [1, 2]
    pair = next(group for group in groups if len(group.runs) == 2)
    assert pair.accuracy.mean == pytest.approx(np.mean([run.finals["accuracy"] for run in runs[:2]]))
    assert groups[0].accuracy.mean >= groups[1].accuracy.mean


# --- estimates ------------------------------------------------------------------------------------------------


def test_the_time_is_estimated_from_runs_like_it_or_measured():
    config = tiny()
    facts = check(config)
    assert facts.pictures == len(open_data("own:few").train)
    assert facts.learned_from == 320
    assert check(tiny(limit=0)).learned_from == 400 - 10  # one of each class is held out
    assert known_speed(config, facts) is None
    run = trained()
    assert known_speed(tiny(seed=3, epochs=9), facts) == np.median([line["speed"] for line in run.metrics().steps])
    assert known_speed(tiny(stack="c9k3"), facts) is None
    steps = list(try_steps(config, facts))
    assert [step.done for step in steps] == [1, 2, 3, 4]
    assert all(step.latest > 0 for step in steps)
    assert seconds_of_training(config, facts, 40.0) == 2 * 320 / 40
    assert seconds_of_training(tiny(epochs=3, first_side=16), facts, 40.0) == (0.25 + 0.5625 + 1) * 320 / 40


def test_what_the_data_sets_are_said_to_hold_is_so():
    for name in ("shapes", "digits", "own:few"):
        facts, dataset = check(tiny(data=name)), open_data(name)
        assert (facts.pictures, facts.side, facts.classes) == (len(dataset.train), dataset.side, len(dataset.classes))


# --- the report -----------------------------------------------------------------------------------------------


class _Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def read(page):
    parser = _Page()
    parser.feed(page)
    return parser


def test_a_report_has_what_a_homework_asks_for():
    run = trained("<b>mine</b> & $x_1$", attack="fgsm")
    page = read(report(run))
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) == 3  # learning, filters, confusion
    assert all(picture["src"].startswith("data:image/png;base64,iVBOR") for picture in pictures)
    assert not any(tag in ("b", "script", "link") for tag, _ in page.tags)
    for said in (
        "<b>mine</b> & $x_1$",
        f"{run.finals['accuracy']:.2%}",
        f"{run.finals['robust_accuracy']:.2%}",
        "He et al. 2015",
        "The training curves are of attacked pictures",
        run.config.stack,
        "learning rate",
        "0.02",
        run.machine["data_sha256"],
    ):
        assert said in page.text


@pytest.mark.parametrize("attack", ["none", "fgsm"])
def test_a_run_learns_from_every_picture_where_none_is_held_out(attack):
    run = trained(validation=0.0, limit=0, attack=attack)
    data = open_data("own:few")
    assert (run.machine["training_pictures"], run.machine["validation_pictures"]) == (len(data.train), 0)
    assert check(run.config).learned_from == len(data.train) == 400
    found = curves(run.metrics())
    assert len(found.epoch_step) == 2
    assert np.isfinite(found.train_accuracy).all()
    assert np.isnan([*found.validation_loss, *found.validation_accuracy, *found.robust_accuracy]).all()
    assert (run.finals["weights_of_step"], run.finals["validation_score"]) == (run.machine["total_steps"], None)
    assert len(layers_over_time(run.metrics().probes)[0])
    assert "No pictures are held out" in read(report(run)).text
    assert find_spec(export(run)).title == run.about.name


def test_a_run_that_failed_or_never_began_has_a_report_too():
    run = create_run(tiny(optimizer="sgd", learning_rate=100.0, schedule="constant", stack="c4k3,relu,c4k3,relu"))
    assert "Not tested yet" in read(report(run)).text
    with pytest.raises(NotANumberError):
        train(run)
    assert "Not tested yet" in read(report(run)).text


# --- figures --------------------------------------------------------------------------------------------------


def test_long_lines_are_thinned_and_keep_their_ends():
    x, y = thinned(np.arange(5001), np.arange(5001) * 2.0)
    assert len(x) == MOST_POINTS
    assert (x[0], x[-1], y[0], y[-1]) == (0, 5000, 0, 10000)
    figure = line_figure([Line("<i>a</i>", [0, 1], [1, np.nan])], title="t", x_title="step", log=True)
    assert figure.data[0].name == "&lt;i&gt;a&lt;/i&gt;"


def test_a_confusion_matrix_is_coloured_by_shares_and_shows_its_counts_where_they_fit():
    (heat,) = confusion_matrix([[8, 2], [0, 0]], ["<i>", "b"], ink="black").data
    assert np.array_equal(heat.z, [[0.8, 0.2], [0, 0]])
    assert [list(row) for row in heat.text] == [["8", "2"], ["", ""]]
    assert heat.textfont.color == "black"
    assert heat.customdata[0][1] == "&lt;i&gt;, predicted as b: 2 of 10 (20.0%)"
    assert heat.customdata[1][1] == "b, predicted as b: 0 of 0 (0.0%)"
    pets = confusion_matrix(np.eye(37, dtype=int), [f"breed {n}" for n in range(37)], ink="black")
    assert pets.data[0].text is None
    assert pets.layout.xaxis.ticktext[36] == "breed 36"
    many = confusion_matrix(np.eye(100, dtype=int), list(map(str, range(100))), ink="black")
    assert many.layout.xaxis.showticklabels is False
    assert many.data[0].customdata[99][99] == "99, predicted as 99: 1 of 1 (100.0%)"


# --- recipes --------------------------------------------------------------------------------------------------


def execute(code):
    names = {}
    exec(compile(code, "recipe", "exec"), names)
    return names


def test_the_python_on_the_page_gives_the_numbers_on_the_page(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = trained("mine")
    found = execute(watch.code(run.id))["found"]
    assert found.loss.tolist() == curves(run.metrics()).loss.tolist()
    assert (tmp_path / "report.html").read_text() == report(run)
    weights = execute(filters_and_gradients.code(run.id, 20, "each filter"))["weights"]
    assert np.array_equal(weights, read_filters(run, 20))
    assert execute(results.code(run.id))["confusion"].tolist() == run.finals["confusion"]
    assert len(execute(compare.code([run.id]))["groups"]) == 1
    assert f"{run.finals['accuracy']:.2%}" in capsys.readouterr().out


def test_starting_by_recipe_is_starting_with_these_settings():
    config = tiny(attack="fgsm", epsilon=8 / 255, epochs=1)
    run = execute(new_run.code(config))["run"]
    assert run.config == config
    assert json.loads((run.folder / "finals.json").read_text())["accuracy"] == run.finals["accuracy"]


# --- a long run -----------------------------------------------------------------------------------------------


def step_line(step):
    return f'{{"kind": "step", "step": {step}, "epoch": 0, "loss": {step / 7}, "accuracy": 0.5, "rate": 0.1}}\n'


def told_steps(path, count, first=0):
    with path.open("a", encoding="utf-8") as file:
        for step in range(first, count):
            file.write(step_line(step))


@pytest.mark.fault(
    "A run of a million steps is watched", "So many steps are kept as fit in a few megabytes, and the last"
)
def test_of_a_long_run_evenly_spaced_steps_are_kept_and_the_last(tmp_path):
    path = tmp_path / "metrics.jsonl"
    told_steps(path, MOST_STEPS)
    metrics = read_metrics(path)
    assert [line["step"] for line in metrics.steps] == list(range(MOST_STEPS))  # as they are
    told_steps(path, 5 * MOST_STEPS + 2, MOST_STEPS)
    tracemalloc.start()
    read, polled = read_metrics(path), metrics.poll()
    grown, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert polled
    assert most < 12_000_000  # of a file of 13 MB, read twice; a million steps would be kept as 30,000 too
    assert grown < 6_000_000
    for found in (metrics, read):  # in one go, or while it grew
        steps = curves(found).step
        assert steps[-1] == found.steps[-1]["step"] == 5 * MOST_STEPS + 1
        assert set(np.diff(steps)[:-1]) == {8}
        assert found.steps[3] == {"step": 24, "epoch": 0, "loss": 24 / 7, "accuracy": 0.5, "rate": 0.1}
        assert curves(found).loss[-1] == (5 * MOST_STEPS + 1) / 7
    assert [stride(total) for total in (1, MOST_STEPS, MOST_STEPS + 1, 1_000_000)] == [1, 1, 2, 32]


def test_a_long_run_tells_of_fewer_steps_and_of_its_last(monkeypatch):
    whole = trained()
    monkeypatch.setattr("cnnlab_core.training.metrics.MOST_STEPS", 8)
    run = trained()
    assert [line["step"] for line in run.metrics().steps] == [0, 4, 8, 12, 16, 19]
    assert run.metrics().epochs[-1]["train_loss"] == whole.metrics().epochs[-1]["train_loss"]
