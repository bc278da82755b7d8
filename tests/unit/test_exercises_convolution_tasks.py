"""Exercises on convolution have the answers that PyTorch gives."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlab_core.exercises import KINDS, LEVELS, Exercise, make_exercise
from cnnlab_core.exercises.kinds import CONVOLUTION

torch.set_num_threads(1)
ARRAYS = ("x", "w", "b", "dw", "dy", "input", "kernel")
ON_CONVOLUTION = [kind for kind in KINDS if KINDS[kind].place == CONVOLUTION]
EVERY = [(kind, seed, level) for kind in ON_CONVOLUTION for level in LEVELS for seed in range(12)]


def answer_of(exercise: Exercise) -> np.ndarray:
    return exercise.parts[0].answer


def torch_answer(exercise: Exercise) -> np.ndarray:
    """The answer by another way: torch, from the givens."""
    options = {name: value for name, value in exercise.givens.items() if name not in ARRAYS}
    if exercise.kind == "output_size":
        layer = torch.nn.Conv2d if len(answer_of(exercise)) == 2 else torch.nn.Conv1d
        sizes, kernel = (tuple(int(n) for n in exercise.givens[name]) for name in ("input", "kernel"))
        return np.array(layer(1, 1, kernel, **options)(torch.zeros(1, 1, *sizes)).shape[2:])
    given_tensors = {name: torch.tensor(exercise.givens[name]) for name in ARRAYS if name in exercise.givens}
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
    exercise = make_exercise(kind, seed, level)
    (part,), answer = exercise.parts, answer_of(exercise)
    np.testing.assert_allclose(answer, torch_answer(exercise), atol=1e-12)
    rows = "; ".join(", ".join(f"{n:g}" for n in row) for row in np.atleast_2d(answer))
    for given in [answer, answer.tolist(), rows, str(answer.tolist()), str(answer)]:
        verdict = part.check(given)
        assert (verdict.correct, verdict.wrong_cells) == (True, [])
