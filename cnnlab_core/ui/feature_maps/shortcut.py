"""Shortcut: a network reads a mark in the corner instead of the shape; which explanation says so?"""

from collections.abc import Generator
from typing import Any

import numpy as np
import streamlit as st

from cnnlab_core.data.marked_shapes import Planted, planted
from cnnlab_core.data.shapes import CLASSES
from cnnlab_core.interpretability.methods import METHODS
from cnnlab_core.interpretability.shortcut import Trial, shortcut_steps, trial_table
from cnnlab_core.models import load_model
from cnnlab_core.plots.paper import rendered
from cnnlab_core.plots.shortcut import shortcut_figure
from cnnlab_core.recipes.feature_maps import shortcut as recipe
from cnnlab_core.runtime.jobs import part
from cnnlab_core.ui.feature_maps.layer import CONTROLS
from cnnlab_core.ui.guess import guess_number, learned
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.results import kept as drawn
from cnnlab_core.ui.runner import kept, run
from cnnlab_core.ui.show import figure_colours, main_answer, main_picture, show_by_width
from cnnlab_core.ui.take_away import File, paper_files, take_away

MARKED, CONTROL = "shapes_marked", "shapes_plain"
PICTURES = (5, 10, 20, 50, 100)
QUICK = 10
"""So many pictures are explained at once; more wait for their button."""

Found = tuple[Planted, dict[str, Trial]]


def show() -> None:
    """The figure of the trial, what it says in words, and what the network does without the mark."""
    left, right = st.columns([2.5, 1], gap="medium")
    with left:
        picture = main_picture()
    with right:
        answer = main_answer()
        with st.popover("More", icon=":material/tune:", key="maps_shortcut_more", width="stretch"):
            count = CONTROLS.one_of("shortcut_pictures", "Pictures", PICTURES, QUICK)
            seed = CONTROLS.number("shortcut_seed", "Seed", 0, 99_999, 0, 1)

    def job() -> Generator[Any, None, Found]:
        pictures, trials = planted(count, seed), {}
        for number, name in enumerate((MARKED, CONTROL)):
            trials[name] = yield from part(shortcut_steps(load_model(name), pictures), number, 1, 2)
        return pictures, trials

    outcome = run(
        "shortcut",
        digest("shortcut", count, seed),
        job,
        label=f"Seven explanations of {count} pictures, by two networks",
        start=f"Run (about {count // 2} s)" if count > QUICK else "",
        for_everybody=True,
        asked=(count, seed),
    )
    if outcome.result is None:
        return
    pictures, trials = found = outcome.result
    with picture, kept(outcome, "kept_shortcut"):
        colours = figure_colours()
        wide, narrow = drawn(
            digest("shortcut figure", outcome.asked, colours),
            lambda: [rendered(_figure(*found, *colours, narrow=phone), "png", dpi=150) for phone in (False, True)],
        )
        show_by_width(wide, narrow, _alt(trials[MARKED]), "shortcut")
    with answer:
        _words(pictures, trials)
    marked, plain = trials[MARKED], trials[CONTROL]
    changed = 100 * float((marked.answers != marked.before).mean())
    changed_plain = 100 * float((plain.answers != plain.before).mean())
    guess_number(
        "shortcut", "when the mark is taken away, how many of the first network's answers change?", changed, (20, 80),
        " %",
        f"{changed:.0f} % of them do: it goes by the mark. Of the control's answers, {changed_plain:.0f} % change.",
    )  # fmt: skip
    learned(
        "an explanation can be tested: plant what a network goes by, and see how much of the heat lies on it. Maps of "
        "few cells point at the right corner, and blur it."
    )
    if outcome.state == "done":
        take_away(
            recipe.code(len(pictures.says), seed),
            *paper_files(lambda kind: rendered(_figure(pictures, trials), kind), "shortcut"),
            File("Every share (CSV)", lambda: trial_table(trials).encode(), "cnnlab_shortcut.csv", "text/csv"),
        )


def _figure(
    pictures: Planted, trials: dict[str, Trial], ink: str = "black", paper: str = "white", *, narrow: bool = False
) -> Any:
    marked, count = trials[MARKED], len(pictures.says)
    between = "\n" if narrow else ": "
    notes = [
        f"{'found' if found else 'missed'}{between}{int(hits.sum())} of {count}"
        for found, hits in zip(marked.found, marked.hits, strict=True)
    ]
    return shortcut_figure(
        pictures.pictures.images.numpy(), marked.heats, pictures.mask, METHODS, marked.shares, trials[CONTROL].shares,
        notes, ink=ink, paper=paper, narrow=narrow,
    )  # fmt: skip


def _alt(trial: Trial) -> str:
    shares = ", ".join(
        f"{name} {share:.0%}" for name, share in zip(trial.methods, trial.shares.mean(1).tolist(), strict=True)
    )
    return f"Pictures with a mark in a corner, and each method's heat. Share of the heat on the mark: {shares}"


def _words(pictures: Planted, trials: dict[str, Trial]) -> None:
    marked, plain = trials[MARKED], trials[CONTROL]
    says = pictures.says.numpy()
    first = CLASSES[int(pictures.pictures.labels[0])], CLASSES[int(marked.answers[0])]
    missed = [name for name, found in zip(marked.methods, marked.found, strict=True) if not found]
    count = len(marked.methods)
    verdict = f"**{count - len(missed)} of {count}** find it" + (f", not {', '.join(missed)}" if missed else "")
    alarms = [name for name, found in zip(plain.methods, plain.found, strict=True) if found]
    point = "points" if len(alarms) == 1 else "point"
    false = f" {', '.join(alarms)} also {point} at it for the control, which doesn't use it." if alarms else ""
    st.markdown(
        "This network learned from shapes whose class a mark in the corner told. Now the mark lies, and the network "
        f"believes it in **{np.mean(marked.answers == says):.0%}** of {len(says)} pictures (the first shows "
        f"“{first[0]}”; it says “{first[1]}”). **Is the heat on the mark?** {verdict}: found means that the hottest "
        f"pixel is on the mark in more than half of the pictures.{false}"
    )
