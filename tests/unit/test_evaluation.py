"""The report card's figures: intervals, calibration, the worst case of several attacks, hidden gradients."""

import csv
import io
import itertools
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from cnnlab_core.attacks import fgsm, pgd
from cnnlab_core.attacks.methods import METHODS
from cnnlab_core.attacks.transforms import TRANSFORMS, find_transform
from cnnlab_core.data import open_data
from cnnlab_core.errors import InputError
from cnnlab_core.evaluation import (
    Share,
    accuracy,
    ask,
    calibration,
    corruptions,
    ece_interval,
    evaluate,
    evaluate_steps,
    expected_seconds,
    fit_temperature,
    masked_gradients,
    robustness,
    robustness_steps,
    temperature_interval,
    wilson,
)
from cnnlab_core.evaluation.corruptions import strengths_of
from cnnlab_core.evaluation.pictures import check_labelled
from cnnlab_core.evaluation.robustness import FOOLED, FOOLED_IN_FLOATS, STANDS, STEPS, UNTRIED
from cnnlab_core.models import load_model
from cnnlab_core.runtime.jobs import finish


def drawn_logits(seed, count=200, classes=4, surer=2.0):
    """Logits whose classes are drawn from their own softmax, then times ``surer``: the best temperature is near it."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, (count, classes))
    odds = np.exp(logits)
    labels = np.array([generator.choice(classes, p=row / row.sum()) for row in odds])
    return logits * surer, labels


def small(classes=5, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        parts = nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(96, classes)
    return nn.Sequential(*parts).eval().requires_grad_(False)


def labelled(model, count=12, seed=1):
    """Pictures whose labels are the network's answers, but for every fourth."""
    x = (torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) * 255).round() / 255
    y = model(x).argmax(1)
    y[::4] = (y[::4] + 1) % 5
    return x, y


# --- accuracy -------------------------------------------------------------------------------------------------


@given(st.integers(1, 2000), st.floats(0, 1), st.sampled_from([0.5, 0.95, 0.99]))
def test_the_interval_is_scipy_s(of, share, level):
    right = round(share * of)
    expected = binomtest(right, of).proportion_ci(level, "wilson")
    found = wilson(right, of, level)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= found[0] <= right / of <= found[1] <= 1


def test_accuracy_by_class_and_the_surest_mistakes():
    logits, labels = drawn_logits(0)
    labels[labels == 2] = 1
    found = accuracy(logits, labels, most=3)
    hits = logits.argmax(1) == labels
    assert found.overall == Share(int(hits.sum()), 200)
    assert found.by_class[2] is None
    assert [share.value for share in found.by_class if share] == [hits[labels == k].mean() for k in (0, 1, 3)]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    surest = sorted(np.flatnonzero(~hits), key=lambda i: -p[i].max())[:3]
    assert [mistake["index"] for mistake in found.mistakes] == surest
    assert found.overall.interval == wilson(int(hits.sum()), 200)


# --- calibration ----------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 20), st.floats(0.3, 4))
def test_the_calibration_error_is_that_of_a_plain_loop(seed, bins, temperature):
    logits, labels = drawn_logits(seed, count=60)
    gap, loss = 0.0, 0.0
    rows = []
    for z, label in zip(logits.tolist(), labels.tolist(), strict=True):
        odds = [np.exp((value - max(z)) / temperature) for value in z]
        p = [value / sum(odds) for value in odds]
        rows.append((max(p), z.index(max(z)) == label))
        loss -= np.log(p[label]) / 60
    for k in range(bins):
        inside = [row for row in rows if k / bins < row[0] <= (k + 1) / bins]
        if inside:
            sure, hit = (sum(row[i] for row in inside) / len(inside) for i in (0, 1))
            gap += abs(sure - hit) * len(inside) / 60
    found = calibration(logits, labels, bins, temperature)
    assert found.ece == pytest.approx(gap, abs=1e-9)
    assert found.nll == pytest.approx(loss)
    assert sum(part.count for part in found.bins) == 60


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.floats(0.5, 5))
def test_the_temperature_is_the_likeliest(seed, surer):
    logits, labels = drawn_logits(seed, surer=surer)
    nll = minimize_scalar(lambda log_t: calibration(logits, labels, 1, float(np.exp(log_t))).nll, (-1, 1)).x
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(np.exp(nll), rel=1e-4)
    assert calibration(logits, labels, 15, found).nll <= calibration(logits, labels).nll


