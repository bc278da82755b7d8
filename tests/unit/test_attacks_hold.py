"""What is said of an attack holds: for the 8-bit picture, for a network of any make, and when it is made again."""

import copy
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnlab_core.attacks import (
    Expectation,
    Threat,
    fgsm,
    l1_adam,
    log_probability_ascent,
    minimal_epsilon,
    normalised_probability_ascent,
    pgd,
    pgd_steps,
    probability_ascent,
    smallest_rounded_epsilon,
    universal,
)
from cnnlab_core.attacks.methods import METHODS, Plan
from cnnlab_core.attacks.minimal_epsilon import UNITS
from cnnlab_core.attacks.step_map import step_map
from cnnlab_core.attacks.sweep import sweep
from cnnlab_core.attacks.transforms import find_transform
from cnnlab_core.dream import class_logit, dream_steps, visualise
from cnnlab_core.errors import InputError, LabWarning
from cnnlab_core.models import load_model
from cnnlab_core.runtime.jobs import finish

ATTACKS = {
    "fgsm": lambda model, x: fgsm(model, x, eps=0.1),
    "pgd": lambda model, x: pgd(model, x, eps=0.1, steps=3),
    "probability ascent": lambda model, x: probability_ascent(model, x, target=0, eps=0.1, step_size=1.0, steps=2),
    "normalised": lambda model, x: normalised_probability_ascent(model, x, target=0, eps=0.1, steps=2),
    "log probability ascent": lambda model, x: log_probability_ascent(model, x, target=0, steps=2),
    "l1 adam": lambda model, x: l1_adam(model, x, steps=2),
    "smallest epsilon": lambda model, x: minimal_epsilon(model, x, iterations=9),
    "smallest epsilon in 8 bits": smallest_rounded_epsilon,
    "sweep": lambda model, x: sweep(model, x, eps=[0.0, 0.1]),
    "step map": lambda model, x: step_map(model, x, step_sizes=[0.01], steps=[1]),
    "universal": lambda model, x: universal(model, x, eps=0.1, epochs=1),
}
NORMS = st.sampled_from(["linf", "l2", "l1"])
LARGEST = {"linf": 0.2, "l2": 2.0, "l1": 20.0}


def network(seed=0, classes=4):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Dropout(0.5), nn.Flatten(),
                             nn.Linear(4 * 6 * 6, classes)).eval()  # fmt: skip


def pictures(count=4, seed=1, bits=8):
    x = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return (x * 255).round() / 255 if bits == 8 else x


# --- networks that an attack can't do with ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ATTACKS)
def test_a_single_logit_is_no_choice(name):
    with pytest.raises(InputError, match="at least two classes"):
        ATTACKS[name](network(classes=1), pictures())


@pytest.mark.parametrize("name", ATTACKS)
def test_a_model_that_gives_no_logits(name):
    model = network()
    for gives, kind in ((lambda x: (model(x), x), "tuple"), (lambda x: {"logits": model(x)}, "dict")):
        with pytest.raises(InputError, match=f"gives a {kind}"):
            ATTACKS[name](gives, pictures())
    with pytest.raises(InputError, match="NaN"):
        ATTACKS[name](lambda x: model(x) * float("nan"), pictures())
    with pytest.raises(InputError, match=r"too fine for torch\.float16"):
        ATTACKS[name](model, pictures().half())
    with pytest.raises(InputError, match=r"can't take pictures of shape \(4, 3, 9, 9\).*shapes cannot be multiplied"):
        ATTACKS[name](model, torch.rand(4, 3, 9, 9))


@pytest.mark.parametrize("name", ATTACKS)
def test_a_saturated_network_is_said_not_called_robust(name):
    model, x = network(), pictures()

    def saturated(pixels):
        return 0 * pixels.sum() + torch.tensor([[9.0, 0, 0, 1]]).expand(len(pixels), 4)

    with pytest.warns(LabWarning, match="gradient is zero everywhere for 4 of 4"):
        found = ATTACKS[name](saturated, x)
    if hasattr(found, "stuck"):
        assert found.stuck.tolist() == [True] * 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ATTACKS[name](model, x)
    assert not getattr(found, "stuck", torch.tensor(False)).any()


def test_only_the_pictures_without_a_gradient_are_stuck():
    weights = torch.randn(192, 3, generator=torch.Generator().manual_seed(0))

    def half_saturated(x):
        flat = x.flatten(1)
        return torch.where((flat.mean(1) > 0.5)[:, None], torch.tensor([5.0, 0.0, 0.0]), flat @ weights)

    x = torch.stack([torch.full((3, 8, 8), 0.9), torch.full((3, 8, 8), 0.1)])
    with pytest.warns(LabWarning, match="1 of 2"):
        assert pgd(half_saturated, x, eps=0.01, steps=2).stuck.tolist() == [True, False]
    assert not pgd(half_saturated, x, eps=0.01, steps=0).stuck.any()  # nobody asked for a gradient


