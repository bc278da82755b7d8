"""Every kind of exercise: its answers can be typed, its seeds keep their numbers, its solution says the answer."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab_core.convolution import to_plain
from cnnlab_core.errors import InputError
from cnnlab_core.exercises import KINDS, LEVELS, Choice, make_exercise
from cnnlab_core.exercises.kinds import MOST_SEED

SEEDS = st.integers(0, MOST_SEED)
AT_LEVEL = st.sampled_from(LEVELS)
MANY = settings(max_examples=100, deadline=None, derandomize=True)


def rounded(value):
    """Without the last bits, in which machines may differ."""
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return round(value, 9) + 0.0 if isinstance(value, float) else value


def numbers_of(exercise):
    """Givens and answers, as plain data."""
    givens = {name: rounded(to_plain(value)) for name, value in sorted(exercise.givens.items())}
    return [givens, [rounded(to_plain(part.answer)) for part in exercise.parts]]


@given(st.sampled_from(list(KINDS)), SEEDS, AT_LEVEL)
@MANY
def test_answers_can_be_typed_as_they_are_and_others_are_wrong(kind, seed, level):
    exercise = make_exercise(kind, seed, level)
    assert (exercise.kind, exercise.seed, exercise.level) == (kind, seed, level)
    for part in exercise.parts:
        if isinstance(part, Choice):
            assert [part.check(option).correct for option in part.options].count(True) == 1
            continue
        assert np.isfinite(part.answer).all()
        typed = "\n".join(" ".join(f"{cell:.12g}" for cell in row) for row in np.atleast_2d(part.answer))
        assert part.check(typed).correct
        assert not part.check(part.answer + 1).correct


@given(st.sampled_from(list(KINDS)), SEEDS, AT_LEVEL)
@MANY
def test_an_exercise_is_the_same_every_time(kind, seed, level):
    first, second = (make_exercise(kind, seed, level) for _ in range(2))
    assert (first.prompt, first.solution, first.hint) == (second.prompt, second.solution, second.hint)
    assert numbers_of(first) == numbers_of(second)


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_give_other_exercises_and_the_solution_says_the_answer(kind):
    exercises = [make_exercise(kind, seed, level) for seed in range(12) for level in LEVELS]
    assert len({exercise.prompt + str(exercise.parts) for exercise in exercises}) > 0.8 * len(exercises)
    for exercise in exercises:
        assert all(text.count("$") % 2 == 0 for text in [exercise.prompt, exercise.hint, *exercise.solution])
        said = " ".join(exercise.solution)
        for part in exercise.parts:
            if isinstance(part, Choice):
                assert part.answer in said.lower()
            elif part.tolerance < 1e-3:
                assert all(f"{cell:.6g}" in said for cell in part.answer.ravel())


@pytest.mark.parametrize(
    ("kind", "seed", "level", "words"),
    [
        ("evil", 0, 1, "choose one of conv1d"),
        (None, 0, 1, "choose one of conv1d"),
        ("conv2d", -1, 1, "seed is -1: make it at least 0"),
        ("conv2d", 10**9, 1, "seed is 1000000000: make it at most 99999"),
        ("conv2d", 1.5, 1, "seed is 1.5: make it a whole number"),
        ("conv2d", float("nan"), 1, "seed is nan: make it a whole number"),
        ("conv2d", 1, 4, "level is 4: make it at most 3"),
        ("conv2d", 1, [1], "level is .1.: make it a whole number"),
    ],
)
def test_what_there_is_not_is_a_sentence(kind, seed, level, words):
    with pytest.raises(InputError, match=words):
        make_exercise(kind, seed, level)


# What printed sheets and links hold: a seed's numbers stay as they are, whatever becomes of the words around them.
DIGESTS = {
    "conv1d": "8b4c590d26c5",
    "conv2d": "d064e682e55a",
    "output_size": "2883a4206ea8",
    "max_pool": "49f3db499386",
    "gradient_cell": "67f97b4be2ef",
    "update_step": "f5575d12d820",
    "field_growth": "55e1ab75552e",
    "field_box": "a0a8c489c2e7",
    "field_setting": "f6eb2cca8b25",
    "field_depth": "0f70907b83ac",
    "linear_score": "b27a9343f0fd",
    "fgsm_step": "7cc662fff76d",
    "best_point": "28e726cfc9bf",
    "pgd_walk": "507c206c357a",
    "smallest_epsilon": "8906749c70e6",
    "true_or_false": "ff6bc743fb13",
    "what_changes": "522867111924",
}


@pytest.mark.parametrize("kind", DIGESTS)
def test_seeds_keep_their_exercises(kind):
    exercises = [numbers_of(make_exercise(kind, seed, level)) for seed in range(21) for level in LEVELS]
    assert hashlib.sha256(json.dumps(exercises).encode()).hexdigest()[:12] == DIGESTS[kind]


@pytest.mark.parametrize(("seed", "level"), [(59, 2), (35, 3), *((seed, 3) for seed in range(100, 300))])
def test_a_kernel_fits_its_input(seed, level):
    assert (make_exercise("output_size", seed, level).parts[0].answer >= 1).all()
