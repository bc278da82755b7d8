"""The norm balls: projections, random starts, steepest steps."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from cnnlab_core.attacks import NORMS, Threat
from cnnlab_core.errors import InputError

SEEDS = st.integers(0, 2**32 - 1)
NAMES = st.sampled_from(sorted(NORMS))
RADII = st.floats(0, 3)
DUAL = {"linf": 1, "l2": 2, "l1": torch.inf}


def pictures(seed, count=2, side=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, side, side, generator=generator, dtype=torch.float64), generator


def norms(delta, name):
    return torch.linalg.vector_norm(delta.flatten(1), {"linf": torch.inf, "l2": 2, "l1": 1}[name], dim=1)


@given(SEEDS, NAMES, RADII)
def test_a_projected_picture_is_in_the_ball_and_in_the_box(seed, name, eps):
    x, generator = pictures(seed)
    wild = x + 2 * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    projected = Threat.around(x, name, eps).project(wild)
    assert (norms(projected - x, name) <= eps + 1e-9).all()
    assert projected.min() >= 0
    assert projected.max() <= 1


@given(SEEDS, NAMES, RADII)
def test_a_random_start_is_in_the_ball_and_in_the_box(seed, name, eps):
    x, generator = pictures(seed)
    start = Threat.around(x, name, eps).random_start(generator)
    assert (norms(start - x, name) <= eps + 1e-9).all()
    assert start.min() >= 0
    assert start.max() <= 1


@given(SEEDS, NAMES, RADII)
def test_what_is_inside_stays_where_it_is(seed, name, eps):
    x, generator = pictures(seed)
    threat = Threat.around(x, name, eps)
    inside = threat.random_start(generator)
    assert torch.allclose(threat.project(inside), inside, atol=1e-12)


@given(SEEDS, NAMES, st.floats(0.01, 3))
def test_a_projection_is_the_nearest_point_of_the_ball(seed, name, eps):
    """Against closed forms for linf and l2, and for l1 against the threshold found by a root finder."""
    _, generator = pictures(seed)
    delta = torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64)
    found = NORMS[name].project(delta, torch.full((2, 1, 1, 1), eps, dtype=torch.float64)).flatten(1).numpy()
    for got, row in zip(found, delta.flatten(1).numpy(), strict=True):
        if name == "linf":
            expected = np.clip(row, -eps, eps)
        elif name == "l2":
            expected = row * min(1, eps / np.linalg.norm(row))
        elif np.abs(row).sum() <= eps:
            expected = row
        else:
            theta = brentq(lambda t, r=row: np.maximum(np.abs(r) - t, 0).sum() - eps, 0, np.abs(row).max(), xtol=1e-14)
            expected = np.sign(row) * np.maximum(np.abs(row) - theta, 0)
        assert np.allclose(got, expected, atol=1e-9)


@given(SEEDS, NAMES)
def test_the_unit_step_climbs_as_steeply_as_the_dual_norm_allows(seed, name):
    _, generator = pictures(seed)
    gradient = torch.randn(2, 3, 5, 5, generator=generator, dtype=torch.float64)  # 75 numbers: l1 moves just one
    step = NORMS[name].normalise(gradient)
    assert torch.allclose(norms(step, name), torch.ones(2, dtype=torch.float64))
    climbed = (step * gradient).flatten(1).sum(1)
    assert torch.allclose(climbed, torch.linalg.vector_norm(gradient.flatten(1), DUAL[name], dim=1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", sorted(NORMS))
@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-44, 1e30])
def test_gradients_of_any_size_give_finite_steps(name, scale, dtype):
    gradient = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0)).to(dtype) * scale
    step = NORMS[name].normalise(gradient)
    assert torch.isfinite(step).all()
    assert (norms(step, name) <= 1 + 1e-5).all()
    if scale in (1e-30, 1e30):
        assert torch.allclose(norms(step, name), torch.ones(2, dtype=dtype), atol=1e-5)
    if scale == 0:
        assert not step.any()


def test_an_l1_step_spends_nothing_on_pixels_that_the_box_holds_back():
    x = torch.ones(1, 3, 4, 4)
    x[0, 1, 2, 3] = 0.5
    gradient = torch.full_like(x, 5.0)
    gradient[0, 1, 2, 3] = 0.1
    step = Threat.around(x, "l1", 1.0).normalise(gradient, x)
    assert step[0, 1, 2, 3] == 1
    assert step.abs().sum() == 1


@settings(max_examples=20)
@given(SEEDS, NAMES)
def test_every_sample_has_its_own_epsilon(seed, name):
    x, generator = pictures(seed, count=3)
    eps = torch.tensor([0.0, 0.1, 0.7], dtype=torch.float64)
    wild = x + torch.randn(x.shape, generator=generator, dtype=x.dtype)
    together = Threat.around(x, name, eps).project(wild)
    alone = [Threat.around(x[i : i + 1], name, eps[i].item()).project(wild[i : i + 1]) for i in range(3)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-12)
    assert torch.equal(together[0], x[0])


@given(SEEDS, NAMES)
def test_a_mask_keeps_the_other_pixels(seed, name):
    x, generator = pictures(seed)
    mask = (torch.rand(1, 1, 5, 5, generator=generator) > 0.5).double()
    threat = Threat.around(x, name, 0.4, mask)
    still = (mask == 0).expand_as(x)
    assert torch.equal(threat.random_start(generator)[still], x[still])
    assert torch.equal(threat.project(x + 1)[still], x[still])
    assert not threat.normalise(torch.ones_like(x))[still].any()


def test_random_starts_are_uniform_in_the_ball_s_volume():
    """In d dimensions a share r^d of the volume lies within r times the radius."""
    x = torch.full((4000, 1, 1, 2), 0.5, dtype=torch.float64)
    for name in NORMS:
        start = Threat.around(x, name, 0.25).random_start(torch.Generator().manual_seed(1))
        within = (norms(start - x, name) <= 0.125).double().mean()
        assert abs(within - 0.25) < 0.03, name
        assert (start - x).mean(0).abs().max() < 0.01


@pytest.mark.parametrize("eps", [-0.1, float("nan"), float("inf")])
def test_an_impossible_epsilon_is_a_sentence(eps):
    with pytest.raises(InputError, match=r"Epsilon must be a number from 0 up|make it a number"):
        Threat.around(torch.rand(1, 3, 4, 4), "linf", eps)


def test_other_bad_threats_are_sentences():
    x = torch.rand(2, 3, 4, 4)
    with pytest.raises(InputError, match="no norm “l7”"):
        Threat.around(x, "l7", 0.1)
    with pytest.raises(InputError, match="one for each picture"):
        Threat.around(x, "linf", torch.tensor([0.1, 0.1, 0.1]))
    with pytest.raises(InputError, match="doesn't fit"):
        Threat.around(x, "linf", 0.1, torch.ones(1, 1, 5, 5))
    with pytest.raises(InputError, match="1 where pixels may change"):
        Threat.around(x, "linf", 0.1, torch.full((1, 1, 4, 4), 0.5))
