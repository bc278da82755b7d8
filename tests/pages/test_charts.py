"""Every figure on the pages can be taken away: drawn by one piece of code, with its three files beside it."""

import re
from pathlib import Path

import plotly
import pytest
from places import ROOT
from screen import FIGURE_FILES, figures, files
from streamlit.testing.v1 import AppTest

VIEWS = [
    ("classifier", {}),
    ("convolution", {"conv_tab": "Backward"}),
    ("convolution", {"conv_tab": "Linear layers", "conv_tab_linear": "1×1 and attention"}),
    ("convolution", {"conv_tab": "Linear layers", "conv_tab_linear": "Autograd warm-up"}),
    ("adversarial", {"adversarial_tab": "On paper", "adversarial_tab_paper": "One neuron"}),
    ("training", {"training_tab": "Watch"}),
    ("training", {"training_tab": "Results"}),
    ("training", {"training_tab": "Compare"}),
    ("transfer_learning", {"transfer_data": "Digits (10,000 of MNIST)"}),  # whose features the story needs too
    ("report_card", {"report_tab": "Corruptions"}),
    ("reading_text", {}),
    ("reading_text", {"reading_tab": "Through time"}),
    ("reading_text", {"reading_tab": "Write"}),
    ("reading_text", {"reading_tab": "Look inside"}),
    ("reading_text", {"reading_tab": "Train", "run": "names_lstm"}),
]


@pytest.mark.parametrize(("page", "query"), VIEWS, ids=lambda value: value if isinstance(value, str) else str(value))
def test_every_figure_has_its_files(open_page, page, query):
    app = open_page(page, **query)
    assert not app.exception
    shown = len(figures(app))
    assert shown
    labels = [button.proto.label for button in app.get("download_button")]
    assert [labels.count(kind) for kind in FIGURE_FILES] == [shown] * 3


def test_the_files_of_a_curve_that_the_browser_draws_are_there_too(open_page):
    query = {"adversarial_tab": "Attack", "adversarial_tab_attack": "Epsilon", "model": "cifar10_standard"}
    labels = files(open_page("adversarial", **query))
    assert {"Curves (PNG)", "Curves (SVG)", "Curves (PDF)"} <= set(labels)


def test_figures_are_shown_in_one_way_alone():
    lab = [*(ROOT / "cnnlab_core" / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
    drawing = {path.name for path in lab if re.search(r"plotly_chart\(|cnnlab_chart", path.read_text(encoding="utf-8"))}
    assert drawing == {"chart.py"}


def test_a_job_may_paint_a_figure_again_before_it_has_another_step():
    def page():
        import streamlit as st

        from cnnlab_core.plots.lines import step_lines
        from cnnlab_core.ui.chart import show_chart

        place = st.empty()
        for _ in range(2):
            figure = step_lines({"loss": [1.0, 0.5]}, title="Loss", total=2)
            show_chart(figure, "loss", "The loss", "two steps", place=place, live=True)

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert len(figures(app)) == 1


def test_what_draws_in_the_browser_is_plotlys_own():
    """As it is published for the same plotly that Python's package brings."""
    shipped = ROOT / "assets" / "chart" / "plotly-cartesian.min.js"
    published = ROOT / "tests" / "frontend" / "node_modules" / "plotly.js-cartesian-dist-min"
    assert shipped.read_bytes() == (published / shipped.name).read_bytes()
    assert shipped.with_name("plotly.LICENSE.txt").read_bytes() == (published / "LICENSE").read_bytes()
    whole = Path(plotly.__file__).with_name("package_data") / "plotly.min.js"
    versions = [
        re.search(r"plotly\.js .*v([\d.]+)", path.read_text(encoding="utf-8")[:200])[1] for path in (shipped, whole)
    ]
    assert versions[0] == versions[1]
