"""Whatever can't be computed ends in one or two sentences that say which number to change, and in nothing else."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnlab_core import convolution as cv
from cnnlab_core.errors import InputError

QUICK = settings(max_examples=500, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
IMAGE, KERNEL = np.arange(16.0).reshape(4, 4), np.ones((3, 3))
TWO, FOUR = np.ones((2, 4, 4)), np.ones((4, 2, 3, 3))
HUGE = 10**5000

IMPOSSIBLE: dict[str, tuple[Callable[[], Any], str]] = {
    "kernel too tall": (lambda: cv.conv2d(IMAGE, np.ones((5, 1))), "kernel height 4 or less, or pad by 1 more"),
    "kernel too wide": (lambda: cv.conv2d(IMAGE, np.ones((1, 9)), padding=2), "kernel width 8 or less"),
    "kernel too long": (lambda: cv.conv1d([1, 2], [1, 2, 3]), "kernel length 2 or less"),
    "dilated too far": (lambda: cv.conv2d(IMAGE, KERNEL, dilation=2), "dilation 2 spreads 3 cells"),
    "stride 0": (lambda: cv.conv2d(IMAGE, KERNEL, stride=0), "stride is 0: make it at least 1"),
    "stride -1": (lambda: cv.conv2d(IMAGE, KERNEL, stride=(1, -1)), "stride is -1: make it at least 1"),
    "stride 1.5": (lambda: cv.conv2d(IMAGE, KERNEL, stride=1.5), "stride is 1.5: make it a whole number"),
    "stride True": (lambda: cv.conv2d(IMAGE, KERNEL, stride=True), "stride is True: make it a whole number"),
    "stride of three": (lambda: cv.conv2d(IMAGE, KERNEL, stride=(1, 1, 1)), "stride has 3 numbers: give one, or 2"),
    "stride huge": (lambda: cv.conv2d(IMAGE, KERNEL, stride=HUGE), "make it at most 1000000"),
    "dilation 0": (lambda: cv.conv2d(IMAGE, KERNEL, dilation=0), "dilation is 0: make it at least 1"),
    "padding -1": (lambda: cv.conv2d(IMAGE, KERNEL, padding=-1), "padding is -1: make it at least 0"),
    "padding of three": (lambda: cv.conv2d(IMAGE, KERNEL, padding=(1, 2, 3)), "padding has 3 entries"),
    "padding of three sides": (lambda: cv.conv2d(IMAGE, KERNEL, padding=((1, 2, 3), 1)), "padding has 3 numbers"),
    "padding unknown": (lambda: cv.conv2d(IMAGE, KERNEL, padding="some"), "choose one of valid, same, full"),
    "padding beyond drawing": (lambda: cv.conv2d(IMAGE, KERNEL, padding=10**6), "make it 16777216 or fewer"),
    "mode unknown": (lambda: cv.conv2d(IMAGE, KERNEL, padding_mode="mirror"), "choose one of zeros, reflect"),
    "flip a number": (lambda: cv.conv2d(IMAGE, KERNEL, flip=1), "flip is 1: make it True or False"),
    "same with stride": (lambda: cv.conv2d(IMAGE, KERNEL, padding="same", stride=2), "set stride to 1"),
    "reflect too wide": (lambda: cv.conv2d(IMAGE, KERNEL, padding=4, padding_mode="reflect"), "make padding 3 or less"),
    "circular too wide": (lambda: cv.conv1d([1, 2], [1], padding=3, padding_mode="circular"), "make padding 2 or less"),
    "groups don't divide": (lambda: cv.conv2d(TWO, FOUR, groups=3), "choose groups from 1, 2"),
    "groups 0": (lambda: cv.conv2d(TWO, FOUR, groups=0), "groups is 0: make it at least 1"),
    "channels": (lambda: cv.conv2d(np.ones((3, 4, 4)), FOUR), "second axis of 3"),
    "NaN in a cell": (lambda: cv.conv2d([[1, np.nan], [0, 1]], [[1]]), r"x\[0, 1\] is nan: put a number"),
    "infinity in a cell": (lambda: cv.conv1d([1, 2], [np.inf]), r"w\[0\] is inf: put a number"),
    "a number too large": (lambda: cv.conv1d([1e200, 2], [1]), r"x\[0\] is 1e\+200"),
    "text in a cell": (lambda: cv.conv2d([[1, "two"], [0, 1]], [[1]]), r"x\[0, 1\] is 'two', which isn't a number"),
    "only text": (lambda: cv.conv1d(["1", "2"], [1]), r"x\[0\] is '1', which isn't a number"),
    "an empty cell": (lambda: cv.conv1d([1, None], [1]), r"x\[1\] is None"),
    "ragged": (lambda: cv.conv2d([[1, 2], [3]], [[1]]), "give every row the same number of cells"),
    "no cells": (lambda: cv.conv2d(np.ones((0, 3)), [[1]]), "x has no cells"),
    "wrong dimensions": (lambda: cv.conv2d([1, 2, 3], [[1]]), "x is 1-dimensional.* give it 2, 3 or 4 dimensions"),
    "kernel of three": (lambda: cv.conv2d(IMAGE, np.ones((2, 3, 3))), "w is 3-dimensional"),
    "too many cells": (lambda: cv.conv2d(np.broadcast_to(1.0, (5000, 5000)), [[1]]), "5000 x 5000: make it"),
    "too much work": (lambda: cv.conv2d(np.ones((2000, 2000)), np.ones((64, 64))), "table of products"),
    "bias": (lambda: cv.conv2d(TWO, FOUR, [1, 2]), "give b 4"),
    "dy": (lambda: cv.conv2d_backward(IMAGE, KERNEL, [[1, 2]]), r"dy has shape \(1, 2\) but y has shape \(2, 2\)"),
    "pool padding": (lambda: cv.max_pool2d(IMAGE, 2, padding=2), "make padding at most half, 1"),
    "pool window": (lambda: cv.avg_pool2d(IMAGE, (5, 1)), "make the window height 4 or less"),
    "pool window 0": (lambda: cv.max_pool1d([1], 0), "window is 0: make it at least 1"),
    "pool dy": (lambda: cv.max_pool2d_backward(IMAGE, 2, 1.0), r"dy has shape \(\) but y has shape \(2, 2\)"),
    "pool ceil": (lambda: cv.max_pool2d(IMAGE, 2, ceil_mode="yes"), "ceil_mode is 'yes'"),
    "pool of padding": (lambda: cv.max_pool1d([1], 2, padding=1, dilation=2), "set dilation below 2"),
    "average dilated": (lambda: cv.explain_pool("avg", "y", 0, [1, 2], (2,), dilation=2), "leave it out"),
    "output padding": (lambda: cv.conv_transpose1d([1], [1], stride=2, output_padding=2), "make it at most 1"),
    "transposed to nothing": (lambda: cv.conv_transpose1d([1], [1], padding=1), "make padding smaller by 2"),
    "transposed channels": (lambda: cv.conv_transpose2d(TWO, FOUR), "give w a first axis of 2"),
    "update": (lambda: cv.sgd_update([1, 2], [1], 0.1), r"dw has shape \(1,\) but w has shape \(2,\)"),
    "uphill": (lambda: cv.sgd_update([1], [1], -0.1), "make the learning rate 0 or more"),
    "matrix too large": (lambda: cv.toeplitz(KERNEL, (99, 99)), "The matrix would have"),
    "matrix of what": (lambda: cv.toeplitz(KERNEL, 9), "input shape has 1 numbers: give it 2 or 3"),
    "jacobian of what": (lambda: cv.jacobian_weights(IMAGE, ()), "kernel shape has 0 numbers"),
    "a cell that isn't there": (lambda: cv.explain("y", (0, 2), IMAGE, KERNEL), "index of y is 2: make it at most 1"),
    "too few indices": (lambda: cv.explain("y", 0, IMAGE, KERNEL), "index of y has 1 numbers: give 2"),
    "unknown target": (lambda: cv.explain("dz", 0, IMAGE, KERNEL), "choose one of y, dx, dw, db"),
    "no dy": (lambda: cv.explain("dx", (0, 0), IMAGE, KERNEL), r"give dy, shaped like y, \(2, 2\)"),
    "no dy to pool": (lambda: cv.explain_pool("max", "dx", (0, 0), IMAGE, (2, 2)), "give dy"),
    "too many terms": (
        lambda: cv.explain("dw", (0, 0), np.ones((200, 200)), KERNEL, dy=np.ones((198, 198))),
        "a sum of 39204 terms: make the arrays smaller",
    ),
    "size 0": (lambda: cv.output_size(0, 2), "size is 0: make it at least 1"),
    "size too small": (lambda: cv.output_size(3, 5), "kernel length 3 or less, or pad by 2 more"),
    "geometry of 3-D": (lambda: cv.geometry((2, 2, 2), 2), "input shape has 3 numbers: give it 1 or 2"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_the_impossible_is_a_sentence(name: str) -> None:
    call, words = IMPOSSIBLE[name]
    with pytest.raises(InputError, match=words) as caught:
        call()
    check_sentence(str(caught.value))


def check_sentence(message: str) -> None:
    assert message.endswith(".")
    assert ":" in message
    assert len(message) < 300
    assert "\n" not in message


SETTING = st.one_of(
    st.integers(-2, 6),
    st.sampled_from([HUGE, -HUGE, 10**6, 2.0, np.nan, None, "same", "full", "x", True, Fraction(1, 2), b"1", {}, 1j]),
    st.lists(st.integers(-1, 4), max_size=3),
    st.lists(st.lists(st.integers(-1, 4), max_size=3), max_size=3),
    st.sampled_from([np.array([1, 2]), np.array(2), np.array([1.5]), np.float64(3), np.int32(1), (1, (0, 2)), [None]]),
)
CELL = st.one_of(
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from(["", "1", "a", None, HUGE, 1e308, 1j, True, b"2", Fraction(1, 3), object(), [], {1: 2}, np.nan]),
)
GRID = st.one_of(
    st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=3, max_size=4),
    st.lists(st.integers(-3, 3), min_size=1, max_size=5),
    st.lists(st.lists(CELL, max_size=3), max_size=3),
    CELL,
)
MODE = st.sampled_from(["zeros", "reflect", "replicate", "circular", "odd", 0, None])


def attempt(call: Callable[[], Any]) -> None:
    """Run it; the only way to fail is a sentence."""
    try:
        call()
    except InputError as error:
        check_sentence(str(error))


@QUICK
@given(
    x=GRID,
    w=GRID,
    dy=GRID,
    options=st.fixed_dictionaries(dict.fromkeys(("stride", "padding", "dilation", "groups"), SETTING)),
    mode=MODE,
    flip=SETTING,
)
def test_nothing_but_sentences_from_convolution(
    x: Any, w: Any, dy: Any, options: dict[str, Any], mode: Any, flip: Any
) -> None:
    for given_options in ({}, options, {"padding_mode": mode, "flip": flip}):
        attempt(lambda o=given_options: cv.conv1d(x, w, dy, **o))
        attempt(lambda o=given_options: cv.conv2d_backward(x, w, dy, **o))
        attempt(lambda o=given_options: cv.toeplitz(w, (3, 3), **o))
        attempt(lambda o=given_options: cv.explain("dx", (0, 0), x, w, dy=dy, **o))
    attempt(lambda: cv.conv2d(np.eye(4), np.eye(2), **options, padding_mode=mode))
    attempt(lambda: cv.conv_transpose2d(x, w, **options))
    attempt(lambda: cv.sgd_update(x, w, dy))


@QUICK
@given(x=GRID, window=SETTING, dy=GRID, stride=SETTING, padding=SETTING, dilation=SETTING, ceil=SETTING, index=SETTING)
def test_nothing_but_sentences_from_pooling_and_geometry(
    x: Any, window: Any, dy: Any, stride: Any, padding: Any, dilation: Any, ceil: Any, index: Any
) -> None:
    for grid in (x, np.eye(5)):
        attempt(lambda g=grid: cv.max_pool2d_backward(g, window, dy, stride=stride, padding=padding, dilation=dilation))
        attempt(lambda g=grid: cv.avg_pool2d(g, window, ceil_mode=ceil, count_include_pad=ceil))
        attempt(lambda g=grid: cv.explain_pool("max", "y", index, g, window, stride=stride))
    attempt(lambda: cv.explain("y", index, np.eye(4), np.eye(2)))
    attempt(lambda: cv.output_size(window, index, stride=stride, padding=padding, dilation=dilation))
    attempt(lambda: cv.output_size(9, 2, stride=stride, padding=padding, ceil_mode=True))
    attempt(lambda: cv.geometry(window, index, stride=stride, padding=padding))
    attempt(lambda: cv.pool_geometry((9, 9), window, stride=stride, padding=padding, ceil_mode=True))
    attempt(lambda: cv.jacobian_weights(np.eye(4), window, stride=stride))
    attempt(lambda: cv.random_kernel(window, stride))
