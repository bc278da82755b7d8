"""The Python shown in the adversarial page's later tabs gives the numbers shown there; their figures hold together."""

import io
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab_core.attacks import smallest_rounded_epsilon
from cnnlab_core.attacks.methods import METHODS, Plan
from cnnlab_core.attacks.studies.universal import universal_change_steps
from cnnlab_core.attacks.transforms import TRANSFORMS
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model
from cnnlab_core.plots.noise import change_picture, noise_picture
from cnnlab_core.plots.report import ReportRow, cells_figure, rendered, report_figure
from cnnlab_core.recipes.adversarial import report, robustness, transferability, universal
from cnnlab_core.runtime.jobs import finish

MODEL, SMALL = "efficientnet_lite0", "cifar10_standard"
QUICK = Plan(steps=2, eps=8 / 255, step_size=4 / 255)


def run(code):
    names = {}
    exec(compile(code, "recipe", "exec"), names)
    return names


def pictures(seed=0, side=24):
    before = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    return before, np.clip(before.astype(int) + 3, 0, 255).astype(np.uint8)


# --- recipes ----------------------------------------------------------------------------------------------------------


def test_robustness(capsys):
    trials = {"jpeg": 50.0, "rotate": 30.0}
    names = run(
        robustness.code(
            SMALL, "pretrained", "chelsea", plan=QUICK, target=7, trials=trials, through=({"rotate": 20.0}, 2, QUICK)
        )
    )
    assert {name for name, _ in names["said"]} == set(trials)
    assert {what for _, what in names["said"]} == {"clean", "adversarial", "made through transforms"}
    assert len(capsys.readouterr().out.splitlines()) == 6
    assert not np.array_equal(*(np.asarray(names["pictures"][what]) for what in ("clean", "adversarial")))


@pytest.mark.parametrize("method", METHODS)
def test_every_attack_has_a_recipe_through_transforms(method, capsys):
    plan = METHODS[method].plan(steps=1)
    mirror = {"mirror": 1.0}
    run(robustness.code(SMALL, "random", "coffee", plan=plan, target=7, trials=mirror, through=(mirror, 1, plan)))
    assert "Mirror: on" in capsys.readouterr().out


def test_universal(capsys):
    options = {"eps": 8 / 255, "norm": "linf", "epochs": 1, "target": None, "seed": 0}
    names = run(universal.code(SMALL, "pretrained", ["chelsea", "coffee"], ["rocket"], batch=8, **options))
    model = load_model(SMALL, device="cpu")
    x = [model.prepare(open_image(sample_images()[name].content)) for name in ("chelsea", "coffee", "rocket")]
    found = finish(universal_change_steps(model, torch.cat(x), (True, True, False), **options))
    assert torch.equal(names["delta"], found.delta)
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith(f"{found.count(seen=True)[0] / 2:.0%} fooled in 8 bits")
    assert said[1] == f"never seen: {found.count(seen=False)[0]:.0%} fooled"


