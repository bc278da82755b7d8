"""The studies of robustness, the report, universal perturbations and transferability."""

import csv
import io
import math
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab_core.attacks import fgsm, minimal_epsilon, universal
from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.minimal_epsilon import minimal_epsilon_steps
from cnnlab_core.attacks.result import View
from cnnlab_core.attacks.studies.attack import attack_picture_steps
from cnnlab_core.attacks.studies.report import (
    MOST_ROWS,
    report_rows,
    report_rows_steps,
    report_table,
    rows_under_transforms,
    transforms_table,
)
from cnnlab_core.attacks.studies.robustness import UNTOUCHED, outcome, robustness_table, under_transforms_steps
from cnnlab_core.attacks.studies.transferability import pass_on
from cnnlab_core.attacks.studies.universal import universal_change_steps, universal_table
from cnnlab_core.attacks.targets import choose_target
from cnnlab_core.attacks.transforms import TRANSFORMS
from cnnlab_core.errors import InputError
from cnnlab_core.images import in_eight_bits, open_image, sample_images, to_tensor
from cnnlab_core.models import load_model
from cnnlab_core.runtime.jobs import finish

QUICK = Plan(steps=3, eps=8 / 255, step_size=4 / 255)


@pytest.fixture(scope="module")
def model():
    return load_model("efficientnet_lite0")


@pytest.fixture(scope="module")
def x(model):
    pictures = [open_image(sample_images()[name].content) for name in ("chelsea", "coffee", "rocket")]
    return torch.cat([model.prepare(picture) for picture in pictures])


@pytest.fixture(scope="module")
def fooled(model, x):
    return finish(attack_picture_steps(model, x[:1], QUICK, 76))


def names(view_class, classes=4):
    """A view of a picture that is named so."""
    logits = np.zeros(classes)
    logits[view_class] = 5.0
    return View(np.zeros((2, 2, 3), np.uint8), logits)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


# --- robustness -------------------------------------------------------------------------------------------------------


def test_every_transform_is_what_the_network_says_of_the_rounded_picture(model, fooled):
    pictures = [fooled.clean.view().pixels, fooled.rounded.view().pixels]
    trials = [(UNTOUCHED, 0.0), *((name, transform.default) for name, transform in TRANSFORMS.items())]
    steps = list(under_transforms_steps(model, pictures, trials))
    assert [(step.name, step.strength) for step in steps] == trials
    assert steps[0].title == "Untouched"
    assert steps[3].title == "Rotate: 30°"
    for step in steps:
        for pixels, view in zip(pictures, step.views, strict=True):
            picture = Image.fromarray(pixels)
            held = TRANSFORMS[step.name].on_picture(picture, step.strength) if step.name else picture
            assert np.array_equal(view.pixels, np.asarray(held))
            with torch.no_grad():
                alone = model(to_tensor(held))[0].double().numpy()
            assert np.abs(view.logits - alone).max() < 1e-3


def test_pictures_side_by_side_meet_the_same_noise(model, fooled):
    (noisy,) = finish(under_transforms_steps(model, [fooled.clean.view().pixels] * 2, [("noise", 20)]))
    plain, blurred = finish(under_transforms_steps(model, [fooled.clean.view().pixels], [UNTOUCHED, "blur"]))
    assert (plain.title, blurred.title) == ("Untouched", "Blur: 1.5 px")
    assert np.array_equal(noisy.views[0].pixels, noisy.views[1].pixels)


@pytest.mark.parametrize(
    ("clean", "attacked", "target", "expected"),
    [
        (0, 2, 2, "survives"),
        (1, 2, 2, "survives"),  # the transform misleads, but elsewhere
        (2, 2, 2, "no merit"),
        (0, 0, 2, "undone"),
        (1, 1, 2, "undone"),  # misled by the transform alone
        (1, 0, 2, "undone"),  # right again
        (0, 3, 2, "astray"),
        (0, 2, None, "survives"),
        (1, 2, None, "survives"),
        (1, 1, None, "undone"),
        (1, 0, None, "undone"),
        (0, 0, None, "undone"),
    ],
)
def test_the_outcome_of_an_attack(clean, attacked, target, expected):
    assert outcome(names(clean), names(attacked), 0, target) == expected


def test_an_unknown_transform_or_strength_is_a_sentence(model, fooled):
    for trial in (("melt", 1.0), ("jpeg", 0.5), ("noise", math.nan)):
        with pytest.raises(InputError):
            finish(under_transforms_steps(model, [fooled.clean.view().pixels], [trial]))


