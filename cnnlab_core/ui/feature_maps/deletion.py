"""Deletion and insertion: does the class go when the hottest pixels go?"""

from collections.abc import Generator
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import torch

from cnnlab_core.interpretability.deletion import BASELINES, RANDOM, Curves, curves_table, deletion_steps
from cnnlab_core.interpretability.methods import METHODS, Method, attribute_all_steps, enlarged
from cnnlab_core.models import LoadedModel
from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.theme import CATEGORICAL, MUTED
from cnnlab_core.recipes.feature_maps import deletion as recipe
from cnnlab_core.runtime.jobs import part
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject
from cnnlab_core.ui.feature_maps.trial import choose_trial, start_label
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.runner import kept
from cnnlab_core.ui.show import plain, show_words
from cnnlab_core.ui.subject import run_study
from cnnlab_core.ui.take_away import File, take_away

QUICK: tuple[Method, ...] = ("Saliency", "Grad-CAM")
STEPS = 14
Which = Literal["deletion", "insertion"]
TITLES: dict[Which, str] = {"deletion": "Hottest pixels taken away", "insertion": "Hottest pixels brought in"}


def show(subject: LayerSubject) -> None:
    """Both figures, and the area under each curve."""
    trial = choose_trial(subject, "deleted", QUICK)
    if trial is None:
        return
    with trial.more.popover("More", icon=":material/tune:", key="maps_deletion_more", width="stretch"):
        baseline = CONTROLS.one_of("deletion_baseline", "What is gone is", BASELINES, BASELINES[0])
        steps = CONTROLS.slider("deletion_steps", "Steps", 5, 50, STEPS, 1)
    target, explaining, curves = trial.target, trial.answers, 2.0 * (len(trial.methods) + 1) * (steps + 1)

    def study(model: LoadedModel, x: torch.Tensor) -> Generator[Any, None, Curves]:
        total = explaining + curves
        found = yield from part(attribute_all_steps(model, x, trial.requests), 0, explaining, total)
        maps: dict[str, np.ndarray] = {
            name: enlarged(each.values, (x.shape[2], x.shape[3])) for name, each in found.items()
        }
        made = deletion_steps(model, x, target, maps, steps=steps, baseline=baseline)
        return (yield from part(made, explaining, curves, total))

    outcome = run_study(
        "deletion",
        subject,
        (trial.requests, steps, baseline),
        study,
        label="Taking pixels away",
        start=start_label(subject.spec, explaining + curves),
        asked=(target, baseline),
    )
    found = outcome.result
    if found is None:
        return
    with trial.picture, kept(outcome, "kept_deletion"):
        for column, (which, title) in zip(st.columns(2, gap="medium"), TITLES.items(), strict=True):
            with column:
                about = f"{subject.about} Class: {subject.labels[outcome.asked[0]]}. Baseline: {outcome.asked[1]}."
                show_chart(_figure(found, which, title), which, title, about)
    with trial.words:
        _words(subject, *outcome.asked)
    _areas(found)
    _guess(found)
    learned(
        "a map that knows what the network goes by makes the class fall fast when its hottest pixels go, and rise fast "
        "when they come: faster than pixels in random order. How fast depends on what is put in their place, too."
    )
    if outcome.state == "done":
        arguments = {"steps": steps, "baseline": baseline}
        take_away(
            recipe.code(*subject.network, subject.sample, target, trial.methods, arguments),
            File("The curves (CSV)", lambda: curves_table(found).encode(), "cnnlab_deletion.csv", "text/csv"),
        )


def _figure(found: Curves, which: Which, title: str) -> go.Figure:
    curves = found.deletion if which == "deletion" else found.insertion
    colours = {RANDOM: MUTED} | {name: CATEGORICAL[place] for place, name in enumerate(METHODS)}
    lines = [
        Line(
            name,
            100 * found.shares,
            curve,
            colours[name],
            marked=name != RANDOM,
            dash="dot" if name == RANDOM else "solid",
        )
        for name, curve in curves.items()
    ]
    return line_figure(
        lines, title=title, x_title="pixels changed in %", y_name="probability of the class", full=True, height=330
    )


def _words(subject: LayerSubject, target: int, baseline: str) -> None:
    instead = "the blurred photo" if baseline == "blurred" else "an even grey"
    st.markdown(
        f"The probability of **{plain(subject.labels[target])}** while each map's hottest pixels give way to "
        f"{instead}, and while they come back into it. **Does a map beat pixels in random order?** Where they are "
        "taken away, low is good; where they are brought in, high is good."
    )


def _areas(found: Curves) -> None:
    gone, come = found.areas("deletion"), found.areas("insertion")
    show_words(
        [
            {
                "order of pixels": name,
                "area, taken away (low is good)": f"{gone[name]:.3f}",
                "area, brought in (high is good)": f"{come[name]:.3f}",
            }
            for name in found.deletion
        ]
    )


def _guess(found: Curves) -> None:
    shares = {name: float(np.interp(0.1, found.shares, curve)) for name, curve in found.insertion.items()}
    by_chance = shares.pop(RANDOM)
    if len(shares) > 1:
        told = ", ".join(f"{name} {value:.0%}" for name, value in shares.items())
        guess(
            "deletion",
            "with only a tenth of the pixels brought in, whose choice gives the class the most?",
            list(shares),
            max(shares, key=shares.__getitem__),
            f"The probability then: {told}; in random order {by_chance:.0%}.",
        )
