"""The same channels side by side: two pictures through one network, or one picture through other weights."""

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from PIL import Image

from cnnlab_core.images import png
from cnnlab_core.interpretability.map_statistics import (
    bring_to_scale,
    comparison_table,
    correlations,
    differences,
    order,
)
from cnnlab_core.models.spec import WEIGHTS_KINDS
from cnnlab_core.plots.mosaic import mosaic, one_map, side_by_side
from cnnlab_core.plots.overlays import overlay
from cnnlab_core.recipes.feature_maps import compare as recipe
from cnnlab_core.ui.address import OWN
from cnnlab_core.ui.feature_maps.layer import CONTROLS, LayerSubject, choose_order, maps_of, type_channel
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.guess import learned
from cnnlab_core.ui.picker import as_tiles, pick_tile
from cnnlab_core.ui.shared import all_pictures
from cnnlab_core.ui.show import form, main_picture, plain
from cnnlab_core.ui.take_away import File, take_away

MOST_TILES = 64
"""Maps in each mosaic."""

WEIGHTS = "the other weights"

_WIDTH = 148
"""Pixels of one picture: two beside each other fit on a phone."""

SCALES = ("each pair of maps", "both layers", "each map by itself")


@dataclass(frozen=True)
class _Side:
    """One half of the comparison: what it is, its maps as they are and as numbers to colour."""

    name: str
    subject: LayerSubject
    maps: np.ndarray
    scaled: np.ndarray


def show(subject: LayerSubject) -> None:
    """Both mosaics, each to click, and the chosen channel of both enlarged."""
    first, more = form().columns([3.4, 1], gap="medium", vertical_alignment="bottom")
    with first:
        other = _other(subject)
    by_weights = other.weights != subject.weights
    ready = weights_ready(other.spec, other.weights, place="compare")
    one = maps_of(subject, place="left")
    two = maps_of(other, place="right") if ready else None
    if one is None or two is None:
        return
    with more.popover("Sort and scale", icon=":material/tune:", key="maps_compare_more", width="stretch"):
        sequence = order(one, choose_order())[:MOST_TILES]
        scale = _choose_scale(by_weights=by_weights)
        channel = type_channel(len(one), int(sequence[0]))
    sides = [
        _Side(f"{chosen.weights} weights" if by_weights else plain(chosen.picture.title), chosen, maps, scaled)
        for chosen, maps, scaled in zip((subject, other), (one, two), _to_scale(one, two, scale), strict=True)
    ]
    signed = bool(min(one.min(), two.min()) < 0)
    with main_picture():
        for column, side, key in zip(st.columns(2, gap="large"), sides, ("left", "right"), strict=True):
            with column:
                _mosaic(side, sequence, channel, signed=signed, key=f"maps_{key}")
    _what_to_see(sides, scale, by_weights=by_weights, signed=signed)
    _one_channel(sides, channel, signed=signed)
    learned(
        "a channel asks the same question of every photo. Training decides which question; random weights ask one, too."
    )
    pairs = [(side.subject.weights, side.subject.sample) for side in sides]
    take_away(
        recipe.code(pairs[0], pairs[1], subject.spec.name, subject.node.name),
        File("Both mosaics (PNG)", lambda: _both(sides, sequence, signed=signed), "cnnlab_compare.png", "image/png"),
        File("All channels (CSV)", lambda: comparison_table(one, two).encode(), "cnnlab_compare.csv", "text/csv"),
    )


def _other(subject: LayerSubject) -> LayerSubject:
    """What is put beside it: its network with the other weights, or any other picture (links hold its title)."""
    pictures = {
        picture.title if picture.is_sample else f"{OWN}{picture.title}": picture
        for picture in all_pictures()
        if picture.key != subject.picture.key
    }
    beside = CONTROLS.select("versus", "Compare with", (WEIGHTS, *pictures), WEIGHTS)
    if beside == WEIGHTS:
        return replace(subject, weights=WEIGHTS_KINDS[1 - WEIGHTS_KINDS.index(subject.weights)])
    return replace(subject, picture=pictures[beside])