# --- modes and seeds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ATTACKS)
def test_a_bare_module_in_training_mode_answers_as_in_eval_and_stays_as_it_was(name):
    model, x = network(), pictures()
    expected = ATTACKS[name](model, x)
    model.train()
    model[1].eval()
    before, modes = copy.deepcopy(model.state_dict()), [part.training for part in model.modules()]
    found = ATTACKS[name](model, x)
    assert [part.training for part in model.modules()] == modes
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), before.values(), strict=True))
    for part in ("x_adv", "eps", "logits", "delta"):
        if hasattr(found, part):
            assert torch.equal(torch.as_tensor(getattr(found, part)), torch.as_tensor(getattr(expected, part)))


def test_a_module_is_left_in_its_mode_by_an_attack_that_is_cut_off():
    model = network().train()
    steps = pgd_steps(model, pictures(), eps=0.1, steps=3)
    next(steps)
    assert all(part.training for part in model.modules())
    steps.close()
    assert all(part.training for part in model.modules())


def test_a_whole_number_is_a_seed_everywhere():
    model, x = network(), pictures()
    loaded, seen = load_model("cifar10_standard"), torch.rand(1, 3, 32, 32)
    jpeg = [(find_transform("noise"), 0.1)]
    for run in (
        lambda seed: pgd(model, x, eps=0.1, steps=1, random_start=True, generator=seed).x_adv,
        lambda seed: universal(model, x, eps=0.1, epochs=1, batch=2, generator=seed).delta,
        lambda seed: Threat.around(x, "l2", 1.0).random_start(seed),
        lambda seed: pgd(Expectation(model, jpeg, seed, 2), x, eps=0.1, steps=1).x_adv,
        lambda seed: finish(dream_steps(loaded, seen, class_logit(1), octaves=1, steps=2, generator=seed)).image,
        lambda seed: visualise(loaded, class_logit(1), size=32, steps=1, generator=seed).image,
    ):
        assert torch.equal(run(5), run(torch.Generator().manual_seed(5)))
        assert not torch.equal(run(5), run(6))


def test_levels_given_for_pixel_units_are_warned_of():
    model, x = network(), pictures()
    for run in (
        lambda levels: pgd(model, x, eps=levels, steps=1, step_size=0.01),
        lambda levels: fgsm(model, x, eps=levels),
        lambda levels: pgd(model, x, eps=0.01, steps=1, step_size=levels),
        lambda levels: sweep(model, x, eps=[levels]),
        lambda levels: universal(model, x, eps=levels, epochs=1),
    ):
        with pytest.warns(LabWarning, match=r"write 8 / 255"):
            run(8)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run(8 / 255)


# --- 8 bits ----------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**31 - 1), NORMS, st.floats(0.02, 1))
def test_the_rounded_picture_stays_in_the_ball(seed, norm, share):
    x, eps = pictures(2, seed), share * LARGEST[norm]
    threat = Threat.around(x, norm, eps)
    x_adv = threat.random_start(seed)
    rounded = threat.in_eight_bits(x_adv)
    assert torch.equal((rounded * 255).round() / 255, rounded)
    assert (threat.norm.size((rounded - x).double()) <= eps + 2e-6).all()
    assert ((rounded - x_adv).abs() < 1 / 255 + 1e-6).all()
    assert ((rounded - x).abs() <= (x_adv - x).abs() + 0.5 / 255 + 1e-6).all()


def test_half_a_level_is_rounded_towards_the_original():
    x = torch.full((1, 3, 8, 8), 100 / 255)
    for eps, left in ((8.5, 8), (8.0, 8), (7.9, 7), (0.7, 0)):
        threat = Threat.around(x, "linf", eps / 255)
        for sign in (1, -1):
            rounded = threat.in_eight_bits(x + sign * eps / 255)
            assert torch.allclose(rounded, x + sign * left / 255, atol=1e-6)


def test_no_more_is_turned_back_than_it_takes():
    x = torch.full((1, 3, 8, 8), 100 / 255)
    change = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) * 4 / 255
    for norm, order in (("l2", 2), ("l1", 1)):
        eps = torch.linalg.vector_norm(change.double(), order).item()
        rounded = Threat.around(x, norm, eps).in_eight_bits(x + change)
        size = torch.linalg.vector_norm((rounded - x).double(), order).item()
        assert eps - 8 / 255 < size <= eps + 1e-6