def test_no_temperature_is_best_where_all_is_right_or_wrong():
    logits = np.eye(4) * 3
    with pytest.raises(InputError, match="right, so the surer the likelier"):
        fit_temperature(logits, np.arange(4))
    with pytest.raises(InputError, match="less than guessing"):
        fit_temperature(logits, (np.arange(4) + 1) % 4)


def test_the_intervals_cover_the_truth():
    """Thirty draws of 200 labels from known odds: the error that the odds give, and the temperature that they have."""
    surer, temperatures, errors = 2.0, 0, 0
    everything = np.random.default_rng(0).normal(0, 1.5, (50_000, 4)) * surer
    sure, p = (np.exp(z) / np.exp(z).sum(1, keepdims=True) for z in (everything, everything / surer))
    place = np.ceil(sure.max(1) * 15)
    true = p[np.arange(len(p)), everything.argmax(1)]
    error = sum(abs((sure.max(1) - true)[place == k].sum()) for k in range(1, 16)) / len(p)
    for seed in range(30):
        logits, labels = drawn_logits(seed, surer=surer)
        low, high = temperature_interval(logits, labels)
        temperatures += low <= surer <= high
        low, high = ece_interval(logits, labels, draws=300)
        errors += low <= error <= high
        assert high - low < 0.2, "an interval that says something"
    assert temperatures >= 26
    assert errors >= 26


# --- robustness -----------------------------------------------------------------------------------------------


def test_the_worst_case_is_no_better_than_any_part_and_goes_on_from_where_it_was(monkeypatch):
    """Stopped after any step and gone on with, it ends as if it had never been."""
    for part in ("pictures", "robustness"):
        monkeypatch.setattr(sys.modules[f"cnnlab_core.evaluation.{part}"], "AT_ONCE", 5)
    model = small()
    x, y = labelled(model)
    whole = robustness(model, x, y, eps=0.03, seed=3)
    assert whole.names == ("PGD-20", "APGD-CE", "APGD-T", "Square")
    left = [whole.clean, *(whole.after(name) for name in whole.names)]
    assert whole.clean == Share(9, 12)
    assert all(later.right <= earlier.right for earlier, later in itertools.pairwise(left))
    assert 0 < whole.worst.right < whole.clean.right
    assert whole.worst == left[-1]
    assert whole.worst.right <= whole.worst_in_8_bits.right
    assert (whole.found[:, ~whole.right] == UNTRIED).all(), "what is wrong already is no merit of an attack"
    fallen = (whole.found == FOOLED).cumsum(0) - (whole.found == FOOLED) > 0
    assert (whole.found[fallen] == UNTRIED).all(), "only what stands goes on"
    assert set(np.unique(whole.found)) <= {UNTRIED, STANDS, FOOLED_IN_FLOATS, FOOLED}
    states = [step.latest for step in robustness_steps(model, x, y, eps=0.03, seed=3) if step.latest]
    seen = {state.found.tobytes(): state for state in states}
    assert len(seen) > 3
    for state in list(seen.values())[2::5]:
        again = finish(robustness_steps(model, x, y, eps=0.03, seed=3, so_far=state))
        assert np.array_equal(again.found, whole.found)
    with pytest.raises(InputError, match="begin anew"):
        robustness(model, x, y, eps=0.04, seed=3, so_far=whole)
    with pytest.raises(InputError, match="begin anew"):
        robustness(model, x.flip(3), y, eps=0.03, seed=3, so_far=whole)


