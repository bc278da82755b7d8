"""Receptive fields have the sizes and pixels that gradients of real stacks have."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab_core.exercises import LEVELS, make_exercise
from cnnlab_core.exercises.kinds import MOST_SEED
from cnnlab_core.models.stack import read_stack

torch.set_num_threads(1)
SEEDS = st.integers(0, MOST_SEED)
AT_LEVEL = st.sampled_from(LEVELS)
SOME = settings(max_examples=40, deadline=None, derandomize=True)


def numbers(exercise):
    return [part.answer.tolist() for part in exercise.parts]


def run_stack(rows, x):
    """The stack on (1, 1, side, side), each pooling replaced by an average: every weight is positive."""
    for row in rows:
        if row.kind == "convolution":
            ones = torch.ones(1, 1, row.kernel, row.kernel, dtype=x.dtype)
            x = F.conv2d(x, ones, None, row.stride, row.padding, row.dilation)
        else:
            assert row.dilation == 1
            x = F.avg_pool2d(x, row.kernel, row.stride, row.padding)
    return x


def seen(rows, side, unit):
    """The pixels with a gradient: first row, first column, last row, last column."""
    x = torch.zeros(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    run_stack(rows, x)[0, 0][unit].backward()
    at = x.grad[0, 0].nonzero()
    return [*at.min(0).values.tolist(), *at.max(0).values.tolist()]


def size_far_inside(rows):
    """The size of a middle unit's field on a picture so large that nothing is cut; and where the next one begins."""
    side = 240
    units = run_stack(rows, torch.zeros(1, 1, side, side, dtype=torch.float64)).shape[-1]
    middle = units // 2
    first, second = (seen(rows, side, (at, at)) for at in (middle, middle + 1))
    return first[2] - first[0] + 1, second[0] - first[0], first[0] - middle * (second[0] - first[0])


def sees(rows):
    """The size by the windows themselves: the taps of one unit, back to the input."""
    cells = {0}
    for row in reversed(rows):
        cells = {cell * row.stride + tap * row.dilation for cell in cells for tap in range(row.kernel)}
    return max(cells) - min(cells) + 1


@given(SEEDS, AT_LEVEL)
@SOME
def test_size_jump_start_and_map_are_those_of_a_real_stack(seed, level):
    exercise = make_exercise("field_growth", seed, level)
    rows, side = read_stack(exercise.givens["stack"]), exercise.givens["side"]
    size, jump, start = size_far_inside(rows)
    units = run_stack(rows, torch.zeros(1, 1, side, side, dtype=torch.float64)).shape[-1]
    assert numbers(exercise) == [[size], [jump], [start], [units]]


@given(SEEDS, AT_LEVEL)
@SOME
def test_the_box_is_where_the_gradient_is(seed, level):
    exercise = make_exercise("field_box", seed, level)
    rows, side, unit = (exercise.givens[name] for name in ("stack", "side", "unit"))
    found = seen(read_stack(rows), side, unit)
    assert numbers(exercise)[-1] == found
    size, jump, start = size_far_inside(read_stack(rows))
    whole = [start + at * jump for at in unit]
    assert numbers(exercise)[0] == [*whole, *(first + size - 1 for first in whole)]


@given(SEEDS, AT_LEVEL)
@SOME
def test_only_the_missing_number_gives_that_size(seed, level):
    exercise = make_exercise("field_setting", seed, level)
    if "missing" not in exercise.givens:  # which padding keeps the map as it is?
        kernel, dilation, side = (exercise.givens[name] for name in ("kernel", "dilation", "side"))
        x, ones = torch.zeros(1, 1, side, side), torch.ones(1, 1, kernel, kernel)
        fits = [
            padding
            for padding in range(30)
            if 2 * padding + side > dilation * (kernel - 1)
            and F.conv2d(x, ones, padding=padding, dilation=dilation).shape == x.shape
        ]
        assert numbers(exercise) == [[n] for n in fits]
        return
    rows, (place, name) = list(read_stack(exercise.givens["stack"])), exercise.givens["missing"]
    fits = []
    for value in range(1, 13):
        rows[place] = replace(rows[place], **{name: value})
        if sees(rows) == exercise.givens["size"]:
            fits.append(value)
    assert numbers(exercise) == [[n] for n in fits]


@given(SEEDS, AT_LEVEL)
@SOME
def test_so_many_layers_see_enough_and_one_fewer_do_not(seed, level):
    exercise = make_exercise("field_depth", seed, level)
    rows, wanted = read_stack(exercise.givens["stack"]), exercise.givens["wanted"]
    (layers,), (size,) = numbers(exercise)

    head = [row for row in rows[:1] if level == 2]
    block = 2 if rows[-1].kind == "max pool" else 1
    assert len(rows) == len(head) + block * layers
    assert sees(rows) == size >= wanted
    assert sees(rows[:-block]) < wanted
