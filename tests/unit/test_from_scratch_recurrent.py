"""Recurrent cells by hand: every gradient against torch and finite differences, and every cell as its own sum."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch import (
    CELLS,
    clip_by_norm,
    explain_recurrent,
    from_torch,
    parameter_count,
    seeded_parameters,
    to_torch,
    torch_arrays,
    unroll,
)
from cnnlab_core.from_scratch.recurrent_explain import explainable

KIND = st.sampled_from(sorted(CELLS))
FUNCTIONS = {
    "": lambda total: total,
    "tanh": np.tanh,
    "sigmoid": lambda total: 1 / (1 + np.exp(-total)),
    "minus log": lambda total: -np.log(total) if total else 0.0,
}


def drawn(kind, seed, steps=3, batch=None, inputs=3, hidden=2, outputs=4, **given):
    """A sequence of random numbers, read with random parameters, biases too."""
    generator = np.random.default_rng(seed)
    parameters = {
        name: generator.normal(size=array.shape)
        for name, array in seeded_parameters(kind, inputs, hidden, outputs).items()
    }
    lead = (steps,) if batch is None else (steps, batch)
    more = {name: generator.normal(size=(*lead[1:], hidden)) for name in ("h0", "c0")}
    more["dh"] = generator.normal(size=(*lead, hidden))
    targets = generator.integers(-1, outputs, lead)
    return unroll(kind, parameters, generator.normal(size=(*lead, inputs)), targets, **{**more, **given})


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    KIND, st.integers(0, 999), st.integers(1, 7), st.none() | st.integers(1, 3), st.integers(1, 4), st.integers(1, 4),
    st.integers(1, 4),
)  # fmt: skip
def test_both_passes_are_torchs_to_1e_10(kind, seed, steps, batch, inputs, hidden, outputs):
    read = drawn(kind, seed, steps, batch, inputs, hidden, outputs)
    expected = torch_arrays(read)
    assert {"h", "y", "loss", "dW", "dU", "db", "dV", "dby", "dx", "dh0", "dh", "dy"} <= set(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(
            read.arrays[name], array, rtol=0, atol=1e-10 * max(1, np.abs(array).max()), err_msg=name
        )


@settings(max_examples=25, deadline=None, derandomize=True)
@given(KIND, st.integers(0, 999), st.floats(1e-3, 1e3))
def test_clipping_is_torchs(kind, seed, most):
    gradients = drawn(kind, seed).back.parameters
    leaves = [torch.nn.Parameter(torch.tensor(array)) for array in gradients.values()]
    for leaf in leaves:
        leaf.grad = leaf.detach().clone()
    norm = torch.nn.utils.clip_grad_norm_(leaves, most)
    clipped = clip_by_norm(gradients, most)
    assert clipped.norm == pytest.approx(norm.item(), rel=1e-12)
    for leaf, array in zip(leaves, clipped.gradients.values(), strict=True):
        np.testing.assert_allclose(array, leaf.grad.numpy(), rtol=2e-6 / max(most, 1e-3), atol=1e-12)  # torch adds 1e-6


@pytest.mark.parametrize("kind", CELLS)
def test_gradients_are_finite_differences(kind):
    read = drawn(kind, 5, dh=None)
    for name, array in read.parameters.items():
        for index in np.ndindex(array.shape):
            losses = []
            for sign in (1, -1):
                moved = {n: a.copy() for n, a in read.parameters.items()}
                moved[name][index] += sign * 1e-6
                start = {f"{n}0": a[0] for n, a in read.start.items()}
                losses.append(unroll(kind, moved, read.x[:, 0], read.targets[:, 0], **start).loss)
            assert read.arrays[f"d{name}"][index] == pytest.approx((losses[0] - losses[1]) / 2e-6, abs=1e-8)


@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize("kind", CELLS)
def test_every_cell_is_the_sum_of_its_terms(kind, batch):
    read = drawn(kind, 3, batch=batch)
    named = [name for name in explainable(read) if name not in ("x", "h0", "c0")]
    assert {"h", "p", "loss", "dh", "dU", "dh0", "dx"} <= set(named)
    for name in named:
        for index in np.ndindex(read.arrays[name].shape):
            cell = explain_recurrent(read, name, index)
            assert all(term.product == pytest.approx(np.prod([f.value for f in term.factors])) for term in cell.terms)
            total = sum(term.product for term in cell.terms)
            if cell.function == "softmax":
                made = np.exp(read.arrays["y"][index]) / total
            else:
                made = FUNCTIONS[cell.function](total)
            assert made == pytest.approx(cell.total, abs=1e-12), (name, index)
            assert cell.total == read.arrays[name][index]
            assert all(text.count("{") == text.count("}") for text in (cell.law, cell.symbols, cell.numbers))


def test_a_cell_is_written_out():
    read = unroll("RNN", {"W": [[0.5, -1]], "U": [[2]], "b": [0.1], "V": [[1], [-1]], "by": [0, 0]}, np.eye(2), [1, 0])
    cell = explain_recurrent(read, "h", (1, 0), letters=("a", "b"))
    assert cell.law == r"h^{(t)} = \tanh(W x^{(t)} + U h^{(t-1)} + b)"
    assert r"W_{1,\text{b}} \, x^{(2)}_{\text{b}} + U_{1,1} \, h^{(1)}_{1} + b_{1}" in cell.symbols
    assert r"\tanh(0.5 \cdot 0 + (-1) \cdot 1 + 2 \cdot 0.53705 + 0.1)" in cell.numbers
    assert [term.group for term in cell.terms] == ["W x", "W x", "U h", "bias"]
    back = explain_recurrent(read, "dU", (0, 0))
    assert back.law == r"dU = \sum_t da^{(t)} \, h^{(t-1)}{}^\top"
    assert [term.group for term in back.terms] == ["step 1", "step 2"]
    passed = explain_recurrent(read, "dh", (0, 0))
    assert [term.group for term in passed.terms] == ["from y", "from y", "from step 2"]


@pytest.mark.parametrize("kind", CELLS)
def test_steps_and_losses_share_the_gradients_out(kind):
    read = drawn(kind, 7, dh=None)
    for name, array in read.back.parameters.items():
        np.testing.assert_allclose(read.shares[name].sum(axis=0), array, atol=1e-14)
        np.testing.assert_allclose(sum(part.parameters[name] for part in read.back_by_loss), array, atol=1e-14)
    for step, part in enumerate(read.back_by_loss):  # the loss of a step reaches no later one
        assert not np.any(part.by_step["dh"][step + 1 :])


@pytest.mark.parametrize("kind", CELLS)
def test_to_torch_and_back(kind):
    parameters = drawn(kind, 2).parameters
    own = {name: array for name, array in parameters.items() if name not in ("V", "by")}
    back = from_torch(to_torch(kind, own))
    assert all(np.array_equal(back[name], array) for name, array in own.items())
    module = getattr(torch.nn, f"{kind}Cell")(3, 2)  # float32, with two biases
    x, h = torch.randn(1, 3, generator=torch.Generator().manual_seed(1)), torch.zeros(1, 2)
    expected = module(x, (h, h))[0] if kind == "LSTM" else module(x, h)
    ours = unroll(kind, from_torch(module), x.numpy()).arrays["h"]
    np.testing.assert_allclose(ours, expected.detach().numpy(), atol=1e-6)
    ours, theirs = parameter_count(kind, 3, 2), parameter_count(kind, 3, 2, torch_biases=True)
    assert theirs == sum(parameter.numel() for parameter in module.parameters())
    assert ours == sum(array.size for array in own.values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "ReLU"}, "choose one of RNN, LSTM, GRU"),
        ({"parameters": {}}, "The parameter W is missing: a RNN takes W, U, b"),
        ({"x": np.eye(3)}, "W has the shape (2, 2): make it (2, 3)"),
        ({"targets": [0, 5]}, "whole numbers from 0 to 1, or -1"),
        ({"targets": [0, 0.5]}, "whole numbers from 0 to 1, or -1"),
        ({"targets": [0]}, "targets has the shape (1,): make it (2,)"),
        ({"h0": [1.0]}, "h0 has the shape (1,): make it (2,)"),
        ({"dh": [1.0]}, "dh has the shape (1,): make it (2, 2)"),
    ],
)
def test_what_cant_be_read_is_a_sentence(change, words):
    given = {"kind": "RNN", "parameters": seeded_parameters("RNN", 2, 2, 2), "x": np.eye(2), "targets": [1, 0]}
    with pytest.raises(InputError) as error:
        unroll(**{**given, **change})
    assert words in str(error.value)


def test_explaining_what_isnt_there_is_a_sentence():
    read = drawn("RNN", 1)
    for target, index, words in (("x", (0, 0), "choose one of h"), ("h", (0,), "give 2"), ("h", (3, 0), "at most 2")):
        with pytest.raises(InputError, match=words):
            explain_recurrent(read, target, index)
    with pytest.raises(InputError, match="more than 0"):
        clip_by_norm({"dW": np.ones(2)}, 0)
    with pytest.raises(InputError, match="no biases, or a ReLU"):
        from_torch(torch.nn.RNNCell(2, 2, bias=False))
    with pytest.raises(InputError, match="choose one of RNN, LSTM, GRU"):
        from_torch(torch.nn.Linear(2, 2))
