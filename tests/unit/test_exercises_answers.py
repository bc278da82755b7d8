"""Answers are read as people type them, wrong cells are named, and what can't be read is a sentence."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnlab_core.convolution.typed import read_numbers
from cnnlab_core.errors import InputError
from cnnlab_core.exercises.answers import Verdict, check_cells

QUICK = settings(max_examples=500, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
GRID, ROW, NUMBER = np.array([[3.0, -1.0], [0.0, 2.0]]), np.array([1.0, 2.5, -4.0]), np.array([7.0])


def test_a_wrong_cell_is_named() -> None:
    for index in np.ndindex(GRID.shape):
        wrong = GRID.copy()
        wrong[index] += 1
        verdict = check_cells(GRID, wrong)
        assert (verdict.correct, verdict.wrong_cells) == (False, [index])
        assert verdict.message == f"3 of 4 cells are right. Look again at {list(index)}, counted from 0."


def test_the_wrong_shape_is_wrong_but_no_error() -> None:
    verdict = check_cells(GRID, "1 2 3")
    assert verdict == Verdict(False, [], "The answer has 2 x 2 numbers; yours has 3 numbers in a row.")


def test_a_column_will_do_for_a_row() -> None:
    assert check_cells(ROW, "\n".join(f"{n:g}" for n in ROW)).correct


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
    np.testing.assert_allclose(read_numbers(text), cells)


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
        check_cells(ROW, text)


@QUICK
@given(
    st.one_of(
        st.text(max_size=40),
        st.text(alphabet="0123456789+-./eE,;[]() \n\t", max_size=40),
        st.lists(st.one_of(st.floats(), st.text(max_size=3), st.none(), st.lists(st.integers())), max_size=4),
        st.sampled_from([None, 1j, {}, object(), b"1", float("nan"), 10**400, np.array([[1, 2]])]),
    )
)
def test_a_check_raises_nothing_but_sentences(answer: object) -> None:
    for right in (GRID, NUMBER):
        try:
            message = check_cells(right, answer).message
        except InputError as error:
            message = str(error)
        assert message.endswith(".")
