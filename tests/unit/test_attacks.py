"""The attacks: closed forms, finite differences, and what they leave alone."""

import copy
import itertools
import sys
import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnlab_core.attacks import (
    Expectation,
    apgd_steps,
    carlini_wagner_steps,
    deepfool_steps,
    fgsm,
    fgsm_steps,
    l1_adam,
    l1_adam_steps,
    log_probability_ascent,
    log_probability_ascent_steps,
    minimal_epsilon,
    minimal_epsilon_steps,
    normalised_probability_ascent,
    normalised_probability_ascent_steps,
    pgd,
    pgd_steps,
    probability_ascent,
    probability_ascent_steps,
    smallest_rounded_epsilon,
    smallest_rounded_epsilon_steps,
    square_steps,
    universal,
    universal_steps,
)
from cnnlab_core.attacks.objective import LOSSES, Goal
from cnnlab_core.attacks.step_map import step_map
from cnnlab_core.attacks.sweep import sweep
from cnnlab_core.attacks.transforms import find_transform
from cnnlab_core.errors import InputError
from cnnlab_core.images import to_uint8

SEEDS = st.integers(0, 2**31 - 1)
ATTACKS = {
    "fgsm": lambda model, x, **more: fgsm_steps(model, x, eps=0.05, **more),
    "pgd": lambda model, x, **more: pgd_steps(model, x, eps=0.05, step_size=0.02, steps=4, **more),
    "pgd with momentum": lambda model, x, **more: pgd_steps(
        model, x, eps=0.05, step_size=0.02, steps=4, momentum=0.5, **more
    ),
    "pgd l2": lambda model, x, **more: pgd_steps(model, x, eps=0.5, steps=4, norm="l2", **more),
    "pgd l1": lambda model, x, **more: pgd_steps(model, x, eps=3.0, steps=4, norm="l1", **more),
    "probability ascent": lambda model, x, **more: probability_ascent_steps(
        model, x, eps=0.05, step_size=10.0, steps=4, **{"target": next_class(model, x), **more}
    ),
    "normalised probability ascent": lambda model, x, **more: normalised_probability_ascent_steps(
        model, x, eps=0.05, step_size=0.3, steps=4, **{"target": next_class(model, x), **more}
    ),
    "log probability ascent": lambda model, x, **more: log_probability_ascent_steps(
        model, x, steps=4, **{"target": next_class(model, x), **more}
    ),
    "apgd": lambda model, x, **more: apgd_steps(model, x, eps=0.05, steps=4, random_start=False, **more),
    "apgd l2 dlr": lambda model, x, **more: apgd_steps(
        model, x, eps=0.5, steps=4, norm="l2", loss="dlr", random_start=False, **more
    ),
    "square": lambda model, x, **more: square_steps(model, x, eps=0.05, steps=60, generator=0, **more),
    "deepfool": lambda model, x, **more: deepfool_steps(model, x, steps=4, **more),
    "carlini wagner": lambda model, x, **more: carlini_wagner_steps(
        model, x, **{"steps": 4, "searches": 2, "kappa": 9.0, "learning_rate": 0.1, **more}
    ),
    "l1 adam": lambda model, x, **more: l1_adam_steps(model, x, steps=4, **{"target": next_class(model, x), **more}),
}


def small_network(seed=0, classes=5):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.Tanh(), nn.Conv2d(6, 8, 3), nn.BatchNorm2d(8), nn.Tanh(), nn.Flatten()
        )
        network.append(nn.Linear(8 * 4 * 4, classes))
    return network.eval().double()


def next_class(model, x):
    """A target for each picture that isn't its class."""
    logits = model(x)
    return (logits.argmax(-1) + 1) % logits.shape[1]


def pictures(count=3, seed=1):
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def run(steps):
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