def _choose_scale(*, by_weights: bool) -> str:
    """One scale for both sides, unless it is about the patterns: random weights' numbers are too small."""
    name, start = ("weights_scale", SCALES[2]) if by_weights else ("pictures_scale", SCALES[0])
    return CONTROLS.select(name, "Full colour is the largest of", SCALES, start)


def _to_scale(one: np.ndarray, two: np.ndarray, scale: str) -> list[np.ndarray]:
    if scale == SCALES[2]:
        return [bring_to_scale(one), bring_to_scale(two)]
    both = bring_to_scale(np.concatenate([one, two], axis=2), "each map" if scale == SCALES[0] else "this layer")
    return np.split(both, 2, axis=2)


def _mosaic(side: _Side, sequence: np.ndarray, channel: int, *, signed: bool, key: str) -> None:
    st.markdown(f"**{plain(side.name)}**")
    pick_tile(
        as_tiles(mosaic(side.scaled[sequence], signed=signed)),
        places=sequence.tolist(),
        chosen=channel,
        label=lambda index: f"channel {index}: mean {side.maps[index].mean():.3g}",
        alt=f"Feature maps: {side.name}",
        on_pick=lambda index: CONTROLS.write(channel=index),
        key=key,
    )


def _both(sides: list[_Side], sequence: np.ndarray, *, signed: bool) -> bytes:
    return png(side_by_side([mosaic(side.scaled[sequence], signed=signed).picture for side in sides], gap=24))


def _what_to_see(sides: list[_Side], scale: str, *, by_weights: bool, signed: bool) -> None:
    count = len(sides[0].maps)
    if by_weights:
        look = (
            "Both sides see the same picture, but a channel on the left has nothing to do with the one on the right: "
            "the random weights are drawn by chance. Look for tiles that pick out one thing: those come from training."
        )
    else:
        look = (
            "A channel looks for the same thing on both sides. Look for tiles that are bright on one side only: "
            "there the channel found something in one picture that the other doesn't have."
        )
    scales = {
        SCALES[0]: "Each pair on one scale",
        SCALES[1]: "One scale for all",
        SCALES[2]: "Each map on its own scale",
    }
    left, right = (np.abs(side.maps).max() for side in sides)
    st.caption(
        f"{look} Channels keep their places on both sides, sorted by the left one. {scales[scale]}; the largest value "
        f"is {left:.3g} on the left and {right:.3g} on the right. "
        + ("Orange is negative, teal positive, white zero." if signed else "Black is zero.")
        + (f" The first {MOST_TILES} of {count} channels are shown." if count > MOST_TILES else "")
    )


def _one_channel(sides: list[_Side], channel: int, *, signed: bool) -> None:
    st.markdown(f"**Channel {channel} on both sides: the map, and where it is strong on the picture**")
    *pictures, numbers = st.columns([1.2, 1.2, 1.1], gap="large")
    for column, side in zip(pictures, sides, strict=True):
        values = side.scaled[channel]
        with column:
            with st.container(horizontal=True, gap="small"):
                alone = one_map(values, signed=signed).resize((320, 320), Image.Resampling.NEAREST)
                st.image(png(alone), width=_WIDTH, alt=f"Channel {channel}: {side.name}")
                st.image(png(overlay(side.subject.seen, values)), width=_WIDTH, alt="Laid over its picture")
            st.caption(side.name)
    one, two = (side.maps[channel][None] for side in sides)
    correlation = correlations(one, two)[0]
    with numbers:
        left, right = st.columns(2)
        left.metric("Mean, left", f"{one.mean():.3g}")
        left.metric("Mean, right", f"{two.mean():.3g}")
        right.metric(
            "Correlation",
            "none" if np.isnan(correlation) else f"{correlation:.2f}",
            help="Of the two maps, cell by cell: 1 the same pattern, 0 unrelated, −1 the opposite. "
            "None if one has the same value everywhere.",
        )
        right.metric("Difference", f"{differences(one, two)[0]:.3g}", help="The mean of |left − right| over all cells.")
