"""How the weights of each layer are spread while the network learns."""

from functools import lru_cache

import numpy as np
import streamlit as st

from cnnlab_core.plots.lines import Line, line_figure
from cnnlab_core.plots.theme import CATEGORICAL, MUTED
from cnnlab_core.plots.weights import weights_over_time
from cnnlab_core.recipes.training import weights as recipe
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.training import Run
from cnnlab_core.training.histograms import BINS, Histogram, read_histograms
from cnnlab_core.training.snapshots import filter_steps
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.guess import guess, learned
from cnnlab_core.ui.show import form, main_answer, main_picture
from cnnlab_core.ui.take_away import File, take_away
from cnnlab_core.ui.training.area import AREAS
from cnnlab_core.ui.training.watched import LIVE_SECONDS

WIDER = ("narrower", "about as wide", "wider")


def show(run: Run) -> None:
    """A layer's weights over time, and its first and last histogram."""
    kept = _read(run, len(filter_steps(run)))
    if not kept:
        st.info("The histograms appear with the first step.", icon=":material/bar_chart:")
        return
    names = list(next(iter(kept.values())))
    first, second = form("weights").columns([1, 2], gap="large", vertical_alignment="bottom")
    layer = AREAS["pictures"].controls.named("layer", "Layer", names, names[0], str, place=first)
    second.markdown("Darker is more weights. Look for a layer that spreads out, and for one that hardly moves.")
    live = LIVE_SECONDS if run.state().alive else None
    st.fragment(_figures, run_every=live)(run, layer)
    learned(
        "training moves most weights only a little from where they began at random: a few grow, and the decay pulls "
        "the others towards 0. A layer whose histogram never changes isn't learning."
    )
    take_away(
        recipe.code(run.id, layer),
        File("Histograms (CSV)", lambda: table(run), f"cnnlab_{run.id}_weights.csv", "text/csv"),
    )


def _figures(run: Run, layer: str) -> None:
    kept = _read(run, len(filter_steps(run)))
    steps, found = list(kept), [layers[layer] for layers in kept.values()]
    reach = max(one.reach for one in found)
    edges = np.linspace(-reach, reach, BINS + 1)
    counts = np.stack([one.within(reach) for one in found], 1)
    filled = np.flatnonzero(counts.any(1))  # without the empty bins above and below
    first, last = (filled[0], filled[-1]) if len(filled) else (0, BINS - 1)
    edges, counts = edges[first : last + 2], counts[first : last + 1]
    left, right = st.columns([1.6, 1], gap="large")
    about = f"Run: {run.about.name}, layer {layer}."
    spreads = [[one.mean for one in found], [one.deviation for one in found]]
    figure = weights_over_time(steps, edges, counts, *spreads)
    with left, main_picture():
        show_chart(figure, "training weights", "Weights over time", about)
    with right:
        middles = (edges[:-1] + edges[1:]) / 2
        shares = counts / np.maximum(counts.sum(0), 1)
        lines = [
            Line(f"before step {steps[0]:,}", middles, shares[:, 0], MUTED, dash="dash"),
            Line(f"before step {steps[-1]:,}", middles, shares[:, -1], CATEGORICAL[0]),
        ]
        figure = line_figure(lines, x_title="weight", y_name="share of the weights", percent=True, height=260)
        show_chart(figure, "training first and last", "First and last histogram", about)
        with main_answer():
            st.markdown(_answer(layer, found[0], found[-1]))
    ratio = found[-1].deviation / found[0].deviation if found[0].deviation else 1.0
    guess(
        "wider", "do the weights of this layer end narrower or wider than they began?", WIDER,
        WIDER[int(ratio > 0.9) + int(ratio > 1.1)], f"Their standard deviation ends at {ratio:.2f} times the first.",
    )  # fmt: skip


def _answer(layer: str, first: Histogram, last: Histogram) -> str:
    count = sum(last.counts)
    return (
        f"`{layer}`: {count:,} weights. Mean {first.mean:.3g} → **{last.mean:.3g}**, standard deviation "
        f"{first.deviation:.3g} → **{last.deviation:.3g}** (solid and dotted)."
    )


@lru_cache(maxsize=16)
def _read(run: Run, looks: int) -> dict[int, dict[str, Histogram]]:
    """What is kept, read once for all who look, until there is more."""
    return {step: dict(layers) for step, layers in read_histograms(run).items()}


def table(run: Run) -> str:
    """Every bin of every layer and step as CSV."""
    rows = (
        (step, layer, f"{low:.9g}", f"{high:.9g}", count)
        for step, layers in read_histograms(run).items()
        for layer, one in layers.items()
        for low, high, count in zip(one.edges[:-1], one.edges[1:], one.counts, strict=True)
        if count
    )
    return csv_table(["before_step", "layer", "from", "to", "weights"], rows)
