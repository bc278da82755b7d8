"""Choosing a layer, on a drawing of the network or from a list, and a channel of it."""

import streamlit as st

from cnnlab_core.dream.layers import blocks, maps_of
from cnnlab_core.images import png
from cnnlab_core.models import ModelSpec
from cnnlab_core.models.layers import Layer
from cnnlab_core.plots.network_strip import GAP, SIZE, network_strip
from cnnlab_core.ui.address import refuse
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.picker import pick_cell
from cnnlab_core.ui.subject import choose_node


def block_at(spec: ModelSpec, depth: float) -> str:
    """The last layer of the block at a depth from 0 (the first) to 1 (the last)."""
    ends = blocks(spec)
    return ends[round(depth * (len(ends) - 1))].name


def choose_layer(spec: ModelSpec, controls: Controls, *, depth: float) -> Layer:
    """The control ``layer``: the blocks on a drawing, all layers in a list. Starts at a ``depth`` from 0 to 1."""
    ends, layers = blocks(spec), maps_of(spec)
    names = [end.name for end in ends]
    strip = st.container()
    layer = choose_node(controls, "layer", "Layer", layers, block_at(spec, depth))

    with strip:
        pick_cell(
            png(network_strip([end.shape[1] for end in ends], largest=spec.preprocessing.crop)),
            rows=1,
            cols=len(ends),
            size=SIZE,
            gap=GAP,
            chosen=names.index(layer.name) if layer.name in names else None,
            labels=[end.title for end in ends],
            alt=f"{spec.title}, block by block from the picture (left) to the output (right)",
            on_pick=lambda index: controls.write(layer=names[index]),
            hint=layer.title,
            key=f"{controls.key('layer')}_strip",
        )
    return layer


def choose_channel(layer: Layer, controls: Controls, start: int) -> int:
    """The control ``channel``, for the channels that the layer has."""
    key, last = controls.key("channel"), layer.shape[0] - 1
    if not 0 <= st.session_state.get(key, 0) <= last:  # a channel of a larger layer
        refuse(key, "channel", str(st.session_state[key]), str(last), f"0 to {last}", kept=last)
        st.session_state[key] = last
    return controls.number("channel", f"Channel (0 to {last})", 0, last, min(start, last), 1)
