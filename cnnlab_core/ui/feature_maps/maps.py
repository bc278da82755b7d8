"""Feature maps: one map of a layer beside its photo, what it says, and the mosaic of the layer to choose from."""

import numpy as np
import streamlit as st

from cnnlab_core.images import png
from cnnlab_core.interpretability.map_statistics import (
    SCALES,
    bring_to_scale,
    channel_table,
    maps_file,
    order,
    statistics,
)
from cnnlab_core.plots.bars import histogram
from cnnlab_core.plots.mosaic import Mosaic, mosaic
from cnnlab_core.recipes.feature_maps import maps as recipe
from cnnlab_core.ui.chart import show_chart
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject, choose_order, maps_of, type_channel, unit_in
from cnnlab_core.ui.feature_maps.units import show_units
from cnnlab_core.ui.guess import guess_number, learned
from cnnlab_core.ui.picker import as_tiles, pick_tile
from cnnlab_core.ui.receptive_fields.fields import all_fields
from cnnlab_core.ui.results import digest, kept
from cnnlab_core.ui.show import folded, main_answer, main_picture, reserve
from cnnlab_core.ui.take_away import File, take_away

MOST_TILES = 256
"""Maps in one mosaic."""

TILES = 24
"""Maps in it at first, in rows of ``ACROSS``."""
ACROSS = 8


def show(subject: LayerSubject) -> None:
    """One map beside its photo, what it says, and the mosaic of the layer to click."""
    maps = maps_of(subject)
    if maps is None:
        return
    picture, answer, row = main_picture(), main_answer(), st.container(key="maps_row")
    reserve("main_picture", "calc(min(348px, (100vw - 436px) / 3) + 52px)")
    reserve("main_answer", "4.2rem")
    with row:
        words, more = st.columns([3.4, 1], vertical_alignment="center")
    with more.popover("Sort and scale", icon=":material/tune:", key="maps_sorting", width="stretch"):
        everything = order(maps, choose_order())
        scale = CONTROLS.select("scale", "Full colour is the largest of", SCALES[:2], SCALES[0])
        channel = type_channel(len(maps), int(everything[0]))
    found = statistics(maps)
    unit = unit_in(*maps.shape[1:])
    with picture:
        field = (all_fields(subject.spec) or {}).get(subject.node.name)
        show_units(subject, field, maps[channel], channel, unit, over="The map over the photo", key="maps_unit")
    with answer:
        _answer(subject, maps[channel], channel, unit, float(found.structure[channel]))
    shown = everything[: CONTROLS.index("tiles", min(len(maps), MOST_TILES), min(len(maps), TILES), lowest=1)]
    signed = "orange is negative, teal positive" if maps.min() < 0 else "black is zero"
    words.markdown(
        f"**{len(shown)} of {len(maps)} channels.** Click one: the same photo through another filter ({signed}).",
    )
    _mosaic(subject, maps, shown, scale, channel)
    left = min(len(maps), MOST_TILES) - len(shown)
    if left > 0:
        count = min(TILES, left)
        st.button(
            f"Show {count} more", key="maps_more", icon=":material/expand_more:",
            on_click=CONTROLS.write, kwargs={"tiles": len(shown) + count},
        )  # fmt: skip
    st.caption(
        f"{len(maps)} maps of {maps.shape[1]} × {maps.shape[2]}; {int(found.dead.sum())} are dead (the same value "
        "everywhere). “Interpretable first” begins with the map that has the largest share of its variance in shapes: "
        "larger than a cell, smaller than a quarter of the map. Noise and mere brightness score low."
    )
    silent = 100 * float(found.sparsity.mean())
    guess_number(
        "silent", "how many of this layer's cells are at or below 0?", silent, (33, 66), " %",
        f"{silent:.0f} %. After a ReLU those are exactly 0: a map is silent where its question has the answer no.",
    )  # fmt: skip
    about = f"{subject.about} Layer {subject.node.name}."
    with folded(f"How often each value occurs in channel {channel}"):
        show_chart(histogram(maps[channel].ravel()), "maps_histogram", f"Values of channel {channel}", about)
    learned(
        "every channel is one question asked at every place of the photo. Early channels ask "
        "for edges and colours and keep the photo's shape; late ones ask for parts of things, and know only roughly "
        "where they are."
    )
    take_away(
        recipe.code(*subject.network, subject.sample, subject.node.name, channel),
        File("Mosaic (PNG)", lambda: png(_tiles(maps, shown, scale).picture), "cnnlab_maps.png", "image/png"),
        File(
            "All maps (NPZ)",
            lambda: maps_file({subject.node.name: (np.arange(len(maps)), maps)}),
            "cnnlab_maps.npz",
            "application/octet-stream",
        ),
        File("Numbers per channel (CSV)", lambda: channel_table(maps).encode(), "cnnlab_maps.csv", "text/csv"),
    )


def _answer(subject: LayerSubject, values: np.ndarray, channel: int, unit: tuple[int, int], score: float) -> None:
    strongest = np.unravel_index(values.argmax(), values.shape)
    top, chosen = (subject.counting.unit(int(row), int(col), len(values)) for row, col in (strongest, unit))
    st.markdown(
        f"**Channel {channel}** is strongest at row {top[0]}, column {top[1]} ({values.max():.3g}); at the chosen unit "
        f"{chosen} it is {values[unit]:.3g}. {(values <= 0).mean():.0%} of its cells are at or below 0. "
        f"{score:.0%} of its variance lies in shapes, the rest in noise and in brightness. Move over a picture: the "
        "box on the photo is what that unit sees."
    )


def _tiles(maps: np.ndarray, sequence: np.ndarray, scale: str) -> Mosaic:
    return mosaic(bring_to_scale(maps[sequence], "each map" if scale == SCALES[0] else "this layer"), cols=ACROSS)


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
