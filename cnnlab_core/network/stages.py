"""The columns of the picture: a network's layers in forward order, pooled into a few stages that can be unfolded."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cnnlab_core.checks import by_annotation
from cnnlab_core.models.cuts import graph_of
from cnnlab_core.models.layers import Layer
from cnnlab_core.models.loaded import LoadedModel

MOST_STAGES = 7

POINTWISE = {
    "batchnorm2d": "batch norm", "relu": "ReLU", "relu6": "ReLU6", "silu": "SiLU", "hardswish": "hard swish",
    "hardsigmoid": "hard sigmoid", "sigmoid": "sigmoid", "gelu": "GELU", "tanh": "tanh", "leakyrelu": "leaky ReLU",
    "dropout": "dropout", "stochastic_depth": "stochastic depth",
}  # fmt: skip
"""Kinds of layers that go number by number, and what they are called."""
MIXING = {"conv2d": "convolution", "linear": "linear layer", "add": "sum", "mul": "product", "cat": "concatenation"}
"""Kinds of layers that read several numbers, and what they are called."""
_OTHER_WORDS = {
    "sub": "difference", "truediv": "quotient", "div": "quotient", "matmul": "matrix product", "pad": "padding",
    "zeropad2d": "padding", "convtranspose2d": "transposed convolution", "upsample": "enlargement",
    "interpolate": "enlargement", "layernorm": "layer norm", "layer_norm": "layer norm", "groupnorm": "group norm",
    "group_norm": "group norm", "instancenorm2d": "instance norm", "prelu": "PReLU",
    **dict.fromkeys(("flatten", "view", "reshape", "permute", "transpose", "contiguous", "getitem", "unsqueeze",
                     "squeeze", "identity", "pixelshuffle", "channelshuffle", "chunk", "split"), "passed on"),
}  # fmt: skip
_WEIGHTED = ("conv2d", "linear")
_PASSING = ("dropout", "flatten", "view", "zeropad2d")


def words_of(kind: str) -> str:
    """What a kind of layer is called, written small."""
    if "pool" in kind:
        return "max pool" if "max" in kind else "average pool"
    return POINTWISE.get(kind) or MIXING.get(kind) or _OTHER_WORDS.get(kind) or kind.replace("_", " ")


@dataclass(frozen=True)
class Stage:
    """A stretch of layers. All that the rest of the network knows of it is what its last one says.

    ``edges`` are pairs of layers, by name, of which the second reads the first. ``skips`` are those of them that jump
    over a layer with weights. ``unfolds`` says whether the stage has stages of its own.
    """

    title: str
    layers: tuple[Layer, ...]
    edges: tuple[tuple[str, str], ...]
    skips: tuple[tuple[str, str], ...]
    unfolds: bool

    @property
    def last(self) -> Layer:
        """The layer that stands for the stage."""
        return self.layers[-1]

    @property
    def note(self) -> str:
        """How many maps of which size it gives."""
        channels, rows, cols = (*self.last.shape, 1, 1)[:3]
        return f"{channels} maps · {rows} × {cols}" if self.last.has_maps else f"{channels} numbers"


@by_annotation
def stages_of(model: LoadedModel, most: int = MOST_STAGES) -> tuple[Stage, ...]:
    """At most ``most`` stages of the network, in forward order, up to its last layer before the answer.

    A stage ends where nothing but one layer's values is read any more, at the end of a block (or, in a network
    without blocks, before the next layer with weights). Where those are too many, neighbours of one shape are one
    stage; then the shortest neighbours are joined. The first layer with weights stays alone.
    """
    structure = _Structure(model)
    return structure.pooled(0, structure.ends(), most)


@by_annotation
def unfold(model: LoadedModel, stage: Stage, most: int = MOST_STAGES) -> tuple[Stage, ...]:
    """The stage's own stages: its blocks, or the layers of its only block.

    Of a block those layers are shown that mix maps, each with the norms and activations behind it. There are at most
    ``most``, as the shortest neighbours are joined; of a single such layer there is only the stage itself.
    """
    structure = _Structure(model)
    first, last = structure.place[stage.layers[0].name], structure.place[stage.last.name]
    ends = [end for end in structure.ends() if first <= end <= last]
    if len(ends) > 1:
        return structure.pooled(first, ends, most)
    units = [end for end in structure.units() if first <= end < last]
    return structure.pooled(first, [*units, last], most, units=True) if units else (stage,)


def follow(model: LoadedModel, path: Sequence[int]) -> tuple[tuple[Stage, ...], tuple[Stage, ...]]:
    """The stages that are seen after unfolding the ``path[0]``-th stage, of these the ``path[1]``-th, and so on.

    Gives them and the stages that were unfolded: fewer than the path is long if it names one that there isn't.
    """
    seen, opened = stages_of(model), []
    for index in path:
        if not 0 <= index < len(seen) or not seen[index].unfolds:
            break
        opened.append(seen[index])
        seen = unfold(model, seen[index])
    return seen, tuple(opened)


def reads_of(model: LoadedModel) -> dict[str, tuple[str, ...]]:
    """By layer, the layers (or the picture, by its node's name) whose values it reads."""
    _, nodes = graph_of(model)
    known = {layer.name for layer in model.nodes()}
    names = {node: name for name, node in nodes.items() if name in known or node.op == "placeholder"}
    return {name: tuple(names[n] for n in nodes[name].all_input_nodes if n in names) for name in known}


class _Structure:
    """A network's layers, what reads what, and where it is narrow."""

    def __init__(self, model: LoadedModel) -> None:
        self.layers, self.reads = model.nodes(), reads_of(model)
        self.place = {layer.name: index for index, layer in enumerate(self.layers)}
        self.weighted = [layer.kind.lower() in _WEIGHTED and layer.parameters > 0 for layer in self.layers]

    def narrow(self) -> list[bool]:
        """Whether nothing that came before a layer is read after it."""
        last_read = [0] * len(self.layers)
        entry = 0  # the last layer that reads the picture itself
        for layer in self.layers:
            for source in self.reads[layer.name]:
                if source in self.place:
                    last_read[self.place[source]] = self.place[layer.name]
                else:
                    entry = self.place[layer.name]
        narrow, reach = [], entry
        for index in range(len(self.layers)):
            narrow.append(reach <= index)
            reach = max(reach, last_read[index])
        return narrow

    def ends(self) -> list[int]:
        """Where a stage can end."""
        narrow = self.narrow()
        ends: list[int] = []
        pending, since, linear = None, 0, False
        for index, layer in enumerate(self.layers):
            if self.weighted[index] and pending is not None and since:
                ends.append(pending)
                pending, since = None, 0
            since += self.weighted[index]
            linear = linear or (layer.kind.lower() == "linear" and len(layer.shape) == 1)
            inside = layer.place.startswith("Block") and "," in layer.place
            shown = layer.has_maps or (linear and len(layer.shape) == 1)
            if narrow[index] and since and shown and not inside and layer.kind.lower() not in _PASSING:
                pending = index
        if pending is not None and self.layers[pending].has_maps:
            ends.append(pending)
        return ends

    def units(self) -> list[int]:
        """The layers at which a chain of norms and activations ends, those that pad or pass on left out."""
        readers: dict[str, list[int]] = {}
        for index, layer in enumerate(self.layers):
            for source in self.reads[layer.name]:
                readers.setdefault(source, []).append(index)
        pointwise = [layer.kind.lower() in POINTWISE for layer in self.layers]
        return [
            index
            for index, layer in enumerate(self.layers)
            if layer.has_maps
            and layer.kind.lower() not in _PASSING
            and not ((after := readers.get(layer.name, [])) and len(after) == 1 and pointwise[after[0]])
        ]

    def pooled(self, first: int, ends: list[int], most: int, *, units: bool = False) -> tuple[Stage, ...]:
        """The stages from layer ``first`` on that end at ``ends``, joined until there are at most ``most``."""
        groups = list(ends)
        if len(ends) > most and not units:
            groups = [end for i, end in enumerate(ends) if i == 0 or not self._alike(ends[i : i + 2])]
            groups = groups if len(groups) > 2 else list(ends)
        while len(groups) > most:
            starts = [first, *(end + 1 for end in groups)]
            long = [sum(self.weighted[starts[i] : groups[i + 1] + 1]) for i in range(1, len(groups) - 1)]
            del groups[1 + long.index(min(long))]
        starts = [first, *(end + 1 for end in groups)]
        inner = self.units()
        return tuple(
            self._stage(begin, end, sum(begin <= unit < end for unit in inner) > 0, units)
            for begin, end in zip(starts, groups, strict=False)
        )

    def _alike(self, pair: list[int]) -> bool:
        return len(pair) == 2 and self.layers[pair[0]].shape == self.layers[pair[1]].shape

    def _stage(self, first: int, end: int, unfolds: bool, is_unit: bool) -> Stage:
        inside = self.layers[first : end + 1]
        edges = tuple((source, layer.name) for layer in inside for source in self.reads[layer.name])
        skips = tuple(
            (source, name)
            for source, name in edges
            if len(self.reads[name]) > 1
            and not self.weighted[self.place.get(source, -1)]
            and any(self.weighted[self.place.get(source, -1) + 1 : self.place[name]])
        )
        return Stage(self._unit_title(end) if is_unit else _title(inside), inside, edges, skips, unfolds)

    def _unit_title(self, index: int) -> str:
        """What the chain that ends at a layer begins with: “Convolution 2 of 3”, “Sum”."""
        while self.layers[index].kind.lower() in POINTWISE and len(sources := self.reads[self.layers[index].name]) == 1:
            if sources[0] not in self.place:
                break
            index = self.place[sources[0]]
        layer = self.layers[index]
        own = MIXING.get(layer.kind.lower(), layer.kind) if layer.place.startswith("Block") else layer.place
        words = layer.place.partition(", ")[2] or own
        return words[0].upper() + words[1:]


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