def test_the_time_it_takes(monkeypatch):
    """A pass of 16 of 80 pictures, there and back, takes a second: three in four are right, and stand or fall."""
    pgd, ce, targeted, squares = STEPS.values()
    ticks = SimpleNamespace(perf_counter=itertools.count().__next__)
    monkeypatch.setattr(sys.modules["cnnlab_core.evaluation.robustness"], "time", ticks)
    model = small()
    x, y = labelled(model, 4)
    x, y = x.repeat(20, 1, 1, 1), y.repeat(20)
    others = ce + 4 * targeted + squares * 0.4
    assert expected_seconds(model, x, y, eps=1e-6) == pytest.approx(0.75 * 80 / 16 * (pgd + others))
    assert expected_seconds(model, x, y, eps=0.5) == pytest.approx(0.75 * 80 / 16 * pgd)


def test_of_large_pictures_and_of_many_classes_few_are_asked_about_at_once():
    def at_once(side, classes):
        labels = torch.arange(2)
        return check_labelled(lambda x: torch.zeros(len(x), classes), torch.zeros(2, 3, side, side), labels).at_once

    assert [at_once(32, 10), at_once(64, 100), at_once(32, 1000), at_once(224, 10), at_once(600, 10)] == [
        50,
        50,
        5,
        4,
        1,
    ]


def test_a_measurement_of_what_does_not_fit_is_a_sentence():
    model = small()
    x, y = labelled(model)
    for measure in (ask, robustness, masked_gradients, expected_seconds, corruptions):
        for pictures, labels, words in (
            (x, torch.full((12,), 2), "All pictures are of class 2"),
            (x, y[:3], "12 pictures, so it takes 12 labels"),
            (x, y + 3, "Classes run from 0 to 4"),
            (x[:, :2], y, "can't take pictures"),
            (x[:0], y[:0], "at least one"),
            (x.repeat(900, 1, 1, 1), y.repeat(900), "are measured at most"),
        ):
            with pytest.raises(InputError, match=words):
                measure(model, pictures, labels)
    for measure in (robustness, masked_gradients):
        with pytest.raises(InputError, match="names none of these 12 pictures right"):
            measure(model, x, (model(x).argmax(1) + 1 + torch.arange(12) % 2) % 5)


# --- corruptions ----------------------------------------------------------------------------------------------


def test_severities_grow_within_the_range():
    for transform in TRANSFORMS.values():
        strengths = strengths_of(transform)
        assert 1 <= len(strengths) <= 5
        away = [abs(strength - transform.identity) for strength in strengths]
        assert away == sorted(set(away))
        assert away[0] > 0
        assert strengths == tuple(map(transform.check, strengths))
    assert strengths_of(find_transform("rotate")) == (12, 24, 36, 48, 60)
    assert strengths_of(find_transform("mirror")) == (1,)


def test_a_network_that_looks_at_the_mean_does_not_mind_the_mirror_but_the_light():
    """The class is how bright a picture is: in the mirror every answer stays; dimmed to nothing all say the darkest."""

    def model(x):
        return -((x.mean((1, 2, 3))[:, None] - torch.tensor([0.2, 0.5, 0.8])) ** 2)

    x = torch.tensor([0.2, 0.5, 0.8, 0.8])[:, None, None, None].expand(4, 3, 8, 8).clone()
    x[:, :, :, ::2] += 0.1
    y = torch.tensor([0, 1, 2, 1])
    found = {(row.name, row.severity): row for row in corruptions(model, x, y, transforms=("mirror", "brightness"))}
    assert len(found) == 6
    assert found["mirror", 1].same == Share(4, 4)
    assert found["mirror", 1].right == Share(3, 4)
    dark = found["brightness", 5]
    expected = [
        model((x * dark.strength / 100 * 255).round() / 255).argmax(1) == other for other in (y, model(x).argmax(1))
    ]
    assert [dark.right.right, dark.same.right] == [int(part.sum()) for part in expected]
    assert dark.same.right < 4
    assert dark.title == "Brightness: 40 %"
    with pytest.raises(InputError, match="no transform called"):
        corruptions(model, x, y, transforms=("fog",))


