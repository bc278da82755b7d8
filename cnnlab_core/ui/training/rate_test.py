"""Which learning rate suits a network: the loss while the rate grows from step to step."""

from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.theme import ACCENT, CATEGORICAL
from cnnlab_core.recipes.training import rate_test as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.training import Run, create_run
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.rate_test import RateTest, rate_test_apart_steps, read_rates
from cnnlab_core.training.runs import MOST_NAME
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import form, main_answer
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.choice import asked, look_at, make_room_for_new
from cnnlab_core.ui.training.trial import try_out
from cnnlab_core.ui.visitor import visitor

LOWS, HIGHS = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3), (0.1, 1.0, 10.0, 100.0)
TITLE = "Learning-rate range test"
WHAT = (
    "A fresh network trains while the rate grows step by step: look for where the loss falls, and where it rises again."
)


def show(of: Run) -> None:
    """The test of a run's settings: its figure, the rate that it suggests, and a new run with it."""
    controls = AREAS["pictures"].controls
    row = form("rate_test").container(horizontal=True, vertical_alignment="bottom")
    steps = controls.one_of("rate_steps", "Steps", [100, 200, 400], 200, place=row)
    with row.popover("More", icon=":material/tune:", key="training_rate_more"):
        low = controls.stops("rate_low", "From the rate", LOWS, 1e-5, format_func=lambda rate: f"{rate:g}")
        high = controls.stops("rate_high", "To the rate", HIGHS, 10.0, format_func=lambda rate: f"{rate:g}")
    st.markdown(WHAT)
    question: dict[str, Any] = {"low": low, "high": high, "steps": steps}
    outcome, under = try_out(
        "rates",
        of,
        question,
        replace(of.config, learning_rate=SETTINGS["learning_rate"].default),
        lambda: rate_test_apart_steps(of.config, **question),
        read_rates,
        _chart,
        asked=of,
        label="Training with a rate that grows",
        start="Run the test",
        waiting="The loss over the rate appears here: press **Run the test**.",
    )
    found = outcome.result
    if found is not None:
        with under:
            _answer(found, outcome.asked)
        learned(
            "with too small a rate nothing happens, with too large a one the loss rises. The best is a little below "
            "where it is lowest: a tenth of that rate is a safe peak for one-cycle."
        )
    files = [File("Rates and losses (CSV)", table(found), f"cnnlab_{of.id}_rates.csv", "text/csv")] if found else []
    take_away(recipe.code(of.id, low, high, steps), *files)


def _chart(found: RateTest, of: Run, **more: Any) -> None:
    show_chart(_figure(found), "training rate test", TITLE, _caption(of), **more)


def _figure(found: RateTest) -> go.Figure:
    # As far above where the loss began as the lowest is below: beyond, it only overflows.
    low, start = found.smooth.min(), found.smooth[: found.smooth.argmin() + 1].max()
    room = max(1.1 * (start - low), 0.1 * start)
    ends = low - 0.2 * room, start + room
    lines = [
        Line("loss of each batch", found.rates, found.losses, ACCENT, faint=True),
        Line("smoothed", found.rates, found.smooth, ACCENT, ring=found.best),
    ]
    if found.suggested:
        lines.append(Line("suggested", [found.suggested] * 2, ends, CATEGORICAL[1], dash="dash"))
    return line_figure(
        lines,
        title="Loss over the learning rate",
        x_title="learning rate",
        y_name="loss (nats)",
        x_axis={"type": "log", "exponentformat": "power", "dtick": 1},
        y_range=ends,
        height=280,
    )


def _caption(of: Run) -> str:
    config = of.config
    return f"A fresh network, settings of the run {of.about.name}: {config.optimizer}, batches of {config.batch}."


def _answer(found: RateTest, of: Run) -> None:
    """The rate to take, and a run that takes it."""
    with main_answer():
        if found.suggested is None or found.best is None:
            st.markdown(f"The test ended after {len(found.rates)} steps: the smallest rate is too large already.")
            return
        steepest = f" It falls fastest at **{found.steepest:.2g}**." if found.steepest else ""
        st.markdown(
            f"The smoothed loss is lowest at a rate of {found.best:.2g}.{steepest} Suggested, a tenth of the former: "
            f"**{found.suggested:.2g}**. This run's is {of.config.learning_rate:g}."
        )
    rate = float(f"{found.suggested:.2g}")
    st.button(
        f"A new run with {rate:g}", key="training_rate_take", icon=":material/content_copy:", on_click=_take,
        args=(of, rate),
    )  # fmt: skip


def _take(of: Run, rate: float) -> None:
    """The run's settings with another rate, waiting to be started."""
    make_room_for_new()
    name = f"{of.about.name}, rate {rate:g}"[:MOST_NAME]
    if made := asked(create_run, replace(of.config, learning_rate=rate), name, owner=visitor()):
        look_at(made, "Watch")


def table(found: RateTest) -> str:
    """Every step as CSV."""
    rows = zip(found.rates, found.losses, found.smooth, strict=True)
    return csv_table(["rate", "loss", "smoothed_loss"], ([f"{value:.9g}" for value in row] for row in rows))
