"""What all tabs of the page look at: a network, a picture, a node with maps, and one unit of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from PIL import Image

from cnnlab_core.interpretability.activations import capture
from cnnlab_core.interpretability.map_statistics import ORDERS, depths
from cnnlab_core.models import Layer, ModelSpec, layer_table, load_model
from cnnlab_core.models.loaded import crop
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.segmented import segmented
from cnnlab_core.ui.shared import Picture, choose_model, choose_picture

_LANDMARKS = ("conv2d", "relu", "relu6", "add")
DEPTHS = ("early", "middle", "late", "any layer")


@dataclass(frozen=True)
class Choice:
    """A network with its weights, a picture, and a node whose values are maps (channels, height, width)."""

    spec: ModelSpec
    weights: str
    picture: Picture
    node: Layer

    @property
    def key(self) -> tuple[str, str, str]:
        return self.spec.name, self.weights, self.picture.key

    @property
    def sample(self) -> str | None:
        """The gallery's name of the picture; None for one's own."""
        return self.picture.name if self.picture.is_sample else None


def layers_with_maps(spec: ModelSpec) -> list[Layer]:
    """The nodes that people look at: maps with rows and columns, after the layers that make them."""
    return [layer for layer in layer_table(spec.name) if len(layer.shape) == 3 and min(layer.shape[1:]) > 1]


def stages_of(spec: ModelSpec) -> dict[str, Layer]:
    """The early, the middle and the late layer that stand for their depth."""
    layers = {layer.name: layer for layer in layers_with_maps(spec) if layer.kind.lower() in _LANDMARKS}
    return {depth: layers[name] for depth, name in depths(list(layers)).items()}


def choose() -> Choice | None:
    """The sidebar's choosers and the row that picks a layer; None (with its reason on the page) without weights."""
    picture = choose_picture()
    spec, weights = choose_model()
    if not weights_ready(spec, weights, place="maps"):
        return None
    layers = {layer.name: layer for layer in layers_with_maps(spec)}
    first, second = st.columns([1, 1.4], gap="medium", vertical_alignment="bottom")
    depth = segmented(first, "Layer", DEPTHS, default=DEPTHS[0], key="maps_depth", bind="query-params")
    with second:
        if depth == DEPTHS[3]:
            name = st.selectbox("Which", list(layers), key="maps_layer", bind="query-params")
        else:
            name = stages_of(spec)[depth].name
            st.markdown(f"`{name}` · {layers[name].kind} · {' × '.join(map(str, layers[name].shape))}")
    return Choice(spec, weights, picture, layers[name])


def maps_of(choice: Choice, *, place: str = "maps") -> np.ndarray | None:
    """The node's maps for the picture, (channels, height, width) float32; None with the reason on the page."""
    found = maps_at(choice, (choice.node.name,), place=place)
    return found[choice.node.name] if found else None


def maps_at(choice: Choice, nodes: tuple[str, ...], *, place: str) -> dict[str, np.ndarray] | None:
    """The maps of several nodes, as ``maps_of`` gives them."""

    def make() -> dict[str, np.ndarray]:
        model = load_model(choice.spec.name, choice.weights)
        with torch.no_grad():
            found = capture(model, model.prepare(choice.picture.image), nodes)
        return {node: maps[0].cpu().numpy() for node, maps in found.items()}

    return run(
        f"capture {place}",
        digest("capture", choice.key, nodes),
        lambda: once(make),
        label=f"Asking {choice.spec.title}",
        for_everybody=choice.picture.is_sample,
    ).result


def seen_picture(choice: Choice) -> Image.Image:
    """What the network sees of the picture: the crop, as an RGB picture."""
    return crop(choice.picture.image, choice.spec.preprocessing)


# --- the unit that is looked at: in the address, so that pickers, typed numbers and links all move the same one ---


def in_address(name: str, highest: int, start: int) -> int:
    """The number called ``name`` in the address, kept within 0 to ``highest``; ``start`` if there is none."""
    text = st.query_params.get(f"maps_{name}", "")
    return min(int(text), highest) if text.isdecimal() and len(text) < 10 else min(start, highest)


def put_in_address(**numbers: int) -> None:
    """Move to another channel, row or column."""
    for name, number in numbers.items():
        st.query_params[f"maps_{name}"] = str(number)


def number_box(label: str, name: str, lowest: int, highest: int, value: int, take: Callable[[int], None]) -> None:
    """A number to type or step that shows ``value`` and hands what is typed to ``take``."""
    key = f"maps_{name}_typed"
    st.session_state[key] = value
    st.number_input(label, lowest, highest, key=key, on_change=lambda: take(int(st.session_state[key])))


def channel_box(count: int, start: int) -> int:
    """The channel in the address (``start`` if there is none), to type or step too."""
    channel = in_address("channel", count - 1, start)
    number_box("Channel", "channel", 0, count - 1, channel, lambda typed: put_in_address(channel=typed))
    return channel


def choose_order() -> str:
    """How channels are sorted, the same in every tab that shows several."""
    return st.selectbox("Sorted by", ORDERS, index=3, key="maps_order", bind="query-params")
