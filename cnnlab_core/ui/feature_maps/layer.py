"""What the tabs of Feature maps and Receptive fields look at: a network, a picture, a layer with maps; and its maps."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st
import torch

from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.interpretability.map_statistics import ORDERS, depths, order
from cnnlab_core.models import Layer, LoadedModel, ModelSpec, layer_table
from cnnlab_core.receptive_field import COUNTINGS, Counting
from cnnlab_core.ui.controls import Controls
from cnnlab_core.ui.runner import once
from cnnlab_core.ui.subject import Subject, choose_node, choose_subject, name_in_graph, run_study

CONTROLS = Controls("maps")
DEPTHS = ("early", "middle", "late", "any layer")
_LANDMARKS = ("conv2d", "relu", "relu6", "add")
"""Kinds of layers that can stand for a depth."""


@dataclass(frozen=True)
class LayerSubject(Subject):
    """A network with its weights, a picture, and a node whose values are maps (channels, height, width).

    ``counting`` is how its pixels and units are counted on the page.
    """

    node: Layer
    counting: Counting = field(default_factory=Counting)


def choose() -> LayerSubject | None:
    """The sidebar's choosers and the row that picks a layer and how one counts; None (and why) without weights."""
    subject = choose_subject("maps")
    if subject is None:
        return None
    first, second, third = st.columns([1.2, 1.4, 0.6], gap="medium", vertical_alignment="center")
    depth = CONTROLS.one_of("depth", "Layer", DEPTHS, DEPTHS[0], place=first, label_visibility="collapsed")
    with second.container(key="maps_node"):
        if depth == DEPTHS[3]:
            layers = layers_with_maps(subject.spec)
            node = choose_node(CONTROLS, "layer", "Which", layers, layers[0].name, label_visibility="collapsed")
        else:
            node = stages_of(subject.spec)[depth]
            st.markdown(f"**{node.title}**", help=name_in_graph(node))
    with third.container(key="maps_counted"), st.popover("Counting", icon=":material/pin:", width="stretch"):
        way = CONTROLS.select("counting", "Rows and columns are counted", list(COUNTINGS), Counting().name)
    return LayerSubject(subject.spec, subject.weights, subject.picture, node, COUNTINGS[way])


def layers_with_maps(spec: ModelSpec) -> list[Layer]:
    """The layers whose maps can be looked at. Raises ``InputError`` for a network without any."""
    if found := [layer for layer in layer_table(spec.name) if layer.has_maps]:
        return found
    raise InputError(f"{spec.title} has no layer with maps: none of its values keep rows and columns.")


def stages_of(spec: ModelSpec) -> dict[str, Layer]:
    """The early, the middle and the late layer that stand for their depth."""
    layers = {layer.name: layer for layer in layers_with_maps(spec) if layer.kind.lower() in _LANDMARKS}
    return {depth: layers[name] for depth, name in depths(list(layers)).items()}


def maps_of(subject: LayerSubject, *, place: str = "maps") -> np.ndarray | None:
    """The node's maps for the picture, (channels, height, width) float32; None with the reason on the page."""
    found = maps_at(subject, (subject.node.name,), place=place)
    return found[subject.node.name] if found else None


def maps_at(subject: Subject, nodes: tuple[str, ...], *, place: str) -> dict[str, np.ndarray] | None:
    """The maps of several nodes, as ``maps_of`` gives them."""

    def make(model: LoadedModel, x: torch.Tensor) -> dict[str, np.ndarray]:
        with torch.no_grad():
            return {node: maps[0].cpu().numpy() for node, maps in capture(model, x, nodes).items()}

    return run_study(
        "capture",
        subject,
        (nodes,),
        lambda model, x: once(lambda: make(model, x)),
        place=place,
        label=f"Asking {subject.spec.title}",
    ).result


def choose_class(subject: Subject, predicted: int, **more: Any) -> int:
    """The class that is explained: the most probable one, or any that is searched for."""
    names = [f"{index} · {name}" for index, name in enumerate(subject.labels)]
    start = f"{subject.labels[predicted]} (the most probable); search any of {len(names)}"
    search = CONTROLS.search("class", "Class", names, start, **more)
    return names.index(search) if search else predicted


def choose_order() -> str:
    """How channels are sorted, the same in every tab that shows several."""
    return CONTROLS.select("order", "Sorted by", ORDERS, ORDERS[3])


# The channel and the unit that are looked at are in the address, where pickers, typed numbers and links move them.


def type_channel(count: int, start: int) -> int:
    """The channel in the address (``start`` if there is none), in a box to type into."""
    channel = CONTROLS.index("channel", count - 1, start)
    CONTROLS.typed("channel", "Channel", 0, count - 1, channel)
    return channel


def clearest_channel(maps: np.ndarray) -> int:
    """The channel to begin with: the one with the clearest shapes."""
    return int(order(maps, "interpretable first")[0])


def unit_in(rows: int, cols: int) -> tuple[int, int]:
    """The unit in the address, kept within a map; the middle one if there is none."""
    return CONTROLS.index("row", rows - 1, rows // 2), CONTROLS.index("col", cols - 1, cols // 2)
