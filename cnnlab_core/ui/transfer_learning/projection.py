"""Projection: all pictures where their features put them, with pretrained and with random weights."""

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.plots.projection import features_map
from cnnlab_core.recipes.transfer_learning import projection as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.transfer import Learned
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.guess import guess_number, learned
from cnnlab_core.ui.runner import kept
from cnnlab_core.ui.show import figure_colours, main_answer, main_picture, reserve
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.transfer_learning.result import Result, both_results
from cnnlab_core.ui.transfer_learning.subject import TransferSubject

LEARNED = (
    "what a network has learned on one task serves for another: its features put pictures "
    "of a class together before anything was trained on them, so a linear classifier needs few of them. The same "
    "network with random weights has features too, but they say little about what is in a picture."
)


def show(subject: TransferSubject) -> None:
    """The pictures themselves at their points, for either kind of weights; below, a point for every picture."""
    if subject.weights == "random" and not weights_ready(subject.spec, "pretrained", place="projection"):
        return
    outcome = both_results(subject)
    if outcome.result:
        with kept(outcome, "transfer_kept"):
            _draw(outcome.asked, outcome.result)


def _draw(subject: TransferSubject, results: dict[str, Result]) -> None:
    with main_picture():
        reserve("main_picture", "calc((100vw - 428px) * 0.329 + 31px)")
        for column, (kind, result) in zip(st.columns(2, gap="large"), results.items(), strict=True):
            column.markdown(f"**{kind.capitalize()} weights**")
            alt = f"The pictures where their features put them, with {kind} weights"
            column.image(_on_paper(result.photos), width="stretch", output_format="JPEG", alt=alt)
    by_kind = {kind: result.learned for kind, result in results.items()}
    found = by_kind[subject.weights]
    with main_answer():
        st.markdown(
            f"Only a linear classifier on these features is trained, on {found.sizes[0] // len(found.classes)} "
            f"pictures per class. It gets **{by_kind['pretrained'].accuracy:.0%}** of the test pictures right with "
            f"pretrained weights, **{by_kind['random'].accuracy:.0%}** with random ones; guessing gets "
            f"{1 / len(found.classes):.0%}."
        )
    st.caption(
        "Every picture lies where its features put it, projected onto the two directions in which they vary most "
        "(PCA), in a frame of its class's colour. Classes that lie together are easy to learn; the classifier uses all "
        "directions, not just these two."
    )
    explained = 100 * sum(found.projection.explained)
    guess_number(
        "explained", "what share of the features' variance do the two directions hold?", explained, (20, 50), " %",
        f"{explained:.0f} %. So classes that overlap here may still lie apart for the classifier, which uses all.",
    )  # fmt: skip
    learned(LEARNED)
    says = f"Filled: training and validation. Rings: test. {len(found.projected_labels):,} points in all."
    st.markdown(f"**The same as points** ({subject.weights} weights)")
    show_chart(
        features_map(
            found.projection.points,
            found.projected_labels,
            ~found.projected_is_test,
            found.classes,
            explained=found.projection.explained,
        ),
        "transfer_map",
        "All pictures by their features",
        f"{subject.learned} {says}",
    )
    st.caption(says)
    take_away(recipe.code(*subject.code), File("Points (CSV)", lambda: _table(found), "cnnlab_points.csv", "text/csv"))


def _on_paper(photos: np.ndarray) -> Image.Image:
    """On the page's ground."""
    picture = Image.fromarray(photos)
    paper = Image.new("RGB", picture.size, figure_colours()[1])
    paper.paste(picture, mask=picture)
    return paper


def _table(found: Learned) -> str:
    points = (f"{value:.9g}" for value in found.projection.points.ravel())
    rows = zip(points, points, found.projected_labels, found.projected_is_test.astype(int), strict=True)
    return csv_table(("first", "second", "class", "is_test"), rows)
