"""The Python shown under the sweeps gives the numbers shown there."""

import numpy as np
import pytest

from cnnlab_core.attacks.studies.sweep import accuracy, compare_methods, map_steps, sweep_picture, sweep_pictures
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.recipes.adversarial import epsilon, step_size, sweep
from cnnlab_core.runtime.jobs import finish

MODEL, SAMPLE = ("efficientnet_lite0", "pretrained"), "coffee"
EPS = (0.0, 1 / 255, 3 / 255)


@pytest.fixture(scope="module")
def model():
    return load_model(*MODEL)


@pytest.fixture(scope="module")
def x(model):
    return model.prepare(open_image(sample_images()[SAMPLE].content))


def run(code, folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {}
    exec(compile(code, "recipe", "exec"), names)
    return names


@pytest.mark.parametrize(("method", "norm", "target"), [("fgsm", "linf", 76), ("pgd", "l2", None)])
def test_one_attack_at_each_epsilon(model, x, tmp_path, monkeypatch, capsys, method, norm, target):
    eps = EPS if norm == "linf" else (0.25, 0.5)
    settings = {"eps": eps, "method": method, "norm": norm, "steps": 2, "target": target}
    names = run(epsilon.code(*MODEL, SAMPLE, **settings, at=1), tmp_path, monkeypatch)
    swept = finish(sweep_picture(model, x, **settings))
    assert np.array_equal(names["found"].logits[:, 0].double(), swept.curve.logits)
    assert np.array_equal(np.asarray(open_image(tmp_path / "adversarial.png")), swept.pixels[1])
    printed = capsys.readouterr().out.splitlines()
    best = swept.curve.best[1]
    shown = "1/255" if norm == "linf" else "0.5"
    assert printed[1] == f"{shown}  {model.categories[best]} {swept.curve.probability(int(best))[1]:.1%}"
    assert printed[-1] == f"smallest epsilon that fools: {swept.curve.smallest}"


def test_both_methods(model, x, tmp_path, monkeypatch, capsys):
    settings = {"eps": EPS[1:], "norm": "linf", "steps": 1, "target": None}
    names = run(sweep.code(*MODEL, SAMPLE, **settings, highest=4 / 255), tmp_path, monkeypatch)
    printed = capsys.readouterr().out
    for curve in finish(compare_methods(model, x, **settings)):
        assert np.allclose(names["curves"][curve.method], curve.probability(curve.y))
        assert f"{curve.method} on 8-bit pictures, first fooled at {curve.smallest}" in printed
        assert 0 < names["smallest"][curve.method].eps.item() <= 4 / 255


def test_accuracy(model, tmp_path, monkeypatch, capsys):
    settings = {"eps": EPS[:2], "norm": "linf", "steps": 1}
    pictures = [("coffee", 967), ("motorcycle", 665), ("clock", 892)]
    names = run(sweep.accuracy_code(*MODEL, pictures, **settings), tmp_path, monkeypatch)
    right = [(sample_images()[name].content, y) for name, y in pictures[:2]]
    curves = finish(sweep_pictures(model, right, **settings))
    for mine, theirs in zip(zip(*curves, strict=True), (names["fgsm"], names["pgd"]), strict=True):
        assert np.array_equal(accuracy(mine), accuracy(theirs))
    assert capsys.readouterr().out.startswith("1 of 3 wrong before anything was done\n")


def test_the_map(model, x, tmp_path, monkeypatch, capsys):
    settings = {"eps": 2 / 255, "step_sizes": (0.5 / 255, 2 / 255), "steps": (1, 2), "norm": "linf", "target": 76}
    names = run(step_size.code(*MODEL, SAMPLE, **settings), tmp_path, monkeypatch)
    cells = finish(map_steps(model, x, **settings))
    assert [cell.loss for cell in names["cells"]] == [cell.loss for cell in cells]
    assert capsys.readouterr().out.startswith("step 0.5/255 × 1: ")


def test_pictures_of_ones_own_are_files():
    settings = {"eps": EPS, "norm": "l1", "steps": 3}
    assert 'open("photo.jpg", "rb")' in sweep.accuracy_code(*MODEL, None, **settings)
    assert 'open_image("photo.jpg")' in sweep.code(*MODEL, None, **settings, target=5, highest=1.0)