def test_pictures_are_changed_together_as_they_are_alone():
    """Each picture as the transform alone would change it, the draws one after another."""
    model = small()
    x, y = labelled(model, 4)
    for row in corruptions(model, x, y, seed=5):
        chance = torch.Generator().manual_seed(5)
        changed = torch.cat([find_transform(row.name)(one, row.strength, chance) for one in x.split(1)])
        said = model((changed * 255).round() / 255).argmax(1)
        wanted = [int((said == other).sum()) for other in (y, model(x).argmax(1))]
        assert [row.right.right, row.same.right] == wanted, row.title


# --- gradients that hide --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    model, pictures = load_model("glass_digits", device="cpu"), open_data("digits").read_test()
    return model, pictures.images[::130].permute(0, 3, 1, 2).float() / 255, pictures.labels[::130]


MASKS = {
    "an honest network": (lambda model: model, set()),
    "quantised input": (
        lambda model: lambda x: model((x * 4).round() / 4),
        {"zero gradient", "wide ball", "black box"},
    ),
    "saturated logits": (lambda model: lambda x: 1e5 * model(x), {"zero gradient", "wide ball", "black box"}),
    "random noise inside": (lambda model: NoiseInside(model), {"random"}),
}


class NoiseInside:
    def __init__(self, model):
        self.model, self.generator = model, torch.Generator().manual_seed(0)

    def __call__(self, x):
        return self.model((x + 0.3 * torch.randn(x.shape, generator=self.generator)).clamp(0, 1))


@pytest.mark.filterwarnings("ignore:The gradient is zero")
@pytest.mark.parametrize("mask", MASKS)
def test_a_network_that_hides_its_gradient_is_found_out(digits, mask):
    model, x, y = digits
    wrap, signs = MASKS[mask]
    found = {check.name: check for check in masked_gradients(wrap(model), x, y, eps=0.2)}
    assert list(found) == ["random", "zero gradient", "more steps", "wide ball", "black box"]
    named = {name for name, check in found.items() if not check.clear}
    assert named >= signs, [check.sentence for check in found.values()]
    assert mask != "an honest network" or not named
    words = {"random": "chance inside", "zero gradient": "rounding", "wide ball": "plain grey", "black box": "only"}
    assert all(words[name] in found[name].sentence for name in signs)


@pytest.mark.filterwarnings("ignore:The gradient is zero")
def test_of_a_network_without_a_gradient_square_alone_finds_something_and_it_is_said():
    model = small()
    x, y = labelled(model)
    found = robustness(lambda x: model(x.detach()), x, y, eps=0.1)
    assert found.names[-1] == "Square"
    assert set(np.unique(found.found[:-1])) == {UNTRIED, STANDS}
    assert 0 < found.worst.right < found.clean.right
    checks = {check.name: check for check in masked_gradients(lambda x: model(x.detach()), x, y, eps=0.1)}
    assert {name for name, check in checks.items() if not check.clear} == {"zero gradient", "wide ball", "black box"}
    assert "9 of 9 pictures" in checks["zero gradient"].sentence
    assert expected_seconds(lambda x: model(x.detach()), x, y, eps=0.1) > 0


def test_checks_do_not_try_again_what_robustness_tried(digits):
    """Only five steps of PGD and the wide ball are asked for; what is said is of what was found."""
    model, x, y = digits
    known = robustness(model, x, y, eps=0.2)
    right, exact = known.right, (known.found >= FOOLED_IN_FLOATS)[:, known.right]
    sizes = []

    def counting(pictures):
        sizes.append(len(pictures))
        return model(pictures)

    checks = {check.name: check for check in masked_gradients(counting, x, y, eps=0.2, known=known)}
    assert f"20 steps of PGD fool the network on {exact[0].sum()} of {right.sum()} " in checks["more steps"].sentence
    left = ~exact[:-1].any(0)
    said = f"on {(exact[-1] & left).sum()} of the {left.sum()} pictures" if left.any() else "leave no picture"
    assert said in checks["black box"].sentence
    assert sum(sizes) < 20 * len(x)
    with pytest.raises(InputError, match=f"what is known is of {len(x)}"):
        masked_gradients(model, x[:5], y[:5], eps=0.2, known=known)


