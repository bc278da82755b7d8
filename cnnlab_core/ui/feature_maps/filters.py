"""First-layer filters as little pictures: what training makes of noise."""

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.images import png
from cnnlab_core.interpretability.first_layer_filters import SCALES, Filters, as_colours, filter_table, first_filters
from cnnlab_core.models import load_model
from cnnlab_core.models.spec import WEIGHTS_KINDS
from cnnlab_core.plots.mosaic import CLEAR, Mosaic, in_a_square, rgb, tiles
from cnnlab_core.recipes.feature_maps import filters_code
from cnnlab_core.ui.feature_maps.choice import Choice, in_address, number_box, put_in_address
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.picker import as_tiles, pick_tile
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.take_away import File, take_away

SAID = {
    "all filters": "The largest weight of all filters is full colour: pale ones are weak",
    "each filter": "Each filter's own largest weight is full colour",
    "each filter's range": "Here each filter is stretched from its smallest weight (black) to its largest",
}

LOOK = {
    "pretrained": "Look for edges (light beside dark) and for colours against their opposites in the trained filters; "
    "the larger the filters, the plainer: AlexNet has 11 × 11.",
    "random": "The random ones are confetti.",
}


def show(choice: Choice) -> None:
    """The tab."""
    sides = {weights: _filters(choice, weights) for weights in WEIGHTS_KINDS if _ready(choice, weights)}
    found = {weights: filters for weights, filters in sides.items() if filters}
    if not found:
        return
    count = min(len(filters.weights) for filters in found.values())
    first, second, _ = st.columns([1, 0.7, 1.5], gap="medium", vertical_alignment="bottom")
    scale = first.selectbox("Full colour is the largest of", SCALES, key="maps_filters_scale", bind="query-params")
    index = in_address("filter", count - 1, 0)
    with second:
        number_box("Filter", "filter", 0, count - 1, index, lambda typed: put_in_address(filter=typed))
    colours: dict[str, np.ndarray] = {weights: as_colours(filters.weights, scale) for weights, filters in found.items()}
    for column, weights in zip(st.columns(2, gap="large"), colours, strict=False):
        with column:
            _mosaic(weights, colours[weights], index)
    one = next(iter(found.values()))
    rows, cols = one.weights.shape[2:]
    st.caption(
        f"The {count} filters of {plain(one.node)}, {rows} × {cols} weights for each colour, drawn as red, green and "
        f"blue; mid grey is a weight of 0. {SAID[scale]}. {' '.join(LOOK[weights] for weights in found)}"
    )
    shown = choice.weights if choice.weights in found else next(iter(found))
    _one(shown, found[shown], colours, index)
    take_away(
        filters_code(choice.spec.name, shown, index),
        File("Filters (PNG)", lambda: png(_tiles(colours[shown]).picture), "cnnlab_filters.png", "image/png"),
        File("Weights (CSV)", lambda: filter_table(found[shown].weights).encode(), "cnnlab_filters.csv", "text/csv"),
    )


def _ready(choice: Choice, weights: str) -> bool:
    return weights_ready(choice.spec, weights, place="filters")


def _filters(choice: Choice, weights: str) -> Filters | None:
    return run(
        f"filters {weights}",
        digest("filters", choice.spec.name, weights),
        lambda: once(lambda: first_filters(load_model(choice.spec.name, weights))),
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
        on_pick=lambda number: put_in_address(filter=number),
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
