"""Every figure on the pages can be taken away: drawn by one piece of code, with its three files beside it."""

import pytest
from places import ROOT
from screen import FIGURE_FILES, files
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
    figures = len(app.get("plotly_chart"))
    assert figures
    labels = [button.proto.label for button in app.get("download_button")]
    assert [labels.count(kind) for kind in FIGURE_FILES] == [figures] * 3


def test_the_files_of_a_curve_that_the_browser_draws_are_there_too(open_page):
    query = {"adversarial_tab": "Attack", "adversarial_tab_attack": "Epsilon", "model": "cifar10_standard"}
    labels = files(open_page("adversarial", **query))
    assert {"Curves (PNG)", "Curves (SVG)", "Curves (PDF)"} <= set(labels)


def test_figures_are_shown_in_one_way_alone():
    lab = [*(ROOT / "cnnlab_core" / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
    drawing = {path.name for path in lab if "plotly_chart(" in path.read_text(encoding="utf-8")}
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
    assert len(app.get("plotly_chart")) == 1