def test_the_table_of_robustness(model, fooled):
    found = finish(
        under_transforms_steps(
            model, [fooled.clean.view().pixels, fooled.rounded.view().pixels], [(UNTOUCHED, 0), ("jpeg", 50)]
        )
    )
    rows = rows_of(robustness_table(found, ("clean", "adversarial"), model.categories, int(fooled.goal.y), 76))
    assert [(row["transform"], row["picture"]) for row in rows] == [
        ("none", "clean"), ("none", "adversarial"), ("jpeg", "clean"), ("jpeg", "adversarial"),
    ]  # fmt: skip
    view = found[1].views[1]
    assert rows[3]["label"] == model.categories[view.best]
    assert float(rows[3]["p_target"]) == pytest.approx(view.probability(76), rel=1e-5)
    assert [row["outcome"] for row in rows] == ["", "survives", "", outcome(*found[1].views, int(fooled.goal.y), 76)]


# --- the report -----------------------------------------------------------------------------------------------------


def test_a_report_is_each_picture_towards_each_target(model):
    pictures = [(name, open_image(sample_images()[name].content)) for name in ("chelsea", "coffee")]
    aims = (282, "least likely", None)
    rows = report_rows(model, pictures, aims, QUICK)
    assert [(row.picture, row.aim) for row in rows] == [(name, aim) for name, _ in pictures for aim in aims]
    assert rows[0].found is None  # the cat is a tiger cat
    assert "tiger cat" in rows[0].problem
    prepared = model.prepare(pictures[1][1])
    with torch.no_grad():
        least = choose_target(model(prepared)[0].double().numpy(), "least likely")
    for row, target in zip(rows[3:], (282, least, None), strict=True):
        alone = finish(attack_picture_steps(model, prepared, QUICK, target))
        assert row.found.target == target
        assert np.array_equal(row.found.after.pixels, alone.rounded.view().pixels)
        assert row.found.distances == alone.rounded.distances()
    table = rows_of(report_table(rows, model.categories))
    assert len(table) == 6
    assert "tiger cat" in table[0]["problem"]
    assert table[3]["label_before"] == "espresso"
    assert float(table[3]["linf_255"]) <= 8
    assert table[5]["target_label"] == "any other class"


def test_a_stopped_report_goes_on_behind_its_rows(model):
    pictures = [(name, open_image(sample_images()[name].content)) for name in ("chelsea", "coffee")]
    plan = Plan("fgsm")
    whole = report_rows(model, pictures, (76,), plan)
    steps = report_rows_steps(model, pictures, (76,), plan)
    begun = next(step.latest for step in steps if step.latest)
    steps.close()
    rest = report_rows_steps(model, pictures, (76,), plan, known=begun)
    first = next(rest)
    assert first.latest == begun
    assert first.share >= 0.5
    rows = finish(rest)
    assert rows[0] is begun[0]
    assert all(
        np.array_equal(one.found.after.pixels, other.found.after.pixels) for one, other in zip(rows, whole, strict=True)
    )


def test_progress_of_a_report_only_grows(model):
    pictures = [(name, open_image(sample_images()[name].content)) for name in ("chelsea", "coffee")]
    shares = [step.share for step in report_rows_steps(model, pictures, (76,), QUICK)]
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize("aims", [(), tuple(range(MOST_ROWS + 1))])
def test_a_report_of_nothing_or_too_much_is_a_sentence(model, aims):
    with pytest.raises(InputError, match="rows"):
        next(report_rows_steps(model, [("cat", open_image(sample_images()["chelsea"].content))], aims, QUICK))


def test_each_picture_can_have_a_target_of_its_own(model):
    pictures = [(name, open_image(sample_images()[name].content)) for name in ("chelsea", "coffee")]
    rows = report_rows(model, pictures, (76, 1), QUICK, paired=True)
    assert [(row.picture, row.found.target) for row in rows] == [("chelsea", 76), ("coffee", 1)]
    (alone,) = report_rows(model, pictures[1:], (1,), QUICK)
    assert np.array_equal(rows[1].found.after.pixels, alone.found.after.pixels)
    with pytest.raises(InputError, match="2 pictures and 1 targets"):
        next(report_rows_steps(model, pictures, (76,), QUICK, paired=True))


def test_a_report_under_the_homeworks_transforms(model):
    pictures = [(name, open_image(sample_images()[name].content)) for name in ("chelsea", "coffee")]
    rows = report_rows(model, pictures, (282, 76), QUICK)  # the cat is a tiger cat: one row less
    under = rows_under_transforms(model, rows)
    assert [trial.title for trial in under[0]] == [
        "Untouched",
        "Mirror: on",
        "Crop: 80 %",
        "Rotate: 30°",
        "Grayscale: 100 %",
    ]
    kept = [row for row in rows if row.found]
    assert len(under) == len(kept) == 3
    table = rows_of(transforms_table(rows, under, model.categories))
    assert len(table) == 12
    for row, trials, lines in zip(kept, under, (table[:4], table[4:8], table[8:]), strict=True):
        assert [view.best for view in trials[0].views] == [row.found.before.best, row.found.after.best]
        assert np.array_equal(trials[1].views[1].pixels, row.found.after.pixels[:, ::-1])
        for trial, line in zip(trials[1:], lines, strict=True):
            turned = TRANSFORMS[trial.name].on_picture(Image.fromarray(row.found.after.pixels))
            with torch.no_grad():
                shares = model(to_tensor(turned)).softmax(1)[0]
            assert line["adversarial_transformed"] == model.categories[int(shares.argmax())]
            assert float(line["p_adversarial_transformed"]) == pytest.approx(float(shares.max()), rel=1e-3)
            assert float(line["p_adversarial"]) == pytest.approx(
                row.found.after.probability(row.found.after.best), rel=1e-5
            )
            assert line["outcome"] == outcome(*trial.views, y=row.found.y, target=row.found.target)


