"""Maps of the same channels, compared cell by cell."""

import numpy as np
import pytest

from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.map_statistics import correlations, differences


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
