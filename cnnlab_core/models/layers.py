"""The layer table: every node of a network's graph with its shape, parameters and multiply-adds."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import fx, nn

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models.build import build_on_meta
from cnnlab_core.models.graph import first_line, trace
from cnnlab_core.models.spec import wrong_size
from cnnlab_core.models.zoo import find_spec


@dataclass(frozen=True)
class Layer:
    """One node of the graph. ``kind`` is the module's type or the function's name; shapes leave out the batch.

    ``inputs`` counts the features that enter a layer with weights (its in_features or in_channels), else 0.
    ``multiply_adds`` counts convolutions and linear layers for one picture. ``place`` says in words where in the
    network the node is: no two nodes of a network have the same.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    inputs: int
    place: str = ""

    @property
    def has_maps(self) -> bool:
        """Whether its values for a square picture are maps with several rows and columns, (channels, rows, columns)."""
        return len(self.shape) == 3 and self.shape[1] == self.shape[2] > 1  # else the channels are last

    @property
    def title(self) -> str:
        """The layer as people read it: “Block 3 of 16 · 24 maps of 56 × 56”."""
        if self.has_maps:
            values = f"{self.shape[0]} {'map' if self.shape[0] == 1 else 'maps'} of {self.shape[1]} × {self.shape[2]}"
        else:
            values = " × ".join(str(length) for length in self.shape if length > 1) + " numbers"
        return f"{self.place} · {values}"


@by_annotation
@lru_cache(maxsize=64)
def layer_table(name: str, size: tuple[int, int] | None = None) -> tuple[Layer, ...]:
    """The layers of the model called ``name`` for pictures of ``size`` (height, width), in forward order.

    Computed on torch's meta device from the structure alone: no weights, no arithmetic. The default size is the
    model's own crop. Raises ``InputError`` for a size that the network can't take.
    """
    spec = find_spec(name)
    height, width = size or (spec.preprocessing.crop, spec.preprocessing.crop)
    network = build_on_meta(spec)
    recorder = _Recorder(*trace(network))
    try:
        recorder.run(torch.empty(1, 3, height, width, device="meta"))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        if (height, width) == (spec.preprocessing.crop, spec.preprocessing.crop):
            raise InputError(
                f"The layers of {spec.title} can't be told by shapes alone: {first_line(error)}."
            ) from error
        raise InputError(wrong_size(spec, height, width)) from None
    places = _places(recorder.layers, _blocks(network))
    return tuple(replace(layer, place=place) for layer, place in zip(recorder.layers, places, strict=True))


def features_before_classifier(layers: tuple[Layer, ...]) -> Layer:
    """The last layer with weights, the classifier; its ``inputs`` are the features that enter it.

    Raises ``InputError`` for a network without one, and for one that begins with it.
    """
    weighted = [layer for layer in layers[1:] if layer.parameters]
    if not weighted:
        raise InputError("This network has no layer before its classifier, so there are no features to look at.")
    return weighted[-1]


# --- where in the network, in words ---------------------------------------------------------------------------

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)

_WORDS = {
    "conv2d": "convolution",
    "batchnorm2d": "batch norm",
    "layernorm": "layer norm",
    "layer_norm": "layer norm",
    "relu": "ReLU",
    "maxpool2d": "max pool",
    "max_pool2d": "max pool",
    "avgpool2d": "average pool",
    "avg_pool2d": "average pool",
    "adaptiveavgpool2d": "average pool",
    "adaptive_avg_pool2d": "average pool",
    "zeropad2d": "padding",
    "linear": "linear layer",
    "add": "sum",
    "mul": "product",
    "cat": "concatenation",
    "stochastic_depth": "stochastic depth",
}
"""What people call the kinds of layers; the others go by their own names."""


