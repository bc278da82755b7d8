"""The columns of the picture: a network's layers in forward order, pooled into a few stages that can be unfolded."""

import re
from dataclasses import dataclass, replace

from cnnlab_core.models.cuts import graph_of
from cnnlab_core.models.layers import Layer
from cnnlab_core.models.loaded import LoadedModel

MOST_STAGES = 7
_WEIGHTED = ("conv2d", "linear")
_PASSING = ("dropout", "flatten", "view")


@dataclass(frozen=True)
class Stage:
    """A stretch of layers. All that the rest of the network knows of it is what its last one says.

    ``edges`` are pairs of layers, by name, of which the second reads the first. ``skips`` are those of them that jump
    over a layer with weights.
    """

    title: str
    layers: tuple[Layer, ...]
    edges: tuple[tuple[str, str], ...]
    skips: tuple[tuple[str, str], ...]

    @property
    def last(self) -> Layer:
        """The layer that stands for the stage."""
        return self.layers[-1]

    @property
    def note(self) -> str:
        """How many maps of which size it gives."""
        channels, rows, cols = (*self.last.shape, 1, 1)[:3]
        return f"{channels} maps · {rows} × {cols}" if self.last.has_maps else f"{channels} numbers"


def stages_of(model: LoadedModel, most: int = MOST_STAGES) -> tuple[Stage, ...]:
    """At most ``most`` stages of the network, in forward order, up to its last layer before the answer.

    A stage ends where nothing but one layer's values is read any more, at the end of a block (or, in a network
    without blocks, before the next layer with weights). Where those are too many, neighbours of one shape are one
    stage; then the shortest neighbours are joined. The first layer with weights stays alone.
    """
    layers, reads = model.nodes(), _reads(model)
    place = {layer.name: index for index, layer in enumerate(layers)}
    weighted = [layer.kind.lower() in _WEIGHTED and layer.parameters > 0 for layer in layers]
    ends = _ends(layers, weighted, _narrow(layers, reads, place))
    groups = list(ends)
    if len(ends) > most:
        groups = [end for i, end in enumerate(ends) if i == 0 or not _alike(layers, ends[i : i + 2])]
    while len(groups) > most:
        starts = [0, *(end + 1 for end in groups)]
        long = [sum(weighted[starts[i] : groups[i + 1] + 1]) for i in range(1, len(groups) - 1)]
        del groups[1 + long.index(min(long))]
    starts, found = [0, *(end + 1 for end in groups)], []
    for first, end in zip(starts, groups, strict=False):
        inside = layers[first : end + 1]
        edges = tuple((source, layer.name) for layer in inside for source in reads[layer.name])
        skips = tuple(
            (source, name)
            for source, name in edges
            if len(reads[name]) > 1
            and any(weighted[place.get(source, -1) + 1 : place[name]])
            and not weighted[place.get(source, -1)]
        )
        found.append(Stage(_title(inside), inside, edges, skips))
    return tuple(found)


def unfolded(stage: Stage) -> tuple[Stage, ...]:
    """Each layer of the stage as a stage of its own; paddings and copies are left out."""
    shown = [layer for layer in stage.layers if layer.has_maps and "pad" not in layer.kind.lower()]
    return tuple(
        replace(stage, title=layer.place, layers=(layer,), edges=tuple(e for e in stage.edges if e[1] == layer.name))
        for layer in shown
    )


def _reads(model: LoadedModel) -> dict[str, tuple[str, ...]]:
    """By layer, the layers (or the picture, by its node's name) whose values it reads."""
    _, nodes = graph_of(model)
    known = {layer.name for layer in model.nodes()}
    names = {node: name for name, node in nodes.items() if name in known or node.op == "placeholder"}
    return {name: tuple(names[n] for n in nodes[name].all_input_nodes if n in names) for name in known}


def _narrow(layers: tuple[Layer, ...], reads: dict[str, tuple[str, ...]], place: dict[str, int]) -> list[bool]:
    """Whether nothing that came before a layer is read after it."""
    last_read = [0] * len(layers)
    entry = 0  # the last layer that reads the picture itself
    for layer in layers:
        for source in reads[layer.name]:
            if source in place:
                last_read[place[source]] = place[layer.name]
            else:
                entry = place[layer.name]
    narrow, reach = [], entry
    for index in range(len(layers)):
        narrow.append(reach <= index)
        reach = max(reach, last_read[index])
    return narrow


def _ends(layers: tuple[Layer, ...], weighted: list[bool], narrow: list[bool]) -> list[int]:
    ends: list[int] = []
    pending, since = None, 0
    for index, layer in enumerate(layers):
        if weighted[index] and pending is not None and since:
            ends.append(pending)
            pending, since = None, 0
        since += weighted[index]
        inside = layer.place.startswith("Block") and "," in layer.place
        vector = not layer.has_maps and weighted[: index + 1].count(True) and _after_linear(layers, index)
        if narrow[index] and since and not inside and layer.kind.lower() not in _PASSING and (layer.has_maps or vector):
            pending = index
    if pending is not None and layers[pending].has_maps:
        ends.append(pending)
    return ends


def _alike(layers: tuple[Layer, ...], pair: list[int]) -> bool:
    return len(pair) == 2 and layers[pair[0]].shape == layers[pair[1]].shape


def _after_linear(layers: tuple[Layer, ...], index: int) -> bool:
    return len(layers[index].shape) == 1 and any(
        layer.kind.lower() == "linear" and len(layer.shape) == 1 for layer in layers[: index + 1]
    )


def _title(layers: tuple[Layer, ...]) -> str:
    """“Stem”, “Blocks 4–5”, “Block 16, head”; in a network without blocks “Convolutions 2–3”, “Linear layer 1”."""
    blocks = [int(found[1]) for layer in layers if (found := re.match(r"Block (\d+) of", layer.place))]
    if blocks:
        words = f"Block {blocks[0]}" if blocks[0] == blocks[-1] else f"Blocks {blocks[0]}–{blocks[-1]}"
        return words + (", head" if layers[-1].place.startswith("Head") else "")
    if "," in layers[-1].place:
        return layers[-1].place.partition(",")[0]
    for word, plural in (("Convolution", "Convolutions"), ("Linear layer", "Linear layers")):
        numbers = [int(found[1]) for layer in layers if (found := re.match(rf"{word} (\d+)", layer.place))]
        if numbers:
            return f"{word} {numbers[0]}" if len(numbers) == 1 else f"{plural} {numbers[0]}–{numbers[-1]}"
    return layers[-1].place
