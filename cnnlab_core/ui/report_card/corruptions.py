"""Corruptions: how often a network is right under each transform, by severity, and what it doesn't mind."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.attacks.transforms import TRANSFORMS
from cnnlab_core.evaluation import Corrupted
from cnnlab_core.plots.report_card import severity_map
from cnnlab_core.recipes.report_card import corruptions as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.report_card.choice import Side
from cnnlab_core.ui.report_card.measured import Found, about, asked_for, show_cards
from cnnlab_core.ui.show import ink, plain
from cnnlab_core.ui.take_away import File, take_away

STEADY = 0.95
"""A network doesn't mind what leaves so many of its answers as they were."""


def show(sides: Sequence[Side]) -> None:
    """A row for each transform, from weak to strong."""
    cards, answer = show_cards(
        sides, "How often is it still right, from weak (1) to strong (5)? Faint cells are what it can't bear.", _draw
    )
    done = [one for one in cards if one.card.corruptions]
    if not done:
        return
    with answer:
        st.markdown("  \n".join(map(_sentence, done)))
    _ask(done)
    learned(
        "a network bears what it has met while it learned. What it hasn't met may break it, however small a change it "
        "is to us."
    )
    take_away(
        recipe.code(asked_for(done)),
        File("By transform and severity (CSV)", lambda: _table(done), "cnnlab_corruptions.csv", "text/csv"),
    )


def _rows(one: Found) -> dict[str, list[Corrupted]]:
    """What was found by transform."""
    return {
        name: found
        for name in TRANSFORMS
        if (found := [row for row in one.card.corruptions if row.name == name])
    }  # fmt: skip


def _draw(place: DeltaGenerator, cards: Sequence[Found], live: bool) -> None:
    done = [one for one in cards if one.card.corruptions]
    if not done:
        place.caption("No picture has been changed yet.")
        return
    columns = place.container().columns(len(done), gap="medium")
    for number, (column, one) in enumerate(zip(columns, done, strict=True)):
        rows = _rows(one)
        figure = severity_map(
            [TRANSFORMS[name].title for name in rows],
            [[(row.right.value, _said(row)) for row in found] for found in rows.values()],
            ink=ink(),
            title=one.title,
        )
        title = f"Accuracy by transform and severity: {one.title}"
        show_chart(figure, f"report corruptions {number}", title, about([one]), place=column, live=live)


def _said(row: Corrupted) -> str:
    low, high = row.right.interval
    right = f"{row.right.value:.1%} right ({low:.1%} to {high:.1%})"
    return f"{row.title}: {right}, {row.same.value:.1%} of the answers unchanged"


def _sentence(one: Found) -> str:
    """What it minds most and not at all."""
    rows = _rows(one)
    steady = [TRANSFORMS[name].title.lower() for name, found in rows.items() if found[0].same.value >= STEADY]
    worst = min(one.card.corruptions, key=lambda row: row.right.value)
    words = f"Hardest is **{worst.title.lower()}**: {worst.right.value:.1%} of {worst.right.of} pictures named right."
    if steady:
        words += f" At the lowest severity it keeps {STEADY:.0%} of its answers under {', '.join(steady)}."
    else:
        words += f" There is no transform that leaves {STEADY:.0%} of its answers as they were, even at its weakest."
    return f"**{plain(one.title)}**: {words}"


def _ask(cards: Sequence[Found]) -> None:
    """A guess at which transform costs the first network most."""
    rows = _rows(cards[0])
    mean = {TRANSFORMS[name].title: sum(row.right.value for row in found) / len(found) for name, found in rows.items()}
    worst = sorted(mean, key=lambda title: mean[title])
    if len(worst) < 3:
        return
    choices = sorted((worst[0], worst[len(worst) // 2], worst[-1]))
    guess(
        "report_worst", f"which of these does {plain(cards[0].title)} bear least?", choices, worst[0],
        f"On average over the severities it is right on {mean[worst[0]]:.0%} of the pictures; under "
        f"{worst[-1].lower()} on {mean[worst[-1]]:.0%}.",
    )  # fmt: skip


def _table(cards: Sequence[Found]) -> str:
    rows = (
        (one.title, row.name, row.severity, row.strength, row.right.right, row.same.right, row.right.of)
        for one in cards
        for row in one.card.corruptions
    )
    return csv_table(("network", "transform", "severity", "strength", "right", "same_answer", "pictures"), rows)
