"""Convolution: every option against PyTorch, its own adjoint, its matrices, finite differences and explanations."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnlab_core import convolution as cv

torch.set_num_threads(1)
EXACT = {"rtol": 1e-12, "atol": 1e-12}
CONV = {1: cv.conv1d, 2: cv.conv2d}
BACKWARD = {1: cv.conv1d_backward, 2: cv.conv2d_backward}
TRANSPOSE = {1: cv.conv_transpose1d, 2: cv.conv_transpose2d}
TORCH_CONV = {1: F.conv1d, 2: F.conv2d}
TORCH_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d}
TORCH_MODE = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def quick(max_examples: int) -> settings:
    """The same examples in every run, however slow the machine."""
    return settings(
        max_examples=max_examples, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )


@dataclass
class Case:
    """A convolution that can be, with the padding that the test itself worked out."""

    dims: int
    x: np.ndarray
    w: np.ndarray
    b: np.ndarray | None
    dy: np.ndarray
    options: dict[str, Any]
    sides: list[tuple[int, int]]

    def torch_y(self, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None) -> torch.Tensor:
        full_x = x.reshape((1,) * (self.dims + 2 - x.ndim) + x.shape)
        full_w = w.reshape((1,) * (self.dims + 2 - w.ndim) + w.shape)
        if self.options["flip"]:
            full_w = full_w.flip(list(range(2, full_w.ndim)))
        pads = [n for side in reversed(self.sides) for n in side]
        padded = F.pad(full_x, pads, mode=TORCH_MODE[self.options["padding_mode"]])
        named = {name: self.options[name] for name in ("stride", "dilation", "groups")}
        y = TORCH_CONV[self.dims](padded, full_w, None if b is None else b.reshape(-1), **named)
        return y.reshape(self.dy.shape)


@st.composite
def cases(draw: st.DrawFn, dims: int | None = None, small: bool = False) -> Case:
    dims = dims or draw(st.sampled_from([1, 2]))
    form = draw(st.sampled_from(["bare", "bare x", "channels", "batch"]))
    groups = draw(st.integers(1, 3)) if form in ("channels", "batch") else 1
    per_group, outputs = (draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))) if form != "bare" else (1, 1)
    per_group = 1 if form == "bare x" else per_group
    mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    named = draw(st.sampled_from([None, None, "valid", "same", "full"]))
    kernel, dilation, stride, sides, sizes = [], [], [], [], []
    for _ in range(dims):
        k, d = draw(st.integers(1, 3)), draw(st.integers(1, 2 if small else 3))
        total = d * (k - 1)
        side = {
            None: (draw(st.integers(0, 3)), draw(st.integers(0, 3))),
            "valid": (0, 0),
            "same": (total // 2, total - total // 2),
            "full": (total, total),
        }[named]
        least = {"reflect": max(side) + 1, "circular": max(side)}.get(mode, 1)
        sizes.append(max(1, least, total + 1 - sum(side)) + draw(st.integers(0, 2 if small else 5)))
        kernel.append(k), dilation.append(d), sides.append(side)
        stride.append(1 if named == "same" else draw(st.integers(1, 3)))
    padding = named or (sides[0] if dims == 1 and draw(st.booleans()) else tuple(sides))
    options = {
        "stride": tuple(stride),
        "padding": padding,
        "dilation": tuple(dilation),
        "groups": groups,
        "padding_mode": mode,
        "flip": draw(st.booleans()),
    }
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    lead = {"bare": (), "bare x": (), "channels": (groups * per_group,)}.get(form, (2, groups * per_group))
    x, w = rng.normal(size=(*lead, *sizes)), rng.normal(size=(outputs, per_group, *kernel))
    if form == "bare":
        w = w[0, 0]
    b = rng.normal(size=outputs) if draw(st.booleans()) else None
    out = [
        (n + sum(side) - d * (k - 1) - 1) // s + 1
        for n, side, d, k, s in zip(sizes, sides, dilation, kernel, stride, strict=True)
    ]
    y_lead = {"bare": (), "batch": (2, outputs)}.get(form, (outputs,))
    return Case(dims, x, w, b, rng.normal(size=(*y_lead, *out)), options, sides)


@quick(1000)
@given(cases())
def test_forward_and_backward_agree_with_torch(case: Case) -> None:
    x, w = (torch.tensor(array, requires_grad=True) for array in (case.x, case.w))
    b = None if case.b is None else torch.tensor(case.b, requires_grad=True)
    expected = case.torch_y(x, w, b)
    expected.backward(torch.tensor(case.dy))
    y = CONV[case.dims](case.x, case.w, case.b, **case.options)
    gradients = BACKWARD[case.dims](case.x, case.w, case.dy, **case.options)
    assert (y.shape, gradients.dx.shape, gradients.dw.shape) == (case.dy.shape, case.x.shape, case.w.shape)
    np.testing.assert_allclose(y, expected.detach().numpy(), **EXACT)
    np.testing.assert_allclose(gradients.dx, x.grad.numpy(), **EXACT)
    np.testing.assert_allclose(gradients.dw, w.grad.numpy(), **EXACT)
    if b is not None:
        np.testing.assert_allclose(np.atleast_1d(gradients.db), b.grad.numpy(), **EXACT)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", ["valid", "same", 2, (1, 2)])
@pytest.mark.parametrize("kernel", [(3, 2), (4, 1), (1, 3)])
def test_padding_means_what_it_means_to_a_torch_layer(mode: str, padding: Any, kernel: tuple[int, int]) -> None:
    """The property test above works out its own padding; here torch does."""
    layer = torch.nn.Conv2d(2, 3, kernel, padding=padding, padding_mode=mode, dilation=(1, 2), dtype=torch.float64)
    x = np.random.default_rng(0).normal(size=(2, 2, 7, 8))
    w, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    y = cv.conv2d(x, w, b, padding=padding, padding_mode=mode, dilation=(1, 2))
    np.testing.assert_allclose(y, layer(torch.tensor(x)).detach().numpy(), **EXACT)


def test_true_convolution_is_numpys() -> None:
    x, w = [1.0, 3, 2, 0, 4], [1.0, -1, 2]
    np.testing.assert_allclose(cv.conv1d(x, w, flip=True, padding="full"), np.convolve(x, w))


@quick(150)
@given(cases(small=True))
def test_gradients_agree_with_central_differences(case: Case) -> None:
    gradients = BACKWARD[case.dims](case.x, case.w, case.dy, **case.options)

    def loss(x: np.ndarray, w: np.ndarray) -> float:
        return float((CONV[case.dims](x, w, **case.options) * case.dy).sum())

    for array, gradient in ((case.x, gradients.dx), (case.w, gradients.dw)):
        for index in list(np.ndindex(array.shape))[:: max(1, array.size // 12)]:
            step = np.zeros_like(array)
            step[index] = 1e-3
            above, below = (
                loss(case.x + sign * step, case.w) if array is case.x else loss(case.x, case.w + sign * step)
                for sign in (1, -1)
            )
            assert (above - below) / 2e-3 == pytest.approx(gradient[index], rel=1e-9, abs=1e-9)


@quick(400)
@given(cases(small=True))
def test_matrices_do_the_same_as_the_convolution(case: Case) -> None:
    y = CONV[case.dims](case.x, case.w, **case.options)
    weights = cv.jacobian_weights(case.x, case.w.shape, **case.options)
    np.testing.assert_allclose(weights @ case.w.ravel(), y.ravel(), **EXACT)
    gradients = BACKWARD[case.dims](case.x, case.w, case.dy, **case.options)
    np.testing.assert_allclose(weights.T @ case.dy.ravel(), gradients.dw.ravel(), **EXACT)
    samples = case.x[None] if case.x.ndim < case.dims + 2 else case.x
    matrix = cv.toeplitz(case.w, samples.shape[1:], **case.options)
    np.testing.assert_allclose(matrix @ samples.reshape(len(samples), -1).T, y.reshape(len(samples), -1).T, **EXACT)
    np.testing.assert_allclose(
        case.dy.reshape(len(samples), -1) @ matrix, gradients.dx.reshape(len(samples), -1), **EXACT
    )


@quick(500)
@given(st.data())
def test_transposed_convolution_agrees_with_torch(data: st.DataObject) -> None:
    draw = data.draw
    dims = draw(st.sampled_from([1, 2]))
    groups, per_group = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    channels = groups * draw(st.integers(1, 2))
    axes = st.lists(st.integers(1, 3), min_size=dims, max_size=dims)
    kernel, stride, dilation, sizes = draw(axes), draw(axes), draw(axes), draw(axes)
    extra = [draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)]
    padding = []
    for n, k, s, d, e in zip(sizes, kernel, stride, dilation, extra, strict=True):
        padding.append(draw(st.integers(0, ((n - 1) * s + d * (k - 1) + e) // 2)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x, b = rng.normal(size=(2, channels, *sizes)), rng.normal(size=groups * per_group)
    w = rng.normal(size=(channels, per_group, *kernel))
    options = {"stride": stride, "padding": padding, "output_padding": extra, "dilation": dilation, "groups": groups}
    y = TRANSPOSE[dims](x, w, b, **options)
    expected = TORCH_TRANSPOSE[dims](*(torch.tensor(array) for array in (x, w, b)), **options)
    np.testing.assert_allclose(y, expected.numpy(), **EXACT)
    np.testing.assert_array_equal(TRANSPOSE[dims](x[0], w, b, **options), y[0])


@quick(300)
@given(cases())
def test_transposed_convolution_is_the_adjoint(case: Case) -> None:
    """<conv(x), u> = <x, conv_transpose(u)>, with output_padding for the rows and columns that stride drops."""
    named = {name: case.options[name] for name in ("stride", "padding", "dilation", "groups")}
    y = CONV[case.dims](case.x, case.w, **named)
    sizes, kernel, out = (array.shape[-case.dims :] for array in (case.x, case.w, y))
    reached = [
        (t - 1) * s + d * (k - 1) + 1 - sum(side)
        for t, s, d, k, side in zip(out, named["stride"], named["dilation"], kernel, case.sides, strict=True)
    ]
    extra = [n - m for n, m in zip(sizes, reached, strict=True)]
    back = TRANSPOSE[case.dims](case.dy, case.w, output_padding=extra, **named)
    assert back.size == case.x.size
    assert (y * case.dy).sum() == pytest.approx((case.x.reshape(back.shape) * back).sum(), rel=1e-10, abs=1e-10)


@quick(300)
@given(cases(small=True))
def test_explanations_add_up_to_every_cell(case: Case) -> None:
    gradients = BACKWARD[case.dims](case.x, case.w, case.dy, **case.options)
    computed = {"y": CONV[case.dims](case.x, case.w, case.b, **case.options), **gradients._asdict()}
    arrays = {"x": case.x, "w": case.w, "dy": case.dy}
    kernel_dims = case.w.shape[-case.dims :]
    plain = {name: case.options[name] for name in ("stride", "padding", "dilation", "padding_mode", "flip")}
    geometry = cv.geometry(case.x.shape[-case.dims :], kernel_dims, **plain)
    for target, array in computed.items():
        for index in np.ndindex(array.shape):
            cell = cv.explain(target, index, case.x, case.w, case.b, case.dy, **case.options)
            assert cell.total == pytest.approx(array[index], rel=1e-12, abs=1e-12)
            assert cell.index == index
            assert cell.bias == (None if target != "y" or case.b is None else pytest.approx(cell.total - running(cell)))
            for before, term in pairwise([None, *cell.terms]):
                assert term.product == term.cell.value * term.weight.value
                assert term.running == (before.running if before else 0.0) + term.product
                for factor in (term.cell, term.weight):
                    if factor.index is not None:
                        assert arrays[factor.name][factor.index] == factor.value
                if target != "db":
                    check_padding(case, geometry, term, index if target == "dx" else None)


def running(cell: cv.Explanation) -> float:
    return cell.terms[-1].running if cell.terms else 0.0


def check_padding(case: Case, geometry: cv.Geometry, term: cv.Term, dx_index: tuple[int, ...] | None) -> None:
    """A term is marked exactly if it met outside the input, and it shows what the index map says."""
    inside = [
        before <= p < before + n
        for p, n, (before, _) in zip(term.padded, case.x.shape[-case.dims :], case.sides, strict=True)
    ]
    assert term.is_padding == (not all(inside))
    shown = geometry.shows(term.padded)
    if dx_index is not None:
        assert shown == dx_index[-case.dims :]
    elif shown is None:
        assert term.cell == cv.Factor("padding", None, 0.0)
    else:
        assert term.cell.index[-case.dims :] == shown


def test_an_equation_reads_like_one() -> None:
    cell = cv.explain("y", (0, 1), [[1, 2], [3, 4]], [[1, -2], [0, 1]], 0.5, padding=1)
    assert cell.law == r"y_{i,j} = \sum_{u,v} w_{u,v} \, x_{i + u - 1,j + v - 1} + b"
    assert cell.symbols == (
        r"y_{0,1} = w_{0,0} \, 0_{\text{pad}} + w_{0,1} \, 0_{\text{pad}} + w_{1,0} \, x_{0,0} + w_{1,1} \, x_{0,1} + b"
    )
    assert cell.numbers == r"y_{0,1} = 1 \cdot 0 + (-2) \cdot 0 + 0 \cdot 1 + 1 \cdot 2 + 0.5 = 2.5"
    reflected = cv.explain("dx", 1, [5, 6, 7], [1, 10], dy=[1, 2, 3, 4], padding=1, padding_mode="reflect")
    assert reflected.symbols == (
        r"dx_{1} = [w_{0} \, dy_{0}]^{\text{pad}} + w_{1} \, dy_{1} + w_{0} \, dy_{2} + [w_{1} \, dy_{3}]^{\text{pad}}"
    )
    assert reflected.numbers == r"dx_{1} = 1 \cdot 1 + 10 \cdot 2 + 1 \cdot 3 + 10 \cdot 4 = 64"


def test_what_cannot_be_shown_in_six_digits_is_called_approximate() -> None:
    assert r"\approx 0.333333" in cv.explain("y", 0, [1.0], [1 / 3]).numbers
    assert r"= 0.3" in cv.explain("y", 0, [0.1, 0.2], [1, 1]).numbers


def test_a_cell_that_no_window_reaches_is_an_empty_sum() -> None:
    cell = cv.explain("dx", 2, [1, 2, 3], [1, 1], dy=[7], stride=2)
    assert (cell.terms, cell.total, cell.symbols, cell.numbers) == ([], 0.0, "dx_{2} = 0", "dx_{2} = 0")


def test_a_long_equation_is_cut_but_its_terms_are_not() -> None:
    cell = cv.explain("y", (0, 0), np.ones((5, 5)), np.ones((5, 5)))
    assert len(cell.terms) == 25
    assert cell.total == 25
    assert cell.symbols.count("w_") == 16
    assert r"\cdots" in cell.symbols


def test_one_step_of_gradient_descent() -> None:
    np.testing.assert_allclose(cv.sgd_update([[1, -2]], [[2, 4]], 0.5), [[0, -4]])


def test_arguments_stay_as_they_were() -> None:
    x, w, dy = np.arange(9.0).reshape(3, 3), np.ones((2, 2)), np.ones((4, 4))
    copies = [array.copy() for array in (x, w, dy)]
    cv.conv2d(x, w, 1.0, padding=1)
    cv.conv2d_backward(x, w, dy, padding=1)
    for array, copy in zip((x, w, dy), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
