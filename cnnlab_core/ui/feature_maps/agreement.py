"""Agreement: do the methods put the same places of a photo first?"""

import numpy as np
import streamlit as st

from cnnlab_core.images import png
from cnnlab_core.interpretability.agreement import GRID, agreement
from cnnlab_core.interpretability.methods import Explained, attribute_all_steps
from cnnlab_core.plots.heatmaps import number_grid
from cnnlab_core.plots.mosaic import side_by_side
from cnnlab_core.plots.overlays import attribution_overlay
from cnnlab_core.recipes.feature_maps import agreement as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.feature_maps.layer import LayerSubject
from cnnlab_core.ui.feature_maps.trial import GRADIENTS, choose_trial, start_label
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.runner import kept
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.subject import run_study
from cnnlab_core.ui.take_away import File, take_away

SHORT = {"Integrated gradients": "Integrated"}
_WIDTH = 128
"""Pixels of a map: two beside each other fit on a phone."""


def show(subject: LayerSubject) -> None:
    """The maps in a row, and the rank correlations of all pairs."""
    trial = choose_trial(subject, "agreeing", GRADIENTS)
    if trial is None:
        return
    outcome = run_study(
        "agreement",
        subject,
        (trial.requests,),
        lambda model, x: attribute_all_steps(model, x, trial.requests),
        label="Explaining in several ways",
        start=start_label(subject.spec, trial.answers),
        asked=trial.target,
    )
    found = outcome.result
    if found is None:
        return
    matrix, names = (
        agreement({str(name): each for name, each in found.items()}),
        [SHORT.get(name, name) for name in found],
    )
    with trial.picture, kept(outcome, "kept_agreement"):
        with st.container(horizontal=True, gap="small"):
            for name in found:
                with st.container(width=_WIDTH, gap=None):
                    st.image(
                        png(_overlay(subject, found, name, 2 * _WIDTH)), alt=f"{name} over the photo", width=_WIDTH
                    )
                    st.caption(name)
        figure = number_grid(np.nan_to_num(matrix), rows=names, columns=names, limit=1.0, row_height=30)
        show_chart(figure, "agreement", "Rank correlation of each pair of methods", subject.about)
    with trial.words:
        st.markdown(
            f"Every method explains **{plain(subject.labels[outcome.asked])}**. Each number compares two of them, in "
            f"{GRID} × {GRID} cells of the photo: 1 is the same order of places, 0 none in common, below 0 the "
            "reverse. **Look for families**: which methods say the same thing?"
        )
    _guess(list(found), matrix)
    learned(
        "methods of one family agree, since they compute nearly the same thing. That they agree proves little; that "
        "others don't is a reason to be careful."
    )
    if outcome.state == "done":
        pictures = [_overlay(subject, found, name, 448) for name in found]
        take_away(
            recipe.code(*subject.network, subject.sample, trial.target, trial.methods),
            File("Maps (PNG)", lambda: png(side_by_side(pictures)), "cnnlab_agreement.png", "image/png"),
            File("Rank correlations (CSV)", lambda: _table(list(found), matrix), "cnnlab_agreement.csv", "text/csv"),
        )


def _overlay(subject: LayerSubject, found: Explained, name: str, side: int):  # type: ignore[no-untyped-def]
    each = found[name]  # type: ignore[index]
    return attribution_overlay(subject.seen, each.values, signed=each.signed, side=side)


def _table(names: list[str], matrix: np.ndarray) -> str:
    lines = ((name, *(f"{value:.6f}" for value in row)) for name, row in zip(names, matrix.tolist(), strict=True))
    return csv_table(("method", *names), lines)


def _guess(names: list[str], matrix: np.ndarray) -> None:
    pairs = [(one, two) for one in range(len(names)) for two in range(one)]
    if not pairs:
        return
    values = [float(np.nan_to_num(matrix[pair])) for pair in pairs]
    one, two = pairs[int(np.argmin(values))]
    alone = np.nan_to_num(matrix).sum(1)
    odd = names[int(np.argmin(alone))]
    guess(
        "agreement", "which method agrees least with the others, on average?", names, odd,
        f"Its mean rank correlation with the others is {(alone.min() - 1) / (len(names) - 1):.2f}. The pair that "
        f"agrees least: {names[two]} and {names[one]}, {min(values):.2f}.",
    )  # fmt: skip
