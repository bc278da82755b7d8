"""The attack on a single neuron: closed forms against autograd, brute force, scipy and random points."""

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from cnnlab_core.attacks.exact.ball import NORMS, Ball, length, steepest
from cnnlab_core.attacks.exact.neuron import DUAL, Neuron, fgsm, minimal_epsilon, optimum, pgd, pgd_steps
from cnnlab_core.errors import InputError

numbers = st.floats(-4, 4).map(lambda value: round(value, 3))
sizes = st.floats(0.001, 3).map(lambda value: round(value, 3))
seeds = st.integers(0, 2**32 - 1)


@st.composite
def problems(draw, boxed=None):
    """(neuron, ball, y), in one to four dimensions, with weights that may be 0, and with a box or without."""
    n = draw(st.integers(1, 4))
    w, x = (draw(arrays(np.float64, n, elements=numbers)) for _ in range(2))
    box = None
    if draw(st.booleans()) if boxed is None else boxed:
        below, above = draw(st.floats(0, 2)), draw(st.floats(0, 2))
        box = (float(x.min() - below), float(x.max() + above))
    ball = Ball(x, draw(sizes), draw(st.sampled_from(NORMS)), box)
    return Neuron(w, draw(numbers)), ball, draw(st.integers(0, 1))


def points_of(ball, seed, count=40):
    generator = np.random.default_rng(seed)
    return np.array([ball.random_point(generator) for _ in range(count)])


def torch_gradient(neuron, x, y):
    point = torch.tensor(x, requires_grad=True)
    score = point @ torch.tensor(neuron.w) + neuron.b
    loss = torch.nn.functional.binary_cross_entropy_with_logits(score, torch.tensor(float(y), dtype=torch.float64))
    return torch.autograd.grad(loss, point)[0].numpy()


@given(problems(boxed=False), st.floats(0.01, 20))
def test_raw_steps_follow_autograds_gradient_from_wherever_they_stand(problem, size):
    neuron, ball, y = problem
    at = ball.centre
    one = fgsm(neuron, ball, y, size, raw=True)
    np.testing.assert_allclose(one.before, at + size * torch_gradient(neuron, at, y), rtol=1e-9, atol=1e-12)
    for step in pgd(neuron, ball, y, step_size=size, steps=3, raw=True):
        expected = at + size * torch_gradient(neuron, at, y)
        np.testing.assert_allclose(step.before, expected, rtol=1e-9, atol=1e-9)
        assert ball.contains(step.after)
        at = step.after


# --- the neuron -----------------------------------------------------------------------------------------------


@given(problems())
def test_loss_and_gradient_are_autograds(problem):
    neuron, ball, y = problem
    x = torch.tensor(ball.centre, requires_grad=True)
    score = x @ torch.tensor(neuron.w) + neuron.b
    loss = torch.nn.functional.binary_cross_entropy_with_logits(score, torch.tensor(float(y), dtype=torch.float64))
    loss.backward()
    assert neuron.loss(ball.centre, y) == pytest.approx(loss.item(), rel=1e-12, abs=1e-12)
    assert neuron.probability(ball.centre) == pytest.approx(torch.sigmoid(score).item(), rel=1e-12)
    np.testing.assert_allclose(neuron.gradient(ball.centre, y), x.grad, rtol=1e-12, atol=1e-12)


@given(problems())
def test_uphill_is_the_way_of_the_gradient(problem):
    neuron, ball, y = problem
    gradient = neuron.gradient(ball.centre, y)
    for norm in NORMS:
        np.testing.assert_allclose(steepest(neuron.uphill(y), norm), steepest(gradient, norm), atol=1e-9)


def test_far_from_the_line_nothing_overflows_and_the_way_is_still_known():
    neuron, ball = Neuron([1000.0, -2000.0]), Ball([3.0, -3.0], 0.5)
    assert neuron.loss(ball.centre, 0) == 9000
    assert neuron.loss(ball.centre, 1) == 0
    assert not neuron.gradient(ball.centre, 1).any()
    assert fgsm(neuron, ball, 1, 0.5).after.tolist() == [2.5, -2.5]


def test_probabilities_of_many_points_at_once():
    neuron = Neuron([1.0, 2.0], -1.0)
    grid = np.arange(12.0).reshape(3, 2, 2)
    single = [[float(neuron.probability(point)) for point in row] for row in grid]
    np.testing.assert_allclose(neuron.probability(grid), single, rtol=1e-15)


