"""Every figure of the lab as PNG, SVG and PDF: title, axes and caption in words, and as many series as on the page."""

import io
import re
from html import unescape

import numpy as np
import plotly.graph_objects as go
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from cnnlab_core.plots.bars import class_bars, histogram
from cnnlab_core.plots.confusion import confusion_matrix
from cnnlab_core.plots.descent import descent_map, loss_line
from cnnlab_core.plots.heatmaps import maps_by_case, matrix_map, number_grid
from cnnlab_core.plots.lines import Line, accuracy_curves, epsilon_curves, line_figure, objective_line, step_lines
from cnnlab_core.plots.paper import figure_file, paper_figure
from cnnlab_core.plots.plane import Backdrop, Move, Region, arrows, path, touching, viewport
from cnnlab_core.plots.projection import features_map
from cnnlab_core.plots.report_card import Reach, falling_bars, severity_map, shares
from cnnlab_core.plots.shortcut import shortcut_figure
from cnnlab_core.plots.step_size import step_map

ACROSS, UP = viewport([(-1.0, -1.0), (1.6, 1.6)], cells=11)
SCORE = ACROSS[None] + UP[:, None]
BACKDROP = Backdrop(ACROSS, UP, SCORE, 1 / (1 + np.exp(-SCORE)))
SQUARE = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0)])
REGION = Region(SQUARE, SQUARE[:4])
MOVES = [
    Move((0.0, 0.0), (0.5, 0.5), (0.5, 0.5), True, "0.5", "inside"),
    Move((0.0, 0.0), (1.6, 1.6), (1.0, 1.0), False, "1.6", "outside"),
]
GRID = np.arange(-6.0, 6).reshape(3, 4)
NAMED = {"rows": ["a", "b", "c"], "columns": ["p", "q", "r", "s"]}
POINTS = np.random.default_rng(0).normal(size=(40, 2))

# A figure, the words that must stand in its file, and the series that are drawn (the step map's clear markers aren't).
FIGURES = {
    "probabilities": (class_bars(["cat $5", "<b>dog</b>"], [0.7, 0.2], percent=True),
                      ["probability", "class", "cat $5", "<b>dog</b>", "70.0%"], 1),
    "logits": (class_bars(["cat", "dog"], [9.25, -1.5], percent=False), ["logit", "class", "9.25", "-1.50"], 1),
    "histogram": (histogram(np.linspace(0, 1, 50)), ["value", "count"], 1),
    "confusion": (confusion_matrix([[3, 1], [0, 4]], ["cat", "dog"], ink="#e8edee"),
                  ["predicted class", "true class", "cat", "dog", "3", "4"], 1),
    "descent": (descent_map(ACROSS, UP, SCORE**2, names=("w1", "w2"), path=[(1, 1), (0.5, 0.5)], arrow=(-1, -1),
                            best=(0, 0)), ["w1", "w2"], 4),
    "loss": (loss_line([2.0, 1.0, 0.7], 1, 0.5), ["step", "loss"], 2),
    "numbers": (number_grid(GRID, **NAMED, framed=[(1, 2)]), ["column", "row", "a", "q", "−6"], 1),
    "matrix": (matrix_map(GRID, **NAMED, row_title="cells of y", title="cells of x"), ["cells of y", "cells of x"], 1),
    "cases": (maps_by_case({"zeros": {"x": GRID, "y": GRID[:2]}, "reflect": {"x": GRID, "y": GRID[:2]}}),
              ["zeros", "reflect", "x", "y", "−6"], 4),
    "lines": (line_figure([Line("a", [0, 1], [0.1, 0.9], spread=([0, 0.8], [0.2, 1])), Line("b & c", [0, 1], [0, 1],
                          dash="dot", dot=1, ring=0)], title="Loss", x_title="epoch", at=[0.5], level=0.4,
                          level_name="chance"), ["epoch", "Loss", "b & c", "chance"], 4),
    "steps": (step_lines({"cat": [1e-8, 1e-3], "dog": [0.9, 0]}, title="P by step", total=5, log=True,
                         y_name="probability"), ["step", "probability", "cat", "dog"], 2),
    "objective": (objective_line([1.0, 2.0, 3.0], every=2, total=4), ["step", "objective"], 2),
    "epsilons": (epsilon_curves({"FGSM": ([1, 0.4, 0.1], 1.0)}, (0, 1, 2), title="P(cat)", unit="/255"),
                 ["ε in 1/255", "P(cat)"], 2),
    "accuracies": (accuracy_curves({"pretrained": ([1, 2, 4], [[0.5, 0.6], [0.7, 0.7], [0.9, 0.8]])}, chance=0.1),
                   ["pictures per class", "mean per-class accuracy", "chance"], 1),
    "arrows": (arrows(BACKDROP, REGION, (0.0, 0.0), (1.0, 1.0), MOVES), ["x₁", "x₂", "(1, 1)", "1.6"], 14),
    "path": (path(BACKDROP, REGION, (0.0, 0.0), (1.0, 1.0), MOVES), ["x₁", "x₂"], 13),
    "touching": (touching(BACKDROP, [REGION], [(0.5, 0.5)], (0.0, 0.0)), ["x₁", "x₂", "the ball"], 9),
    "features": (features_map(POINTS, np.arange(40) % 3, np.arange(40) % 2, ["cat", "dog", "owl"],
                              explained=(0.5, 0.2), own=(0.0, 0.0)),
                 ["first (50% of the variance)", "second (20% of the variance)", "owl", "your picture"], 4),
    "shares": (shares(["Accuracy", "<b>"], {"one": [Reach(0.7, 0.6, 0.8), None], "two": [Reach(0.5, 0.4, 0.6)] * 2},
                      [(0, 0.75), None], flattered_name="PGD alone"),
               ["share of the pictures", "Accuracy", "<b>", "70.0%", "PGD alone", "two"], 5),
    "attacks": (falling_bars(["none", "then PGD"], {"one": [Reach(0.7, 0.6, 0.8), Reach(0.1, 0, 0.2)]}),
                ["accuracy", "none", "then PGD", "10.0%"], 3),
    "severities": (severity_map(["mirror", "noise"], [[(0.7, "a")], [(0.6, "b"), (0.25, "c")]], ink="#e8edee"),
                   ["severity", "mirror", "noise", "25%"], 1),
    "step map": (step_map([[1.5, np.nan], [2, 3]], [[False, False], [True, True]], sizes=("1", "2"), steps=("4", "8"),
                          ink="#e8edee", chosen=(1, 0)), ["steps", "step size", "✓ 2"], 1),
}  # fmt: skip
TITLE, CAPTION = "A title with $ & <", "EfficientNet-Lite0, a cat, epsilon 8/255."


