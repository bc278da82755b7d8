"""Attributions and influence, drawn."""

import numpy as np

from cnnlab_core.images import open_image, sample_images
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.plots.overlays import BAND, attribution_overlay, full_colour, influence_in_box
from cnnlab_core.receptive_field.fields import Box


def test_heat_is_drawn_at_any_value():
    photo = open_image(sample_images()["chelsea"].content)
    for values in (np.zeros((7, 7)), np.full((5, 9), -1e-30), np.eye(20) * 1e6):
        picture = attribution_overlay(photo, values, signed=True)
        assert picture.width == 448
        assert picture.height == round(448 * photo.height / photo.width) + BAND
    assert full_colour(np.zeros(4)) == 0
    assert full_colour([0.0] * 999 + [2.0]) == 2
    assert side_by_side([picture, picture]).width == 2 * 448 + 12


def test_influence_is_cut_out_around_its_box():
    influence = np.zeros((50, 60))
    influence[20, 30] = 1
    for box in (Box(18, 28, 22, 32), Box(0, 0, 49, 59), Box(49, 59, 49, 59)):
        assert max(influence_in_box(influence, box, (20, 30), [1.0, 3.0], side=120).size) == 120