class Linear:
    """Two classes, logits 0 and w·x + b: every attack has a closed form."""

    def __init__(self, seed, inside=True):
        generator = torch.Generator().manual_seed(seed)
        self.w = torch.randn(3 * 4 * 4, generator=generator, dtype=torch.float64)
        size = (torch.rand(1, 3, 4, 4, generator=generator, dtype=torch.float64) - 0.5) * (0.4 if inside else 1)
        self.x = 0.5 + size
        self.b = -(self.w @ self.x.flatten()) + 0.3  # class 1 by 0.3

    def __call__(self, x):
        score = x.flatten(1) @ self.w.to(x.dtype) + self.b
        return torch.stack([torch.zeros_like(score), score], 1)

    def optimum(self, norm, eps):
        """The farthest the score can fall in the ball: the pictures stay inside the box for small eps."""
        if norm == "linf":
            change = -eps * self.w.sign()
        elif norm == "l2":
            change = -eps * self.w / self.w.norm()
        else:
            change = torch.zeros_like(self.w)
            largest = self.w.abs().argmax()
            change[largest] = -eps * self.w[largest].sign()
        return self.x + change.view_as(self.x)

    def smallest(self, norm):
        order = {"linf": 1, "l2": 2, "l1": torch.inf}[norm]
        return 0.3 / torch.linalg.vector_norm(self.w, order)


# --- closed forms -----------------------------------------------------------------------------------------------------


@given(SEEDS, st.sampled_from(["linf", "l2", "l1"]), st.floats(0.001, 0.25))
def test_on_a_linear_model_one_step_is_the_optimum(seed, norm, eps):
    model = Linear(seed)
    best = model.optimum(norm, eps)
    assert torch.allclose(fgsm(model, model.x, 1, eps=eps, norm=norm).x_adv, best, atol=1e-12)
    many = pgd(model, model.x, 1, eps=eps, step_size=eps / 3, steps=5, norm=norm)
    assert torch.allclose(many.x_adv, best, atol=1e-12)


@given(SEEDS, st.floats(0.05, 1))
def test_at_the_border_of_the_box_the_optimum_is_clipped(seed, eps):
    model = Linear(seed, inside=False)
    found = pgd(model, model.x, 1, eps=eps, step_size=eps / 2, steps=4).x_adv
    assert torch.allclose(found, model.optimum("linf", eps).clamp(0, 1), atol=1e-12)


@settings(max_examples=30)
@given(SEEDS, st.sampled_from(["linf", "l2", "l1"]), st.sampled_from(["fgsm", "pgd"]))
def test_the_minimal_epsilon_of_a_linear_model(seed, norm, method):
    model = Linear(seed)
    highest = {"linf": 0.2, "l2": 0.5, "l1": 0.25}[norm]
    expected = model.smallest(norm)
    found = minimal_epsilon(model, model.x, 1, norm=norm, method=method, highest=highest, iterations=30, steps=3)
    if expected > highest:
        assert torch.isinf(found.eps)
    else:
        assert abs(found.eps.item() - expected) <= 1e-6
        assert model(found.x_adv)[0, 1] <= 0
        assert not found.wrong_before


@given(SEEDS, st.sampled_from(LOSSES), st.booleans())
@settings(max_examples=15)
def test_every_loss_has_the_gradient_of_its_finite_differences(seed, loss, targeted):
    network, x = small_network(seed), pictures(2, seed)
    y = network(x).argmax(-1)
    goal = Goal(y, (y + 1) % 5 if targeted else None, loss)
    assert torch.autograd.gradcheck(lambda p: goal.value(network(p)), x.requires_grad_(), eps=1e-6, atol=1e-6)


@pytest.mark.parametrize("targeted", [False, True])
def test_the_losses_are_what_they_are_called(targeted):
    logits = torch.randn(4, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    y, target = torch.tensor([0, 1, 2, 3]), torch.tensor([4, 4, 4, 4])
    chosen, sign = (target, 1) if targeted else (y, -1)
    p = logits.softmax(-1)[range(4), chosen]

    def ratio(z, true, target):  # equations 6 and 7
        first, _, third, fourth, _ = sorted(z, reverse=True)
        if targeted:
            return -(z[true] - z[target]) / (first - (third + fourth) / 2)
        return -(z[true] - max(z[:true] + z[true + 1 :])) / (first - third)

    others = logits.clone()
    others[range(4), chosen] = -torch.inf
    expected = {
        "cross_entropy": sign * p.log(),
        "probability": sign * p,
        "margin": sign * (logits[range(4), chosen] - others.amax(-1)),
        "dlr": torch.tensor([ratio(row.tolist(), int(i), int(t)) for row, i, t in zip(logits, y, target, strict=True)]),
    }
    for loss in LOSSES:
        assert torch.allclose(Goal(y, target if targeted else None, loss).value(logits), expected[loss].double())
    aim = Goal(y, target if targeted else None, "dlr")
    assert torch.allclose(aim.value(logits * 7 + 3), aim.value(logits)), "of one scale"


def test_probability_ascent_follows_its_formula():
    network, x = small_network(), pictures(1)
    target = next_class(network, x)
    result = probability_ascent(network, x, target=target, eps=0.5, step_size=0.7, steps=1)
    point = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(point).softmax(-1)[0, target[0]], point)
    assert torch.allclose(result.x_adv, (x + 0.7 * gradient).clamp(0, 1), atol=1e-12)
    assert torch.allclose(result.losses[:, 0], result.history.p_target[:, 0])


