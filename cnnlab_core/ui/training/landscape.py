"""The loss around a trained network, along two random directions."""

from dataclasses import asdict
from typing import Any

import numpy as np
import streamlit as st

from cnnlab_core.plots.landscape import loss_landscape
from cnnlab_core.recipes.training import landscape as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.training import Run
from cnnlab_core.training.landscape import Landscape, Question, landscape_apart_steps
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.show import form, main_answer
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.trial import try_out

TITLE = "Loss around the network"
Asked = tuple[Run, Question]


def show(of: Run) -> None:
    """The landscape of a run's weights."""
    controls = AREAS["pictures"].controls
    row = form("landscape").container(horizontal=True, vertical_alignment="bottom")
    points = controls.one_of("points", "Places along each direction", [11, 15, 21], 11, place=row)
    distance = controls.stops("distance", "Distance", [0.1, 0.25, 0.5, 1.0, 2.0], 1.0, place=row)
    with row.popover("More", icon=":material/tune:", key="training_landscape_more"):
        pictures = controls.stops("loss_pictures", "Pictures", [32, 64, 128, 256, 512, 1000], 128)
        seed = controls.number("directions", "Seed of the directions", 0, 9999, 0, 1)
    question = Question(points, distance, pictures, seed)
    st.markdown(
        "The weights are moved along two random directions: look for how far one can go before the loss climbs."
    )
    outcome, under = try_out(
        "landscape",
        of,
        asdict(question),
        (of.id, (of.finals or {}).get("weights_of_step", of.metrics().steps[-1:])),
        lambda: landscape_apart_steps(of, question),
        lambda rows: Landscape(question.along, np.array(rows)),
        _chart,
        asked=(of, question),
        label=f"The loss at {points * points} places",
        start=f"Compute the loss at {points * points} places",
        waiting="The loss around the trained weights appears here: press the button below.",
    )
    found = outcome.result
    if found is not None:
        with under:
            _answer(found, *outcome.asked)
        learned(
            "the network stands in a basin: the steps of the training have led it there. How steep its walls are "
            "depends on the directions and on how long filters are, so only basins drawn alike can be compared."
        )
    files = [File("Losses (CSV)", table(found), f"cnnlab_{of.id}_landscape.csv", "text/csv")] if found else []
    take_away(recipe.code(of.id, points, distance, pictures, seed), *files)


def _chart(found: Landscape, asked: Asked, **more: Any) -> None:
    show_chart(loss_landscape(found.along, found.losses), "training landscape", TITLE, _caption(*asked), **more)


def _caption(of: Run, question: Question) -> str:
    return (
        f"Run: {of.about.name}. Cross-entropy on {question.pictures} pictures that it learned from; two "
        f"filter-normalised directions (Li et al. 2018), seed {question.seed}."
    )


def _answer(found: Landscape, of: Run, question: Question) -> None:
    """How deep the basin is, and whether the network stands at its bottom."""
    lowest, across, up = found.lowest
    with main_answer():
        st.markdown(
            f"In the middle (★) is the network’s own loss on these {question.pictures} pictures, "
            f"**{found.centre:.3f}**; on the rim the median is **{found.rim:.3f}**. At a distance of 1 every filter is "
            "changed by as much as it is long."
        )
    here = across == up == 0
    told = f"The lowest of these {found.losses.size} losses is {lowest:.3f}, " + (
        "the network’s own." if here else f"at ({across:.2g}, {up:.2g}); the network’s own is {found.centre:.3f}."
    )
    guess(
        "lowest",
        "is the loss anywhere here lower than the network’s own?",
        ("yes", "no"),
        "no" if here else "yes",
        told,
    )


def table(found: Landscape) -> str:
    """Every place and its loss as CSV."""
    places = ((across, up) for up in range(len(found.along)) for across in range(len(found.along)))
    rows = ([f"{found.along[a]:.9g}", f"{found.along[u]:.9g}", f"{found.losses[u, a]:.9g}"] for a, u in places)
    return csv_table(["first_direction", "second_direction", "loss"], rows)