def texts(svg):
    """What can be read in an SVG file, a line for each text."""
    parts = re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL)
    return [unescape(re.sub(r"<[^>]*>", "", part)).strip() for part in parts]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_becomes_a_file_of_each_kind(name):
    figure, words, series = FIGURES[name]
    svg = figure_file(figure, "svg", title=TITLE, caption=CAPTION).decode()
    assert {TITLE, CAPTION, *words} <= set(texts(svg))
    drawn = {int(number) for number in re.findall(r'id="series-(\d+)-', svg)}
    assert len(drawn) == series == sum(trace.hovertext is None or name != "step map" for trace in figure.data)
    assert figure_file(figure, "pdf", title=TITLE, caption=CAPTION).startswith(b"%PDF")
    picture = np.asarray(
        Image.open(io.BytesIO(figure_file(figure, "png", title=TITLE, caption=CAPTION))).convert("RGB")
    )
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert (edge == 255).all()
    assert picture.min() < 60


def test_the_figure_s_own_title_is_the_first_choice_and_long_captions_break():
    figure, *_ = FIGURES["lines"]
    found = texts(figure_file(figure, "svg", caption="so many words " * 40).decode())
    assert figure_file(figure, "svg") == figure_file(figure, "svg")
    assert found.count("Loss") == 2  # the title, and the name of y
    assert sum(line.startswith(("so", "many", "words")) for line in found) > 3


def test_lines_keep_their_numbers_and_their_range():
    figure = line_figure([Line("a", [0, 1, 2], [0.5, np.nan, 0.25])], x_title="epoch", full=True)
    (axes,) = paper_figure(figure).axes
    assert np.array_equal(axes.lines[0].get_ydata(), [0.5, np.nan, 0.25], equal_nan=True)
    assert axes.get_ylim() == (-0.03, 1.03)


def test_a_level_is_named_where_it_is_on_a_logarithmic_axis_too():
    figure = line_figure([Line("norm", [1, 2, 3], [1.0, 0.1, 1e-4])], log=True, level=0.01, level_name="here")
    assert figure.layout.annotations[0].y == pytest.approx(-2)  # plotly's way
    paper = paper_figure(figure, title="Norms")
    (note,) = [text for axes in paper.axes for text in axes.texts if text.get_text() == "here"]
    assert note.xy[1] == pytest.approx(0.01)


def test_a_kind_of_trace_that_is_new_to_the_lab_is_no_silent_gap():
    with pytest.raises(TypeError, match="pie"):
        figure_file(go.Figure(go.Pie(values=[1, 2]), {"height": 200}), "svg")


@pytest.mark.parametrize("narrow", [False, True])
def test_no_word_of_the_trial_leaves_its_figure_or_lies_on_another(narrow):
    heats, mask = np.random.default_rng(0).uniform(size=(2, 3, 8, 8)), np.eye(8, dtype=bool)[None].repeat(3, 0)
    shares, notes = heats.mean((2, 3)), ["found\n10 of 10" if narrow else "found: 10 of 10"] * 2
    figure = shortcut_figure(
        np.zeros((3, 8, 8, 3), np.uint8), heats, mask, ["RISE", "Integrated gradients"], shares, shares / 2, notes,
        narrow=narrow,
    )  # fmt: skip
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [text.get_window_extent() for text in figure.findobj(Text) if text.get_text()]
    boxes = [box for box in boxes if box.width > 1]  # what isn't drawn has a pixel at the origin
    assert len(boxes) >= 12
    for place, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:place])