def test_normalised_probability_ascent_follows_its_formula():
    network, x = small_network(), 0.25 + pictures(1) / 2
    target = next_class(network, x)
    point = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(point).softmax(-1)[0, target[0]], point)
    step = (0.3 * gradient / gradient.norm()).clamp(-0.04, 0.04)
    result = normalised_probability_ascent(network, x, target=target, eps=0.04, step_size=0.3, steps=1)
    assert torch.allclose(result.x_adv, (x + step).clamp(0, 1), atol=1e-12)
    scaled = normalised_probability_ascent(lambda x: network(x) - 30 * (torch.arange(5) == target), x, target=target,
                                           eps=0.04, step_size=0.3, steps=1)  # fmt: skip
    assert scaled.exact.l2.item() == pytest.approx(result.exact.l2.item(), rel=0.2), "however small P is"


def test_log_probability_ascent_takes_steps_of_one_length():
    network, x = small_network(), 0.25 + pictures(1) / 2
    result = log_probability_ascent(
        network, x, target=next_class(network, x), step_size=0.05, steps=3, trace=(0, 1, 2, 3)
    )
    walked = [(result.trace[i + 1] - result.trace[i]).norm().item() for i in range(3)]
    assert walked == pytest.approx([0.05] * 3)
    assert (result.losses.diff(dim=0) > 0).all()


def test_l1_adam_minimises_its_formula_as_torch_s_adam_does():
    network, x = small_network(), 0.3 + pictures(1) * 0.4
    target = next_class(network, x)
    result = l1_adam(network, x, target=target, alpha=0.02, steps=5, early_stop=False)
    r = torch.zeros_like(x, requires_grad=True)
    adam = torch.optim.Adam([r], lr=0.01)
    for _ in range(5):
        adam.zero_grad()
        (0.02 * r.abs().sum() + nn.functional.cross_entropy(network(x + r), target)).backward()
        adam.step()
    assert torch.allclose(result.x_adv, x + r, atol=1e-10)


def test_l1_adam_stops_each_sample_when_its_class_switches():
    network, x = small_network(), pictures(6)
    y = network(x).argmax(-1)
    steps = list(l1_adam_steps(network, x, y, target=(y + 1) % 5, learning_rate=0.05, steps=60))
    for before, after in itertools.pairwise(steps):
        rested = before.success & (network(to_uint8(before.x_adv).double() / 255).argmax(-1) == (y + 1) % 5)
        assert torch.equal(before.x_adv[rested], after.x_adv[rested])
    first = l1_adam(network, x, y, target=(y + 1) % 5, learning_rate=0.05, steps=60).first_success
    assert len(set(first.tolist())) > 1, "each sample at its own time"


def test_a_universal_change_is_one_and_in_the_ball():
    network, x = small_network(), pictures(12)
    found = universal(network, x, eps=0.3, epochs=10, batch=5, generator=torch.Generator().manual_seed(0))
    assert found.delta.shape == (1, 3, 8, 8)
    assert found.delta.abs().max() <= 0.3 + 1e-12
    assert torch.allclose(found.exact.x_adv, (x + found.delta).clamp(0, 1))
    assert found.rounded.success.sum() > found.clean.success.sum()


def test_a_universal_change_is_the_same_in_smaller_pieces(monkeypatch):
    network, x = small_network(), pictures(12)
    found = []
    for pieces in (1, 4, 12):
        monkeypatch.setattr(sys.modules["cnnlab_core.attacks.universal"], "AT_ONCE", pieces)
        found.append(universal(network, x, eps=0.3, epochs=3, batch=7, norm="l2", generator=0))
    for other in found[1:]:
        assert torch.allclose(other.delta, found[0].delta)
        assert torch.allclose(other.losses, found[0].losses)
        assert torch.equal(other.fooled, found[0].fooled)


