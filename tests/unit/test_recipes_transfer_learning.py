"""The Python and the figures of the transfer-learning page."""

import numpy as np
import pytest

from cnnlab_core.models import load_model
from cnnlab_core.plots.lines import accuracy_curves
from cnnlab_core.plots.projection import features_map
from cnnlab_core.recipes.transfer_learning import classifier, learning_curve, projection, your_picture
from cnnlab_core.transfer import curve, draw, learn, open_collection

MODEL = "squeezenet1_1"
ARGUMENTS = (MODEL, "random", "shapes", 6)


@pytest.fixture(scope="module")
def found():
    return learn(load_model(MODEL, "random"), draw(open_collection("shapes"), 6))


def run(code):
    names = {}
    exec(compile(code, "recipe", "exec"), names)
    return names


def test_classifier(found, capsys):
    assert np.array_equal(run(classifier.code(*ARGUMENTS))["found"].confusion, found.confusion)
    assert str(found.accuracy) in capsys.readouterr().out


def test_projection(found):
    assert np.allclose(run(projection.code(*ARGUMENTS))["points"], found.projection.points)


def test_your_picture(found, capsys):
    run(your_picture.code(*ARGUMENTS, "coffee"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[0].rsplit(" ", 1)[0] in found.classes
    assert 'open_image("photo.jpg")' in your_picture.code(*ARGUMENTS, None)


def test_learning_curve(monkeypatch):
    loaded = load_model
    monkeypatch.setattr("cnnlab_core.models.load_model", lambda name, weights: loaded(name, "random"))
    curves = run(learning_curve.code(MODEL, "shapes", 6))["curves"]
    assert curves["random"] == curve(loaded(MODEL, "random"), draw(open_collection("shapes"), 6))


# --- figures --------------------------------------------------------------------------------------------------


def test_the_curves_have_their_means_and_their_draws():
    figure = accuracy_curves({"one": ([1, 2], [(0.2, 0.4), (0.5,)])}, chance=0.1)
    (line,) = figure.data
    assert list(line.y) == pytest.approx([0.3, 0.5])
    assert list(line.error_y.array) == pytest.approx([0.1, 0])
    assert list(line.error_y.arrayminus) == pytest.approx([0.1, 0])


def test_the_map_has_a_colour_for_each_class_and_rings_for_the_test():
    figure = features_map(
        [[0, 1], [2, 3], [4, 5]], [0, 1, 1], [True, True, False], ["a", "<i>b"], explained=(0.5, 0.1), own=(0.0, 0.0)
    )
    first, second, star = figure.data
    assert first.name == "a"
    assert "<" not in second.name
    assert list(second.marker.symbol) == ["circle", "circle-open"]
    assert first.marker.color != second.marker.color
    assert star.marker.symbol == "star"
