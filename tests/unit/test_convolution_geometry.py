"""Sizes and index maps against counting by hand, and their way into JSON."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnlab_core import convolution as cv
from cnnlab_core.errors import InputError

QUICK = settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(
    size=st.integers(1, 12),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 5),
    padding=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    dilation=st.integers(1, 3),
    mode=st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
)
def test_output_size_and_geometry_by_counting(
    size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int, mode: str
) -> None:
    options = {"stride": stride, "padding": padding, "dilation": dilation, "padding_mode": mode}
    cells = np.pad(
        np.arange(size),
        padding,
        **{
            "zeros": {"mode": "constant", "constant_values": -1},
            "reflect": {"mode": "reflect"},
            "replicate": {"mode": "edge"},
            "circular": {"mode": "wrap"},
        }[mode],
    )
    starts = range(0, len(cells), stride)
    windows = [[start + a * dilation for a in range(kernel)] for start in starts]
    windows = [window for window in windows if window[-1] < len(cells)]
    too_wide = max(padding) > {"reflect": size - 1, "circular": size}.get(mode, 99)
    if not windows or too_wide:
        with pytest.raises(InputError):
            cv.output_size(size, kernel, **options)
        return
    result = cv.output_size(size, kernel, **options)
    (axis,) = cv.geometry(size, kernel, **options).axes
    assert result.size == axis.out == len(windows)
    assert result.numbers.endswith(f" = {len(windows)}")
    assert axis.shown == [None if cell < 0 else cell for cell in cells]
    assert axis.windows == windows
    seen = {cells[p] for window in windows for p in window}
    assert result.dropped == axis.unreached == [i for i in range(size) if i not in seen]
    assert axis.feeds == [[t for t, window in enumerate(windows) if i in cells[window]] for i in range(size)]
    assert axis.unreached_padded == sorted(set(range(len(cells))) - {p for window in windows for p in window})


@QUICK
@given(size=st.integers(1, 12), kernel=st.integers(1, 5), stride=st.integers(1, 6), data=st.data())
def test_ceil_mode_by_torch(size: int, kernel: int, stride: int, data: st.DataObject) -> None:
    padding = data.draw(st.integers(0, kernel // 2))
    size = max(size, kernel - 2 * padding)
    expected = F.max_pool1d(torch.zeros(1, 1, size), kernel, stride, padding, ceil_mode=True).shape[-1]
    result = cv.output_size(size, kernel, stride=stride, padding=padding, ceil_mode=True)
    assert result.size == expected
    assert r"\lceil" in result.symbols
    (axis,) = cv.pool_geometry(size, kernel, stride=stride, padding=padding, ceil_mode=True).axes
    assert axis.out == expected
    assert axis.windows[-1][-1] < axis.padded == len(axis.shown)


def test_the_formula_is_written_out() -> None:
    result = cv.output_size(7, 3, stride=2, padding=1)
    assert result.symbols == r"\left\lfloor \frac{n + 2p - d\,(k - 1) - 1}{s} \right\rfloor + 1"
    assert result.numbers == (
        r"\left\lfloor \frac{7 + 2 \cdot 1 - 1 \cdot (3 - 1) - 1}{2} \right\rfloor + 1"
        r" = \left\lfloor \frac{6}{2} \right\rfloor + 1 = 4"
    )
    assert (result.dropped, result.sentence) == ([], "")


def test_the_formula_says_when_ceil_mode_drops_a_window() -> None:
    assert cv.output_size(6, 3, stride=2, padding=1, ceil_mode=True).numbers.endswith("+ 1 = 4")
    dropped = cv.output_size(3, 2, stride=2, padding=1, ceil_mode=True)
    assert dropped.numbers.endswith(r"+ 1 = 3,\quad 3 - 1 = 2 \;\text{(the last window would start beyond the input)}")


def test_what_stride_drops_is_named() -> None:
    assert cv.output_size(6, 2, stride=3, name="row").sentence == "No window reaches rows 2 and 5."
    assert cv.output_size(5, 2, stride=2).sentence == "No window reaches position 4."


def test_geometry_of_an_image() -> None:
    g = cv.geometry((3, 5), (2, 2), stride=2, padding=((1, 0), (0, 0)))
    assert (g.padded_shape, g.out_shape) == ((4, 5), (2, 2))
    assert g.shows((0, 3)) is None
    assert g.shows((1, 3)) == (0, 3)
    assert g.window((1, 0)) == [(2, 0), (2, 1), (3, 0), (3, 1)]
    assert g.feeds((0, 3)) == [(0, 1)]
    assert g.unreached() == [(0, 4), (1, 4), (2, 4)]


def test_records_become_json() -> None:
    records = [
        cv.geometry((4, 4), 3, padding=1, padding_mode="reflect"),
        cv.output_size(5, 2),
        cv.explain("dw", (0, 0), np.eye(3), np.eye(2), dy=np.eye(2)),
        cv.explain_pool("max", "y", (0, 0), np.eye(3), (2, 2), padding=1),
        cv.conv2d_backward(np.eye(3), np.eye(2), np.eye(2)),
        dict(cv.EXAMPLES),
    ]
    for record in records:
        assert json.loads(json.dumps(cv.to_plain(record), allow_nan=False))
