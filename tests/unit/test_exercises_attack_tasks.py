"""Attacks on a neuron have the answers of autograd, and of a search for better ones."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab_core.exercises import LEVELS, Choice, make_exercise
from cnnlab_core.exercises.kinds import MOST_SEED

torch.set_num_threads(1)
SEEDS = st.integers(0, MOST_SEED)
AT_LEVEL = st.sampled_from(LEVELS)
SOME = settings(max_examples=40, deadline=None, derandomize=True)


def numbers(exercise):
    return [part.answer.tolist() for part in exercise.parts if not isinstance(part, Choice)]


def chosen(exercise):
    return [part.answer for part in exercise.parts if isinstance(part, Choice)]


def neuron(exercise):
    """f's logit as torch does it, the point, its label, and the way uphill by autograd."""
    w, x = (torch.tensor(exercise.givens[name]) for name in ("w", "x"))
    b, y = exercise.givens["b"], exercise.givens["y"]

    def logit(at):
        return (w * torch.as_tensor(at, dtype=torch.float64)).sum(-1) + b

    at = x.clone().requires_grad_()
    F.binary_cross_entropy_with_logits(logit(at), torch.tensor(float(y), dtype=torch.float64)).backward()
    return logit, x, y, at.grad


def stepped(at, gradient, exercise):
    norm, size = exercise.givens["norm"], exercise.givens["step_size"]
    return at + size * (gradient.sign() if norm == "linf" else gradient / gradient.norm())


def projected(at, x, exercise):
    eps, box = exercise.givens["eps"], exercise.givens["box"]
    way = at - x
    inside = x + (way.clamp(-eps, eps) if exercise.givens["norm"] == "linf" else way * min(1, eps / float(way.norm())))
    return inside if box is None else inside.clamp(*box)


@given(SEEDS, AT_LEVEL)
@SOME
def test_logit_probability_and_gradient_are_autograds(seed, level):
    exercise = make_exercise("linear_score", seed, level)
    logit, x, _, gradient = neuron(exercise)
    score = logit(x)
    expected = [[score.item()], [torch.sigmoid(score).item()], gradient.sign().tolist(), gradient.tolist()]
    for got, wanted in zip(numbers(exercise), expected, strict=False):
        np.testing.assert_allclose(got, wanted, atol=1e-9)
    assert chosen(exercise) == [f"class {int(score > 0)}"]
    rounded = [
        part.answer.round(2 if part.answer.size == 1 else 1) for part in exercise.parts if not isinstance(part, Choice)
    ]
    assert all(
        part.check(given).correct
        for part, given in zip((p for p in exercise.parts if not isinstance(p, Choice)), rounded, strict=True)
    )


@given(SEEDS, AT_LEVEL)
@SOME
def test_a_step_its_place_and_its_projection(seed, level):
    exercise = make_exercise("fgsm_step", seed, level)
    logit, x, _, gradient = neuron(exercise)
    before = stepped(x, gradient, exercise)
    after = projected(before, x, exercise)
    for got, wanted in zip(numbers(exercise), (before, after, logit(after)[None]), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-8)
    eps, size, box = (exercise.givens[name] for name in ("eps", "step_size", "box"))
    beyond = max([size - eps] + ([float((before - 1).max()), float((-before).max())] if box else []))
    assert chosen(exercise) == ["outside" if beyond > 1e-9 else "inside" if beyond < -1e-9 else "on the edge"]


@given(SEEDS, AT_LEVEL)
@SOME
def test_no_point_of_a_fine_grid_is_worse_than_the_optimum(seed, level):
    exercise = make_exercise("best_point", seed, level)
    logit, x, y, _ = neuron(exercise)
    eps, box = exercise.givens["eps"], exercise.givens["box"]
    grid = torch.tensor(list(itertools.product(np.linspace(-eps, eps, 41), repeat=2))) + x
    allowed = grid if box is None else grid.clamp(*box)
    harm = (1 - 2 * y) * logit(allowed)
    corners, best, score = numbers(exercise)[:3]
    np.testing.assert_allclose(corners, [allowed.min(0).values, allowed.max(0).values], atol=1e-9)
    np.testing.assert_allclose(best, allowed[harm.argmax()], atol=1e-9)
    np.testing.assert_allclose(score, logit(best), atol=1e-9)
    assert chosen(exercise) == ["yes" if harm.max() > 0 else "no"]
    if level == 2:
        angles = torch.linspace(0, 2 * torch.pi, 100_001, dtype=torch.float64)
        circle = x + eps * torch.stack([angles.cos(), angles.sin()], -1)
        harm = (1 - 2 * y) * logit(circle)
        np.testing.assert_allclose(numbers(exercise)[3], circle[harm.argmax()], atol=1e-3)
        np.testing.assert_allclose(numbers(exercise)[4], logit(circle[harm.argmax()]), atol=1e-6)


@given(SEEDS, AT_LEVEL)
@SOME
def test_pgd_walks_as_torch_does(seed, level):
    exercise = make_exercise("pgd_walk", seed, level)
    logit, x, _, gradient = neuron(exercise)
    at, walk = torch.tensor(exercise.givens["start"]), []
    for _ in range(12):
        at = projected(stepped(at, gradient, exercise), x, exercise)
        walk.append(at)
    points, *more = numbers(exercise)
    np.testing.assert_allclose(points, torch.stack(walk[:3]), atol=1e-8)
    np.testing.assert_allclose(more[-1], logit(walk[2]), atol=1e-8)
    if level < 3:
        last = next(step for step, at in enumerate(walk, 1) if torch.allclose(at, walk[-1]))
        assert more[0] == [last]


@given(SEEDS, AT_LEVEL)
@SOME
def test_a_little_less_than_the_smallest_epsilon_never_reaches_the_boundary(seed, level):
    exercise = make_exercise("smallest_epsilon", seed, level)
    logit, x, y, gradient = neuron(exercise)
    margin, *rest = (np.array(answer) for answer in numbers(exercise))
    np.testing.assert_allclose(margin, (2 * y - 1) * logit(x), atol=1e-8)
    orders = {"L∞": torch.inf, "L2": 2, "L1": 1}
    questions = [part.question for part in exercise.parts if not isinstance(part, Choice)][1:]
    largest = torch.zeros_like(gradient)
    largest[gradient.abs().argmax()] = gradient.sign()[gradient.abs().argmax()]
    ways = {"L∞": gradient.sign(), "L2": gradient / gradient.norm(), "L1": largest}
    for question, answer in zip(questions, rest, strict=True):
        norm = next(norm for norm in orders if norm in question)
        if answer.size == 1:
            eps = answer.item()
            np.testing.assert_allclose(logit(x + eps * ways[norm]), 0, atol=1e-8)  # reached
            tries = torch.randn(2000, x.numel(), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
            tries *= (0.999 * eps / torch.linalg.vector_norm(tries, orders[norm], -1))[:, None]
            assert ((2 * y - 1) * logit(x + tries) > 0).all()  # and not earlier
        else:
            np.testing.assert_allclose(logit(answer), 0, atol=1e-8)
            assert torch.linalg.vector_norm(torch.tensor(answer) - x, orders[norm]) == pytest.approx(eps)