# --- the ball -------------------------------------------------------------------------------------------------


@given(problems(), seeds)
def test_the_projection_is_of_the_ball_and_nothing_of_the_ball_is_nearer(problem, seed):
    _, ball, _ = problem
    at = np.random.default_rng(seed).normal(scale=4, size=ball.centre.size)
    nearest = ball.project(at)
    assert ball.contains(nearest)
    assert ball.box is None or ((nearest >= ball.box[0]) & (nearest <= ball.box[1])).all()
    # The mark of the nearest point of a convex set: no way into the set goes towards the point.
    towards = (points_of(ball, seed) - nearest) @ (at - nearest)
    assert towards.max() <= 1e-9
    assert (ball.farthest(at - nearest) - nearest) @ (at - nearest) <= 1e-9
    np.testing.assert_allclose(ball.project(nearest), nearest, atol=1e-12)


@given(problems(), seeds)
def test_what_is_in_the_ball_stays(problem, seed):
    _, ball, _ = problem
    for point in points_of(ball, seed, 5):
        np.testing.assert_allclose(ball.project(point), point, atol=1e-12)


@settings(max_examples=25)
@given(problems(boxed=True), seeds)
def test_the_projection_is_scipys(problem, seed):
    _, ball, _ = problem
    assume(ball.norm == "l2")
    at = np.random.default_rng(seed).normal(scale=2, size=ball.centre.size) + ball.centre
    found = minimize(
        lambda point: ((point - at) ** 2).sum(),
        ball.centre,
        jac=lambda point: 2 * (point - at),
        bounds=[ball.box] * at.size,
        constraints={
            "type": "ineq",
            "fun": lambda point: ball.eps**2 - ((point - ball.centre) ** 2).sum(),
            "jac": lambda point: -2 * (point - ball.centre),
        },
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 300},
    )
    np.testing.assert_allclose(ball.project(at), found.x, atol=2e-4)


@given(problems(boxed=False), seeds)
def test_without_a_box_the_projections_are_the_textbooks(problem, seed):
    _, ball, _ = problem
    at = np.random.default_rng(seed).normal(scale=4, size=ball.centre.size)
    way = at - ball.centre
    if ball.norm == "linf":
        textbook = np.clip(at, ball.centre - ball.eps, ball.centre + ball.eps)
    elif ball.norm == "l2":
        textbook = ball.centre + way * min(1, ball.eps / np.linalg.norm(way))
    else:  # Duchi et al., figure 1
        mu = np.sort(np.abs(way))[::-1]
        cut = (np.cumsum(mu) - ball.eps) / np.arange(1, mu.size + 1)
        theta = max(0, cut[mu > cut][-1])
        textbook = ball.centre + np.sign(way) * np.maximum(np.abs(way) - theta, 0)
    np.testing.assert_allclose(ball.project(at), textbook, atol=1e-12)


@given(problems(), seeds)
def test_the_steepest_step_of_length_one_is_not_beaten(problem, seed):
    neuron, ball, y = problem
    assume(neuron.w.any())
    step = steepest(neuron.uphill(y), ball.norm)
    assert length(step, ball.norm) == pytest.approx(1)
    unit = points_of(Ball(np.zeros_like(step), 1.0, ball.norm), seed)
    assert (unit @ neuron.uphill(y)).max() <= neuron.uphill(y) @ step + 1e-12


@pytest.mark.parametrize("norm", NORMS)
def test_random_points_fill_the_ball_evenly(norm):
    ball = Ball([0.3, -0.2], 0.5, norm)
    points = points_of(ball, 0, 4000) - ball.centre
    inner = [length(point, norm) <= 0.25 for point in points]
    assert all(ball.contains(point + ball.centre) for point in points)
    assert np.mean(inner) == pytest.approx(0.25, abs=0.02)  # half as wide: a quarter of the area
    assert np.abs(points.mean(axis=0)).max() < 0.02


