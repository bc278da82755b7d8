"""The card: the figures of one network or two at a glance."""

import json
from collections.abc import Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.evaluation import Figure, figures
from cnnlab_core.evaluation.card import ACCURACY, CORRUPTED, ECE, FLATTERED, ROBUST
from cnnlab_core.evaluation.card_files import to_json
from cnnlab_core.plots.report_card import Reach, shares
from cnnlab_core.recipes.report_card import card as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.report_card.choice import Side
from cnnlab_core.ui.report_card.measured import Found, about, asked_for, show_cards, titles
from cnnlab_core.ui.show import plain, show_words
from cnnlab_core.ui.take_away import File, take_away

ROWS = (ACCURACY, CORRUPTED, ROBUST, ECE)
"""What is drawn: shares of the pictures, and an error on the same scale."""


def show(sides: Sequence[Side]) -> None:
    """What each network is worth, in one picture."""
    cards, answer = show_cards(
        sides, "How often is it right: before an attack, in bad light, under attack? The bars are 95% intervals.", _draw
    )
    if not cards:
        return
    known = [{figure.called: figure for figure in figures(one.card)} for one in cards]
    with answer:
        st.markdown("  \n".join(_sentence(one.title, figures) for one, figures in zip(cards, known, strict=True)))
    if all(ROBUST in figures for figures in known):
        _ask(cards, known)
    names = dict.fromkeys(called for found in known for called in found)
    show_words(
        [
            {"figure": name, **{one.title: found[name].words if name in found else "" for one, found in
                                zip(cards, known, strict=True)},
             "how it is measured": next(found[name].note for found in known if name in found)}
            for name in names
        ]
    )  # fmt: skip
    learned(
        "an accuracy alone says little. It has an interval, it falls with every attack that is tried, and how sure a "
        "network is can be far from how often it is right."
    )
    take_away(
        recipe.code(asked_for(cards)),
        *(File(f"Card of {one.title} (JSON)", partial(_file, one), _name(one), "application/json")
          for one in cards),
        File("Figures (CSV)", lambda: _table(cards), "cnnlab_report_card.csv", "text/csv"),
    )  # fmt: skip


def _draw(place: DeltaGenerator, cards: Sequence[Found], live: bool) -> None:
    known = [{figure.called: figure for figure in figures(one.card)} for one in cards]
    rows = [name for name in ROWS if any(name in found for found in known)]
    networks = {one.title: [_reach(found.get(name)) for name in rows] for one, found in zip(cards, known, strict=True)}
    flattered = [
        (rows.index(ROBUST), found[FLATTERED].value) if FLATTERED in found else None for found in known
    ]  # fmt: skip
    figure = shares(rows, networks, flattered, flattered_name="PGD-20 alone")
    show_chart(figure, "report card", f"Report card: {titles(cards)}", about(cards), place=place, live=live)


def _reach(figure: Figure | None) -> Reach | None:
    return None if figure is None or figure.interval is None else Reach(figure.value, *figure.interval)


def _sentence(title: str, known: dict[str, Figure]) -> str:
    """The figures of one network, in words."""
    accuracy, robust = known[ACCURACY], known.get(ROBUST)
    words = f"**{plain(title)}** is right on **{accuracy.words}** of {accuracy.of:,} pictures"
    return words + (f", and on **{robust.words}** of {robust.of:,} under attack." if robust else ".")


def _ask(cards: Sequence[Found], known: Sequence[dict[str, Figure]]) -> None:
    """A guess at how much one weak attack flatters."""
    gaps = [100 * (found[FLATTERED].value - found[ROBUST].value) for found in known]
    most = gaps.index(max(gaps))
    choices = ("by nothing", "by up to 3 points", "by more than 3 points")
    right = choices[0 if gaps[most] < 0.05 else 1 if gaps[most] <= 3 else 2]
    title = plain(cards[most].title)
    guess(
        "report_flattered", f"by how much does PGD-20 alone flatter {'them, at most' if len(cards) > 1 else 'it'}?",
        choices, right,
        f"{title}: {known[most][FLATTERED].value:.1%} stand after PGD-20, {known[most][ROBUST].value:.1%} after all "
        "attacks.",
    )  # fmt: skip


def _file(one: Found) -> str:
    return json.dumps(to_json(one.card), ensure_ascii=False, indent=1)


def _name(one: Found) -> str:
    return f"cnnlab_card_{one.side.spec.name.replace(':', '_')}.json"


def _table(cards: Sequence[Found]) -> str:
    rows = (
        (one.title, figure.called, figure.value, *(figure.interval or ("", "")), figure.of, figure.note)
        for one in cards
        for figure in figures(one.card)
    )
    return csv_table(("network", "figure", "value", "low", "high", "pictures", "note"), rows)
