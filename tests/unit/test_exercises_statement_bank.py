"""What the statements about FGSM and PGD call true or false is so, by numbers; and the neuron's recipe."""

from itertools import product

import numpy as np
import pytest
import torch

from cnnlab_core.attacks import pgd as attack_pictures
from cnnlab_core.attacks.exact.ball import Ball, steepest
from cnnlab_core.attacks.exact.neuron import Neuron, fgsm, minimal_epsilon, optimum, pgd
from cnnlab_core.exercises.statement_bank import CHANGES, STATEMENTS, draw_statements
from cnnlab_core.recipes.adversarial.neuron import code as neuron_code


def situations():
    """Forty attacks in two to five dimensions, no component of the gradient being zero; a generator with each."""
    generator = np.random.default_rng(5)
    for index in range(40):
        n = 2 + index % 4
        w = generator.choice((-1, 1), n) * generator.uniform(0.2, 2, n)
        yield Neuron(w, generator.normal()), Ball(generator.uniform(0, 1, n), 0.3), index % 2, generator


def at_a_corner(ball, point):
    return np.allclose(np.abs(point - ball.centre), ball.eps)


def corner(neuron, ball, y, generator):
    return at_a_corner(ball, fgsm(neuron, ball, y, ball.eps).before)


def zero(neuron, ball, y, generator):
    flat = Neuron(np.concatenate([[0.0], neuron.w[1:]]), neuron.b)
    return fgsm(flat, ball, y, 0.1).before[0] > ball.centre[0]


def scale(neuron, ball, y, generator):
    gradient = neuron.gradient(ball.centre, y)
    one, ten = (0.1 * steepest(factor * gradient, "linf") for factor in (1, 10))
    return np.allclose(ten, 10 * one)


def optimal(neuron, ball, y, generator):
    reached = neuron.loss(fgsm(neuron, ball, y, ball.eps).before, y)
    corners = [ball.centre + ball.eps * np.array(signs) for signs in product((-1, 1), repeat=ball.centre.size)]
    random = [ball.random_point(generator) for _ in range(20)]
    return all(neuron.loss(point, y) <= reached + 1e-12 for point in (*corners, *random))


def many(neuron, ball, y, generator):
    one = neuron.loss(fgsm(neuron, ball, y, ball.eps).after, y)
    return neuron.loss(pgd(neuron, ball, y, step_size=0.01, steps=100)[-1].after, y) > one + 1e-12


def start(neuron, ball, y, generator):
    plain, random = (
        neuron.loss(pgd(neuron, ball, y, step_size=0.05, steps=20, start=point)[-1].after, y)
        for point in (None, ball.random_point(generator))
    )
    return random > plain + 1e-12


def reach(neuron, ball, y, generator):
    return all(
        at_a_corner(ball, pgd(neuron, ball, y, step_size=size, steps=steps)[-1].after) == (size * steps >= ball.eps)
        for size, steps in product((0.05, 0.11, 0.29, 0.4), (1, 2, 3, 7))
    )


def clip(neuron, ball, y, generator):
    at = ball.centre + generator.normal(size=ball.centre.size)
    return np.allclose(ball.project(at), np.clip(at, ball.centre - ball.eps, ball.centre + ball.eps))


def radial(neuron, ball, y, generator):
    disc = Ball(ball.centre, ball.eps, "l2")
    at = ball.centre + generator.normal(size=ball.centre.size)
    return np.allclose(disc.project(at), np.clip(at, ball.centre - ball.eps, ball.centre + ball.eps))


def double(neuron, ball, y, generator):
    path = pgd(neuron, ball, y, step_size=2.01 * ball.eps, steps=3, start=ball.random_point(generator))
    return all(at_a_corner(ball, step.after) for step in path)


def even(neuron, ball, y, generator):
    return np.ptp(np.abs(steepest(neuron.gradient(ball.centre, y), "l2"))) < 1e-12