def test_a_sweep_agrees_with_the_attacks_one_by_one():
    network, x = small_network(), (pictures(3) * 255).round() / 255
    epsilons = (0.0, 2 / 255, 10 / 255)
    for method, alone in (("fgsm", fgsm), ("pgd", lambda *a, eps: pgd(*a, eps=eps, steps=4, keep_best=True))):
        found = sweep(network, x, eps=epsilons, method=method, steps=4)
        for row, eps in enumerate(epsilons):
            result = alone(network, x, eps=eps)
            assert torch.equal(found.pictures[row], result.x_adv_uint8)
            assert torch.allclose(found.logits[row], result.rounded.logits)
        assert found.accuracy[0] == 1
        assert torch.equal(found.pictures[0], to_uint8(x))
    found = sweep(network, x, eps=epsilons)
    again = (x + 10 / 255 * found.direction).clamp(0, 1)
    assert torch.equal(to_uint8(again), found.pictures[2])
    smallest = [next((e for e, hit in zip(epsilons, column, strict=True) if hit), None) for column in found.success.T]
    assert found.smallest == smallest


def test_the_cells_of_a_step_map_are_attacks():
    network, x = small_network(), pictures(2)
    cells = step_map(network, x, eps=0.1, step_sizes=(0.01, 0.1), steps=(1, 3))
    assert [(cell.step_size, cell.steps) for cell in cells] == [(0.01, 1), (0.01, 3), (0.1, 1), (0.1, 3)]
    for cell in cells:
        result = pgd(network, x, eps=0.1, step_size=cell.step_size, steps=cell.steps)
        assert torch.equal(cell.pictures, result.x_adv_uint8)
        assert cell.success == result.rounded.success.double().mean()


# --- results ----------------------------------------------------------------------------------------------------------


def test_a_result_measures_what_it_says():
    network, x = small_network(), pictures(3)
    y = torch.tensor([int(network(x[:1]).argmax()), 0, 1])
    result = pgd(network, x, y, eps=0.03, step_size=0.01, steps=5)
    rounded = result.rounded.x_adv
    assert torch.equal(rounded * 255, (rounded * 255).round())
    assert ((rounded - result.x_adv).abs() < 1 / 255).all()
    assert torch.equal(result.x_adv_uint8, to_uint8(rounded))
    assert torch.allclose(result.rounded.logits, network(rounded))
    assert torch.equal(result.success, network(rounded).argmax(-1) != y)
    assert torch.equal(result.exact.success, network(result.x_adv).argmax(-1) != y)
    assert torch.equal(result.wrong_before, network(x).argmax(-1) != y)
    change = (result.x_adv - x).flatten(1)
    assert torch.allclose(result.linf, change.abs().amax(1))
    assert torch.allclose(result.l2, change.norm(dim=1))
    assert torch.allclose(result.exact.l1, change.abs().sum(1))
    assert result.clean.l0.tolist() == [0, 0, 0]
    assert result.clean.ssim.tolist() == pytest.approx([1, 1, 1])
    assert (result.rounded.ssim < 1).all()
    assert result.losses.shape == (6, 3)
    hits = [result.history.predicted[:, i] != y[i] for i in range(3)]
    assert result.first_success.tolist() == [int(h.int().argmax()) if h.any() else -1 for h in hits]


def test_l0_counts_places():
    network, x = small_network(), pictures(1)
    mask = torch.zeros(1, 1, 8, 8)
    mask[0, 0, 2, 3:5] = 1
    assert pgd(network, x, eps=0.2, steps=2, mask=mask).exact.l0.tolist() == [2]


