"""Softmax, rank, entropy and margin against torch and against their definitions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlab_core.classification.softmax import entropy, margin, rank, softmax, top_k, work_out_softmax
from cnnlab_core.errors import InputError

logit_vectors = st.lists(st.floats(-200, 200, allow_nan=False), min_size=2, max_size=40).map(np.array)
temperatures = st.floats(0.1, 10)


@given(logit_vectors, temperatures)
def test_softmax_is_torchs(logits, temperature):
    expected = torch.softmax(torch.from_numpy(logits) / temperature, 0).numpy()
    np.testing.assert_allclose(softmax(logits, temperature), expected, rtol=1e-9, atol=1e-15)


@given(logit_vectors, temperatures, st.data())
def test_the_worked_out_terms_add_up(logits, temperature, data):
    index = data.draw(st.integers(0, len(logits) - 1))
    worked = work_out_softmax(logits, index, temperature, terms=min(5, len(logits)))
    assert index in [term.index for term in worked.terms]
    assert sum(term.value for term in worked.terms) + worked.rest == worked.denominator
    assert len(worked.terms) + worked.rest_count == len(logits)
    assert math.isclose(worked.probability, softmax(logits, temperature)[index], rel_tol=1e-12, abs_tol=1e-300)
    shown = worked.rounded(6)
    texts = [f"{term.value:.6f}" for term in shown.terms] + [f"{shown.rest:.6f}"]
    assert sum(int(text.replace(".", "")) for text in texts) == int(f"{shown.denominator:.6f}".replace(".", ""))
    assert abs(shown.denominator - worked.denominator) < 1e-5


@given(logit_vectors)
def test_ranks_are_a_permutation_that_top_k_agrees_with(logits):
    ranks = [rank(logits, index) for index in range(len(logits))]
    assert sorted(ranks) == list(range(1, len(logits) + 1))
    labels = tuple(str(i) for i in range(len(logits)))
    best = top_k(logits, labels, len(logits))
    assert [ranks[p.index] for p in best] == list(range(1, len(logits) + 1))
    assert all(p.logit == logits[p.index] and p.label == str(p.index) for p in best)


@given(logit_vectors)
def test_entropy_and_margin(logits):
    p = softmax(logits)
    expected = torch.distributions.Categorical(probs=torch.from_numpy(p)).entropy().item() / math.log(2)
    assert entropy(p) == pytest.approx(expected, abs=1e-6)
    first, second = sorted(p)[::-1][:2]
    assert margin(p) == first - second


def test_the_corners():
    assert entropy(np.array([1.0, 0.0])) == 0
    assert entropy(np.full(1000, 0.001)) == pytest.approx(math.log2(1000))
    assert softmax(np.array([1e4, 0.0])).tolist() == [1.0, 0.0]
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match=r"temperature (must|is)"):
            softmax(np.zeros(3), bad)
    with pytest.raises(InputError, match="is nan"):
        softmax(np.array([0.0, np.nan]))
    with pytest.raises(InputError, match="k is 4: make it at most 3"):
        top_k(np.zeros(3), ("a", "b", "c"), 4)
    with pytest.raises(InputError, match="one row"):
        rank(np.zeros((2, 3)), 0)
