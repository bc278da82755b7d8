"""Exercises on recurrent cells: their answers by the cells themselves."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab_core.convolution import read_planes
from cnnlab_core.exercises import make_exercise
from cnnlab_core.exercises.kinds import MOST_SEED
from cnnlab_core.exercises.recurrent_tasks import TANH
from cnnlab_core.from_scratch import seeded_parameters, unroll
from cnnlab_core.from_scratch.reading import spell

MANY = settings(max_examples=60, deadline=None, derandomize=True)
SEEDS = st.integers(0, MOST_SEED)


@MANY
@given(SEEDS, st.sampled_from([1, 2]))
def test_a_step_forward_is_that_of_the_view_it_opens(seed, level):
    exercise = make_exercise("recurrent_step", seed, level)
    query = exercise.look.query
    word = spell(query["reading_hand_word"])
    dims = {"W": 2, "U": 2, "b": 1, "V": 2, "by": 1, "h0": 1}
    given = {name: read_planes(name, query[f"reading_hand_{name}"], n)[0] for name, n in dims.items()}
    h0 = given.pop("h0")
    read = unroll("RNN", given, word.x, word.targets, h0=h0)
    a, h = (part.answer for part in exercise.parts[:2])
    np.testing.assert_allclose(np.tanh(a), read.arrays["h"][0], atol=1e-12)
    np.testing.assert_allclose(h, read.arrays["h"][0], atol=1e-12)
    assert set(np.abs(a)) <= {0.0, *TANH}  # the prompt says what their tanh is
    by_pen = np.round(np.tanh(a), 2)
    assert exercise.parts[1].check(by_pen).correct
    if level == 2:
        np.testing.assert_allclose(exercise.parts[2].answer, read.arrays["y"][0], atol=1e-12)
        assert exercise.parts[2].check(np.round(given["V"] @ by_pen, 1)).correct


@MANY
@given(SEEDS)
def test_a_unit_of_an_lstm(seed):
    exercise = make_exercise("recurrent_step", seed, 3)
    given = exercise.givens
    kept, c, h = (part.answer.item() for part in exercise.parts)
    logit = lambda p: np.log(p / (1 - p))  # noqa: E731
    biases = [logit(given["i"]), logit(given["f"]), np.arctanh(given["g"]), logit(given["o"])]
    parameters = {"W": np.zeros((4, 1)), "U": np.zeros((4, 1)), "b": biases}
    arrays = unroll("LSTM", parameters, [[0.0]], c0=[given["c0"]]).arrays
    assert arrays["c"].item() == pytest.approx(c)
    assert arrays["h"].item() == pytest.approx(h)
    assert kept == pytest.approx(given["f"] * given["c0"])
    assert abs(c) in {0.0, *TANH}
    assert exercise.parts[2].check([round(given["o"] * round(np.tanh(c), 2), 2)]).correct


@MANY
@given(SEEDS)
def test_steps_back_are_those_of_a_cell_with_these_states(seed):
    exercise = make_exercise("recurrent_back", seed, 3)
    given = exercise.givens
    h0, h1, h2, u = (given[name] for name in ("h0", "h1", "h2", "U"))
    x = np.stack([np.arctanh(h1) - u @ h0, np.arctanh(h2) - u @ h1])  # with W = 1 these inputs lead to these states
    dh = np.stack([given["own"], given["dh2"]])
    arrays = unroll("RNN", {"W": np.eye(2), "U": u, "b": np.zeros(2)}, x, h0=h0, dh=dh).arrays
    expected = [arrays["da"][1], arrays["dh"][0], arrays["da"][0], arrays["dU"]]
    for part, array in zip(exercise.parts, expected, strict=True):
        np.testing.assert_allclose(part.answer, array, atol=1e-12)
    second = make_exercise("recurrent_back", seed, 2)
    da, share, back = (part.answer for part in second.parts)
    np.testing.assert_allclose(da, second.givens["dh2"] * (1 - second.givens["h2"] ** 2))
    np.testing.assert_allclose(share, np.outer(da, second.givens["h1"]))
    np.testing.assert_allclose(back, second.givens["U"].T @ da)


@MANY
@given(SEEDS, st.sampled_from([1, 2, 3]))
def test_parameters_are_counted(seed, level):
    exercise = make_exercise("recurrent_parameters", seed, level)
    given, answers = exercise.givens, [int(part.answer.item()) for part in exercise.parts]
    arrays = seeded_parameters(given["kind"], given["inputs"], given["hidden"], given["inputs"])
    own = {name: array.size for name, array in arrays.items()}
    readout = own.pop("V") + own.pop("by")
    assert answers[:3] == [own["W"], own["U"], sum(own.values())]
    if level == 3:
        cell = getattr(torch.nn, f"{given['kind']}Cell")(given["inputs"], given["hidden"])
        assert answers[3:] == [sum(parameter.numel() for parameter in cell.parameters()), readout]


def test_prompts_give_all_numbers():
    prompt = make_exercise("recurrent_step", 4, 1).prompt
    assert all(re.search(rf"\${name} =", prompt) for name in ("W", "U", "b"))