@given(problems())
def test_outlines_and_corners_lie_on_the_edge(problem):
    _, whole, _ = problem
    ball = Ball(np.resize(whole.centre, 2), whole.eps, whole.norm, whole.box)
    assert {ball.place(point) for point in [*ball.outline(), *ball.corners()]} == {"on the edge"}
    assert np.allclose(*ball.outline()[[0, -1]])
    if ball.box is not None:
        for corner in product(ball.box, repeat=2):
            nearest = np.abs(ball.outline() - corner).max(axis=1).min()
            assert (nearest < 1e-9) or ball.distance(corner) > ball.eps


def test_the_corners_of_a_square_and_of_a_diamond():
    assert Ball([1, 0.5], 0.25).corners() == pytest.approx(
        np.array([[1.25, 0.75], [0.75, 0.75], [0.75, 0.25], [1.25, 0.25]])
    )
    assert Ball([1, 0.5], 0.25, "linf", (0, 1)).corners()[0] == pytest.approx([1, 0.75])
    diamond = np.array([[1.25, 0.5], [1, 0.75], [0.75, 0.5], [1, 0.25]])
    assert Ball([1, 0.5], 0.25, "l1").corners() == pytest.approx(diamond)
    assert Ball([1, 0.5], 0.25, "l1", (0, 1)).corners() == pytest.approx(diamond[1:])
    assert len(Ball([1, 0.5], 0.25, "l2").corners()) == 0


@pytest.mark.parametrize(
    ("point", "place"),
    [([0.5, 0.5], "inside"), ([0.75, 0.5], "on the edge"), ([0.76, 0.5], "outside"), ([0.5, 1.0], "outside")],
)
def test_where_a_point_lies(point, place):
    assert Ball([0.5, 0.5], 0.25, "linf", (0, 1)).place(point) == place


def test_the_box_has_an_edge_too():
    ball = Ball([0.5, 0.9], 0.25, "linf", (0, 1))
    assert [ball.place([0.5, height]) for height in (0.99, 1, 1.01)] == ["inside", "on the edge", "outside"]


# --- the best that can be done ---------------------------------------------------------------------------------


@given(problems(), seeds)
def test_no_point_of_the_ball_beats_the_optimum(problem, seed):
    neuron, ball, y = problem
    best = optimum(neuron, ball, y)
    assert ball.contains(best)
    losses = [neuron.loss(point, y) for point in points_of(ball, seed)]
    assert max(losses) <= neuron.loss(best, y) + 1e-12


@given(problems())
def test_the_optimum_of_a_square_is_its_best_corner(problem):
    neuron, any_ball, y = problem
    ball = Ball(any_ball.centre, any_ball.eps, "linf", any_ball.box)
    low, high = ball.project(ball.centre - 99), ball.project(ball.centre + 99)
    corners = [neuron.loss(corner, y) for corner in product(*zip(low, high, strict=True))]
    assert neuron.loss(optimum(neuron, ball, y), y) == pytest.approx(max(corners), rel=1e-12)
    expected = np.clip(ball.centre + ball.eps * np.sign(neuron.uphill(y)), *(ball.box or (-np.inf, np.inf)))
    np.testing.assert_allclose(optimum(neuron, ball, y), expected, atol=1e-12)


@given(problems(boxed=False))
def test_without_a_box_the_optimum_is_that_of_the_dual_norm(problem):
    neuron, ball, y = problem
    margin = neuron.margin(ball.centre, y) - ball.eps * length(neuron.w, DUAL[ball.norm])
    assert neuron.margin(optimum(neuron, ball, y), y) == pytest.approx(margin, rel=1e-12, abs=1e-12)


@given(problems())
def test_the_optimum_is_where_a_very_long_step_is_projected_to(problem):
    neuron, ball, y = problem
    assume(neuron.w.any())
    far = ball.project(ball.centre + 1e6 * neuron.uphill(y) / np.abs(neuron.w).max())
    margins = [neuron.margin(point, y) for point in (far, optimum(neuron, ball, y))]
    assert margins[0] == pytest.approx(margins[1], abs=1e-4)


# --- steps ----------------------------------------------------------------------------------------------------


@given(problems(), sizes)
def test_fgsm_is_one_step_with_its_place(problem, step_size):
    neuron, ball, y = problem
    step = fgsm(neuron, ball, y, step_size)
    if ball.norm == "linf":
        expected = ball.centre + step_size * np.sign(neuron.gradient(ball.centre, y))
        np.testing.assert_allclose(step.before, expected, atol=1e-15)
    assert ball.contains(step.after)
    assert (step.place == "outside") == (not np.allclose(step.before, step.after, atol=1e-8))


