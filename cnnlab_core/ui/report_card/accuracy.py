"""Accuracy: by class, with intervals, and the most confident mistakes."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.data import find_data, open_data
from cnnlab_core.errors import LabError
from cnnlab_core.evaluation import Accuracy, Share
from cnnlab_core.images import png, thumbnail
from cnnlab_core.plots.report_card import shares
from cnnlab_core.recipes.report_card import accuracy as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.report_card.choice import Side
from cnnlab_core.ui.report_card.measured import Found, about, asked_for, reach, show_cards, titles
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, take_away

MOST_CLASSES = 20
"""Classes that are drawn: of more, those that the first network knows worst."""
MISTAKES = 6


def show(sides: Sequence[Side]) -> None:
    """Which classes it knows, and where it is sure and wrong."""
    cards, answer = show_cards(
        sides,
        "Which classes does it know? Where intervals overlap widely, the pictures don't tell which is better.",
        _draw,
    )
    if not cards:
        return
    with answer:
        st.markdown("  \n".join(_sentence(one) for one in cards))
    for number, one in enumerate(cards):
        _mistakes(number, one)
    learned(
        "a share of few pictures is known only within its interval, and four times the pictures halve it. What a "
        "network is surest of can still be wrong."
    )
    take_away(
        recipe.code(asked_for(cards)),
        File("By class (CSV)", lambda: _table(cards), "cnnlab_accuracy_by_class.csv", "text/csv"),
    )


def _draw(place: DeltaGenerator, cards: Sequence[Found], live: bool) -> None:
    classes = _worst(cards[0])
    figure = shares(
        [cards[0].card.classes[k] for k in classes],
        {one.title: [reach(share) if (share := _by_name(one, cards[0], k)) else None for k in classes]
         for one in cards},
        row_height=38,
    )  # fmt: skip
    show_chart(figure, "report classes", f"Accuracy by class: {titles(cards)}", about(cards), place=place, live=live)


def _worst(one: Found) -> list[int]:
    """The classes that have pictures, the one that the network knows worst first."""
    by_class = one.card.accuracy().by_class
    there = {k: share.value for k, share in enumerate(by_class) if share}
    return sorted(there, key=there.__getitem__)[:MOST_CLASSES]


def _by_name(one: Found, first: Found, k: int) -> Share | None:
    """The share of class ``k`` of the ``first`` network, of another one that may count its classes otherwise."""
    name = first.card.classes[k]
    return one.card.accuracy().by_class[one.card.classes.index(name)] if name in one.card.classes else None


def _sentence(one: Found) -> str:
    found: Accuracy = one.card.accuracy()
    low, high = found.overall.interval
    known = _worst(one)
    worst, best = (found.by_class[k] for k in (known[0], known[-1]))
    words = f"**{plain(one.title)}**: **{found.overall.value:.1%}** of {found.overall.of:,} ({low:.1%} to {high:.1%}). "
    if worst and best:
        names = [plain(one.card.classes[k]) for k in (known[0], known[-1])]
        words += f"Worst is {names[0]} ({worst.value:.0%}), best {names[1]} ({best.value:.0%})."
    return words


def _mistakes(number: int, one: Found) -> None:
    """The pictures of which the network was surest and wrong."""
    found = one.card.accuracy().mistakes[:MISTAKES]
    st.markdown(f"**Most confident mistakes: {plain(one.title)}**")
    if not found:
        st.caption("None: every one of these pictures is named right.")
        return
    places = [int(one.card.index[int(mistake["index"])]) for mistake in found]
    pictures: Sequence[bytes | None] = _pictures(number, one, places) or [None] * len(found)
    with st.container(horizontal=True, gap="small"):
        for mistake, picture in zip(found, pictures, strict=True):
            true, said = (plain(one.card.classes[int(mistake[of])]) for of in ("label", "predicted"))
            with st.container(width=130, gap="small"):
                if picture is not None:
                    st.image(picture, width=130, output_format="PNG", alt=f"A mistake: {true}")
                st.caption(f"{true}, named **{said}** ({mistake['probability']:.0%})")


def _pictures(number: int, one: Found, places: Sequence[int]) -> list[bytes] | None:
    """The test pictures in these places, to look at; None where the data set isn't here."""
    try:
        if find_data(one.card.data).megabytes:
            raise LabError
    except LabError:
        st.caption("The pictures themselves aren't on this machine.")
        return None

    def read() -> list[bytes]:
        images = open_data(one.card.data, fetch=False).read_test().images
        return [png(thumbnail(Image.fromarray(np.asarray(images[place])), 130)) for place in places]

    return run(
        f"report mistakes {number}", digest("report mistakes", one.side.key, places), lambda: once(read),
        label="Looking the pictures up", for_everybody=True,
    ).result  # fmt: skip


def _table(cards: Sequence[Found]) -> str:
    rows = (
        (one.title, one.card.classes[k], share.right, share.of, share.value, *share.interval)
        for one in cards
        for k, share in enumerate(one.card.accuracy().by_class)
        if share
    )
    return csv_table(("network", "class", "right", "of", "accuracy", "low", "high"), rows)
