"""A word as one-hot letters, gradient descent on it, and gradients through time: against torch and closed forms."""

import numpy as np
import pytest
import torch

from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch import CELLS, seeded_parameters, torch_arrays
from cnnlab_core.from_scratch.reading import learn_steps, spell
from cnnlab_core.from_scratch.recurrent_torch import to_torch
from cnnlab_core.from_scratch.through_time import gradient_norms


def test_a_word_is_its_letters_and_what_follows_each():
    word = spell(" hello ")
    assert word.letters == ("h", "e", "l", "o")
    assert word.x.argmax(axis=1).tolist() == [0, 1, 2, 2]
    assert word.targets.tolist() == [1, 2, 2, 3]
    assert spell("e\u0301a").letters == ("é", "a")  # one letter, however it is written


@pytest.mark.parametrize("text", ["", "a", "a b", "abcdefghi", "abcdefg", "a\x00b", "a\u202eb", "a" * 10**6])
def test_other_texts_are_sentences(text):
    with pytest.raises(InputError, match="The word has"):
        spell(text)


@pytest.mark.parametrize("kind", CELLS)
def test_descent_is_torchs(kind):
    word = spell("hello")
    start = seeded_parameters(kind, 4, 3, 4, seed=2)
    *_, last = learn_steps(kind, start, word, eta=0.1, steps=5)
    module = to_torch(kind, {name: array for name, array in start.items() if name not in ("V", "by")})
    module.bias_hh.requires_grad_(kind == "GRU")  # ours has one bias, but for the GRU's inner one
    v, by = (torch.tensor(start[name], requires_grad=True) for name in ("V", "by"))
    if kind == "GRU":
        module.bias_hh.register_hook(lambda grad: torch.cat([torch.zeros(6), grad[6:]]))
    optimizer = torch.optim.SGD([*(p for p in module.parameters() if p.requires_grad), v, by], lr=0.1)
    losses = []
    for _ in range(6):
        state, loss = None, 0.0
        for row, target in zip(torch.tensor(word.x), torch.tensor(word.targets), strict=True):
            state = module(row[None], state)
            h = state[0] if kind == "LSTM" else state
            loss = loss + torch.nn.functional.cross_entropy(h @ v.T + by, target[None])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert last.read.loss == pytest.approx(losses[-1], abs=1e-10)
    assert losses[-1] < losses[0]


def test_a_descent_that_leaves_all_bounds_is_a_sentence():
    word = spell("ab")
    for eta, words in ((1e60, "beyond all bounds"), (-1.0, "climb the loss")):
        with pytest.raises(InputError, match=words):
            list(learn_steps("RNN", seeded_parameters("RNN", 2, 1, 2), word, eta=eta, steps=2))


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("value", [0.5, 1.0, 2.5])
def test_norms_through_time_are_torchs(kind, value):
    found = gradient_norms(kind, singular_value=value, steps=12, hidden=5)
    by_torch = torch_arrays(found.read)
    np.testing.assert_allclose(found.norms, np.linalg.norm(by_torch["dh"], axis=1), rtol=1e-10)
    squares = sum((by_torch[f"d{name}"] ** 2).sum() for name in found.read.parameters)
    assert found.total == pytest.approx(np.sqrt(squares), rel=1e-10)
    assert found.norms[-1] == pytest.approx(1)
    for number in range(len(CELLS[kind].gates)):
        assert np.linalg.norm(found.read.rows("U", number), 2) == pytest.approx(value)


def test_a_plain_cell_shrinks_the_gradient_by_at_least_the_singular_value():
    for value in (0.3, 0.7, 1.0):
        norms = gradient_norms("RNN", singular_value=value, steps=20).norms
        assert (norms[:-1] <= value * norms[1:] * (1 + 1e-12)).all()
    linear = gradient_norms("RNN", singular_value=1.3, steps=20, size=0.0).norms  # the state stays 0, tanh has slope 1
    np.testing.assert_allclose(linear, 1.3 ** np.arange(19, -1, -1), rtol=1e-10)


def test_gates_keep_what_a_plain_cell_loses():
    first = {kind: gradient_norms(kind, singular_value=0.8).norms[0] for kind in CELLS}
    assert first["RNN"] < 0.01 < min(first["LSTM"], first["GRU"])
    shut = {kind: gradient_norms(kind, singular_value=0.8, keep=-3.0).norms[0] for kind in ("LSTM", "GRU")}
    assert max(shut.values()) < 0.01


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "CNN"}, "choose one of"), ({"steps": 0}, "at least 1"), ({"hidden": 65}, "at most 64"),
        ({"singular_value": -1.0}, "not below 0"), ({"keep": 30.0}, "at most 20"),
    ],
)  # fmt: skip
def test_what_cant_be_followed_is_a_sentence(change, words):
    with pytest.raises(InputError, match=words):
        gradient_norms(**{"kind": "RNN", "singular_value": 1.0, **change})
