"""Choosing a layer, on a drawing of the network or from a list, and a channel of it."""

import io
from typing import Any

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from cnnlab_core.dream.atlas import block_pictures
from cnnlab_core.dream.layers import blocks, maps_of
from cnnlab_core.images import png, webp
from cnnlab_core.models import ModelSpec
from cnnlab_core.models.layers import Layer
from cnnlab_core.plots.mosaic import in_a_row
from cnnlab_core.plots.network_strip import GAP, SIZE, network_strip
from cnnlab_core.ui.address import refuse
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.picker import pick_cell
from cnnlab_core.ui.results import digest, kept
from cnnlab_core.ui.show import reserve
from cnnlab_core.ui.subject import Subject, choose_node

TILE, TILE_GAP = 72, 8
"""Pixels of a block's picture, and between two."""


def block_at(spec: ModelSpec, depth: float) -> str:
    """The last layer of the block at a depth from 0 (the first) to 1 (the last)."""
    ends = blocks(spec)
    return ends[round(depth * (len(ends) - 1))].name


def strip_place(subject: Subject) -> DeltaGenerator:
    """The place of the drawing of the network, as high as that will be: what stands below it doesn't jump."""
    count, (size, gap) = len(blocks(subject.spec)), (TILE, TILE_GAP) if _drawn(subject) else (SIZE, GAP)
    reserve("blocks", f"calc((100vw - 396px) * {size / (count * (size + gap) - gap):.4f} + 26px)")
    return st.container(key="blocks")


def choose_layer(subject: Subject, controls: Controls, *, depth: float, place: Any) -> Layer:
    """The control ``layer``: the blocks as what each draws, in their place, and all layers in a list at ``place``.

    Starts at a ``depth`` from 0 (the first) to 1 (the last).
    """
    spec = subject.spec
    ends, layers = blocks(spec), maps_of(spec)
    names = [end.name for end in ends]
    layer = choose_node(controls, "layer", "Any layer", layers, block_at(spec, depth), place=place)
    drawn = _drawn(subject)
    pick_cell(
        kept(digest("blocks", spec.name), lambda: _tiles(list(drawn.values())))
        if drawn
        else png(network_strip([end.shape[1] for end in ends], largest=spec.preprocessing.crop)),
        kind="webp" if drawn else "png",
        rows=1,
        cols=len(ends),
        size=TILE if drawn else SIZE,
        gap=TILE_GAP if drawn else GAP,
        chosen=names.index(layer.name) if layer.name in names else None,
        labels=[end.title for end in ends],
        alt=f"{spec.title}, block by block from the picture (left) to the output (right)"
        + (": what each draws" if drawn else ""),
        on_pick=lambda index: controls.write(layer=names[index]),
        hint=layer.title,
        key=f"{controls.key('layer')}_strip",
    )
    return layer


def _drawn(subject: Subject) -> dict[str, bytes]:
    """What each block draws, if that is known."""
    return block_pictures(subject.spec) if subject.weights == "pretrained" else {}


def _tiles(drawn: list[bytes]) -> bytes:
    return webp(in_a_row([Image.open(io.BytesIO(one)) for one in drawn], TILE, TILE_GAP))


def depth_of(spec: ModelSpec, layer: Layer) -> float:
    """How deep a layer lies, from 0 (the first) to 1 (the last)."""
    names = [one.name for one in maps_of(spec)]
    return names.index(layer.name) / max(1, len(names) - 1)


_TYPICAL = {0.3: "edges, stripes and dots", 0.6: "textures", 0.85: "parts of things: eyes, scales, fur"}


def typical(subject: Subject, layer: Layer) -> str:
    """What layers at this depth are known to look for, as a sentence."""
    if subject.weights != "pretrained":
        return "These weights are random, so what it draws means nothing."
    depth = depth_of(subject.spec, layer)
    seen = next((what for end, what in _TYPICAL.items() if depth <= end), "whole things, and their surroundings")
    return f"At this depth, networks trained on photos look for {seen}."


def choose_channel(layer: Layer, controls: Controls, start: int) -> int:
    """The control ``channel``, for the channels that the layer has."""
    key, last = controls.key("channel"), layer.shape[0] - 1
    if not 0 <= st.session_state.get(key, 0) <= last:  # a channel of a larger layer
        refuse(key, "channel", str(st.session_state[key]), str(last), f"0 to {last}", kept=last)
        st.session_state[key] = last
    return controls.number("channel", f"Channel (0 to {last})", 0, last, min(start, last), 1)
