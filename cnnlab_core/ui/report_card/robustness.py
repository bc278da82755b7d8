"""Robustness: what stands after one attack after the other, and whether the gradient that they follow is honest."""

from collections.abc import Sequence
from itertools import pairwise

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.evaluation import Share
from cnnlab_core.evaluation.masked_gradients import MOST_CHECKED
from cnnlab_core.images.levels import levels
from cnnlab_core.plots.report_card import falling_bars
from cnnlab_core.recipes.report_card import robustness as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.report_card.choice import Side
from cnnlab_core.ui.report_card.measured import Found, about, asked_for, reach, show_cards, titles
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, take_away

UNTOUCHED = "no attack"


def show(sides: Sequence[Side]) -> None:
    """The falling bars, and what the checks for masked gradients found."""
    cards, answer = show_cards(
        sides, "How many pictures still stand after each attack? Only those that stand go on to the next.", _draw
    )
    attacked = [one for one in cards if _stages(one)]
    if not attacked:
        return
    with answer:
        st.markdown("  \n".join(map(_sentence, attacked)))
    _ask(attacked[-1])
    for one in attacked:
        _checks(one)
    learned(
        "a measured robust accuracy is only an upper bound: another attack may find more. Several unlike attacks, and "
        "checks that the gradient isn't hidden, make it one that can be believed."
    )
    take_away(
        recipe.code(asked_for(attacked)),
        File("After each attack (CSV)", lambda: _table(attacked), "cnnlab_robust_accuracy.csv", "text/csv"),
    )


def _stages(one: Found) -> dict[str, Share]:
    """What stands before and after each attack, of the pictures that are done with; nothing before the first are."""
    robust = one.card.robustness
    if robust is None or not robust.measured.any():
        return {}
    return {UNTOUCHED: robust.clean, **{name: robust.after(name) for name in robust.names}}


def _draw(place: DeltaGenerator, cards: Sequence[Found], live: bool) -> None:
    found = {one.title: stages for one in cards if (stages := _stages(one))}
    if not found:
        place.caption("No picture has been attacked yet.")
        return
    names = [*max(found.values(), key=len)]
    figure = falling_bars(
        names,
        {title: [reach(stages[name]) if name in stages else None for name in names]
         for title, stages in found.items()},
    )  # fmt: skip
    show_chart(
        figure, "report robustness", f"What attacks leave: {titles(cards)}", about(cards), place=place, live=live
    )


def _sentence(one: Found) -> str:
    robust = one.card.robustness
    assert robust is not None
    worst, alone, saved = robust.worst, robust.after(robust.names[0]), robust.worst_in_8_bits
    low, high = worst.interval
    return (
        f"**{plain(one.title)}**: of {worst.of} pictures, **{worst.value:.1%}** ({low:.1%} to {high:.1%}) "
        f"withstand all attacks within {levels(robust.eps)}. {robust.names[0]} alone leaves {alone.value:.1%}; "
        f"saved in 8 bits, {saved.value:.1%} do."
    )


def _ask(one: Found) -> None:
    """A guess at which attack after PGD found most."""
    stages = list(_stages(one).items())[1:]
    gains = {name: before.right - after.right for (_, before), (name, after) in pairwise(stages)}
    best = max(gains, key=lambda name: gains[name])
    if not gains[best]:
        return
    told = ", ".join(f"{name}: {count}" for name, count in gains.items())
    guess(
        "report_next", f"{plain(one.title)}: which attack fools it most often where {stages[0][0]} did not?",
        list(gains), best, f"Further pictures fooled: {told}.",
    )  # fmt: skip


def _checks(one: Found) -> None:
    """The signs of masked gradients that were looked for, as sentences."""
    st.markdown(f"**Is its gradient honest? {plain(one.title)}**")
    if not one.card.checks:
        st.caption("Not looked at yet.")
        return
    bad = sum(not check.clear for check in one.card.checks)
    icons = {True: ":material/check_circle:", False: ":material/warning:"}
    st.markdown("  \n".join(f"{icons[check.clear]} {plain(check.sentence)}" for check in one.card.checks))
    count = min(one.card.attacked, MOST_CHECKED)
    verdict = f"{bad} of {len(one.card.checks)} signs" if bad else "No sign"
    st.caption(f"{verdict} of a hidden gradient, on {count} pictures.")


def _table(cards: Sequence[Found]) -> str:
    rows = (
        (one.title, name, share.right, share.of, share.value, *share.interval)
        for one in cards
        for name, share in _stages(one).items()
    )
    return csv_table(("network", "after", "right", "of", "accuracy", "low", "high"), rows)
