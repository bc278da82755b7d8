"""Scaling, sorting, counting and comparing feature maps, and their tables."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import uniform_filter

from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.map_statistics import (
    ORDERS,
    SCALES,
    bring_to_scale,
    channel_table,
    comparison_table,
    correlations,
    depths,
    differences,
    limits_of,
    maps_file,
    order,
    statistics,
)

shapes = st.tuples(st.integers(1, 6), st.integers(1, 8), st.integers(1, 8))

maps_of = shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=st.floats(-100, 100)))


@given(maps_of)
def test_statistics_are_their_definitions(maps):
    found = statistics(maps)
    for channel, values in enumerate(maps):
        smooth = uniform_filter(values, 3, mode="nearest")
        assert found.mean[channel] == pytest.approx(values.mean())
        assert found.sparsity[channel] == (values <= 0).mean()
        assert found.dead[channel] == (values == values.flat[0]).all()
        if not found.dead[channel] and values.var() > 1e-12:
            assert found.structure[channel] == pytest.approx(smooth.var() / values.var(), rel=1e-6, abs=1e-9)


@given(maps_of, st.sampled_from(ORDERS))
def test_orders_are_permutations_with_the_dead_last(maps, by):
    found = order(maps, by)
    assert sorted(found.tolist()) == list(range(len(maps)))
    if by == "index":
        assert found.tolist() == sorted(found.tolist())
    else:
        dead = statistics(maps).dead[found]
        assert dead.tolist() == sorted(dead.tolist())


@given(maps_of, st.sampled_from(SCALES))
def test_scales_keep_zero_and_the_order_of_values(maps, scale):
    limits = limits_of([maps, maps * 2])
    scaled = bring_to_scale(maps, scale, limits)
    assert np.abs(scaled).max() <= 1
    assert np.array_equal(np.sign(scaled), np.sign(maps)) or np.abs(maps).min() < 1e-300
    full = np.abs(maps).max()
    if full > 1e-9:
        expected = {"each map": 1.0, "this layer": 1.0, "all layers": 0.5}[scale]
        assert np.abs(scaled).max() == pytest.approx(expected)


@pytest.mark.parametrize(("side", "radius"), [(16, 2), (64, 5)])  # small maps have no coarse mean to take off
def test_structure_tells_shapes_from_noise(side, radius):
    rng = np.random.default_rng(0)
    rows, cols = np.indices((side, side))
    disc = (np.hypot(rows - side / 2, cols - side / 2) < radius).astype(float)
    maps = np.stack([rng.normal(size=(side, side)), np.zeros((side, side)), disc])
    found = statistics(maps)
    assert found.structure[2] > 0.4
    assert found.structure[0] < 0.2
    assert found.dead.tolist() == [False, True, False]
    assert order(maps, "interpretable first").tolist() == [2, 0, 1]


def test_a_change_of_brightness_from_side_to_side_is_no_structure():
    rows, cols = np.indices((56, 56))
    found = statistics(np.stack([cols / 55.0, np.sin(rows), (rows // 7 + cols // 7) % 2.0]))
    assert found.structure[0] < 0.05
    assert found.structure[1:].min() > 0.3
    few = np.arange(49.0).reshape(1, 7, 7)  # too few cells to tell a slope from a shape
    assert statistics(few).structure[0] == pytest.approx(uniform_filter(few[0], 3, mode="nearest").var() / few.var())


def test_depths_and_bad_requests():
    assert depths([str(i) for i in range(12)]) == {"early": "2", "middle": "6", "late": "10"}
    assert depths(["only"]) == {"early": "only", "middle": "only", "late": "only"}
    with pytest.raises(InputError, match="no layers"):
        depths([])
    with pytest.raises(InputError, match="sorted by"):
        order(np.zeros((1, 2, 2)), "colour")
    with pytest.raises(InputError, match="shape"):
        statistics(np.zeros((2, 2)))
    with pytest.raises(InputError, match="NaN"):
        bring_to_scale(np.full((1, 2, 2), np.nan))


def test_correlations_and_differences_are_numpys():
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(2, 5, 7, 6))
    expected = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(one, two, strict=True)]
    assert np.allclose(correlations(one, two), expected)
    assert np.allclose(differences(one, two), np.abs(one - two).mean((1, 2)))


def test_the_ends_of_correlation_and_a_constant_map():
    maps = np.random.default_rng(1).normal(size=(3, 4, 4))
    other = np.stack([2 * maps[0] + 1, -maps[1], np.ones((4, 4))])
    found = correlations(maps, other)
    assert found[:2] == pytest.approx([1, -1])
    assert np.isnan(found[2])


def test_maps_of_other_shapes_are_refused():
    with pytest.raises(InputError, match="can't be compared"):
        differences(np.zeros((2, 3, 3)), np.zeros((2, 3, 4)))


rng = np.random.default_rng(0)


def test_files_of_numbers():
    maps, other = rng.normal(size=(2, 4, 3, 3))
    other[2] = 1
    loaded = np.load(io.BytesIO(maps_file({"conv.1": (np.array([3, 1]), maps[[3, 1]])})))
    assert np.array_equal(loaded["conv.1/channels"], [3, 1])
    assert np.array_equal(loaded["conv.1/maps"], maps[[3, 1]])
    table = list(csv.DictReader(io.StringIO(channel_table(maps))))
    assert np.allclose([float(row["mean"]) for row in table], statistics(maps).mean)
    compared = list(csv.DictReader(io.StringIO(comparison_table(maps, other))))
    assert compared[2]["correlation"] == ""
    assert np.isclose(float(compared[0]["correlation"]), correlations(maps, other)[0], atol=1e-6)
