"""Calibration: whether a network is right as often as it says, and the temperature that makes up for it."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.errors import InputError
from cnnlab_core.evaluation import Calibration, wilson
from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.report_card import COLOURS
from cnnlab_core.plots.theme import MUTED
from cnnlab_core.recipes.report_card import calibration as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.contents import find_page
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.report_card.choice import CONTROLS, Side
from cnnlab_core.ui.report_card.measured import Found, about, asked_for, show_cards, titles
from cnnlab_core.ui.show import form, plain, show_problem
from cnnlab_core.ui.take_away import File, take_away

FEWEST = 5
"""Bins of fewer pictures say nothing to look at; they count in the error all the same."""
WAYS = ("T = 1", "fitted T", "own T")


def show(sides: Sequence[Side]) -> None:
    """The reliability diagram at a temperature of one's choice."""
    with form("temperature"):
        first, second = st.columns([1, 2], gap="medium", vertical_alignment="bottom")
    way = CONTROLS.one_of("way", "Temperature", WAYS, WAYS[0], place=first)
    with second if way == WAYS[2] else second.container(key="unseen_temperature"):
        own = CONTROLS.slider("t", "T", 0.1, 5.0, 1.0, 0.1, label_visibility="collapsed")

    def temperature(one: Found) -> float:
        return {WAYS[0]: 1.0, WAYS[2]: own}.get(way) or _fitted(one) or 1.0

    def draw(place: DeltaGenerator, cards: Sequence[Found], live: bool) -> None:
        found = {one.title: one.card.calibration(temperature(one)) for one in cards}
        title = f"Reliability diagram: {titles(cards)}"
        at = "; ".join(f"{one.title} at T = {temperature(one):.3g}" for one in cards)
        show_chart(_diagram(found), "report reliability", title, f"{about(cards)} {at}.", place=place, live=live)

    cards, answer = show_cards(
        sides,
        f"Above the dashed line a network is right more often than it says. (Points of {FEWEST} pictures or more.)",
        draw,
    )
    if not cards:
        return
    with answer:
        st.markdown("  \n".join(_sentence(one, temperature(one)) for one in cards))
    _ask(cards[0])
    for one in cards:
        _links(one)
    learned(
        "how sure a network is and how often it is right are two things. One number, fitted on pictures that it hasn't "
        "learned from, brings them together and changes no answer."
    )
    take_away(
        recipe.code(asked_for(cards)),
        File("Bins (CSV)", lambda: _table(cards), "cnnlab_calibration.csv", "text/csv"),
    )


def _fitted(one: Found) -> float | None:
    """The likeliest temperature; None where none is."""
    try:
        return one.card.fitted_temperature()
    except InputError:
        return None


def _diagram(found: dict[str, Calibration]) -> go.Figure:
    """Accuracy over confidence, with the interval of each bin."""
    lines = [Line("as often as it says", [0, 1], [0, 1], MUTED, dash="dash")]
    for (title, one), colour in zip(found.items(), COLOURS, strict=False):
        bins = [part for part in one.bins if part.count >= FEWEST]
        ends = [wilson(round(part.accuracy * part.count), part.count) for part in bins]
        lines.append(
            Line(
                f"{title}: ECE {one.ece:.3f}", [part.confidence for part in bins], [part.accuracy for part in bins],
                colour, marked=True, spread=([low for low, _ in ends], [high for _, high in ends]),
            )
        )  # fmt: skip
    return line_figure(
        lines,
        x_title="confidence",
        y_title="accuracy",
        hover="confidence %{x:.1%}, accuracy",
        x_axis={"range": [-0.02, 1.02], "tickformat": ".0%"},
        full=True,
        height=340,
    )


def _sentence(one: Found, temperature: float) -> str:
    """What the diagram says of a network."""
    now = one.card.calibration(temperature)
    low, high = one.card.ece_interval(temperature)
    total = sum(part.count for part in now.bins)
    sure = sum(part.count * part.confidence for part in now.bins) / total
    right = sum(part.count * part.accuracy for part in now.bins) / total
    gap = right - sure
    words = "about as sure as right" if abs(gap) <= 0.01 else "not sure enough" if gap > 0 else "too sure"
    said = (
        f"**{plain(one.title)}** at T = {temperature:.3g}: {sure:.1%} sure on average and {right:.1%} right, so "
        f"**{words}**. Expected calibration error **{now.ece:.3f}** ({low:.3f} to {high:.3f})."
    )
    fitted = _fitted(one)
    if fitted is not None:
        said += f" The fitted temperature is **{fitted:.2f}**: {one.card.calibration(fitted).ece:.3f}."
    return said


def _ask(one: Found) -> None:
    now = one.card.calibration()
    sure, right = (sum(part.count * getattr(part, name) for part in now.bins) for name in ("confidence", "accuracy"))
    choices = ("too sure", "not sure enough")
    guess(
        "report_sure", f"is {plain(one.title)} too sure of itself, as large networks are?", choices,
        choices[int(right > sure)], f"A temperature below 1 makes a network surer, above 1 less sure: here it takes "
        f"{_fitted(one) or 1:.2f}. Label smoothing, little capacity and adversarial training all make for caution.",
    )  # fmt: skip


def _links(one: Found) -> None:
    """To the classifier's page, at the fitted temperature."""
    try:
        fitted = one.card.fitted_temperature()
    except InputError as problem:
        show_problem(problem)
        return
    page = find_page("classifier")
    at = f"{min(max(round(fitted, 1), 0.1), 5.0):g}"
    st.page_link(
        page.file, label=f"See {plain(one.title)} name a photo at T = {at}", icon=page.icon,
        query_params={"model": one.side.spec.name, "classifier_t": at},
    )  # fmt: skip


def _table(cards: Sequence[Found]) -> str:
    rows = (
        (one.title, f"{temperature:.4f}", part.low, part.high, part.count, part.confidence, part.accuracy)
        for one in cards
        for temperature in dict.fromkeys((1.0, _fitted(one) or 1.0))
        for part in one.card.calibration(temperature).bins
    )
    return csv_table(("network", "temperature", "above", "to", "pictures", "confidence", "accuracy"), rows)