def test_a_network_with_ripples_in_its_gradient_is_found_out():
    """The class is how bright a picture is, with ripples of a tenth: the first one catches short steps, not long ones.

    From 0.3 the ripple's top at 0.33 counts as 0.38; in the ball of 0.25, at 0.55, there is the other class.
    """

    def model(x):
        mean = x.mean((1, 2, 3))[:, None]
        seen = mean + 0.05 * torch.sin(2 * torch.pi * (mean - 0.3) / 0.1)
        return -((seen - torch.tensor([0.3, 0.7])) ** 2)

    y = torch.arange(8) % 2
    x = (0.3 + 0.4 * y)[:, None, None, None].expand(8, 3, 8, 8).contiguous()
    found = {check.name: check for check in masked_gradients(model, x, y, eps=0.25)}
    assert found["random"].clear
    assert found["zero gradient"].clear
    assert not found["more steps"].clear
    assert "20 steps of PGD fool the network on 0 of 8 pictures, but 5 steps on 8: " in found["more steps"].sentence
    assert "leads astray" in found["more steps"].sentence


# --- several attacks on a loader ----------------------------------------------------------------------------------


def test_a_whole_loader_as_in_a_loop_by_hand():
    """Whatever its batches are, and whether memory is enough for them."""
    model = small()
    x, y = labelled(model, count=14)
    plan = METHODS["pgd"].plan(steps=3, step_size=0.01, norm="l2")
    eps = (0.02, 0.3)
    by_hand = {"steps": 3, "step_size": 0.01, "norm": "l2", "keep_best": True}
    expected = []
    for attack, more in ((fgsm, {}), (pgd, by_hand)):
        for e in eps:
            results = [attack(model, x[i : i + 1], y[i : i + 1], eps=e, **more) for i in range(len(x))]
            wrong = [bool(result.wrong_before) for result in results]
            exact, rounded = (
                sum(not (bad or bool(success)) for bad, success in zip(wrong, way, strict=True))
                for way in ([r.exact.success for r in results], [r.success for r in results])
            )
            expected.append((exact, rounded))
    assert len(set(expected)) > 1

    def short_of_memory(x):
        if len(x) > 3:
            raise torch.OutOfMemoryError
        return model(x)

    as_bytes = (x * 255).round().to(torch.uint8)
    for network, loader in (
        (model, DataLoader(TensorDataset(x, y), batch_size=5)),
        (short_of_memory, [(x[:8], y[:8].tolist()), (as_bytes[8:], y[8:])]),
    ):
        found = evaluate(network, loader, ["fgsm", plan], eps=eps)
        assert [
            (found.after(attack, index).right, found.after(attack, index, in_8_bits=True).right)
            for attack in (0, 1) for index in (0, 1)
        ] == expected  # fmt: skip
        assert found.clean == Share(int((model(x).argmax(1) == y).sum()), 14)
        rows = list(csv.DictReader(io.StringIO(found.table())))
        assert [row["attack"] for row in rows] == ["none", *["FGSM"] * 2, *["PGD"] * 2, *["all of them"] * 2]
        assert float(rows[1]["accuracy"]) == pytest.approx(expected[0][0] / 14)
        assert found.after(None, 1).right <= min(expected[1][0], expected[3][0])
        assert len(repr(found)) < 1000
        assert found._repr_html_().count("<tr>") == len(rows) + 1
    shares = [step.share for step in evaluate_steps(model, [(x, y)] * 2, ["fgsm"], eps=eps)]
    assert shares == sorted(shares)


def test_a_loader_that_is_none_gets_a_sentence():
    model = small()
    x, y = labelled(model)
    for loader, says in (
        ([], "no pictures"),
        ([x], "gives pairs"),
        ([(x, y + 9)], "Classes run"),
        (3, "gives batches"),
    ):
        with pytest.raises(InputError, match=says):
            evaluate(model, loader, ["fgsm"])
    with pytest.raises(InputError, match="DeepFool has no epsilon"):
        evaluate(model, [(x, y)], ["deepfool"])
