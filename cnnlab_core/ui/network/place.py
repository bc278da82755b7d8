"""Where in the network somebody is, and what they have changed there: all of it stands in the address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnnlab_core.models import Layer, ModelSpec, layer_table
from cnnlab_core.models.registry import categories
from cnnlab_core.network.values import maps_shape
from cnnlab_core.ui.address import in_address, refuse
from cnnlab_core.ui.controls import Controls

CONTROLS = Controls("network")
WAYS = ("forwards", "backwards")
MOST_CHANGES = 20
"""Channels that can be changed at once."""
STRONGEST = 4.0
"""The largest factor of a channel."""
MOST_SAMPLES = 20
"""Pictures to begin with on a board."""
DEEPEST = 4
"""Stages within stages that a link can name."""
_KEYS = ("stage", "layer", "channel", "row", "col", "way", "class", "change", "input")


@dataclass(frozen=True)
class Place:
    """A layer and channel, or a cell of it, or neither: the whole network, or the stage that ``stage`` leads to.

    ``asked`` is the class that is asked about. ``changes`` are factors by layer and channel. ``input`` is the sample on
    the board of a network of glass.
    """

    stage: tuple[int, ...] = ()
    layer: str = ""
    channel: int = 0
    cell: tuple[int, int] | None = None
    way: str = WAYS[0]
    asked: int | None = None
    changes: tuple[tuple[str, int, float], ...] = ()
    input: int | None = None

    @property
    def factors(self) -> dict[tuple[str, int], float]:
        return {(layer, channel): factor for layer, channel, factor in self.changes}

    def as_data(self) -> dict[str, Any]:
        """As the browser has it."""
        row, col = self.cell or (None, None)
        return {
            "stage": list(self.stage),
            "layer": self.layer,
            "channel": self.channel,
            "row": row,
            "col": col,
            "way": self.way,
            "asked": self.asked,
            "changes": [list(change) for change in self.changes],
            "input": self.input,
        }


def place_in(spec: ModelSpec, samples: int = 0) -> Place:
    """What the address says, as far as this network has it; what it doesn't have is said.

    One that has ``samples`` is of glass: its grey is made before the browser gets the picture.
    """
    layers = {layer.name: layer for layer in layer_table(spec.name) if not (samples and layer.kind == "mean")}
    layer = in_address(CONTROLS.key("layer"), "")
    if layer and layer not in layers:
        refuse(CONTROLS.key("layer"), "the layer", layer, "the whole network")
        layer = ""
    channel, cell = 0, None
    if layer:
        channels, rows, cols = maps_shape(layers[layer])
        channel = CONTROLS.index("channel", channels - 1, 0)
        if in_address(CONTROLS.key("row")) is not None:
            cell = CONTROLS.index("row", rows - 1, 0), CONTROLS.index("col", cols - 1, 0)
    way = in_address(CONTROLS.key("way"), WAYS[0])
    if way not in WAYS:
        refuse(CONTROLS.key("way"), "the direction", way, WAYS[0], " or ".join(WAYS))
        way = WAYS[0]
    asked = None
    if in_address(CONTROLS.key("class")) is not None:
        asked = CONTROLS.index("class", len(categories(spec)) - 1, 0)
    text = in_address(CONTROLS.key("stage"), "")
    stage = _stage(text.split(".")) if text else ()
    if stage is None:
        refuse_stage(text)
    sample = (
        CONTROLS.index("input", samples - 1, 0) if samples and in_address(CONTROLS.key("input")) is not None else None
    )
    return Place(stage or (), layer, channel, cell, way, asked, _read_changes(layers), sample)


def leave() -> None:
    """Forget the place: another network has other layers."""
    for key in _KEYS:
        st.query_params.pop(CONTROLS.key(key), None)


def refuse_stage(text: str) -> None:
    """Say that there is no such stage to unfold."""
    refuse(CONTROLS.key("stage"), "the stage", text, "the whole network")


def _stage(steps: object) -> tuple[int, ...] | None:
    """Where a stage is: from the network's stages to those within them, counted from 0."""
    texts = [str(step) for step in steps] if isinstance(steps, list) else []
    good = len(texts) <= DEEPEST and all(text.isdecimal() and len(text) < 3 for text in texts)
    return tuple(map(int, texts)) if good else None


def _read_changes(layers: Mapping[str, Layer]) -> tuple[tuple[str, int, float], ...]:
    texts = [text for text in in_address(CONTROLS.key("change"), "").split(",") if text]
    found: dict[tuple[str, int], tuple[str, int, float]] = {}
    wrong = []
    for text in texts:
        name, _, rest = text.partition(":")
        channel, _, factor = rest.partition(":")
        change = _change(layers, name, channel, factor)
        if change is None or len(found) >= MOST_CHANGES:
            wrong.append(text)
        else:
            found[change[:2]] = change
    if wrong:
        refuse(CONTROLS.key("change"), "what is changed", ", ".join(wrong), "left as it is",
               f"a layer, a channel and a factor from 0 to {STRONGEST:g}, at most {MOST_CHANGES}")  # fmt: skip
    return tuple(found.values())


def _change(layers: Mapping[str, Layer], name: str, channel: Any, factor: Any) -> tuple[str, int, float] | None:
    try:
        number, times = int(channel), float(factor)
    except (TypeError, ValueError, OverflowError):
        return None
    if name not in layers or not 0 <= number < maps_shape(layers[name])[0] or not 0 <= times <= STRONGEST:
        return None
    return name, number, times


def go(spec: ModelSpec, wanted: object) -> None:
    """Write into the address where the browser wants to be, as far as it makes sense."""
    if not isinstance(wanted, dict):
        return
    layers = {layer.name: layer for layer in layer_table(spec.name)}
    said: dict[str, object] = {}
    if stage := _stage(wanted.get("stage")):
        said["stage"] = ".".join(map(str, stage))
    name = wanted.get("layer")
    if isinstance(name, str) and name in layers:
        shape = maps_shape(layers[name])
        channel, row, col = (wanted.get(key) for key in ("channel", "row", "col"))
        if isinstance(channel, int) and 0 <= channel < shape[0]:
            said |= {"layer": name, "channel": channel}
            if isinstance(row, int) and isinstance(col, int) and 0 <= row < shape[1] and 0 <= col < shape[2]:
                said |= {"row": row, "col": col}
    if wanted.get("way") in WAYS[1:]:
        said["way"] = wanted["way"]
    asked = wanted.get("asked")
    if isinstance(asked, int) and 0 <= asked < len(categories(spec)):
        said["class"] = asked
    sample = wanted.get("input")
    if isinstance(sample, int) and 0 <= sample < MOST_SAMPLES:
        said["input"] = sample
    given = wanted.get("changes")
    changes = (
        [c for c in given[:MOST_CHANGES] if isinstance(c, list) and len(c) == 3] if isinstance(given, list) else []
    )
    kept = [change for c in changes if isinstance(c[0], str) and (change := _change(layers, *c))]
    if kept:
        said["change"] = ",".join(f"{layer}:{channel}:{factor:g}" for layer, channel, factor in kept)
    for key in _KEYS:
        if key in said:
            CONTROLS.write(**{key: said[key]})
        elif CONTROLS.key(key) in st.query_params:
            del st.query_params[CONTROLS.key(key)]
