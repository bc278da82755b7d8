"""Feature maps: the mosaic of a layer, one map enlarged, its numbers, and where it is strong on the picture."""

import numpy as np
import streamlit as st

from cnnlab_core.images import jpeg, png, thumbnail
from cnnlab_core.interpretability.map_statistics import (
    SCALES,
    bring_to_scale,
    channel_table,
    maps_file,
    order,
    statistics,
)
from cnnlab_core.plots.bars import histogram
from cnnlab_core.plots.mosaic import Mosaic, mosaic, one_map
from cnnlab_core.plots.overlays import overlay
from cnnlab_core.recipes.feature_maps import maps as recipe
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject, choose_order, maps_of, type_channel, unit_in
from cnnlab_core.ui.picker import as_tiles, pick_cell, pick_tile
from cnnlab_core.ui.results import digest, kept
from cnnlab_core.ui.take_away import File, take_away

MOST_TILES = 256
"""Maps in one mosaic."""

MOST_LABELS = 4096
"""Cells of the enlarged map that are labelled with their values."""


def show(subject: LayerSubject) -> None:
    """The mosaic to click, and the chosen map beside it."""
    maps = maps_of(subject)
    if maps is None:
        return
    first, second, third = st.columns(3, gap="medium", vertical_alignment="bottom")
    scale = CONTROLS.select("scale", "Full colour is the largest of", SCALES[:2], SCALES[0], place=first)
    with second:
        sequence = order(maps, choose_order())[:MOST_TILES]
    with third:
        channel = type_channel(len(maps), int(sequence[0]))
    found = statistics(maps)
    st.caption("Each tile is one channel's map of the picture. Click a tile, then a cell of the enlarged map.")
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        _mosaic(subject, maps, sequence, scale, channel)
        signed = " Orange is negative, teal positive, white zero." if maps.min() < 0 else " Black is zero."
        more = f" The first {MOST_TILES} are shown." if len(maps) > MOST_TILES else ""
        st.caption(
            f"{len(maps)} maps of {maps.shape[1]} × {maps.shape[2]}; {int(found.dead.sum())} are dead (the same value "
            f"everywhere).{signed}{more} “Interpretable first” sorts by the share of a map's variance that survives a "
            "3 × 3 mean: shapes survive it, noise doesn't."
        )
    with right:
        _one(subject, maps[channel], channel)
    take_away(
        recipe.code(*subject.network, subject.sample, subject.node.name, channel),
        File("Mosaic (PNG)", lambda: png(_tiles(maps, sequence, scale).picture), "cnnlab_maps.png", "image/png"),
        File(
            "All maps (NPZ)",
            lambda: maps_file({subject.node.name: (np.arange(len(maps)), maps)}),
            "cnnlab_maps.npz",
            "application/octet-stream",
        ),
        File("Numbers per channel (CSV)", lambda: channel_table(maps).encode(), "cnnlab_maps.csv", "text/csv"),
    )


def _tiles(maps: np.ndarray, sequence: np.ndarray, scale: str) -> Mosaic:
    return mosaic(bring_to_scale(maps[sequence], "each map" if scale == SCALES[0] else "this layer"))


def _mosaic(subject: LayerSubject, maps: np.ndarray, sequence: np.ndarray, scale: str, channel: int) -> None:
    settings = digest("mosaic", subject.key, subject.node.name, sequence.tolist(), scale)
    pick_tile(
        kept(settings, lambda: as_tiles(_tiles(maps, sequence, scale))),
        places=sequence.tolist(),
        chosen=channel,
        label=lambda index: f"channel {index}: mean {maps[index].mean():.3g}",
        alt=f"Mosaic of {len(sequence)} feature maps",
        on_pick=lambda index: CONTROLS.write(channel=index),
        key="maps_mosaic",
    )


def _one(subject: LayerSubject, values: np.ndarray, channel: int) -> None:
    scaled = bring_to_scale(values[None])[0]
    rows, cols = values.shape
    row, col = unit_in(rows, cols)
    st.markdown(f"**Channel {channel}**")
    pick_cell(
        png(one_map(scaled, signed=bool((values < 0).any()))),
        rows=rows,
        cols=cols,
        chosen=row * cols + col,
        labels=[
            "row {}, column {}: {:.4g}".format(*subject.counting.unit(r, c, rows), values[r, c])
            for r in range(rows)
            for c in range(cols)
        ]
        if values.size <= MOST_LABELS
        else [],
        alt=f"Channel {channel} enlarged",
        on_pick=lambda cell: CONTROLS.write(row=cell // cols, col=cell % cols),
        first=subject.counting.units,
        from_below=subject.counting.from_below,
        key="maps_unit",
    )
    share = (values <= 0).mean()
    st.caption(
        f"Values from {values.min():.3g} to {values.max():.3g}, mean {values.mean():.3g}; {share:.0%} at or below 0."
    )
    about = f"{subject.about} Layer {subject.node.name}."
    show_chart(histogram(values.ravel()), "maps_histogram", f"Values of channel {channel}", about)
    st.image(jpeg(thumbnail(overlay(subject.seen, scaled))), alt="The map laid over the picture")
    st.caption(
        "Bright where the map is strong. Click a cell of the map, then open “Receptive field” to see what that unit "
        "can see."
    )