def targeted(neuron, ball, y, generator):
    away, towards = fgsm(neuron, ball, y, 0.1).before, ball.centre - 0.1 * np.sign(neuron.gradient(ball.centre, 1 - y))
    climbs = neuron.loss(away, y) > neuron.loss(ball.centre, y)
    return climbs and neuron.loss(towards, 1 - y) < neuron.loss(ball.centre, 1 - y) and np.allclose(away, towards)


def pixels(neuron, ball, y, generator):
    picture = np.round(255 * ball.centre) / 255
    crossing = minimal_epsilon(neuron, picture, y)
    fooling = optimum(neuron, Ball(picture, crossing.eps * 1.0001, "linf"), y)
    return not neuron.fooled(fooling, y) or neuron.fooled(np.round(255 * fooling) / 255, y)


def box(neuron, ball, y, generator):
    return not ball.contains(fgsm(neuron, ball, y, ball.eps).before.clip(0, 1))


def dimensions(neuron, ball, y, generator):
    def needed(n):
        signs = generator.choice((-1.0, 1.0), n)
        return minimal_epsilon(Neuron(signs, 1 - float(signs.sum()) / 2), np.full(n, 0.5), 1).eps  # the score is 1

    return needed(10) > needed(100) > needed(1000)


def failed(neuron, ball, y, generator):
    """The margin 0.5 + 10 x1 x2: its gradient at (0.1, 0.1) leads FGSM along the diagonal, on which it is positive."""

    def margin(point):
        return 0.5 + 10 * point[0] * point[1]

    saddle = Ball([0.1, 0.1], 0.4)
    uphill = -10 * saddle.centre[::-1]
    line = [saddle.centre + size * steepest(uphill, "linf") for size in np.linspace(0, 0.4, 50)]
    fgsm_fails = min(margin(point) for point in line) > 0
    nothing_fools = min(margin(point) for point in saddle.corners()) > 0
    return not fgsm_fails or nothing_fools


def margin_lost(neuron, ball, y, at):
    return neuron.margin(ball.centre, y) - neuron.margin(at, y)


def cost(neuron, ball, y, generator):
    lost = margin_lost(neuron, ball, y, fgsm(neuron, ball, y, ball.eps).before)
    return np.isclose(lost, ball.eps * np.abs(neuron.w).sum())


def cost_l2(neuron, ball, y, generator):
    step = ball.eps * steepest(neuron.gradient(ball.centre, y), "l2")
    return np.isclose(margin_lost(neuron, ball, y, ball.centre + step), ball.eps * np.linalg.norm(neuron.w))


def disc(neuron, ball, y, generator):
    corners = [ball.centre + ball.eps * np.array(signs) for signs in product((-1, 1), repeat=ball.centre.size)]
    return all(Ball(ball.centre, ball.eps, "l2").contains(point) for point in corners)


def stronger(neuron, ball, y, generator):
    square, round_ = (optimum(neuron, Ball(ball.centre, ball.eps, norm), y) for norm in ("linf", "l2"))
    return margin_lost(neuron, ball, y, square) > margin_lost(neuron, ball, y, round_)


def bias(neuron, ball, y, generator):
    other = Neuron(neuron.w, neuron.b + generator.normal())
    return not np.allclose(*(fgsm(one, ball, y, 0.1).before for one in (neuron, other)))


def confident(neuron, ball, y, generator):
    surer = Ball(ball.centre - 3 * np.sign(neuron.uphill(y)), ball.eps)
    assert neuron.margin(surer.centre, y) > neuron.margin(ball.centre, y)
    near, far = (np.abs(fgsm(neuron, at, y, 0.1).before - at.centre).max() for at in (ball, surer))
    return far < near - 1e-12


def monotone(neuron, ball, y, generator):
    path = pgd(neuron, ball, y, step_size=0.11, steps=9, start=ball.random_point(generator))
    return all(neuron.loss(step.after, y) >= neuron.loss(step.start, y) - 1e-12 for step in path)


def twice(neuron, ball, y, generator):
    at = ball.centre + generator.normal(size=ball.centre.size)
    balls = [Ball(ball.centre, ball.eps, norm) for norm in ("linf", "l2", "l1")]
    return all(np.allclose(one.project(one.project(at)), one.project(at)) for one in balls)