@settings(max_examples=25)
@given(SEEDS)
def test_stopping_early_changes_neither_the_others_nor_the_steps_before(seed):
    network, x = small_network(seed), pictures(4, seed)
    full = list(pgd_steps(network, x, eps=0.06, step_size=0.01, steps=6))
    short = list(pgd_steps(network, x, eps=0.06, step_size=0.01, steps=6, early_stop=True))
    result = pgd(network, x, eps=0.06, step_size=0.01, steps=6, early_stop=True)
    for sample in range(4):
        solid = [
            bool(step.success[sample])
            and int(network(to_uint8(step.x_adv).double() / 255)[sample].argmax()) != int(network(x)[sample].argmax())
            for step in full
        ]
        stopped = solid.index(True) if any(solid) else 6
        for step in range(min(stopped + 1, len(short))):
            assert torch.allclose(short[step].x_adv[sample], full[step].x_adv[sample], atol=1e-12)
        assert torch.allclose(result.x_adv[sample], full[stopped].x_adv[sample], atol=1e-12)


@settings(max_examples=25)
@given(SEEDS, st.booleans())
def test_the_best_on_the_way_and_of_all_restarts_counts(seed, keep_best):
    network, x = small_network(seed), pictures(2, seed)
    options = {"eps": 0.05, "step_size": 0.08, "steps": 4, "restarts": 3, "keep_best": keep_best}
    looks = list(pgd_steps(network, x, generator=torch.Generator().manual_seed(3), **options))
    result = pgd(network, x, generator=torch.Generator().manual_seed(3), **options)
    counted = [look for look in looks if keep_best or look.index % 5 == 4]
    for sample in range(2):
        best = max(counted, key=lambda look, i=sample: (bool(look.success[i]), look.loss[i].item()))
        assert torch.equal(result.x_adv[sample], best.x_adv[sample])
    assert [look.restart for look in looks] == [0] * 5 + [1] * 5 + [2] * 5
    assert torch.equal(result.losses, torch.stack([look.loss for look in looks]))


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
@pytest.mark.parametrize("random_start", [False, True])
def test_epsilon_zero_returns_the_picture_itself(norm, random_start):
    network, x = small_network(), pictures()
    options = {"eps": 0, "norm": norm}
    assert torch.equal(fgsm(network, x, **options).x_adv, x)
    assert torch.equal(pgd(network, x, step_size=0.1, steps=3, random_start=random_start, **options).x_adv, x)


def test_no_steps_return_the_picture_itself():
    network, x = small_network(), pictures()
    target = next_class(network, x)
    assert torch.equal(pgd(network, x, eps=0.1, steps=0).x_adv, x)
    for attack in (log_probability_ascent, l1_adam):
        assert torch.equal(attack(network, x, target=target, steps=0).x_adv, x)
    assert torch.equal(probability_ascent(network, x, target=target, eps=0.1, step_size=1.0, steps=0).x_adv, x)


@pytest.mark.parametrize("name", sorted(ATTACKS.keys() - {"square"}))
def test_a_zero_gradient_leaves_the_picture_alone(name):
    def flat(x):
        return x.flatten(1).sum(1, keepdim=True) * torch.zeros(1, 5, dtype=x.dtype) + torch.arange(5.0).flip(0)

    x = pictures()
    result = run(ATTACKS[name](flat, x))
    assert torch.isfinite(result.losses).all()
    assert torch.equal(result.x_adv, x)


@pytest.mark.parametrize("name", ["fgsm", "pgd", "pgd with momentum", "pgd l2", "pgd l1", "log probability ascent"])
def test_a_tiny_gradient_gives_a_whole_step(name):
    network, x = small_network(), pictures().float()

    def faint(pixels):
        return network.float()(pixels) * 1e-30

    result = run(ATTACKS[name](faint, x))
    assert torch.isfinite(result.x_adv).all()
    assert (result.l2 > 0.01).all()


# --- what must not depend on who asks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_an_attack_leaves_no_trace_finished_cut_off_or_failing(name):
    network, x = small_network(), pictures()
    before = copy.deepcopy(network.state_dict())
    state = torch.get_rng_state()

    def untouched():
        assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), before.values(), strict=True))
        assert all(p.grad is None for p in network.parameters())
        assert all(not m.training and not m._forward_hooks and not m._backward_hooks for m in network.modules())
        assert torch.equal(torch.get_rng_state(), state)
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()

    kept = x.clone()
    run(ATTACKS[name](network, x))
    untouched()
    steps = ATTACKS[name](network, x)
    next(steps)
    untouched()
    next(steps)
    steps.close()
    untouched()
    calls = []

    def failing(pixels):
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError("cut")
        return network(pixels)

    with pytest.raises(RuntimeError, match="cut"):
        run(ATTACKS[name](failing, x))
    untouched()
    assert torch.equal(x, kept)


