"""A grey patch on a photo: where it lies for each network, and what the network says under it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlab_core.errors import InputError
from cnnlab_core.models import load_model
from cnnlab_core.models.zoo import ZOO
from cnnlab_core.network.covered import Patch, logits_without

SHARES = st.floats(0, 1)


@given(SHARES, SHARES, st.floats(0.05, 1), st.sampled_from(ZOO), st.sampled_from(ZOO))
def test_a_patch_stays_where_it_lies_on_the_photo(top, left, side, first, second):
    seen, by = first.preprocessing, second.preprocessing
    patch = Patch(top, left, side)
    *place, pixels = patch.pixels(seen, by)
    for share, pixel in zip((top, left), place, strict=True):
        on_photo = (share - 0.5) * seen.crop / seen.resize  # in shorter sides of the photo, from its middle
        expected = (0.5 + on_photo * by.resize / by.crop) * by.crop
        assert pixel == pytest.approx(max(0, expected), abs=0.51)
    assert pixels / by.resize == pytest.approx(side * seen.crop / seen.resize, abs=1 / by.resize)
    assert patch.pixels(seen, seen) == tuple(round(seen.crop * share) for share in (top, left, side))


def test_the_network_sees_grey_where_the_patch_is():
    model = load_model("cifar10_standard")
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    steps = model.spec.preprocessing
    found = logits_without(model, x, Patch(0.25, 0.5, 0.25), steps)
    x[..., 8:16, 16:24] = 0.5
    with torch.no_grad():
        assert np.allclose(found, model(x)[0].double().numpy())


@pytest.mark.parametrize("place", [(-0.1, 0, 0.2), (0, 1.1, 0.2), (0, 0, 0), (0, 0, 2), (float("nan"), 0, 0.2)])
def test_a_patch_off_the_photo_is_a_sentence(place):
    with pytest.raises(InputError, match="lies on the photo"):
        Patch(*place)