def test_universal_with_a_target_and_nothing_unseen(capsys):
    run(universal.code(SMALL, "random", ["coffee"], [], eps=2.0, norm="l2", epochs=1, batch=8, target=5, seed=1))
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_report(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    opened = [("Chelsea the cat", "chelsea"), ("A cup of coffee", "coffee")]
    names = run(report.code(MODEL, "pretrained", pictures=opened, aims=(76, "second"), plan=Plan(method="FGSM")))
    assert [(row.picture, row.aim) for row in names["rows"]] == [
        (title, aim) for title, _ in opened for aim in (76, "second")
    ]
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert "A cup of coffee,967,espresso" in capsys.readouterr().out


def test_report_with_a_target_each_and_transforms(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    opened = [("Chelsea the cat", "chelsea"), ("A cup of coffee", "coffee")]
    names = run(
        report.code(
            MODEL, "pretrained", pictures=opened, aims=(76, 1), plan=Plan(method="FGSM"), paired=True, transforms=True
        )
    )
    assert [(row.picture, row.aim) for row in names["rows"]] == [("Chelsea the cat", 76), ("A cup of coffee", 1)]
    assert [len(row) for row in names["cells"]] == [4, 4]
    assert (tmp_path / "transforms.pdf").read_bytes().startswith(b"%PDF")
    assert "A cup of coffee,goldfish,Grayscale: 100 %,espresso" in capsys.readouterr().out


def test_transferability(capsys):
    sides = [(name, "pretrained", None) for name in (SMALL, "cifar10_adversarial")]
    names = run(transferability.code(sides, "chelsea", plan=Plan(method="FGSM")))
    assert len(names["found"]) == 2
    said = capsys.readouterr().out
    assert said.count("smallest epsilon in 8 bits: ") == said.count("the other network says") == 2
    for index, model in enumerate((names["first"], names["second"])):
        (smallest,) = smallest_rounded_epsilon(model, names["found"][index].x)
        assert f"8 bits: {255 * smallest:g}/255" in said


def test_recipes_with_seeds_import_torch():
    plan = Plan(random_start=True, steps=1)
    for code in (
        robustness.code(SMALL, "random", "coffee", plan=plan, target=7, trials={"mirror": 1.0}, through=None),
        transferability.code([(SMALL, "random", 7), (SMALL, "random", None)], "coffee", plan=Plan("l1_adam", steps=1)),
        transferability.code([(SMALL, "random", None)] * 2, "coffee", plan=plan),
    ):
        run(code)


# --- figures ----------------------------------------------------------------------------------------------------------


def test_a_change_and_the_difference_of_two_pictures_are_drawn_alike():
    before, after = pictures()
    drawn, scale = noise_picture(before, after)
    again, same = change_picture(after.astype(float) - before)
    assert scale == same == 127 / 3
    assert np.array_equal(np.asarray(drawn), np.asarray(again))
    fine, scale = change_picture(np.array([[[0.25, -0.5, 0.0]]]))
    assert scale == 254
    assert np.asarray(fine).tolist() == [[[192, 1, 128]]]
    assert change_picture(np.zeros((2, 2, 3)))[1] == 1


def test_the_report_is_one_figure_as_a_picture_and_as_a_page():
    row = ReportRow(*pictures(), "a cup $x^2$\nespresso, 95.1%", "tarantula, 99.9%\n" + "long " * 20, "linf 3/255")
    one, three = (report_figure([row] * count, "PGD", "Settings.\n" + "word " * 60) for count in (1, 3))
    assert one.get_figwidth() == three.get_figwidth()
    assert len(three.axes) == 9
    assert three.axes[1].get_title() == "noise × 42.3\nlinf 3/255"
    assert three.axes[2].get_title().splitlines()[1].endswith("…")
    assert np.array_equal(three.axes[0].images[0].get_array(), row.before)
    picture = Image.open(io.BytesIO(rendered(three, "png", dpi=50)))
    assert picture.size == tuple(int(50 * side) for side in three.get_size_inches())
    page = rendered(three, "pdf")
    assert page.startswith(b"%PDF")
    assert page.count(b"/Type /Page ") == 1
    assert page == rendered(report_figure([row] * 3, "PGD", "Settings.\n" + "word " * 60), "pdf")


def test_a_figure_of_four_by_four():
    cell = (pictures()[0], "Rotate: 30° · a cat\ntarantula, 99.8%\n→ tiger cat, 45.1%\nnever seen")
    figure = cells_figure([[cell] * 4] * 4, "heading", "caption", lines=3)
    assert len(figure.axes) == 16
    assert figure.axes[0].get_title().splitlines()[-1] == "→ tiger cat, 45.1%"
    figure.draw_without_rendering()
    tops = [axes.title.get_window_extent().y1 for axes in figure.axes[4::4]]
    above = [axes.get_window_extent().y0 for axes in figure.axes[:12:4]]
    assert all(title <= picture for title, picture in zip(tops, above, strict=True))


def test_no_title_leaves_its_picture():
    row = ReportRow(*pictures(), "W" * 60, "m" * 34 + "\n" + "i" * 90, "one two " * 9)
    figure = report_figure([row], "heading", "caption " * 50)
    figure.draw_without_rendering()
    assert all(axes.title.get_text().splitlines()[-1].endswith("…") for axes in figure.axes)
    boxes = [axes.title.get_window_extent() for axes in figure.axes]
    assert all(left.x1 <= right.x0 + 3 for left, right in pairwise(boxes))
    for box in (*boxes, *(text.get_window_extent() for text in figure.texts)):
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width


def test_a_sweep_lies_around_its_place():
    places = TRANSFORMS["rotate"].sweep(25, reach=60)
    assert (places[0], places[-1]) == (-60, 60)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_sweep_within_reach_lies_in_the_range_and_in_reach(name):
    transform = TRANSFORMS[name]
    for reach in (transform.step, 3 * transform.step, transform.high - transform.low):
        places = transform.sweep(9, reach)
        assert len(places) >= 2
        assert list(places) == sorted(set(places))
        assert all(transform.low <= place <= transform.high for place in places)
        assert all(abs(place - transform.identity) <= reach + 1e-9 for place in places)
        assert transform.identity in (places[0], places[-1], *places) or transform.both_ways
    assert transform.sweep(9) == transform.sweep(9, transform.high - transform.low)