def order(neuron, ball, y, generator):
    at = ball.centre + generator.normal(size=ball.centre.size)
    return np.allclose(ball.project(at).clip(0, 1), ball.project(at.clip(0, 1)))


def coin(neuron, ball, y, generator):
    corners = [ball.centre + ball.eps * np.array(signs) for signs in product((-1, 1), repeat=ball.centre.size)]
    average = np.mean([margin_lost(neuron, ball, y, point) for point in corners])
    return average >= margin_lost(neuron, ball, y, optimum(neuron, ball, y)) - 1e-12


def transfer(neuron, ball, y, generator):
    other = Neuron(neuron.w * generator.uniform(0.1, 3, neuron.w.size), generator.normal())
    return np.allclose(fgsm(neuron, ball, y, 0.1).before, fgsm(other, ball, y, 0.1).before)


def rightly_named(neuron, ball):
    return int(neuron.score(ball.centre) > 0)


def doubled(neuron, ball, y, generator):
    label = rightly_named(neuron, ball)
    once, twice_ = (
        minimal_epsilon(one, ball.centre, label).eps for one in (neuron, Neuron(2 * neuron.w, 2 * neuron.b))
    )
    return np.isclose(twice_, once / 2)


def weights(neuron, ball, y, generator):
    """The loss's gradient with respect to w is (f(x) - y) x; here x is positive, w of either sign."""
    by_weights = np.sign((float(neuron.probability(ball.centre)) - y) * ball.centre)
    return np.allclose(fgsm(neuron, ball, y, 0.1).before, ball.centre + 0.1 * by_weights)


def single(neuron, ball, y, generator):
    (step,) = pgd(neuron, ball, y, step_size=ball.eps, steps=1)
    return np.allclose(step.after, fgsm(neuron, ball, y, ball.eps).before)


def margin_left(neuron, ball, y, generator):
    label = rightly_named(neuron, ball)
    for norm in ("linf", "l2", "l1"):
        eps = 2 * minimal_epsilon(neuron, ball.centre, label, norm=norm).eps
        reached = optimum(neuron, Ball(ball.centre, eps, norm), label)
        if not np.isclose(neuron.margin(reached, label), -neuron.margin(ball.centre, label)):
            return False
    return True


CHECKS = (
    corner, zero, scale, optimal, many, start, reach, clip, radial, double, even, targeted, pixels, box, dimensions,
    failed, cost, cost_l2, disc, stronger, bias, confident, monotone, twice, order, coin, transfer, doubled, weights,
    single, margin_left,
)  # fmt: skip


