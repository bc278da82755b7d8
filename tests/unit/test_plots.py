"""The figures of the sweeps hold the numbers they are given."""

import numpy as np

from cnnlab_core.plots.lines import epsilon_curves
from cnnlab_core.plots.step_size import step_map


def test_the_map_shows_what_is_known_and_can_be_clicked_there():
    objective = np.array([[-7.0, -3.25, np.nan], [0.5, np.nan, np.nan]])
    success = np.array([[False, False, False], [True, False, False]])
    figure = step_map(objective, success, sizes=("1/255", "2/255"), steps=("1", "2", "3"), ink="black", chosen=(1, 0))
    heat, markers = figure.data
    assert np.array_equal(heat.z, objective, equal_nan=True)
    assert [list(row) for row in heat.text] == [["−7", "−3.25", ""], ["✓ 0.5", "", ""]]
    assert list(zip(markers.y, markers.x, strict=True)) == [(0, 0), (0, 1), (1, 0)]
    assert markers.hovertext[1] == "step 1/255 × 2: -3.25"
    assert markers.hovertext[2] == "step 2/255 × 1: 0.5, fooled"
    assert figure.layout.yaxis.ticktext == ("1/255", "2/255")
    (frame,) = figure.layout.shapes
    assert (frame.x0 < 0 < frame.x1, frame.y0 < 1 < frame.y1) == (True, True)
    assert not step_map(objective, success, sizes=("a", "b"), steps=("1", "2", "3"), ink="black").layout.shapes


def test_curves_may_be_unfinished_and_mark_their_own_epsilon():
    eps = (0.0, 1.0, 2.0)
    curves = {"FGSM": ((0.1, 0.4, 0.3), None), "PGD": ((0.1, 0.9), 1.0)}
    figure = epsilon_curves(curves, eps, title="P(<b>cat</b>)", unit="/255")
    assert figure.layout.title.text == "P(&lt;b&gt;cat&lt;/b&gt;)"
    fgsm, pgd, ring = figure.data
    assert (tuple(fgsm.x), tuple(fgsm.y)) == (eps, (0.1, 0.4, 0.3))
    assert (tuple(pgd.x), tuple(pgd.y)) == ((0, 1), (0.1, 0.9))
    assert (tuple(ring.x), tuple(ring.y)) == ((1,), (0.9,))
    assert ring.marker.line.color == pgd.line.color != fgsm.line.color
    assert [shape.x0 for shape in figure.layout.shapes] == [1]
    assert figure.layout.xaxis.title.text == "ε in 1/255"
    # A mark beyond what is known yet isn't drawn.
    assert len(epsilon_curves({"PGD": ((0.1,), 1.0)}, eps, title="", unit="").data) == 1
