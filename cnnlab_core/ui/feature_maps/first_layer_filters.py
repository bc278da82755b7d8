"""First-layer filters as small pictures: what training makes of noise."""

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.images import png
from cnnlab_core.interpretability.first_layer_filters import (
    SCALES,
    Filters,
    as_colours,
    filter_table,
    first_layer_filters,
)
from cnnlab_core.models import ModelSpec, load_model
from cnnlab_core.models.spec import WEIGHTS_KINDS
from cnnlab_core.plots.mosaic import CLEAR, Mosaic, in_a_square, rgb, tiles
from cnnlab_core.recipes.feature_maps import first_layer_filters as recipe
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.picker import as_tiles, pick_tile
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import form, main_picture
from cnnlab_core.ui.take_away import File, take_away

SCALE_NOTES = {
    "all filters": "Full colour is the largest weight of all filters, so pale filters are weak.",
    "each filter": "Full colour is each filter's own largest weight.",
    "each filter's range": "Each filter is stretched from its smallest weight (dark) to its largest (bright).",
}

LOOK = {
    "pretrained": "In the trained filters, look for edges (light beside dark) and for a colour beside its opposite. "
    "Large filters show them best: AlexNet's are 11 × 11.",
    "random": "The random ones are confetti.",
}


def show(subject: LayerSubject) -> None:
    """Trained and random filters side by side, each to click, and the numbers of the chosen one."""
    spec = subject.spec
    sides = {
        weights: _filters(spec, weights)
        for weights in WEIGHTS_KINDS
        if weights_ready(spec, weights, place="first_layer_filters")
    }
    found = {weights: filters for weights, filters in sides.items() if filters}
    if not found:
        return
    count = min(len(filters.weights) for filters in found.values())
    first, second, _ = form().columns([1, 0.7, 1.5], gap="medium", vertical_alignment="bottom")
    scale = CONTROLS.select("filters_scale", "Full colour is the largest of", SCALES, SCALES[0], place=first)
    index = CONTROLS.index("filter", count - 1, 0)
    CONTROLS.typed("filter", "Filter", 0, count - 1, index, place=second)
    colours: dict[str, np.ndarray] = {weights: as_colours(filters.weights, scale) for weights, filters in found.items()}
    for column, weights in zip(main_picture().columns(2, gap="large"), colours, strict=False):
        with column:
            _mosaic(weights, colours[weights], index)
    one = next(iter(found.values()))
    rows, cols = one.weights.shape[2:]
    st.caption(
        f"The {count} filters of the first convolution: {rows} × {cols} weights for each colour, drawn as red, green "
        f"and blue. Mid grey is a weight of 0. {SCALE_NOTES[scale]} {' '.join(LOOK[weights] for weights in found)}",
        help=f"In the network's graph: `{one.node}`",
    )
    shown = subject.weights if subject.weights in found else next(iter(found))
    _one(shown, found[shown], colours, index)
    learned(
        "training turns the noise of the first filters into edges and spots of colour. Their weights can be "
        "looked at as pictures."
    )
    take_away(
        recipe.code(spec.name, shown, index),
        File("Filters (PNG)", lambda: png(_tiles(colours[shown]).picture), "cnnlab_filters.png", "image/png"),
        File("Weights (CSV)", lambda: filter_table(found[shown].weights).encode(), "cnnlab_filters.csv", "text/csv"),
    )


def _filters(spec: ModelSpec, weights: str) -> Filters | None:
    return run(
        f"filters {weights}",
        digest("filters", spec.name, weights),
        lambda: once(lambda: first_layer_filters(load_model(spec.name, weights))),
        label="Reading the filters",
        for_everybody=True,
    ).result


def _tiles(colours: np.ndarray) -> Mosaic:
    return tiles(rgb(colours), tile=48, gap=6, ground=CLEAR)


def _mosaic(weights: str, colours: np.ndarray, index: int) -> None:
    drawn = _tiles(colours)
    st.markdown(f"**{weights} weights**")
    pick_tile(
        as_tiles(drawn),
        places=range(drawn.count),
        chosen=index,
        label=lambda number: f"filter {number}",
        alt=f"First-layer filters, {weights}",
        on_pick=lambda number: CONTROLS.write(filter=number),
        key=f"maps_filters_{weights}",
    )


def _one(shown: str, filters: Filters, colours: dict[str, np.ndarray], index: int) -> None:
    """One filter enlarged on both sides, and its numbers."""
    st.markdown(f"**Filter {index}**, and its numbers with {shown} weights")
    pictures, numbers = st.columns([1, 3], gap="large")
    with pictures, st.container(horizontal=True, gap="small"):
        for weights, drawn in colours.items():
            enlarged = png(in_a_square(Image.fromarray(rgb(drawn[index])), 240))
            st.image(enlarged, width=96, caption=weights, alt=f"Filter {index}, {weights} weights")
    small = filters.weights.shape[3] <= 5
    tables = numbers.columns(3, gap="medium") if small else [numbers.container() for _ in range(3)]
    for table, name, values in zip(tables, ("red", "green", "blue"), filters.weights[index], strict=True):
        table.caption(name)
        names = [str(number) for number in range(values.shape[1])]
        table.dataframe(
            [dict(zip(names, (f"{value:.3f}" for value in row), strict=True)) for row in values], height="content"
        )
