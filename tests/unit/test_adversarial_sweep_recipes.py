"""The Python shown under the sweeps gives the numbers shown there."""

import numpy as np
import pytest

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.step_map import step_map
from cnnlab_core.attacks.studies.sweep import accuracy, compare_attacks, compare_attacks_steps, for_pictures
from cnnlab_core.attacks.sweep import sweep
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.recipes.adversarial import epsilon, step_size
from cnnlab_core.recipes.adversarial import sweep as sweep_recipe

MODEL, SAMPLE = ("cifar10_standard", "pretrained"), "coffee"
EPS = (0.0, 1 / 255, 3 / 255)
PLANS = (Plan("fgsm"), Plan("pgd", steps=1).over_epsilon())


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


@pytest.mark.parametrize(
    ("plan", "target"),
    [
        (Plan("fgsm"), 7),
        (Plan("pgd", norm="l2", step_size=None, steps=2, momentum=0.5, restarts=2, keep_best=True, seed=3), None),
        (Plan("probability_ascent", step_size=3000.0, steps=2, keep_best=True), 7),
    ],
)
def test_one_attack_at_each_epsilon(model, x, tmp_path, monkeypatch, capsys, plan, target):
    eps = EPS if plan.norm == "linf" else (0.25, 0.5)
    names = run(epsilon.code(*MODEL, SAMPLE, plan=plan, eps=eps, target=target, at=1), tmp_path, monkeypatch)
    swept = sweep(model, x, eps=eps, method=plan, target=target)
    curve = swept.curve()
    assert np.array_equal(names["found"].logits[:, 0].double(), curve.logits)
    assert np.array_equal(np.asarray(open_image(tmp_path / "adversarial.png")), swept.view(1).pixels)
    printed = capsys.readouterr().out.splitlines()
    best = curve.best[1]
    shown = "1/255" if plan.norm == "linf" else "0.5"
    assert printed[1] == f"{shown}  {model.categories[best]} {curve.probability(int(best))[1]:.1%}"
    assert printed[-1] == f"smallest epsilon that fools: {curve.smallest}"


def test_both_attacks(model, x, tmp_path, monkeypatch, capsys):
    code = sweep_recipe.code(*MODEL, SAMPLE, plans=PLANS, eps=EPS[1:], target=None, highest=4 / 255)
    names = run(code, tmp_path, monkeypatch)
    printed = capsys.readouterr().out
    for curve in compare_attacks(model, x, PLANS, eps=EPS[1:]):
        assert np.allclose(names["curves"][curve.title], curve.probability(curve.y))
        assert f"{curve.title} on 8-bit pictures, first fooled at {curve.smallest}" in printed
        assert 0 < names["smallest"][curve.title].eps.item() <= 4 / 255


def test_accuracy(tmp_path, monkeypatch, capsys):
    named = ("efficientnet_lite0", "pretrained")
    model, pictures = load_model(*named), [("coffee", 967), ("motorcycle", 665), ("clock", 892)]
    code = sweep_recipe.accuracy_code(*named, pictures, plans=PLANS, eps=EPS[:2])
    names = run(code, tmp_path, monkeypatch)
    right = [(sample_images()[name].content, y) for name, y in pictures[:2]]
    found = for_pictures(model, right, lambda x, y: compare_attacks_steps(model, x, PLANS, eps=EPS[:2], y=y))
    for mine, theirs in zip(zip(*found, strict=True), names["curves"].values(), strict=True):
        assert np.array_equal(accuracy(mine), accuracy(theirs))
    assert capsys.readouterr().out.startswith("1 of 3 misclassified without any attack\n")


@pytest.mark.parametrize(
    ("plan", "sizes", "said"),
    [
        (Plan(eps=2 / 255, loss="margin"), (0.5 / 255, 2 / 255), "step 0.5/255 × 1: "),
        (Plan("log_probability_ascent"), (0.5, 1.0), "step 0.5 × 1: "),
    ],
)
def test_the_map(model, x, tmp_path, monkeypatch, capsys, plan, sizes, said):
    settings = {"step_sizes": sizes, "steps": (1, 2), "target": 7}
    names = run(step_size.code(*MODEL, SAMPLE, plan=plan, **settings), tmp_path, monkeypatch)
    cells = step_map(model, x, method=plan, **settings)
    assert [cell.loss for cell in names["cells"]] == [cell.loss for cell in cells]
    assert capsys.readouterr().out.startswith(said)


def test_pictures_of_ones_own_are_files():
    settings = {"plans": [Plan("fgsm", norm="l1"), Plan(norm="l1")], "eps": EPS}
    assert 'open("photo.jpg", "rb")' in sweep_recipe.accuracy_code(*MODEL, None, **settings)
    assert 'open_image("photo.jpg")' in sweep_recipe.code(*MODEL, None, **settings, target=5, highest=1.0)