@given(st.integers(0, 1000), NORMS, st.floats(0.05, 1))
@settings(max_examples=15)
def test_claims_of_epsilon_hold_for_the_saved_picture(seed, norm, share):
    model, x, eps = network(), pictures(seed=seed), share * LARGEST[norm]
    for found in (pgd(model, x, eps=eps, norm=norm, steps=3), fgsm(model, x, eps=eps, norm=norm)):
        assert (getattr(found.rounded, norm) <= eps + 2e-6).all()
        assert torch.equal(found.x_adv_uint8.float() / 255, found.rounded.x_adv)
        assert torch.equal(found.success, model(found.rounded.x_adv).argmax(1) != model(x).argmax(1))
    swept = sweep(model, x, eps=[eps / 2, eps], norm=norm, method="pgd", steps=3)
    threat = Threat.around(x, norm, 0.0)
    for radius, saved, success in zip(swept.eps, swept.pictures, swept.success, strict=True):
        assert (threat.norm.size((saved / 255 - x).double()) <= radius + 2e-6).all()
        assert torch.equal(success, model(saved / 255).argmax(1) != model(x).argmax(1))
    cells = step_map(model, x, step_sizes=[eps / 2], steps=[2], norm=norm, eps=eps)
    assert (threat.norm.size((cells[0].pictures / 255 - x).double()) <= eps + 2e-6).all()
    changed = universal(model, x, eps=eps, norm=norm, epochs=1)
    assert (getattr(changed.rounded, norm) <= eps + 2e-6).all()


# --- the best step, and the smallest epsilon -------------------------------------------------------------------


def test_a_won_attack_is_not_moved_by_rounding_errors():
    """In float32 log P is 0 from a margin of about 17 on, and its gradient the rounding of P - 1: noise."""
    weights = torch.randn(192, generator=torch.Generator().manual_seed(0))

    def steep(x):
        z = 4 * x.flatten(1) @ weights
        noise = 1e-7 * torch.sin(1e4 * x).flatten(1).sum(1)
        return torch.stack([z - z.detach() + z.detach().clamp(-40, 40), noise], 1)

    x = torch.full((1, 3, 8, 8), 0.5)
    for norm, eps in (("linf", 0.1), ("l2", 2.0)):
        found = pgd(steep, x, 1, target=0, eps=eps, norm=norm, step_size=eps / 4, steps=30)
        best = found.history.p_target.max()
        assert best > 1 - 1e-6
        assert found.exact.probabilities[0, 0] >= best - 1e-6
    moves = [step.x_adv for step in pgd_steps(steep, x, 1, target=0, eps=0.1, step_size=0.02, steps=30)]
    assert torch.equal(moves[-1], moves[-2])


def test_pgd_begins_with_the_best_picture():
    assert METHODS["pgd"].plan().keep_best
    assert not METHODS["l1_adam"].plan().keep_best


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
@pytest.mark.parametrize(
    "method", ["fgsm", "pgd", Plan("pgd", steps=3, step_size=None, random_start=True, seed=3, keep_best=False)]
)
def test_the_smallest_epsilon_is_made_again_by_its_own_attack(method, norm):
    model, x = network(), pictures(6)
    plan = method if isinstance(method, str) else Plan(**{**vars(method), "norm": norm})
    found = minimal_epsilon(model, x, method=plan, iterations=12, **({"norm": norm} if isinstance(method, str) else {}))
    again = found.attack(model)
    assert torch.equal(again.x_adv, found.x_adv)
    known = torch.isfinite(found.eps)
    assert known.any()
    assert torch.equal(again.exact.success, known)
    assert torch.equal(again.success, found.rounded)
    assert (getattr(again.exact, norm)[known] <= found.eps[known] * (1 + 1e-5) + 1e-6).all()
    unit = UNITS[norm]
    for index, eps in enumerate(found.smallest_rounded):
        if eps is None:
            continue
        assert eps >= found.eps[index] - 1e-6 * unit
        assert eps / unit == pytest.approx(round(eps / unit), abs=1e-4)
        one = slice(index, index + 1)
        if not found.plan.draws:  # a random start is another one in another batch
            assert finish(found.plan.start(model, x[one], eps=eps)).success
            alone = smallest_rounded_epsilon(model, x[one], method=found.plan)[0]
            assert alone is None or alone <= eps + 1e-6


def test_no_epsilon_in_8_bits_above_the_highest():
    found = minimal_epsilon(network(), pictures(), highest=1e-4, iterations=9)
    assert found.smallest == found.smallest_rounded == [None] * 4
    wrong = minimal_epsilon(network(), pictures(), 99 % 4, iterations=9)
    assert [e for e, w in zip(wrong.smallest_rounded, wrong.wrong_before, strict=True) if w] == [0.0] * int(
        wrong.wrong_before.sum()
    )