@pytest.mark.parametrize("name", sorted(ATTACKS))
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_attacks_work_where_gradients_are_off(name, mode):
    network, x = small_network(), pictures()
    expected = run(ATTACKS[name](network, x)).x_adv
    with mode():
        inside = run(ATTACKS[name](network, x.clone(), y=network(x).argmax(-1)))
    assert torch.equal(inside.x_adv, expected)


def test_same_seed_same_bytes_from_any_thread():
    network, x = small_network(), pictures()
    found = []

    def ask():
        options = {"eps": 0.05, "steps": 4, "restarts": 2, "generator": torch.Generator().manual_seed(7)}
        found.append(pgd(network, x, **options).x_adv_uint8)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(torch.equal(found[0], other) for other in found)
    other = pgd(network, x, eps=0.05, steps=4, restarts=2, generator=torch.Generator().manual_seed(8)).x_adv_uint8
    assert not torch.equal(found[0], other)


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_steps_that_were_given_away_stay_as_they_were(name):
    steps = ATTACKS[name](small_network(), pictures())
    kept = [(step, step.x_adv.clone(), step.loss.clone()) for step in steps]
    assert len(kept) > 1
    assert all(torch.equal(step.x_adv, x) and torch.equal(step.loss, loss) for step, x, loss in kept)


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_towards_the_class_that_it_has_an_attack_makes_the_network_surer(name):
    network, x = small_network(), pictures()
    y = network(x).argmax(-1)
    result = run(ATTACKS[name](network, x, target=y))
    assert not result.clean.success.any(), "not surer of it than before"
    rose = result.rounded.probabilities.gather(1, y[:, None]) > result.clean.probabilities.gather(1, y[:, None])
    assert rose.any()
    assert torch.equal(result.success, rose[:, 0] & (result.rounded.predicted == y))


def test_being_surer_counts_in_a_sweep_and_has_a_smallest_epsilon():
    network, x = small_network(), pictures()
    y = network(x).argmax(-1)
    y[0] = (y[0] + 1) % 5  # its target isn't the class that it has: reached as ever
    found = sweep(network, to_uint8(x).double() / 255, network(x).argmax(-1), target=y, eps=(0.0, 0.01, 0.2))
    assert found.success[0].tolist() == [False] * 3
    for sample in range(3):
        curve = found.curve(sample)
        assert curve.success.tolist() == found.success[:, sample].tolist()
    assert found.curve(1).smallest == found.curve(2).smallest == 0.01
    smallest = minimal_epsilon(network, x[1:], target=y[1:], highest=0.2).eps
    assert ((smallest > 0) & (smallest < 0.01)).all()


@pytest.mark.parametrize("targeted", [False, True])
def test_the_smallest_rounded_epsilon_is_the_first_at_which_the_8_bit_picture_fools(targeted):
    network, x = small_network(), to_uint8(pictures()).double() / 255
    target = next_class(network, x) if targeted else None
    options = {"target": target, "method": "pgd", "steps": 3}
    found = smallest_rounded_epsilon(network, x, **options)
    tried = [
        pgd(network, x, eps=k / 255, steps=3, target=target, keep_best=True).success.tolist() for k in range(1, 33)
    ]
    expected = [next((k for k, fooled in enumerate(column, 1) if fooled), None) for column in zip(*tried, strict=True)]
    assert [eps and round(255 * eps) for eps in found] == expected
    assert any(expected)
    last = list(smallest_rounded_epsilon_steps(network, x, **options))[-1].latest[0].eps[-1]
    assert round(255 * last) == max(k or 32 for k in expected), "no further than needed"


# --- expectation over transforms --------------------------------------------------------------------------------------


