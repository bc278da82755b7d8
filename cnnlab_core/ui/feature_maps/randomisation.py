"""Randomisation: the network forgets, layer by layer; which maps notice?"""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cnnlab_core.images import png
from cnnlab_core.interpretability.methods import METHODS, Method
from cnnlab_core.interpretability.randomisation import Randomised, randomisation_steps, randomisation_table
from cnnlab_core.plots.depths import Row, in_lines, rows_of_maps
from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.overlays import in_full_colour
from cnnlab_core.plots.theme import CATEGORICAL
from cnnlab_core.recipes.feature_maps import randomisation as recipe
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject
from cnnlab_core.ui.feature_maps.trial import choose_trial, start_label
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.runner import kept
from cnnlab_core.ui.show import figure_colours, plain, show_by_width
from cnnlab_core.ui.subject import run_study
from cnnlab_core.ui.take_away import File, take_away

CHEAP: tuple[Method, ...] = ("Saliency", "Grad-CAM", "Grad-CAM++")
STAGES = 5
ON_PHONE = 3
"""Maps in a line there."""
DASHES = ("solid", "dash", "dot")
WAYS = ("with their signs", "sizes alone")


def show(subject: LayerSubject) -> None:
    """The maps of each stage with their rank correlations, and these as lines."""
    trial = choose_trial(subject, "randomised", CHEAP, beside=True)
    if trial is None:
        return
    with trial.more.popover("More", icon=":material/tune:", key="maps_randomisation_more", width="stretch"):
        stages = CONTROLS.slider("stages", "Steps to a random network", 2, 12, STAGES, 1)
        seed = CONTROLS.number("randomised_seed", "Seed of the random weights", 1, 99_999, 1, 1)
        way = CONTROLS.one_of("ranks", "Compare the maps", WAYS, WAYS[0])
    outcome = run_study(
        "randomisation",
        subject,
        (trial.requests, stages, seed),
        lambda model, x: randomisation_steps(model, x, trial.requests, stages=stages, seed=seed),
        label="Making the network forget",
        start=start_label(subject.spec, (stages + 1) * trial.answers),
        asked=(trial.target, stages),
    )
    found = outcome.result
    if found is None:
        return
    numbers = found.correlations(absolute=way == WAYS[1])
    with trial.picture, kept(outcome, "kept_randomisation"):
        rows, (paint, paper) = _rows(found, numbers), figure_colours()
        wide = rows_of_maps(rows, ink=paint, paper=paper, beside=True)
        narrow = rows_of_maps(in_lines(rows, ON_PHONE), ink=paint, paper=paper)
        alt = f"Maps of {', '.join(found.methods)}, layer by layer more random"
        show_by_width(png(wide), png(narrow), alt, "randomisation")
    with trial.words:
        _words(subject, found, outcome.asked[0])
    figure = line_figure(
        [
            Line(name, np.arange(len(found.layers)), numbers[index], CATEGORICAL[METHODS.index(name)], marked=True,
                 dash=DASHES[index % len(DASHES)])
            for index, name in enumerate(found.methods)
        ],
        y_title="rank correlation",
        x_title="random from",
        x_axis={"tickvals": list(range(len(found.layers))), "ticktext": ["none", *found.layers[1:]]},
        y_range=(min(-0.1, float(np.nan_to_num(numbers).min()) - 0.05), 1.05),
        level=0,
        height=320,
    )  # fmt: skip
    show_chart(figure, "randomisation", "Rank correlation with the trained network's map", subject.about)
    _guess(found)
    learned(
        "a map that stays when the network has forgotten everything shows the photo, not what the network knows. Trust "
        "only what changes."
    )
    if outcome.state == "done":
        arguments = {"stages": stages, "seed": seed}
        take_away(
            recipe.code(*subject.network, subject.sample, trial.target, trial.methods, arguments),
            File(
                "Maps (PNG)", lambda: png(rows_of_maps(_rows(found, numbers), beside=True)), "cnnlab_randomisation.png",
                "image/png",
            ),
            File(
                "Rank correlations (CSV)", lambda: randomisation_table(found).encode(), "cnnlab_randomisation.csv",
                "text/csv",
            ),
        )  # fmt: skip


def _rows(found: Randomised, numbers: np.ndarray) -> list[Row]:
    """The maps of each method, stage by stage, each with its rank correlation."""
    return [
        Row(
            name,
            np.stack([in_full_colour(stage[name].values) for stage in found.maps]),
            ["trained", *(_number(value) for value in numbers[index, 1:].tolist())],
            found.maps[0][name].signed,
        )
        for index, name in enumerate(found.methods)
    ]


def _number(value: float) -> str:
    return "even" if np.isnan(value) else f"{value:.2f}"


def _words(subject: LayerSubject, found: Randomised, target: int) -> None:
    stages = "; then ".join(plain(place) for place in found.layers[1:])
    st.markdown(
        f"Each method's first map explains **{plain(subject.labels[target])}**. For the next ones ever more of the "
        f"network is random, **from the last layer to the first**: from {stages} on. The number is the rank "
        "correlation with the first map: 1 is the same order of pixels, 0 none in common. **Which maps don't notice?**"
    )


def _guess(found: Randomised) -> None:
    if len(found.methods) < 2:
        return
    sizes = np.nan_to_num(found.correlations(absolute=True)[:, -1])
    order: Sequence[int] = np.argsort(-sizes).tolist()
    told = ", ".join(f"{found.methods[place]} {sizes[place]:.2f}" for place in order)
    guess(
        "randomisation", "by their sizes alone, which map keeps most of itself when all layers are random?",
        found.methods, found.methods[order[0]], f"Rank correlations of the sizes at the end: {told}.",
    )  # fmt: skip
