"""What the tabs of the page share: the network with its weights, the picture at a size, and a place in the network."""

from dataclasses import dataclass

import streamlit as st
from PIL import Image

from cnnlab_core.dream.layers import blocks, maps_of
from cnnlab_core.images import png
from cnnlab_core.models import ModelSpec
from cnnlab_core.models.layers import Layer
from cnnlab_core.plots.network_strip import GAP, SIZE, network_strip
from cnnlab_core.ui.fetch import weights_ready
from cnnlab_core.ui.picker import pick_cell
from cnnlab_core.ui.shared import Picture, choose_model, choose_picture


@dataclass(frozen=True)
class Choice:
    """A network with its weights, and a picture."""

    spec: ModelSpec
    weights: str
    picture: Picture

    @property
    def model(self) -> tuple[str, str]:
        return self.spec.name, self.weights

    @property
    def sample(self) -> str | None:
        """The gallery's name of the picture; None for one's own."""
        return self.picture.name if self.picture.is_sample else None


def choose() -> Choice | None:
    """The sidebar's choosers; None (with its reason on the page) without weights."""
    picture = choose_picture()
    spec, weights = choose_model()
    return Choice(spec, weights, picture) if weights_ready(spec, weights, place="dream") else None


def shrunk(picture: Image.Image, side: int) -> Image.Image:
    """The picture with its longer side at most ``side`` pixels."""
    smaller = picture.copy()
    smaller.thumbnail((side, side))
    return smaller


def block_at(spec: ModelSpec, depth: float) -> str:
    """The end of the block at a depth from 0 (the first) to 1 (the last)."""
    ends = blocks(spec)
    return ends[round(depth * (len(ends) - 1))].name


def choose_layer(spec: ModelSpec, *, key: str, depth: float) -> Layer:
    """A layer, by depth on a picture of the network, or from a list of all; begins at ``depth`` from 0 to 1."""
    ends, layers = blocks(spec), {layer.name: layer for layer in maps_of(spec)}
    if st.session_state.get(key) not in layers:  # that of another network
        st.session_state.pop(key, None)
    places = [end.name for end in ends]
    strip = st.container()
    name = st.selectbox(
        "Layer", list(layers), index=list(layers).index(block_at(spec, depth)), key=key, bind="query-params"
    )

    def pick(index: int) -> None:
        st.session_state[key] = places[index]

    with strip:
        pick_cell(
            png(network_strip([end.shape[1] for end in ends], largest=spec.preprocessing.crop)),
            rows=1,
            cols=len(ends),
            size=SIZE,
            gap=GAP,
            chosen=places.index(name) if name in places else None,
            labels=[_about(end) for end in ends],
            alt=f"{spec.title}, block by block from the picture (left) to the answer (right)",
            on_pick=pick,
            hint=f"{_about(layers[name])}, inside a block",
            key=f"{key}_strip",
        )
    return layers[name]


def _about(layer: Layer) -> str:
    channels, height, width = layer.shape
    return f"{layer.name}: {channels} maps of {height} × {width}"
