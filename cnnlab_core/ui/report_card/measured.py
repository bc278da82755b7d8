"""The cards of the chosen networks: those that came with the lab, and others as jobs that can be stopped and gone on
with."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.evaluation import Card, Share, draw_pictures
from cnnlab_core.evaluation.card import blank_card, card_seconds
from cnnlab_core.evaluation.card_files import begun_card, data_title, network_card_steps, shipped_card
from cnnlab_core.evaluation.pictures import PER_ATTACKED
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.plots.report_card import Reach
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.training.curves import duration
from cnnlab_core.training.storage import trim_caches
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.report_card.choice import Side, pictures_here
from cnnlab_core.ui.runner import mark
from cnnlab_core.ui.show import later, main_answer, main_picture, plain, sentences
from cnnlab_core.ui.subject import run_on_model

KEY = "report_result"


@dataclass(frozen=True)
class Found:
    """A card, as far as it is measured, and what it was asked for with."""

    side: Side
    card: Card

    @property
    def title(self) -> str:
        return self.side.title


Draw = Callable[[DeltaGenerator, Sequence[Found], bool], None]
"""Draws what there is of the cards into a place; the last argument says that a job will soon paint over it."""


def show_cards(sides: Sequence[Side], look: str, draw: Draw) -> tuple[tuple[Found, ...], DeltaGenerator]:
    """The main picture of a tab, drawn as the cards grow; gives the cards, and the place of the answer.

    ``look`` says what to look at.
    """
    left, status = st.columns([1, 1.15], gap="medium", vertical_alignment="center")
    left.caption(look)
    with st.container(key=KEY):
        with main_picture():
            place = later()
        with main_answer():
            answer = st.container()
    found = {number: Found(side, card) for number, side in enumerate(sides) if (card := _shipped(side))}
    for number, side in enumerate(sides):
        if number not in found:
            with status, sentences():
                if one := _measured(number, side, partial(_paint, draw, place, found, number)):
                    found[number] = one
    cards = _in_turn(found)
    for one in cards:
        if one.card.attacked < one.side.attacked:
            left.caption(
                f"{plain(one.title)}: {one.card.attacked} pictures are attacked, not {one.side.attacked}. There are no "
                "more, or they are so large that no more are held at once."
            )
    if cards:
        draw(place, cards, False)
    else:
        place.info("There is no card of this yet.", icon=":material/fact_check:")
    return cards, answer


def _paint(draw: Draw, place: DeltaGenerator, found: Mapping[int, Found], number: int, now: Found) -> None:
    draw(place, _in_turn({**found, number: now}), True)


def _in_turn(found: Mapping[int, Found]) -> tuple[Found, ...]:
    return tuple(found[number] for number in sorted(found))


def _shipped(side: Side) -> Card | None:
    return shipped_card(side.spec, **side.settings)


@dataclass(frozen=True)
class _Outlook:
    """What is known of a card already, and about how many seconds the rest takes."""

    card: Card
    seconds: float


def _measured(number: int, side: Side, paint: Callable[[Found], None]) -> Found | None:
    """A card as far as it is measured, now or in an earlier run of the lab, below the row of its job."""
    if not (pictures_here(side, str(number)) and weights_ready(side.spec, "pretrained", place=f"report {number}")):
        return None
    network, place = (side.spec.name, "pretrained"), str(number)
    label = f"{side.title}: trying a few pictures"
    outlook = run_on_model("card outlook", network, side.key, partial(_look_out, side), place=place, label=label).result
    if outlook is None:
        return None
    begun = Found(side, outlook.card) if outlook.card.logits is not None else None
    if outlook.card.finished:
        return begun

    def painted(steps: Sequence[Progress[Card]]) -> None:
        if (card := steps[-1].latest) is not None and card.logits is not None:
            paint(Found(side, card))

    outcome = run_on_model(
        "card", network, side.key, partial(_measure, side), place=place, label=f"Measuring {side.title}",
        start=f"{'Go on with' if begun else 'Measure'} {side.title}: about {duration(outlook.seconds)}", paint=painted,
        for_everybody=True, asked=side,
    )  # fmt: skip
    if outcome.result is not None and not (begun and outcome.state == "stale"):
        mark(outcome, KEY)
        return Found(outcome.asked, outcome.result)
    latest = outcome.steps[-1].latest if outcome.steps else None
    return Found(side, latest) if latest is not None and latest.logits is not None else begun


def _look_out(side: Side, model: LoadedModel) -> Generator[Progress[None], None, _Outlook]:
    yield Progress(0, 3)
    drawn = draw_pictures(model, side.data, side.attacked * PER_ATTACKED, side.seed)
    yield Progress(1, 3)
    card = begun_card(blank_card(model, drawn, side.attacked, side.eps, side.seed))
    return _Outlook(card, 0.0 if card.finished else card_seconds(model, drawn.x, drawn.y, card))


def _measure(side: Side, model: LoadedModel) -> Generator[Progress[Card], None, Card]:
    card = yield from network_card_steps(model, **side.settings)
    trim_caches()
    return card


def reach(share: Share) -> Reach:
    """A share as figures draw it."""
    return Reach(share.value, *share.interval)


def titles(cards: Sequence[Found]) -> str:
    """“Glass and Standard”, for the names of files and captions."""
    return " and ".join(one.title for one in cards)


def about(cards: Sequence[Found]) -> str:
    """Pictures and attacks in sentences, for captions on paper."""
    said = {
        f"{len(one.card.labels):,} test pictures of {data_title(one.card)}, of which {one.card.attacked} are attacked, "
        f"seed {one.card.seed}."
        for one in cards
    }
    return " ".join([f"{titles(cards)}.", *sorted(said), "Bars are 95% intervals."])


def asked_for(cards: Sequence[Found]) -> list[tuple[str, dict[str, Any]]]:
    """The cards as recipes take them: the network's name, and the settings that aren't the usual ones."""
    return [(one.side.spec.name, one.side.settings) for one in cards]
