"""The figures of the plane hold the points that they are given."""

import numpy as np
import pytest

from cnnlab_core.plots.plane import Backdrop, Move, Region, arrows, pair, path, touching, viewport

SQUARE = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1], [1, 1]], dtype=float)
INSIDE = Move((0, 0), (-0.5, -0.5), (-0.5, -0.5), True, "0.5", "a step")
OUTSIDE = Move((-0.5, -0.5), (-1.5, -1.5), (-1, -1), False, "1.5", "another")


@pytest.fixture
def backdrop():
    across, up = viewport(SQUARE)
    score = across[None] + 2 * up[:, None]
    return Backdrop(across, up, score, 1 / (1 + np.exp(-score)))


def segments(figure):
    """The straight lines of the figure: (from, to, dash)."""
    lines = [trace for trace in figure.data if trace.type == "scatter" and None in trace.x]
    return [
        ((line.x[i], line.y[i]), (line.x[i + 1], line.y[i + 1]), line.line.dash)
        for line in lines
        for i in range(0, len(line.x), 3)
    ]


def labels(figure):
    return [text.strip() for trace in figure.data for text in trace.text or ()]


def test_the_viewport_is_square_and_shows_every_point():
    across, up = viewport([[0, 0], [4, 1], [1, -3]])
    assert np.ptp(across) == pytest.approx(np.ptp(up))
    assert across[0] < 0 < 4 < across[-1]
    assert up[0] < -3 < 1 < up[-1]
    across, up = viewport([[2, 2]])
    assert across[0] < 2 < across[-1]


def test_points_as_people_write_them():
    assert pair((0.2, -0.3)) == "(0.2, −0.3)"
    assert pair((2e-16, 1 / 3)) == "(0, 0.333)"


def test_arrows_that_leave_are_dashed_and_led_back(backdrop):
    region = Region(SQUARE, SQUARE[:4])
    figure = arrows(backdrop, region, (0, 0), (-1, -1), [INSIDE, Move((0, 0), (-2, -2), (-1, -1), False, "2", "h")])
    assert segments(figure) == [
        ((-2, -2), (-1, -1), "dot"),
        ((0, 0), (-2, -2), "dash"),
        ((0, 0), (-0.5, -0.5), "solid"),
    ]
    assert labels(figure) == ["2", "0.5", "x"]
    assert [note.text for note in figure.layout.annotations] == ["(1, 1)", "(−1, 1)", "(−1, −1)", "(1, −1)"]


def test_a_path_goes_from_step_to_step(backdrop):
    figure = path(backdrop, Region(SQUARE, SQUARE[:4]), (0.5, 0.5), (-1, -1), [INSIDE, OUTSIDE])
    assert segments(figure) == [
        ((-1.5, -1.5), (-1, -1), "dot"),
        ((-0.5, -0.5), (-1.5, -1.5), "dash"),
        ((0, 0), (-0.5, -0.5), "solid"),
    ]
    ends = next(trace for trace in figure.data if trace.hovertext == ("a step", "another"))
    assert list(zip(ends.x, ends.y, strict=True)) == [(-0.5, -0.5), (-1, -1)]
    assert labels(figure) == ["start", "x"]


def test_the_line_is_drawn_where_there_is_one(backdrop):
    def lines(shown):
        contours = [
            t for t in arrows(shown, Region(SQUARE, SQUARE[:0]), (0, 0), (1, 1), []).data if t.type == "contour"
        ]
        return [trace for trace in contours if trace.contours.start == 0]

    (line,) = lines(backdrop)
    assert np.array_equal(line.z, backdrop.score[np.ix_([0, -1], [0, -1])])
    flat = Backdrop(backdrop.across, backdrop.up, np.zeros_like(backdrop.score), np.full_like(backdrop.score, 0.5))
    assert lines(flat) == []


def test_balls_that_touch_in_one_point_share_its_mark(backdrop):
    regions = [Region(SQUARE * size, SQUARE[:0], name) for size, name in ((1, "linf"), (0.9, "l2"), (0.8, "l1"))]
    figure = touching(backdrop, regions, [(-1, -1), (0, -1), (-1, -1)], (0, 0))
    assert sorted(labels(figure)) == ["l2", "linf, l1", "x"]
