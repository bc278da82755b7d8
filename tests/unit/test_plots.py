"""Figures hold the numbers they are given, in colours that everybody can read."""

import re
from html import unescape
from itertools import combinations, pairwise

import numpy as np
import pytest
from PIL import ImageColor
from skimage.color import deltaE_ciede2000, rgb2lab

from cnnlab_core.plots.bars import class_bars
from cnnlab_core.plots.confusion import confusion_matrix
from cnnlab_core.plots.fields import COLOURS as FIELDS
from cnnlab_core.plots.lines import Line, epsilon_curves, line_figure
from cnnlab_core.plots.projection import features_map
from cnnlab_core.plots.step_size import step_map
from cnnlab_core.plots.theme import (
    ACCENT,
    CATEGORICAL,
    MUTED,
    ON_CELLS,
    ORANGE,
    SIGNED,
    SIGNED_CELLS,
    UNSIGNED,
    UNSIGNED_CELLS,
)
from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.ui.exercises.practice import COLOURS as CELLS


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


# --- the theme and the line figure ------------------------------------------------------------------------------------

# How the three kinds of dichromats see linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
VISION = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
GROUNDS = ("#ffffff", "#14191c")


def linear(colour):
    share = np.array(ImageColor.getrgb(colour) if isinstance(colour, str) else colour)[:3] / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """The ratio of WCAG."""
    dark, light = sorted(0.05 + linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (one, other))
    return light / dark


@pytest.mark.parametrize("ground", GROUNDS)
def test_lines_are_seen_on_either_ground(ground):
    assert min(contrast(colour, ground) for colour in (*CATEGORICAL, MUTED)) >= 3


def test_numbers_are_readable_on_every_cell():
    assert min(contrast(ON_CELLS, colour) for _, colour in SIGNED_CELLS) >= 4.5
    *teal, strongest = (float(part) for part in UNSIGNED_CELLS[-1][1][5:-1].split(","))
    for ground, ink in zip(GROUNDS, ("#11181b", "#e8edee"), strict=True):
        mixed = [strongest * t + (1 - strongest) * g for t, g in zip(teal, ImageColor.getrgb(ground), strict=True)]
        assert contrast("#" + "".join(f"{round(share):02x}" for share in mixed), ink) >= 4.5


def test_the_convolution_grid_has_the_colours_of_the_figures():
    style = read_asset("convolution_grid", "grid.css")
    assert f"--negative: {ORANGE};" in style
    assert f"--positive: {ACCENT};" in style


@pytest.mark.parametrize("name", ["%{x}", "%{customdata}", "100 %{y:.2f}", "a<extra>b</extra>", "<b>%{text}</b>"])
def test_names_are_data_and_no_template(name):
    for figure, plain in zip(_figures_with(name), _figures_with("plain"), strict=True):
        assert [_holes(trace) for trace in figure.data] == [_holes(trace) for trace in plain.data]
        assert any(name in unescape(text) for trace in figure.data for text in _texts(trace))


def _figures_with(name):
    yield features_map([[0, 1], [1, 0]], [0, 1], [True, False], [name, "b"], explained=(0.5, 0.4), own=(0.0, 0.0))
    yield class_bars([name, "b"], [0.5, 0.5], percent=True)
    yield confusion_matrix([[1, 0], [0, 1]], [name, "b"], ink="black")
    yield line_figure([Line(name, [0, 1], [0.2, 0.4])], title=name, x_title=name, y_title=name)


def _holes(trace):
    """What plotly would fill in."""
    templates = [getattr(trace, key, None) or "" for key in ("hovertemplate", "texttemplate")]
    return [re.findall(r"%\{[^}]*\}|<[^>]*>", template) for template in templates]


def _texts(trace):
    for text in (trace.name, trace.hovertext, trace.customdata):
        yield from [text] if isinstance(text, str) else np.ravel(text if text is not None else []).astype(str)


