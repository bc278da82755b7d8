"""Exercises have the answers that PyTorch gives, read what people type, and complain in sentences only."""

import hashlib
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnlab_core import convolution as cv
from cnnlab_core.convolution.answers import read_answer
from cnnlab_core.errors import InputError
from cnnlab_core.exercises.convolution_tasks import KINDS, LEVELS

torch.set_num_threads(1)
QUICK = settings(max_examples=500, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
EVERY = [(kind, seed, level) for kind in KINDS for level in LEVELS for seed in range(12)]


def torch_answer(exercise: cv.Exercise) -> np.ndarray:
    """The answer by another way: torch, from the givens."""
    options = dict(exercise.options)
    if exercise.kind == "output_size":
        layer = torch.nn.Conv2d if len(exercise.answer) == 2 else torch.nn.Conv1d
        sizes, kernel = (tuple(int(n) for n in exercise.givens[name]) for name in ("input", "kernel"))
        return np.array(layer(1, 1, kernel, **options)(torch.zeros(1, 1, *sizes)).shape[2:])
    given_tensors = {name: torch.tensor(array) for name, array in exercise.givens.items()}
    if exercise.kind == "max_pool":
        return F.max_pool2d(given_tensors["x"][None], options.pop("window"), **options)[0].numpy()
    if exercise.kind == "update_step" and exercise.level == 1:
        return (given_tensors["w"] - options["eta"] * given_tensors["dw"]).numpy()
    w = given_tensors["w"].requires_grad_()
    dims = {1: 1, 2: 2, 4: 2}[w.ndim]
    x = given_tensors["x"].requires_grad_()
    full_x = x.reshape((1,) * (dims + 2 - x.ndim) + x.shape)
    full_w = w.reshape((1,) * (dims + 2 - w.ndim) + w.shape)
    if options.pop("flip", False):
        full_w = full_w.flip(list(range(2, full_w.ndim)))
    target, index, eta = (options.pop(name, None) for name in ("target", "index", "eta"))
    y = (F.conv1d if dims == 1 else F.conv2d)(full_x, full_w, given_tensors.get("b"), **options)[0, 0]
    if "dy" not in given_tensors:
        return y.detach().numpy()
    y.backward(given_tensors["dy"])
    if eta is not None:
        return (w - eta * w.grad).detach().numpy()
    return np.array([(w if target == "dw" else x).grad[index].item()])


@pytest.mark.parametrize(("kind", "seed", "level"), EVERY)
def test_answers_are_torchs_and_are_accepted(kind: str, seed: int, level: int) -> None:
    exercise = cv.make_exercise(kind, seed, level)
    np.testing.assert_allclose(exercise.answer, torch_answer(exercise), atol=1e-12)
    rows = "; ".join(", ".join(f"{n:g}" for n in row) for row in np.atleast_2d(exercise.answer))
    answers = [exercise.answer, exercise.answer.tolist(), rows, str(exercise.answer.tolist()), str(exercise.answer)]
    for answer in answers:
        verdict = cv.check_answer(exercise, answer)
        assert (verdict.correct, verdict.wrong_cells) == (True, [])
    assert exercise.prompt
    assert all(step.count("$") % 2 == 0 for step in [exercise.prompt, *exercise.solution])


def test_a_wrong_cell_is_named() -> None:
    exercise = cv.make_exercise("conv2d", 1)
    for index in np.ndindex(exercise.answer.shape):
        wrong = exercise.answer.copy()
        wrong[index] += 1
        verdict = cv.check_answer(exercise, wrong)
        assert (verdict.correct, verdict.wrong_cells) == (False, [index])
        assert verdict.message == f"3 of 4 cells are right. Look again at {list(index)}, counted from 0."


def test_the_wrong_shape_is_wrong_but_no_error() -> None:
    verdict = cv.check_answer(cv.make_exercise("conv2d", 1), "1 2 3")
    assert verdict == cv.Verdict(False, [], "The answer has 2 x 2 numbers; yours has 3 numbers in a row.")


def test_a_column_will_do_for_a_row() -> None:
    exercise = cv.make_exercise("conv1d", 5)
    assert cv.check_answer(exercise, "\n".join(f"{n:g}" for n in exercise.answer)).correct


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("1, 2; 3 4", [[1, 2], [3, 4]]),
        ("1 2\n3\t4\n", [[1, 2], [3, 4]]),
        ("[[1, 2], [3, 4]]", [[1, 2], [3, 4]]),
        ("1/2  -3 / 4, .5", [0.5, -0.75, 0.5]),
        ("−2,+3,1e2,7.", [-2, 3, 100, 7]),
        (" 5 ", [5]),
        ("(1, 2,)", [1, 2]),
    ],
)
def test_what_people_type(text: str, cells: list) -> None:
    np.testing.assert_allclose(read_answer(text), cells)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("one", "'one' isn't a number"),
        ("1,,2", "nothing between two commas"),
        ("1/0", "divides by zero"),
        ("1 2; 3", "rows of the answer have 2, 1 numbers"),
        ("nan", "isn't a number"),
        ("1e999999999", "isn't a number"),
        ("__import__('os')", "isn't a number"),
        ("٣", "isn't a number"),
        ("1" * 20_000, "write 10000 or fewer"),
    ],
)
def test_what_can_not_be_read(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        cv.check_answer(cv.make_exercise("conv1d", 0), text)


@QUICK
@given(
    st.one_of(
        st.text(max_size=40),
        st.text(alphabet="0123456789+-./eE,;[]() \n\t", max_size=40),
        st.lists(st.one_of(st.floats(), st.text(max_size=3), st.none(), st.lists(st.integers())), max_size=4),
        st.sampled_from([None, 1j, {}, object(), b"1", float("nan"), 10**400, np.array([[1, 2]])]),
    )
)
def test_check_answer_raises_nothing_but_sentences(answer: object) -> None:
    for exercise in (cv.make_exercise("conv2d", 1), cv.make_exercise("output_size", 1)):
        try:
            message = cv.check_answer(exercise, answer).message
        except InputError as error:
            message = str(error)
        assert message.endswith(".")


def test_exercises_are_the_same_everywhere() -> None:
    exercises = [cv.to_plain(cv.make_exercise(*which)) for which in EVERY]
    assert exercises == [cv.to_plain(cv.make_exercise(*which)) for which in EVERY]
    givens = json.dumps([exercise["givens"] for exercise in exercises], sort_keys=True)
    assert hashlib.sha256(givens.encode()).hexdigest()[:16] == "d0638d5b71753d63"
    assert len({json.dumps(exercise["givens"]) for exercise in exercises}) > 0.9 * len(exercises)


@pytest.mark.parametrize("name", cv.KERNELS)
def test_kernels_do_what_they_say(name: str) -> None:
    flat, ramp = np.ones((5, 5)), np.tile(np.arange(5.0), (5, 1))
    response = cv.conv2d(flat, cv.KERNELS[name].weights)
    expected = {"sobel_x": 0, "sobel_y": 0, "laplacian": 0}.get(name, 1)
    np.testing.assert_allclose(response, expected, atol=1e-12)
    if name.startswith("sobel"):
        assert (cv.conv2d(ramp, cv.KERNELS[name].weights) > 0).all() == (name == "sobel_x")
        assert (cv.conv2d(ramp.T, cv.KERNELS[name].weights) > 0).all() == (name == "sobel_y")


def test_random_kernels_keep_their_seed() -> None:
    assert cv.random_kernel(3, (2, 2)).tolist() == cv.random_kernel(3, (2, 2)).tolist()
    assert cv.random_kernel(3).shape == (3, 3)
    assert cv.random_kernel(3).tolist() != cv.random_kernel(4).tolist()


def test_examples_come_out_as_in_the_textbook() -> None:
    results = {
        name: getattr(cv, example.operation)(**example.givens, **example.options)
        for name, example in cv.EXAMPLES.items()
    }
    assert results["signal"].tolist() == [-2, 1, 2, -4]
    assert results["two_filters"].shape == (2, 3, 3)
    assert results["two_filters"][:, 0, 0].tolist() == [0, 3]
    assert results["tall_kernel"].shape == (1, 4)
    assert results["pool_stride_1"].tolist() == [[4, 3, 2], [4, 5, 5], [2, 5, 5]]