@given(problems(boxed=False))
def test_a_step_of_epsilon_is_the_optimum(problem):
    neuron, ball, y = problem
    step = fgsm(neuron, ball, y, ball.eps)
    np.testing.assert_allclose(step.before, optimum(neuron, ball, y), atol=1e-12)
    assert step.place == ("on the edge" if neuron.w.any() else "inside")


@given(problems(), seeds, st.floats(0.05, 2))
def test_pgd_arrives_at_the_optimum_from_anywhere_and_stays(problem, seed, share):
    neuron, ball, y = problem
    neuron = Neuron(np.where(np.abs(neuron.w) < 0.1, 0, neuron.w), neuron.b)  # nearly flat: it takes nearly for ever
    start = ball.random_point(np.random.default_rng(seed))
    path = pgd(neuron, ball, y, step_size=share * ball.eps, steps=60, start=start)
    losses = [neuron.loss(start, y), *(neuron.loss(step.after, y) for step in path)]
    assert all(later >= earlier - 1e-12 for earlier, later in pairwise(losses))
    if ball.norm == "linf":
        assert losses[-1] == pytest.approx(neuron.loss(optimum(neuron, ball, y), y), rel=1e-12)
    assert losses[-1] <= neuron.loss(optimum(neuron, ball, y), y) + 1e-12
    assert np.array_equal(path[0].start, start)
    assert all(np.array_equal(a.after, b.start) for a, b in pairwise(path))
    assert all(np.array_equal(step.after, ball.project(step.before)) for step in path)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("box", [None, (-0.2, 1.1)])
def test_many_steps_arrive_in_every_norm(norm, box):
    neuron, ball = Neuron([2.0, -1.0, 0.4], 0.1), Ball([1.0, 0.5, 0.2], 0.7, norm, box)  # l1's way meets no side
    start = ball.random_point(np.random.default_rng(3))
    *_, last = pgd_steps(neuron, ball, 1, step_size=0.1, steps=500, start=start)
    np.testing.assert_allclose(last.after, optimum(neuron, ball, 1), atol=1e-6)


def test_in_a_box_pgd_for_l1_may_stop_short():
    neuron, ball = Neuron([1.0, 2.0]), Ball([0.8, 0.5], 0.8, "l1", (0, 1))
    *_, last = pgd_steps(neuron, ball, 1, step_size=0.1, steps=200)
    assert last.after == pytest.approx([0.8, 0])
    assert optimum(neuron, ball, 1) == pytest.approx([0.5, 0])


# --- the smallest epsilon -------------------------------------------------------------------------------------


@given(problems(boxed=False))
def test_the_smallest_epsilon_in_closed_form(problem):
    neuron, ball, y = problem
    assume(np.abs(neuron.w).max() > 0 and neuron.margin(ball.centre, y) > 0)
    found = minimal_epsilon(neuron, ball.centre, y, norm=ball.norm)
    expected = abs(neuron.score(ball.centre)) / length(neuron.w, DUAL[ball.norm])
    assert found.eps == pytest.approx(expected, rel=1e-12)


@given(problems())
def test_just_below_nothing_flips_and_just_above_the_optimum_does(problem):
    neuron, ball, y = problem
    found = minimal_epsilon(neuron, ball.centre, y, norm=ball.norm, box=ball.box)

    def best_at(eps):
        return optimum(neuron, Ball(ball.centre, eps, ball.norm, ball.box), y)

    margin = neuron.margin(ball.centre, y)
    if margin < 0 or (margin == 0 and neuron.w.any()):
        assert found.eps == 0
        assert np.array_equal(found.point, ball.centre)
    elif found.point is None:
        assert np.isinf(found.eps)
        assert not neuron.fooled(best_at(1000), y)
    else:
        assert abs(neuron.margin(found.point, y)) <= 1e-9
        assert length(found.point - ball.centre, ball.norm) == pytest.approx(found.eps, rel=1e-9)
        assert Ball(ball.centre, found.eps, ball.norm, ball.box).contains(found.point)
        assume(margin > 1e-3)
        assert not neuron.fooled(best_at(found.eps * (1 - 1e-7)), y)
        # Where the far end of the box is just the line, no larger ball gets beyond it.
        if neuron.fooled(best_at(1000), y) and neuron.margin(best_at(1000), y) < -1e-3:
            assert neuron.fooled(best_at(found.eps * (1 + 1e-2)), y)