def seen(vision, colour):
    """A colour as somebody sees it, in CIELAB."""
    share = np.clip(np.array(VISION[vision]) @ linear(colour), 0, 1)
    return rgb2lab(np.where(share <= 0.0031308, 12.92 * share, 1.055 * share ** (1 / 2.4) - 0.055))


def apart(vision, one, other):
    """How far apart two colours look to somebody (CIEDE2000)."""
    return deltaE_ciede2000(seen(vision, one), seen(vision, other))


@pytest.mark.parametrize("vision", VISION)
def test_the_colour_blind_can_tell_lines_apart(vision):
    assert min(apart(vision, *pair) for pair in combinations(CATEGORICAL, 2)) > 6.5
    assert min(apart(vision, *pair) for pair in pairwise(CATEGORICAL)) > 15
    assert min(apart(vision, *pair) for pair in combinations(FIELDS, 2)) > 15
    assert min(apart(vision, *right_and_wrong) for right_and_wrong in CELLS.values()) > 15


@pytest.mark.parametrize("vision", [*VISION, "none"])
def test_everybody_can_tell_sign_and_size_apart(vision, monkeypatch):
    """Who sees no colours at all sees the size: a sign then stands beside its number."""
    monkeypatch.setitem(VISION, "none", [[0.2126, 0.7152, 0.0722]] * 3)
    stops, sizes = ([np.array(scale(share)) * 255 for share in np.linspace(0, 1, 11)] for scale in (SIGNED, UNSIGNED))
    assert min(apart(vision, *pair) for pair in pairwise(stops)) > 8
    grows = np.diff([[seen(vision, stop)[0] for stop in scale] for scale in (stops, sizes)])
    assert np.all(grows * ([1] * 5 + [-1] * 5, [1] * 10) > 0)
    if vision != "none":
        assert min(apart(vision, low, high) for low, high in zip(stops[:5], stops[:-6:-1], strict=True)) > 14
        assert apart(vision, SIGNED_CELLS[0][1], SIGNED_CELLS[-1][1]) > 20


def test_the_texts_of_axes_are_readable_on_either_ground():
    found = re.findall(r"color: light-dark\((#\w+), (#\w+)\)", read_asset("chart", "chart.css"))
    assert found
    for colours in found:
        assert min(map(contrast, colours, GROUNDS)) >= 4.5


def test_a_line_has_its_points_its_bars_and_its_marks():
    line = Line("<i>a</i>", [0, 1, 2], [0.2, 0.4, np.nan], spread=([0.1, 0.4, 0], [0.5, 0.4, 0]), dot=1)
    figure = line_figure([line], full=True, x_title="<b>", at=[0.5], level=0.1, level_name="chance")
    drawn, dot = figure.data
    assert drawn.name == "&lt;i&gt;a&lt;/i&gt;"
    assert drawn.hovertemplate == "&lt;b&gt; %{x:.4~g}: %{y:.4~p}"
    assert (list(drawn.error_y.array[:2]), list(drawn.error_y.arrayminus[:2])) == ([0.3, 0], [0.1, 0])
    assert (dot.x, dot.y) == ((1,), (0.4,))
    assert [(shape.x0, shape.y0) for shape in figure.layout.shapes] == [(0.5, 0), (0, 0.1)]
    assert figure.layout.annotations[0].text == "chance"
    assert (figure.layout.yaxis.tickformat, figure.layout.showlegend) == (".0%", False)
    assert line_figure([line, line]).layout.showlegend


def test_a_logarithmic_axis_fits_its_decades():
    few, many = (line_figure([Line("a", [0, 1], [1, top])], log=True).layout.yaxis for top in (9, 1e9))
    assert (few.dtick, many.dtick) == ("D2", None)
    assert many.exponentformat == "power"
    assert np.isnan(line_figure([Line("a", [0, 1], [0, 1])], log=True).data[0].y[0])
