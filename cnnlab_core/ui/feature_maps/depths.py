"""Early, middle, late: five maps of each in one figure, and what to notice on the way."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from cnnlab_core.images import png
from cnnlab_core.interpretability.map_statistics import (
    SCALES,
    Scale,
    bring_to_scale,
    limits_of,
    maps_file,
    order,
    statistics,
)
from cnnlab_core.models import Layer
from cnnlab_core.plots.depths import Row, rows_of_maps
from cnnlab_core.recipes.feature_maps import depths as recipe
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject, choose_order, maps_at, stages_of
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.show import form, ink, main_picture
from cnnlab_core.ui.take_away import File, take_away

EACH = 5
"""Maps of each layer in the figure."""

NOTICE = {
    "early": "Edges, dots and patches of colour, nearly as sharp as the picture: you still recognise it.",
    "middle": "Textures and parts. The picture itself is hard to make out; a map lights up where its texture is.",
    "late": "Few cells are active, and each sees much of the picture: a map says that something is there, not what it "
    "looks like.",
}
UNTRAINED = "These weights are random: the maps get coarser, but none of them has learned to look for anything."

SCALE_NOTES = {
    "each map": "Each map is on its own scale: compare shapes, not brightness.",
    "this layer": "Each row has one scale: within a row, brighter is stronger.",
    "all layers": "One scale for all fifteen: layers differ a lot in strength, so some rows may be faint.",
}


@dataclass(frozen=True)
class _Stage:
    """A depth, its layer, all of the layer's maps, and the channels that are shown."""

    depth: str
    layer: Layer
    maps: np.ndarray
    channels: np.ndarray

    @property
    def chosen(self) -> np.ndarray:
        return self.maps[self.channels]


def show(subject: LayerSubject) -> None:
    """The figure, with its scale and order to choose, and what to notice beside it."""
    layers = stages_of(subject.spec)
    found = maps_at(subject, tuple(dict.fromkeys(layer.name for layer in layers.values())), place="depths")
    if found is None:
        return
    first, second, _ = form().columns([1, 1, 1.2], gap="medium", vertical_alignment="bottom")
    scale = CONTROLS.select("depths_scale", "Full colour is the largest of", SCALES, SCALES[0], place=first)
    with second:
        by = choose_order()
    stages = [
        _Stage(depth, layer, found[layer.name], order(found[layer.name], by)[:EACH]) for depth, layer in layers.items()
    ]
    rows = _rows(stages, scale)
    left, right = st.columns([2.2, 1], gap="large")
    paper = "#14191c" if st.context.theme.type == "dark" else "#ffffff"
    figure = rows_of_maps(rows, ink=ink(), paper=paper)
    with left:
        left = main_picture()
    left.image(png(figure), alt=f"{EACH} maps each of an early, a middle and a late layer", output_format="PNG")
    signs = "orange is negative, teal positive, white zero" if any(row.signed for row in rows) else ""
    blacks = "black is zero" if not all(row.signed for row in rows) else ""
    colours = "; where nothing is negative, ".join(filter(None, (signs, blacks)))
    left.caption(f"The first {EACH} maps of each layer, sorted by “{by}”. {SCALE_NOTES[scale]} {colours.capitalize()}.")
    with right:
        _notice(stages, trained=subject.weights == "pretrained")
    learned(
        "with depth maps get smaller and more numerous: they say less of where something is, and more of what it is."
    )
    take_away(
        recipe.code(*subject.network, subject.sample, {stage.layer.name: stage.channels.tolist() for stage in stages}),
        File("Figure (PNG)", lambda: png(rows_of_maps(rows)), "cnnlab_depths.png", "image/png"),
        File(
            "These maps (NPZ)",
            lambda: maps_file({stage.layer.name: (stage.channels, stage.chosen) for stage in stages}),
            "cnnlab_depths.npz",
            "application/octet-stream",
        ),
    )


def _rows(stages: list[_Stage], scale: Scale) -> list[Row]:
    """On one scale for all layers, all have the same colours too."""
    together = scale == SCALES[2]
    limits = limits_of([stage.chosen for stage in stages])
    return [
        Row(
            f"{stage.depth.capitalize()}: {stage.layer.title}",
            bring_to_scale(stage.chosen, scale, limits),
            [f"channel {channel}" for channel in stage.channels],
            bool((limits[0] if together else stage.chosen.min()) < 0),
        )
        for stage in stages
    ]


def _notice(stages: list[_Stage], *, trained: bool) -> None:
    st.markdown("**What to notice**")
    if not trained:
        st.markdown(UNTRAINED)
    for stage in stages:
        silent = statistics(stage.maps).sparsity.mean()
        rows, cols = stage.maps.shape[1:]
        st.markdown(
            f"**{stage.depth.capitalize()}.** {NOTICE[stage.depth] if trained else ''} "
            f"{len(stage.maps)} maps of {rows} × {cols}; {silent:.0%} of their cells are at or below zero."
        )
