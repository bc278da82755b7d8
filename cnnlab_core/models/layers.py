"""The layer table: every node of a network's graph with its shape, parameters and multiply-adds."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import fx

from cnnlab_core.errors import InputError
from cnnlab_core.models.build import build_on_meta
from cnnlab_core.models.graph import trace
from cnnlab_core.models.zoo import find_spec


@dataclass(frozen=True)
class Layer:
    """One node of the graph. ``kind`` is the module's type or the function's name; shapes leave out the batch.

    ``inputs`` counts the features that enter a layer with weights (its in_features or in_channels), else 0.
    ``multiply_adds`` counts convolutions and linear layers for one picture.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    inputs: int


@lru_cache(maxsize=64)
def layer_table(name: str, size: tuple[int, int] | None = None) -> tuple[Layer, ...]:
    """The layers of the model called ``name`` for pictures of ``size`` (height, width), in forward order.

    Computed on torch's meta device from the structure alone: no weights, no arithmetic. The default size is the
    model's own crop. Raises ``InputError`` for a size that the network can't take.
    """
    spec = find_spec(name)
    height, width = size or (spec.preprocessing.crop, spec.preprocessing.crop)
    recorder = _Recorder(*trace(build_on_meta(spec)))
    try:
        recorder.run(torch.empty(1, 3, height, width, device="meta"))
    except RuntimeError:
        raise InputError(
            f"Pictures of {height} × {width} are too small for {spec.title}. Use at least {spec.preprocessing.crop} × "
            f"{spec.preprocessing.crop}."
        ) from None
    return tuple(recorder.layers)


def features_before_classifier(layers: tuple[Layer, ...]) -> Layer:
    """The last layer with weights, the classifier; its ``inputs`` are the features that enter it."""
    return [layer for layer in layers if layer.parameters][-1]


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
            kind, parameters, groups = self._parts(n)
            shape = tuple(value.shape[1:])
            weight = parameters[0] if kind.lower() in ("conv2d", "linear") else None
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

    def _parts(self, n: fx.Node) -> tuple[str, list[torch.Tensor], int]:
        """A node's kind, its parameters (the weight first), and its groups if it is a convolution."""
        if n.op == "call_module":
            module = self.fetch_attr(str(n.target))
            return type(module).__name__, list(module.parameters()), getattr(module, "groups", 1)
        parameters = [self.fetch_attr(str(arg.target)) for arg in n.all_input_nodes if arg.op == "get_attr"]
        groups: Any = n.args[6] if len(n.args) > 6 else n.kwargs.get("groups", 1)
        return getattr(n.target, "__name__", str(n.target)), parameters, groups
