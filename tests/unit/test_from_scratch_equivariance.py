"""Attention is PyTorch's, and every symmetry that the page shows holds for any numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnnlab_core.convolution import conv1d, conv2d
from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch.attention import attend, positional_encoding, seeded_head
from cnnlab_core.from_scratch.equivariance import (
    flat_readout,
    mean_readout,
    permute,
    pointwise_linear,
    read_order,
    shift,
)
from cnnlab_core.from_scratch.torch_check import position_wise

cells = st.floats(-3, 3)


def tables(rows, width):
    return arrays(np.float64, (rows, width), elements=cells)


@st.composite
def queries_keys_values(draw):
    n, m, d, e = (draw(st.integers(1, 5)) for _ in range(4))
    return draw(tables(n, d)), draw(tables(m, d)), draw(tables(m, e))


@given(queries_keys_values())
def test_attention_is_torchs(qkv):
    ours = attend(*qkv)
    theirs = torch.nn.functional.scaled_dot_product_attention(*(torch.tensor(part)[None] for part in qkv))[0]
    np.testing.assert_allclose(ours.output, theirs, atol=1e-12)
    np.testing.assert_allclose(ours.weights.sum(axis=1), 1, atol=1e-12)


@given(st.integers(0, 99))
def test_the_position_wise_layer_is_the_same_by_both_layers_and_by_hand(seed):
    generator = np.random.default_rng(seed)
    x, w, b = (generator.normal(size=shape) for shape in ((2, 5, 3), (4, 3), (4,)))
    for by_torch in position_wise(x, w, b):
        np.testing.assert_allclose(by_torch, np.maximum(x @ w.T + b, 0), atol=1e-12)


def test_large_scores_do_not_overflow():
    huge = np.array([[1e6], [-1e6]])
    assert np.isfinite(attend(huge, huge, huge).output).all()


@st.composite
def rows_and_order(draw):
    rows = draw(st.integers(1, 6))
    return draw(tables(rows, 3)), tuple(draw(st.permutations(range(rows)))), draw(st.integers(0, 99))


@given(rows_and_order())
def test_attention_commutes_with_permutations_and_its_mean_is_invariant(case):
    x, order, seed = case
    head = seeded_head(seed, 3, 3)
    moved, still = head(permute(x, order)), head(x)
    np.testing.assert_allclose(moved.output, permute(still.output, order), atol=1e-12)
    np.testing.assert_allclose(moved.weights, still.weights[np.ix_(order, order)], atol=1e-12)
    np.testing.assert_allclose(moved.scores, still.scores[np.ix_(order, order)], atol=1e-12)
    weights = [1.0, -2.0, 0.5]
    assert mean_readout(moved.output, weights) == pytest.approx(mean_readout(still.output, weights), abs=1e-12)


def test_a_convolution_and_a_flat_readout_do_not():
    x, order = np.arange(15.0).reshape(5, 3) ** 2 % 7, (2, 0, 4, 1, 3)
    kernel = np.arange(27.0).reshape(3, 3, 3) % 5 - 2

    def layer(rows):
        return conv1d(rows.T, kernel, padding=1, padding_mode="circular").T

    assert np.abs(layer(permute(x, order)) - permute(layer(x), order)).max() > 1
    weights = np.arange(15.0).reshape(5, 3)
    assert flat_readout(permute(x, order), weights) != flat_readout(x, weights)


def test_positions_break_the_symmetry():
    x, order, head = np.arange(12.0).reshape(4, 3) % 5 - 2, (1, 2, 3, 0), seeded_head(3, 3, 3)
    encoding = positional_encoding(4, 3)
    apart = head(permute(x, order) + encoding).output - permute(head(x + encoding).output, order)
    assert np.abs(apart).max() > 0.01


@given(arrays(np.float64, (7,), elements=cells), arrays(np.float64, (3,), elements=cells), st.integers(-9, 9))
def test_a_circular_convolution_commutes_with_shifts_exactly(x, w, places):
    def layer(signal):
        return conv1d(signal, w, padding=1, padding_mode="circular")

    assert np.array_equal(layer(shift(x, places)), shift(layer(x), places))


@given(arrays(np.float64, (8,), elements=cells), arrays(np.float64, (3,), elements=cells), st.integers(0, 7))
def test_zeros_break_it_at_the_border_only(x, w, places):
    def layer(signal):
        return conv1d(signal, w, padding=1)

    apart = layer(shift(x, places)) - shift(layer(x), places)
    border = {0, 7, places % 8, (places + 7) % 8}
    assert all(value == 0 for i, value in enumerate(apart) if i not in border)


@given(
    arrays(np.float64, (3, 2, 4), elements=cells),
    arrays(np.float64, (2, 3), elements=cells),
    arrays(np.float64, (2,), elements=cells),
)
def test_a_1x1_convolution_is_a_linear_layer_at_every_position(x, w, b):
    by_convolution, by_layer = conv2d(x, w[:, :, None, None], b), pointwise_linear(x, w, b)
    np.testing.assert_allclose(by_convolution, by_layer, atol=1e-12)
    by_torch = torch.nn.functional.linear(torch.tensor(x).permute(1, 2, 0), torch.tensor(w), torch.tensor(b))
    np.testing.assert_allclose(by_layer, by_torch.permute(2, 0, 1), atol=1e-12)


def test_seeded_heads_keep_their_seed():
    assert np.array_equal(seeded_head(4, 3, 2).wq, seeded_head(4, 3, 2).wq)
    assert not np.array_equal(seeded_head(4, 3, 2).wq, seeded_head(5, 3, 2).wq)


def test_positional_encoding_is_the_papers():
    encoding = positional_encoding(6, 4)
    assert encoding[5].tolist() == pytest.approx([np.sin(5), np.cos(5), np.sin(0.05), np.cos(0.05)])


@pytest.mark.parametrize("text", ["2 0 1", "2,0,1", " 2; 0 ;1 "])
def test_an_order_as_people_type_it(text):
    assert read_order(text, 3) == (2, 0, 1)


@pytest.mark.parametrize(
    "text", ["", "0 1", "0 1 1", "0 1 2 3", "0 1 x", "-1 0 1", "9" * 50, "0 1 2.0", "٣ 0 1", "1 " * 90]
)
def test_what_is_no_order_is_a_sentence(text):
    with pytest.raises(InputError, match=r"0 to 2.*\.$"):
        read_order(text, 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: attend([[1, 2]], [[1]], [[1]]), "same width"),
        (lambda: attend([[1]], [[1]], [[1], [2]]), "each key one value"),
        (lambda: seeded_head(1, 3, 3)([[1, 2]]), "2 columns"),
        (lambda: seeded_head(-1, 3, 3), "seed"),
    ],
)
def test_what_can_not_be_is_a_sentence(call, words):
    with pytest.raises(InputError, match=words):
        call()
