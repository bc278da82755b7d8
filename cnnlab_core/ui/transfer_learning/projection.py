"""Projection: all features on their two principal components."""

import streamlit as st

from cnnlab_core.plots.projection import features_map
from cnnlab_core.recipes.transfer_learning import projection as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.transfer import Learned
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.transfer_learning.result import learn_result
from cnnlab_core.ui.transfer_learning.subject import TransferSubject


def show(subject: TransferSubject) -> None:
    """A point for every picture, in the colour of its class."""
    st.caption(
        "Every picture is a point: its features, projected onto the two directions in which they vary most (PCA). "
        "Classes whose pictures lie together are easy to learn; the classifier uses all directions, not just these two."
    )
    result = learn_result(subject)
    if result is None:
        return
    found = result.learned
    says = f"Filled: training and validation. Rings: test. {len(found.projected_labels):,} points in all."
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
    take_away(recipe.code(*result.code), File("Points (CSV)", lambda: _table(found), "cnnlab_points.csv", "text/csv"))


def _table(found: Learned) -> str:
    points = (f"{value:.9g}" for value in found.projection.points.ravel())
    rows = zip(points, points, found.projected_labels, found.projected_is_test.astype(int), strict=True)
    return csv_table(("first", "second", "class", "is_test"), rows)
