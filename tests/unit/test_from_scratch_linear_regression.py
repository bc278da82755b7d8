"""The linear model by hand agrees with PyTorch's autograd and numpy's least squares, and finds no way to do XOR."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch.linear_regression import (
    XOR_INPUTS,
    XOR_TARGETS,
    descend,
    descend_steps,
    loss_surface,
    mse,
    mse_gradients,
    optimum,
    predict,
    squared_error,
)
from cnnlab_core.from_scratch.torch_gradients import loss_gradients, neuron_gradients, prediction_gradients

cells = st.floats(-10, 10).map(lambda value: round(value, 3))


@st.composite
def problems(draw):
    rows, features = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    x, t = (draw(arrays(np.float64, shape, elements=cells)) for shape in ((rows, features), (rows,)))
    return x, t, draw(arrays(np.float64, (features,), elements=cells)), draw(cells)


@given(problems())
def test_loss_and_gradients_are_autograds(problem):
    x, t, w, b = problem
    leaves = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (w, b)]
    loss = torch.nn.functional.mse_loss(torch.tensor(x) @ leaves[0] + leaves[1], torch.tensor(t))
    loss.backward()
    gradients = mse_gradients(x, t, w, b)
    np.testing.assert_allclose(mse(x, t, w, b), loss.item(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gradients.dw, leaves[0].grad, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(gradients.db, leaves[1].grad, rtol=1e-12, atol=1e-9)


@given(problems())
def test_the_optimum_is_that_of_least_squares_and_nothing_near_it_is_better(problem):
    x, t, w, b = problem
    best = optimum(x, t)
    with_ones = np.column_stack([x, np.ones(len(x))])
    solution = np.linalg.lstsq(with_ones, t, rcond=None)[0]
    assert best.loss == pytest.approx(np.mean((with_ones @ solution - t) ** 2), abs=1e-6)
    assert best.loss <= mse(x, t, w, b) + 1e-6


@given(problems())
def test_autograds_neuron_is_the_neuron(problem):
    x, _, w, b = problem
    by_torch = neuron_gradients(w, x[0], b)
    assert by_torch.y == pytest.approx(predict(x[:1], w, b)[0], abs=1e-12)
    assert np.array_equal(by_torch.dw, x[0])
    assert np.array_equal(by_torch.dx, w)
    assert by_torch.db == 1


def test_the_sheets_neuron():
    y, dw, dx, db = neuron_gradients([2, 1], [4, 2], 3)
    assert (y, dw.tolist(), dx.tolist(), db) == (13, [4, 2], [2, 1], 1)


@given(problems())
def test_autograds_loss_is_the_loss(problem):
    x, t, w, b = problem
    by_torch, gradients = loss_gradients(x, t, w, b), mse_gradients(x, t, w, b)
    np.testing.assert_allclose(by_torch.loss, mse(x, t, w, b), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(by_torch.dw, gradients.dw, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(by_torch.db, gradients.db, rtol=1e-12, atol=1e-9)


@given(problems())
def test_the_squared_error_of_predictions_is_torchs(problem):
    x, t, _, _ = problem
    by_hand, by_torch = squared_error(x[:, 0], t), prediction_gradients(x[:, 0], t)
    np.testing.assert_allclose(by_hand.loss, by_torch.loss, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(by_hand.dy, by_torch.dy, rtol=1e-12, atol=1e-12)


def test_the_sheets_loss_on_xor():
    gradient = mse_gradients(XOR_INPUTS, XOR_TARGETS, [2, 1], 3)
    assert mse(XOR_INPUTS, XOR_TARGETS, [2, 1], 3) == 17.5
    assert (gradient.dw.tolist(), gradient.db) == ([5, 4.5], 8)


def test_the_best_plane_for_xor_says_a_half_to_everything():
    best = optimum(XOR_INPUTS, XOR_TARGETS)
    np.testing.assert_allclose([*best.w, best.b, best.loss], [0, 0, 0.5, 0.25], atol=1e-15)
    np.testing.assert_allclose(predict(XOR_INPUTS, best.w, best.b), 0.5, atol=1e-15)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2), st.floats(0.01, 0.6))
def test_descent_goes_down_to_the_optimum_like_torchs_sgd(w1, w2, b, eta):
    path = descend(XOR_INPUTS, XOR_TARGETS, [w1, w2], b, eta=eta, steps=12)
    assert [step.index for step in path] == list(range(13))
    assert all(after.loss <= before.loss + 1e-12 for before, after in pairwise(path))
    w, bias = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in ([w1, w2], b))
    optimizer = torch.optim.SGD([w, bias], lr=eta)
    for _ in range(12):
        optimizer.zero_grad()
        y = torch.tensor(XOR_INPUTS, dtype=torch.float64) @ w + bias
        torch.nn.functional.mse_loss(y, torch.tensor(XOR_TARGETS, dtype=torch.float64)).backward()
        optimizer.step()
    np.testing.assert_allclose([*path[-1].w, path[-1].b], [*w.detach(), bias.detach()], atol=1e-12)


def test_a_long_descent_arrives():
    *_, last = descend_steps(XOR_INPUTS, XOR_TARGETS, [1.4, -1], 0.6, eta=0.4, steps=500)
    np.testing.assert_allclose([*last.w, last.b, last.loss], [0, 0, 0.5, 0.25], atol=1e-9)


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 2), (2, 0)])
def test_the_surface_is_the_loss(pair):
    point, across, up = np.array([0.3, -0.7, 0.2]), np.array([-1.0, 0.5]), np.array([0.0, 1.0, 2.0])
    surface = loss_surface(XOR_INPUTS, XOR_TARGETS, point, pair, across, up)
    assert surface.shape == (3, 2)
    for (row, column), loss in np.ndenumerate(surface):
        there = point.copy()
        there[pair[0]], there[pair[1]] = across[column], up[row]
        assert loss == pytest.approx(mse(XOR_INPUTS, XOR_TARGETS, there[:2], there[2]), abs=1e-14)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: predict([[1, 2]], [1], 0), "one weight for each column"),
        (lambda: mse([[1], [2]], [1], [1], 0), "one target"),
        (lambda: mse([[1]], [float("nan")], [1], 0), "put a number"),
        (lambda: descend([[1]], [1], [1], 0, eta=-1, steps=1), "0 or more"),
        (lambda: descend([[1]], [1], [1], 0, eta=1, steps=-1), "at least 0"),
        (lambda: descend([[9]], [1], [1], 0, eta=50, steps=200), "make eta smaller"),
        (lambda: optimum([], []), "dimension"),
    ],
)
def test_what_can_not_be_is_a_sentence(call, words):
    with pytest.raises(InputError, match=words) as error:
        call()
    assert str(error.value).endswith(".")