@given(problems(boxed=False))
def test_just_above_without_a_box(problem):
    neuron, ball, y = problem
    assume(np.abs(neuron.w).max() > 0.01 and neuron.margin(ball.centre, y) > 1e-3)
    eps = minimal_epsilon(neuron, ball.centre, y, norm=ball.norm).eps
    for share, fooled in ((1 - 1e-9, False), (1 + 1e-9, True)):
        assert neuron.fooled(optimum(neuron, Ball(ball.centre, eps * share, ball.norm), y), y) is fooled


def test_a_box_makes_the_others_go_farther():
    neuron, x = Neuron([1.0, 1.0]), [0.1, 0.5]
    assert minimal_epsilon(neuron, x, 1).eps == pytest.approx(0.3)
    boxed = minimal_epsilon(neuron, x, 1, box=(0, 1))
    assert boxed.eps == pytest.approx(0.5)
    assert boxed.point == pytest.approx([0, 0])
    assert minimal_epsilon(neuron, x, 1, box=(0.01, 1)) == (np.inf, None)


@pytest.mark.parametrize("norm", NORMS)
def test_without_a_gradient_nothing_moves(norm):
    neuron, ball = Neuron([0.0, 0.0], 0.5), Ball([0.2, 0.3], 0.1, norm)
    assert not neuron.gradient(ball.centre, 1).any()
    assert np.array_equal(optimum(neuron, ball, 1), ball.centre)
    assert all(np.array_equal(step.before, ball.centre) for step in pgd(neuron, ball, 1, step_size=1, steps=3))
    assert minimal_epsilon(neuron, ball.centre, 1, norm=norm) == (np.inf, None)
    assert minimal_epsilon(neuron, ball.centre, 0, norm=norm).eps == 0
    assert minimal_epsilon(Neuron([0.0, 0.0]), ball.centre, 0, norm=norm) == (np.inf, None)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("w", [[1e-30, 2e-30], [1e90, 1.0], [1e-320, 0.0], [0.0, 1e-200]])
def test_tiny_and_huge_weights_stay_finite(norm, w):
    neuron, ball = Neuron(w, 1.0), Ball([0.2, 0.3], 0.1, norm)
    step = fgsm(neuron, ball, 1, 0.1)
    assert np.isfinite([step.before, step.after, optimum(neuron, ball, 1)]).all()
    assert ball.contains(optimum(neuron, ball, 1))
    found = minimal_epsilon(neuron, ball.centre, 1, norm=norm)
    assert found.point is None or np.isfinite(found.point).all()


def test_no_room_at_all():
    for norm in NORMS:
        ball = Ball([0.5, 0.5], 0.0, norm)
        assert np.array_equal(ball.project([3, 4]), ball.centre)
        assert np.array_equal(optimum(Neuron([1, 2]), ball, 0), ball.centre)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Ball([1, 2], -0.1), "0 or more"),
        (lambda: Ball([1, 2], float("nan")), "put a number"),
        (lambda: Ball([1, 2], 1, "l3"), "linf, l2, l1"),
        (lambda: Ball([1, 2], 1, "l2", (1, 0)), "smaller one"),
        (lambda: Ball([1, 2], 1, "l2", (0, 1)), "outside the box"),
        (lambda: Ball([1, 2, 3], 1).outline(), "in the plane"),
        (lambda: Neuron([1, 2]).score([1, 2, 3]), "one for each"),
        (lambda: Neuron([1, 2]).loss([1, 2], 2), "label"),
        (lambda: fgsm(Neuron([1]), Ball([0], 1), 1, -1), "downhill"),
        (lambda: pgd(Neuron([1]), Ball([0], 1), 1, step_size=0, steps=3), "larger than 0"),
        (lambda: pgd(Neuron([1]), Ball([0], 1), 1, step_size=1, steps=0), "at least 1"),
        (lambda: pgd(Neuron([1]), Ball([0], 1), 1, step_size=1, steps=1, start=[2]), "outside the ball"),
    ],
)
def test_what_can_not_be_is_a_sentence(call, words):
    with pytest.raises(InputError, match=words) as error:
        call()
    assert str(error.value).endswith(".")