def _blocks(network: nn.Module) -> list[str]:
    """The paths of the network's blocks: the outermost modules, other than plain containers, of several layers.

    A module that is all the network has of them is looked into: a backbone, or a network within another; one that holds
    all of the network's layers is no block.
    """
    blocks = []
    for name, child in network.named_children():
        if type(child) in _CONTAINERS:
            blocks += [f"{name}.{block}" for block in _blocks(child)]
        elif _layers_in(child) > 1:
            blocks.append(name)
    if len(blocks) == 1:
        inner = [f"{blocks[0]}.{block}" for block in _blocks(network.get_submodule(blocks[0]))]
        whole = _layers_in(network.get_submodule(blocks[0])) == _layers_in(network)
        return inner if len(inner) > 1 or whole else blocks
    return blocks


def _layers_in(module: nn.Module) -> int:
    return sum(isinstance(part, nn.Conv2d | nn.Linear) for part in module.modules())


def _places(layers: Sequence[Layer], blocks: list[str]) -> list[str]:
    """Each layer's block, or the stretch between blocks that it lies in, and what it is there.

    A block's last layer stands for the block.
    """
    parts, passed = [], 0
    for layer in layers:
        block = next((number for number, path in enumerate(blocks, 1) if layer.name.startswith(f"{path}.")), 0)
        passed = block or passed
        parts.append((passed, bool(block)))
    words = [_WORDS.get(layer.kind.lower(), layer.kind) for layer in layers]
    of, so_far = Counter(zip(parts, words, strict=True)), Counter[object]()
    places = []
    for index, (part, word) in enumerate(zip(parts, words, strict=True)):
        so_far[part, word] += 1
        what = word if of[part, word] == 1 else f"{word} {so_far[part, word]} of {of[part, word]}"
        passed, inside = part
        if not blocks:
            places.append(what[0].upper() + what[1:])
        elif inside:
            last = index + 1 == len(layers) or parts[index + 1] != part
            places.append(f"Block {passed} of {len(blocks)}" + ("" if last else f", {what}"))
        else:
            stretch = "Stem" if not passed else "Head" if passed == len(blocks) else f"After block {passed}"
            places.append(f"{stretch}, {what}")
    return places


# --- the graph, run on shapes ---------------------------------------------------------------------------------


class _Recorder(fx.Interpreter):
    """Runs a graph on meta tensors and writes down what each node makes.

    Weights belong to a module, or, where a network calls the function itself (SAME padding), to its arguments.
    """

    def __init__(self, graph: fx.GraphModule, names: dict[fx.Node, str]) -> None:
        super().__init__(graph)
        self._names = names
        self.layers: list[Layer] = []

    def run_node(self, n: fx.Node) -> object:
        value = super().run_node(n)
        if n.op in ("call_module", "call_function", "call_method") and isinstance(value, torch.Tensor):
            kind, parameters, weight, groups = self._parts(n)
            shape = tuple(value.shape[1:])
            weight = weight if kind.lower() in ("conv2d", "linear") else None
            self.layers.append(
                Layer(
                    name=self._names[n],
                    kind=kind,
                    shape=shape,
                    parameters=sum(p.numel() for p in parameters),
                    multiply_adds=math.prod(shape) * weight[0].numel() if weight is not None else 0,
                    inputs=weight.shape[1] * groups if weight is not None else 0,
                )
            )
        return value

    def _parts(self, n: fx.Node) -> tuple[str, list[torch.Tensor], torch.Tensor | None, int]:
        """A node's kind, its parameters, its weight if it is a layer with one, and its groups if a convolution."""
        if n.op == "call_module":
            module = self.fetch_attr(str(n.target))
            weight, groups = getattr(module, "weight", None), getattr(module, "groups", 1)
            return type(module).__name__.removeprefix("Parametrized"), list(module.parameters()), weight, groups
        parameters = [self.fetch_attr(str(arg.target)) for arg in n.all_input_nodes if arg.op == "get_attr"]
        args, kwargs = self.fetch_args_kwargs_from_env(n)  # a weight may be computed
        weight, groups = (args[i] if len(args) > i else kwargs.get(name) for i, name in ((1, "weight"), (6, "groups")))
        return getattr(n.target, "__name__", str(n.target)), parameters, weight, groups or 1