def test_an_expectation_climbs_the_mean_objective_over_its_views():
    network, x = small_network().float(), pictures(2).float()
    views = [(find_transform("mirror"), 1.0), (find_transform("brightness"), 0.7)]
    expectation = Expectation(network, views, torch.Generator().manual_seed(5), draws=6)
    y = network(x).argmax(-1)
    point = x.clone().requires_grad_()
    logits = Expectation(network, views, torch.Generator().manual_seed(5), draws=6)(point)
    assert logits.shape == (6, 2, 5)
    loss = sum(nn.functional.cross_entropy(view, y, reduction="sum") for view in logits) / 6
    (gradient,) = torch.autograd.grad(loss, point)
    found = fgsm(expectation, x, y, eps=0.05)
    assert torch.allclose(found.x_adv, (x + 0.05 * gradient.sign()).clamp(0, 1), atol=1e-6)
    assert torch.allclose(found.rounded.logits, network(found.rounded.x_adv)), "measured on the bare model"
    again = fgsm(Expectation(network, views, torch.Generator().manual_seed(5), draws=6), x, y, eps=0.05)
    assert torch.equal(found.x_adv, again.x_adv)


# --- bad input --------------------------------------------------------------------------------------------------------


def rounding(x):
    return (x.flatten(1)[:, :5] * 255).round()


def numpy_model(x):
    return torch.from_numpy(x.detach().numpy().reshape(len(x), -1)[:, :5].copy())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"eps": -0.1}, "Epsilon must be"),
        ({"eps": float("nan")}, "eps is nan: make it a number"),
        ({"step_size": 0.0}, "step size must be a number above 0"),
        ({"step_size": float("nan")}, "step_size is nan: make it a number"),
        ({"steps": -1}, "whole number of steps"),
        ({"steps": 2.5}, "steps is 2.5: make it a whole number"),
        ({"momentum": 1.5}, "Momentum lies between"),
        ({"momentum": float("nan")}, "momentum is nan: make it a number"),
        ({"restarts": 0}, "starts at least once"),
        ({"target": 9}, "Classes run from 0 to 4"),
        ({"y": torch.tensor([0, 1])}, "there are 1 pictures"),
        ({"y": torch.tensor([0.5])}, "whole numbers"),
        ({"norm": "l3"}, "no norm “l3”"),
        ({"loss": "hinge"}, "loss is 'hinge': make it one of cross_entropy, margin"),
        ({"x": torch.rand(3, 8, 8)}, "float pictures"),
        ({"x": torch.rand(1, 3, 8, 8) * 2}, "pixels in \\[0, 1\\]"),
        ({"x": torch.full((1, 3, 8, 8), torch.nan)}, "pixels in \\[0, 1\\]"),
        ({"x": torch.zeros(1, 3, 8, 8, dtype=torch.uint8)}, "float pictures"),
        ({"model": numpy_model}, "no gradient"),
        ({"model": lambda x: torch.zeros(len(x), 5, dtype=x.dtype)}, "no gradient"),
        ({"model": lambda x: x.flatten(1)[:, :5].argmax(-1)}, "gives logits"),
        ({"model": lambda x: x.flatten(1)[:, :5] * torch.inf}, "isn't a number"),
    ],
)
def test_bad_input_is_a_sentence(change, sentence):
    options = {
        "model": small_network(),
        "x": pictures(1),
        "y": None,
        "eps": 0.1,
        "step_size": 0.05,
        "steps": 2,
    } | change
    with pytest.raises(InputError, match=sentence):
        pgd(**options)


def test_a_model_that_rounds_gives_no_step():
    """Rounding has the gradient 0: nothing to climb, and nothing breaks."""
    result = pgd(rounding, pictures(1), eps=0.1, steps=2)
    assert torch.equal(result.x_adv, pictures(1))


def test_the_parts_have_sentences_too():
    network, x = small_network(), pictures(1)
    with pytest.raises(InputError, match="no attack “cw”"):
        sweep(network, x, eps=(0.1,), method="cw")
    with pytest.raises(InputError, match="at least one epsilon"):
        sweep(network, x, eps=())
    with pytest.raises(InputError, match="at least 9 iterations"):
        run(minimal_epsilon_steps(network, x, iterations=3))
    with pytest.raises(InputError, match="at least one epoch"):
        run(universal_steps(network, x, eps=0.1, epochs=0))
    with pytest.raises(InputError, match="one step size"):
        step_map(network, x, eps=0.1, step_sizes=(), steps=(1,))
    with pytest.raises(InputError, match="learning rate"):
        l1_adam(network, x, learning_rate=0)
    with pytest.raises(InputError, match="Alpha"):
        l1_adam(network, x, alpha=-1)
    with pytest.raises(InputError, match="at least one transform"):
        Expectation(network, [], torch.Generator())
