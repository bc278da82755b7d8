"""Pooling against PyTorch: values, routes, ties and gradients; and every pooled cell explained."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cnnlab_core import convolution as cv
from cnnlab_core.errors import InputError

torch.set_num_threads(1)
EXACT = {"rtol": 1e-12, "atol": 1e-12}
MAX = {
    1: (cv.max_pool1d, cv.max_pool1d_routes, cv.max_pool1d_backward),
    2: (cv.max_pool2d, cv.max_pool2d_routes, cv.max_pool2d_backward),
}
AVG = {1: (cv.avg_pool1d, cv.avg_pool1d_backward), 2: (cv.avg_pool2d, cv.avg_pool2d_backward)}
TORCH_MAX, TORCH_AVG = {1: F.max_pool1d, 2: F.max_pool2d}, {1: F.avg_pool1d, 2: F.avg_pool2d}


def quick(max_examples: int) -> settings:
    """The same examples in every run, however slow the machine."""
    return settings(
        max_examples=max_examples, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )


@dataclass
class Case:
    dims: int
    x: np.ndarray
    window: tuple[int, ...]
    options: dict[str, Any]
    rng: np.random.Generator

    def torch_options(self) -> dict[str, Any]:
        return {"kernel_size": self.window, **self.options}


@st.composite
def cases(draw: st.DrawFn, kind: str) -> Case:
    """Poolings that PyTorch accepts. Few different values, so that ties are the rule."""
    dims = draw(st.sampled_from([1, 2]))
    window, padding, dilation, sizes = [], [], [], []
    for _ in range(dims):
        k, d = draw(st.integers(1, 4)), draw(st.integers(1, 2)) if kind == "max" else 1
        span = d * (k - 1) + 1
        p = draw(st.integers(0, k // 2))
        window.append(k), dilation.append(d), padding.append(p)
        sizes.append(max(1, span - 2 * p) + draw(st.integers(0, 5)))
    options: dict[str, Any] = {
        "stride": draw(st.none() | st.tuples(*[st.integers(1, 4)] * dims)),
        "padding": tuple(padding),
        "ceil_mode": draw(st.booleans()),
    }
    options |= {"dilation": tuple(dilation)} if kind == "max" else {"count_include_pad": draw(st.booleans())}
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    lead = draw(st.sampled_from([(), (2,), (2, 3)]))
    return Case(dims, rng.integers(-2, 2, (*lead, *sizes)).astype(float), tuple(window), options, rng)


def with_channels(x: np.ndarray, dims: int) -> torch.Tensor:
    return torch.tensor(x.reshape((1,) * (dims + 2 - x.ndim) + x.shape), requires_grad=True)


@quick(800)
@given(cases("max"))
def test_max_pooling_agrees_with_torch(case: Case) -> None:
    x = with_channels(case.x, case.dims)
    expected, indices = TORCH_MAX[case.dims](x, **case.torch_options(), return_indices=True)
    forward, routes, backward = MAX[case.dims]
    if torch.isinf(expected).any():  # dilation can step over all of a tiny input
        with pytest.raises(InputError, match="nothing but padding"):
            forward(case.x, case.window, **case.options)
        return
    y = forward(case.x, case.window, **case.options)
    np.testing.assert_array_equal(y.ravel(), expected.detach().numpy().ravel())
    assert y.shape == case.x.shape[: -case.dims] + tuple(expected.shape[2:])
    won = routes(case.x, case.window, **case.options)
    assert won.shape == y.shape
    np.testing.assert_array_equal(won.ravel(), indices.numpy().ravel())
    dy = case.rng.normal(size=y.shape)
    expected.backward(torch.tensor(dy.reshape(expected.shape)))
    dx = backward(case.x, case.window, dy, **case.options)
    np.testing.assert_allclose(dx, x.grad.numpy().reshape(case.x.shape), **EXACT)


@quick(600)
@given(cases("avg"))
def test_average_pooling_agrees_with_torch(case: Case) -> None:
    x = with_channels(case.x, case.dims)
    expected = TORCH_AVG[case.dims](x, **case.torch_options())
    forward, backward = AVG[case.dims]
    y = forward(case.x, case.window, **case.options)
    np.testing.assert_allclose(y.ravel(), expected.detach().numpy().ravel(), **EXACT)
    assert y.shape == case.x.shape[: -case.dims] + tuple(expected.shape[2:])
    dy = case.rng.normal(size=y.shape)
    expected.backward(torch.tensor(dy.reshape(expected.shape)))
    dx = backward(case.x, case.window, dy, **case.options)
    np.testing.assert_allclose(dx, x.grad.numpy().reshape(case.x.shape), **EXACT)


@pytest.mark.parametrize("kind", ["max", "avg"])
@quick(150)
@given(data=st.data())
def test_explanations_add_up_to_every_cell(kind: str, data: st.DataObject) -> None:
    case = data.draw(cases(kind))
    forward, backward = (MAX if kind == "max" else AVG)[case.dims][:: 2 if kind == "max" else 1]
    try:
        y = forward(case.x, case.window, **case.options)
    except InputError:
        assume(False)
    dy = case.rng.normal(size=y.shape)
    dx = backward(case.x, case.window, dy, **case.options)
    for target, array in (("y", y), ("dx", dx)):
        for index in np.ndindex(array.shape):
            cell = cv.explain_pool(kind, target, index, case.x, case.window, dy, **case.options)
            assert cell.total == pytest.approx(array[index], rel=1e-12, abs=1e-12)
            assert sum(term.product for term in cell.terms) == pytest.approx(cell.total, abs=1e-12)
            for term in cell.terms:
                source = case.x if target == "y" else dy
                assert term.cell.name == "padding" or source[term.cell.index] == term.cell.value
                assert term.is_padding == (term.cell.name == "padding")


def test_of_equal_cells_the_first_wins() -> None:
    x = [[7.0, 7.0], [7.0, 7.0]]
    assert cv.max_pool2d_routes(x, 2).tolist() == [[0]]
    assert cv.max_pool2d_backward(x, 2, [[5.0]]).tolist() == [[5.0, 0.0], [0.0, 0.0]]


def test_a_cell_that_wins_twice_is_paid_twice() -> None:
    assert cv.max_pool1d_backward([1, 9, 2], 2, [3, 4], stride=1).tolist() == [0, 7, 0]


def test_equations_of_pooled_cells() -> None:
    largest = cv.explain_pool("max", "y", 0, [3, 8], (2,), stride=2, padding=1)
    assert largest.symbols == r"y_{0} = \max(-\infty_{\text{pad}}, \allowbreak x_{0})"
    assert largest.numbers == r"y_{0} = \max(-\infty, \allowbreak 3) = 3"
    assert largest.law == r"y_{i} = \max_{u} x_{2i + u - 1}"
    mean = cv.explain_pool("avg", "y", 0, [3, 8], (2,))
    assert mean.symbols == r"y_{0} = \tfrac{1}{2} \, x_{0} + \tfrac{1}{2} \, x_{1}"
    assert mean.numbers == r"y_{0} = \tfrac{1}{2} \cdot 3 + \tfrac{1}{2} \cdot 8 = 5.5"
    routed = cv.explain_pool("max", "dx", 1, [1, 9, 9], (2,), [3, 4], stride=1)
    assert routed.numbers == r"dx_{1} = 1 \cdot 3 + 1 \cdot 4 = 7"