def attacked(generator):
    """A small network before and after an attack on a picture of it: its parameters, the picture, its logits."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3))
    network.requires_grad_(False)
    for parameter in network.parameters():
        parameter.copy_(torch.from_numpy(generator.normal(size=parameter.shape)))
    x = torch.from_numpy(generator.uniform(0.2, 0.8, (1, 3, 2, 2))).float()
    before = [parameter.clone() for parameter in network.parameters()], x.clone(), network(x)
    result = attack_pictures(network, x, eps=0.1, steps=3)
    return before, (list(network.parameters()), result.x_adv, network(x)), result


def parameters(neuron, ball, y, generator):
    (before, _, _), (after, _, _), _ = attacked(generator)
    return any(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def changed(neuron, ball, y, generator):
    (_, before, _), (_, after, _), _ = attacked(generator)
    return not torch.equal(before, after)


def inside(neuron, ball, y, generator):
    return all(
        Ball(ball.centre, ball.eps, norm).contains(
            pgd(neuron, Ball(ball.centre, ball.eps, norm), y, step_size=size, steps=5, raw=raw)[-1].after
        )
        for norm, size, raw in product(("linf", "l2", "l1"), (0.1, 1, 10), (True, False))
    )


def outside(neuron, ball, y, generator):
    return all(ball.contains(fgsm(neuron, ball, y, size).before) for size in (0.5 * ball.eps, 2 * ball.eps))


def raw(neuron, ball, y, generator):
    return ball.place(fgsm(neuron, ball, y, ball.eps, raw=True).before) == "on the edge"


def frozen(neuron, ball, y, generator):
    _, _, result = attacked(generator)
    return (result.losses[-1] > result.losses[0]).all()


def original(neuron, ball, y, generator):
    (_, _, before), (_, _, after), _ = attacked(generator)
    return torch.equal(before, after)


def farther(neuron, ball, y, generator):
    five, ten = (pgd(neuron, ball, y, step_size=0.1, steps=steps)[-1].after for steps in (5, 10))
    return np.isclose(ball.distance(ten), 2 * ball.distance(five))


CHANGE_CHECKS = (parameters, changed, inside, outside, raw, frozen, original, farther)
ALL = dict(zip((*CHECKS, *CHANGE_CHECKS), (*STATEMENTS, *CHANGES), strict=True))


def test_every_statement_is_checked():
    assert [statement.name for statement in ALL.values()] == [check.__name__ for check in ALL]


# False in every one of the situations; the other false statements have exceptions.
NEVER = {"zero", "scale", "many", "start", "even", "box", "failed", "disc", "bias", "confident", "coin", "doubled"}


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.__name__)
def test_the_answer_is_what_the_numbers_say(check):
    statement = ALL[check]
    holds = [bool(check(*situation)) for situation in situations()]
    assert all(holds) is statement.answer
    assert not (statement.name in NEVER and any(holds))


def test_the_statements_are_worth_asking():
    assert len({statement.text for statement in STATEMENTS}) == len(STATEMENTS) >= 30
    true = sum(statement.answer for statement in STATEMENTS)
    assert 12 <= true <= len(STATEMENTS) - 12
    assert all(len(statement.why) > 40 and statement.why.endswith(".") for statement in ALL.values())
    assert 3 <= sum(statement.answer for statement in CHANGES) <= len(CHANGES) - 3


def test_neighbouring_seeds_draw_other_statements():
    hands = [draw_statements(seed, 4) for seed in range(len(STATEMENTS) // 4)]
    assert len({statement.name for hand in hands for statement in hand}) == 4 * len(hands)
    assert hands == [draw_statements(seed, 4) for seed in range(len(hands))]
    assert draw_statements(len(hands), 4) not in hands  # shuffled anew
    assert {one.name for seed in (0, 1) for one in draw_statements(seed, 4, CHANGES)} == {one.name for one in CHANGES}


# --- recipes --------------------------------------------------------------------------------------------------


def run(code):
    names = {}
    exec(compile(code, "recipe", "exec"), names)
    return names


@pytest.mark.parametrize("seed", [None, 4])
@pytest.mark.parametrize(("norm", "box"), [("linf", None), ("l2", (0.0, 1.0)), ("l1", None)])
def test_the_recipe_tells_the_same_story(norm, box, seed, capsys):
    neuron, ball = Neuron([1.0, 2.0], -0.1), Ball([0.9, 0.5], 0.8, norm, box)
    code = neuron_code(
        [1.0, 2.0], -0.1, [0.9, 0.5], 1, norm=norm, eps=0.8, box=box,
        step_sizes=[0.5, 0.8], step_size=0.3, steps=7, seed=seed,
    )  # fmt: skip
    names = run(code)
    start = None if seed is None else ball.random_point(np.random.default_rng(seed))
    path = pgd(neuron, ball, 1, step_size=0.3, steps=7, start=start)
    assert np.array_equal(names["best"], optimum(neuron, ball, 1))
    assert np.array_equal(names["path"][-1].after, path[-1].after)
    assert [step.place for step in names["single"]] == [fgsm(neuron, ball, 1, size).place for size in (0.5, 0.8)]
    assert names["smallest"][norm].eps == minimal_epsilon(neuron, ball.centre, 1, norm=norm, box=box).eps
    assert "PGD ends at" in capsys.readouterr().out
