"""What comes of one small network that is trained differently: four runs beside the one that the page opens with."""

import numpy as np
import streamlit as st

from cnnlab_core.training import Run, list_runs
from cnnlab_core.ui.training.choice import look_at
from cnnlab_core.ui.training.compare import compare_these
from cnnlab_core.ui.training.watched import watched

BRANCHES = {
    "small_standard": ("As it should be", "Batch norm, and a learning rate of 0.01."),
    "small_no_norm": ("Without batch norm", "The same network and settings, with no normalisation."),
    "small_fast": ("Ten times the rate", "A learning rate of 0.1 instead of 0.01."),
    "small_random": ("Random labels", "1,000 pictures, each with a label drawn at random."),
    "small_attacked": ("Attacked", "Each batch is attacked by FGSM with 8/255 before it is learned from."),
}
"""The lab's runs, by id: what they are called here, and in what they differ."""
GUESS = "small_random"


def show(run: Run) -> None:
    """The branches as cards, each with what it came to; nothing beside other runs."""
    runs = {one.id: one for one in list_runs() if one.shipped and one.id in BRANCHES}
    if run.id not in runs:
        return
    st.header("The same network, trained differently")
    st.markdown(
        "Which one ends with most of its own training pictures right, and with new ones no better than by guessing?"
    )
    others = {name: about for name, about in BRANCHES.items() if name in runs}
    guess = st.segmented_control(
        "Your guess", list(others), format_func=lambda name: BRANCHES[name][0], key="branches_guess"
    )
    for column, (name, (title, about)) in zip(st.columns(len(others)), others.items(), strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{title}**  \n{about}")
            if guess:
                st.markdown(_came_to(runs[name]))
            look = "Watching" if name == run.id else "Watch"
            st.button(
                look, key=f"branch {name}", icon=":material/movie:", disabled=name == run.id,
                on_click=look_at, args=(runs[name],),
            )  # fmt: skip
    if guess:
        st.markdown(("Right. " if guess == GUESS else f"No: it is “{BRANCHES[GUESS][0]}”. ") + WHY)
    st.button("Compare all", icon=":material/compare_arrows:", on_click=compare_these, args=(list(others),))


def _came_to(run: Run) -> str:
    found = watched(run).curves
    robust = found.robust_accuracy[-1]
    under = f"  \nheld out, under PGD: {robust:.0%}" if np.isfinite(robust) else ""
    return f"training: {found.train_accuracy[-1]:.0%}  \nheld out: **{found.validation_accuracy[-1]:.0%}**{under}"


WHY = (
    "There is nothing to understand in labels that were drawn at random: the network learns them by heart, and that is "
    "of no use for new pictures."
)
