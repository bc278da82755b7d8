"""Map: all features on their two principal components."""

import streamlit as st

from cnnlab_core.plots.projection import features_map
from cnnlab_core.recipes.transfer import map_code
from cnnlab_core.transfer import Learned
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.transfer.choice import Choice
from cnnlab_core.ui.transfer.learner import learned


def show(choice: Choice) -> None:
    """The tab."""
    st.caption(
        "Every picture is a point: its features, seen along the two directions in which they differ most (PCA). "
        "Pictures of a class that lie together are easy to learn; the classifier sees all directions, not just two."
    )
    shown = learned(choice)
    if shown is None:
        return
    found = shown.learned
    st.plotly_chart(
        features_map(
            found.projection.points,
            found.map_labels,
            ~found.map_is_test,
            found.classes,
            explained=found.projection.explained,
        ),
        config={"displayModeBar": False},
        key="transfer_map",
        alt="All pictures by their features",
    )
    st.caption(f"Filled: pictures to learn from. Rings: test pictures. {len(found.map_labels):,} points.")
    take_away(map_code(*choice.code), File("Points (CSV)", lambda: _table(found), "cnnlab_points.csv", "text/csv"))


def _table(found: Learned) -> str:
    rows = [
        f"{x:.9g},{y:.9g},{label},{int(is_test)}"
        for (x, y), label, is_test in zip(
            found.projection.points.tolist(), found.map_labels.tolist(), found.map_is_test.tolist(), strict=True
        )
    ]
    return "\n".join(["first,second,class,is_test", *rows, ""])
