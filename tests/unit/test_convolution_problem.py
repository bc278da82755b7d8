"""Problems, their text, their code and their comparison with torch."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlab_core.convolution import (
    ConvProblem,
    PoolProblem,
    read_cell,
    read_planes,
    resize,
    to_csv,
    write_planes,
)
from cnnlab_core.errors import InputError
from cnnlab_core.from_scratch.torch_check import conv_difference, pool_difference
from cnnlab_core.recipes.convolution import pooling, sliding


@st.composite
def conv_problems(draw):
    dims = draw(st.sampled_from([1, 2]))
    groups = draw(st.sampled_from([1, 2]))
    channels, outputs = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = generator.normal(size=(channels, *(draw(st.integers(5, 8)) for _ in range(dims))))
    w = generator.normal(size=(outputs, channels // groups, *(draw(st.integers(1, 3)) for _ in range(dims))))
    options = {
        "stride": draw(st.integers(1, 3)),
        "padding": draw(st.sampled_from([0, 1, 2, "valid", "full"])),
        "dilation": draw(st.integers(1, 2)),
        "groups": groups,
        "padding_mode": draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
        "flip": draw(st.booleans()),
    }
    if channels == outputs == 1 and draw(st.booleans()):
        x, w = x[0], w[0, 0]
    b = generator.normal(size=outputs)
    sketch = ConvProblem(dims, x, w, b, np.zeros(1), options)
    return ConvProblem(dims, x, w, b, generator.normal(size=sketch.y.shape), options)


@st.composite
def pool_problems(draw):
    kind, dims = draw(st.sampled_from(["max", "avg"])), draw(st.sampled_from([1, 2]))
    window = tuple(draw(st.integers(1, 3)) for _ in range(dims))
    options = {"stride": draw(st.integers(1, 3)), "ceil_mode": draw(st.booleans())}
    options["padding"] = draw(st.integers(0, min(window) // 2))
    options |= {"dilation": draw(st.integers(1, 2))} if kind == "max" else {"count_include_pad": draw(st.booleans())}
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    lead = draw(st.sampled_from([(), (3,)]))
    x = generator.integers(-3, 4, size=(*lead, *(draw(st.integers(6, 8)) for _ in range(dims)))).astype(float)
    sketch = PoolProblem(kind, window, x, np.zeros(1), options)
    return PoolProblem(kind, window, x, generator.normal(size=sketch.y.shape), options)


@given(conv_problems())
def test_convolutions_agree_with_torch_and_their_code_computes_them(problem):
    assert conv_difference(problem) < 1e-12
    names = {}
    exec(sliding.code(problem), names)
    for name, ours in (("y", problem.y), *problem.gradients._asdict().items()):
        theirs = names["y"].detach() if name == "y" else names[name[1]].grad
        assert np.allclose(theirs.numpy().reshape(ours.shape), ours, rtol=0, atol=1e-12)


@given(pool_problems())
def test_poolings_agree_with_torch_and_their_code_computes_them(problem):
    assert pool_difference(problem) < 1e-12
    names = {}
    exec(pooling.code(problem), names)
    assert np.allclose(names["y"].detach().numpy().reshape(problem.y.shape), problem.y, rtol=0, atol=1e-12)
    assert np.allclose(names["x"].grad.numpy().reshape(problem.dx.shape), problem.dx, rtol=0, atol=1e-12)


def test_a_wrong_number_is_noticed():
    problem = ConvProblem(1, np.arange(4.0), np.ones(2), np.zeros(1), np.ones(3))
    problem.__dict__["y"] = problem.y + np.array([0, 1e-3, 0])
    assert conv_difference(problem) > 1e-4


@given(conv_problems())
def test_the_board_counts_as_the_caller_does(problem):
    numbers = problem.numbers
    for name in ("x", "w", "b", "dy", "y", "dx", "dw"):
        planes = problem.planes(name, numbers[name])
        for own in np.ndindex(numbers[name].shape):
            index = problem.board_index(name, own)
            assert planes[index] == numbers[name][own]
            if name != "b" or not problem.is_bare:
                assert problem.own_index(name, index) == own


def value_of(formula, **letters):
    """An index as a law writes it, such as 2i + u - 1, for given numbers."""
    formula = formula.replace(r"\lfloor", "(").replace(r"\rfloor", ")").replace("/", "//")
    names = dict(letters)
    exec("value = " + re.sub(r"(\d) ?(?=[a-z(])", r"\1*", formula), names)
    return names["value"]


@given(conv_problems(), st.sampled_from([0, 1]))
def test_laws_and_equations_count_from_0_or_1(problem, first):
    last = tuple(size - 1 for size in problem.y.shape)
    cell = problem.explain("y", last, first=first)
    read = re.search(r"x_\{([^}]*)\}", cell.law)[1].split(",")
    for term in cell.terms:
        if term.is_padding:
            continue
        letters = dict(zip("ij", last[-problem.dims :], strict=False)) | {"o": last[0]}
        letters |= dict(zip("uv", term.weight.index[-problem.dims :], strict=False)) | {
            "c": term.weight.index[-problem.dims - 1 :][0]
        }
        counted = {name: number + first for name, number in letters.items()}
        assert [value_of(formula, **counted) for formula in read] == [i + first for i in term.cell.index]
    symbols = "y_{" + ",".join(str(i + first) for i in last) + "} = "
    assert cell.symbols.startswith(symbols)
    assert cell.numbers.startswith(symbols)


def test_the_channel_that_reads_a_cell_is_counted_from_1_too():
    options = {"groups": 2}
    problem = ConvProblem(1, np.ones((4, 3)), np.ones((2, 2, 2)), np.zeros(2), np.ones((2, 2)), options)
    law = problem.explain("dx", (3, 1), first=1).law
    assert r"w_{o,(c - 1) \bmod 2 + 1,u}" in law
    assert r"i + u - 1 = p" in law
    assert problem.explain("dx", (3, 1), first=1).symbols.startswith("dx_{4,2} = w_{2,2,2}")


def test_the_board_of_a_pooling():
    x = np.array([[1.0, 3, 2], [4, 2, 2], [1, 0, 5]])
    largest = PoolProblem("max", (2, 2), x, np.ones((2, 2)), {"stride": 1}).board()
    assert largest["routes"] == [[[3, 1], [3, 8]]]
    mean = PoolProblem("avg", (2, 2), x, np.ones((2, 2)), {"stride": 2, "padding": 1, "count_include_pad": False})
    assert mean.board()["counts"] == [[1, 2], [2, 4]]
    assert mean.explain("y", (0, 0)).total == 1.0


@given(
    st.integers(1, 3).flatmap(
        lambda dims: st.tuples(*[st.integers(1, 4)] * (dims if dims > 1 else 2)).flatmap(
            lambda shape: st.lists(
                st.floats(-1e9, 1e9, allow_nan=False).filter(lambda v: v == 0 or abs(v) > 1e-90),
                min_size=int(np.prod(shape)),
                max_size=int(np.prod(shape)),
            ).map(lambda cells: np.array(cells).reshape(shape))
        )
    )
)
def test_text_comes_back_bit_by_bit(planes):
    again = read_planes("x", write_planes(planes), planes.ndim - 1)
    assert again.shape == planes.shape
    assert np.array_equal(again, planes)


@pytest.mark.parametrize(
    ("text", "dims", "sentence"),
    [
        ("1 2; 3", 2, "same number"),
        ("1 2 | 3", 1, "same size"),
        ("1 2; 3 4", 1, "several rows"),
        ("1 x", 1, "isn't a number"),
        ("1 nan", 1, "isn't a number"),
        ("", 1, "empty"),
        ("|", 1, "empty"),
    ],
)
def test_text_that_is_no_array(text, dims, sentence):
    with pytest.raises(InputError, match=sentence):
        read_planes("x", text, dims)


def test_a_single_cell():
    assert read_cell("1/4") == 0.25
    assert read_cell("−3") == -3
    for text in ("", "1 2", "four", "1e999", "0x10"):
        with pytest.raises(InputError):
            read_cell(text)


def test_resize_cuts_and_repeats():
    assert resize(np.arange(3.0), (5,)).tolist() == [0, 1, 2, 0, 1]
    assert resize(np.arange(6.0).reshape(2, 3), (1, 2)).tolist() == [[0, 1]]


def test_csv():
    assert to_csv({"y": np.array([[1.5, 2]]), "b": np.array(3.0)}).splitlines() == [
        "array,index,value", "y,0 0,1.5", "y,0 1,2.0", "b,,3.0",
    ]  # fmt: skip