# --- universal --------------------------------------------------------------------------------------------------------


def test_one_change_is_the_universal_attack_on_those_it_is_made_on(model, x):
    seen = (True, False, True)
    steps = []
    job = universal_change_steps(model, x, seen, eps=8 / 255, epochs=2, seed=3)
    while True:
        try:
            steps.append(next(job))
        except StopIteration as stop:
            found = stop.value
            break
    alone = universal(model, x[[0, 2]], eps=8 / 255, epochs=2, batch=8, generator=torch.Generator().manual_seed(3))
    assert torch.equal(found.delta, alone.delta)
    assert found.rounded.predicted[found.seen].tolist() == alone.rounded.predicted.tolist()
    assert np.allclose(found.losses, [step.loss for step in steps])
    assert (steps[0].delta == 0).all()
    assert found.delta.abs().max() <= 8 / 255 + 1e-7
    other = in_eight_bits((x[1:2] + alone.delta).clamp(0, 1))
    assert np.array_equal(found.rounded.view(1).pixels, (other[0] * 255).round().byte().permute(1, 2, 0).numpy())
    fooled = (found.rounded.predicted != found.clean.predicted).tolist()
    assert found.count(seen=True) == (fooled[0] + fooled[2], 2)
    assert found.count(seen=False) == (fooled[1], 1)
    rows = rows_of(universal_table(found, ("cat", "=cup", "rocket"), model.categories))
    assert [row["made_on_it"] for row in rows] == ["True", "False", "True"]
    assert rows[1]["picture"] == "'=cup"


def test_with_a_target_only_the_target_counts(model, x):
    espresso = 967  # which the cup is already
    found = finish(universal_change_steps(model, x[:2], (True, False), eps=1 / 255, epochs=1, target=espresso))
    assert found.clean.success.tolist() == [False, True]
    assert found.rounded.success[0] == (found.rounded.predicted[0] == espresso)


def test_nothing_to_make_it_on_is_a_sentence(model, x):
    with pytest.raises(InputError, match="at least one"):
        next(universal_change_steps(model, x, (False,) * 3, eps=0.1))


# --- transferability --------------------------------------------------------------------------------------------------


def test_a_picture_is_passed_on_as_it_is(model, fooled):
    passed = pass_on(model, fooled.clean.view().pixels, fooled.rounded.view().pixels)
    assert np.array_equal(passed.clean.pixels, fooled.clean.view().pixels)
    assert np.abs(passed.clean.logits - fooled.clean.view().logits).max() < 1e-3
    assert passed.adversarial.best == fooled.rounded.predicted
    assert passed.reached(76) == bool(fooled.success)
    assert passed.reached(None) == bool(fooled.rounded.predicted != fooled.clean.predicted)


def test_a_picture_of_another_size_is_prepared(model, fooled):
    small = np.asarray(Image.fromarray(fooled.clean.view().pixels).resize((96, 96)))
    passed = pass_on(model, small, small)
    with torch.no_grad():
        expected = model(model.prepare(Image.fromarray(small)))[0].double().numpy()
    assert passed.clean.pixels.shape == (224, 224, 3)
    assert np.array_equal(passed.clean.logits, expected)
    assert not passed.reached(None)


def test_the_smallest_epsilon_is_where_fgsm_turns(model, x):
    eps = minimal_epsilon(model, x[:1]).eps.item()
    assert 0 < eps < 4 / 255
    assert fgsm(model, x[:1], eps=eps).exact.success.item()
    assert not fgsm(model, x[:1], eps=0.9 * eps).exact.success.item()


def test_jobs_can_be_cut_off_anywhere_and_leave_the_model_alone(model, x, fooled):
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    state = torch.get_rng_state()
    for job in (
        under_transforms_steps(model, [fooled.clean.view().pixels], [("noise", 8), ("jpeg", 40)]),
        report_rows_steps(model, [("cat", open_image(sample_images()["chelsea"].content))], (76, 3), QUICK),
        universal_change_steps(model, x, (True,) * 3, eps=0.03),
        minimal_epsilon_steps(model, x[:1]),
    ):
        assert len(list(islice(job, 2))) == 2
        job.close()
    assert torch.equal(torch.get_rng_state(), state)
    after = model.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in model.network.parameters())
