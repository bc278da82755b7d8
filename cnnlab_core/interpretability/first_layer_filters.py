"""The filters of a network's first convolution: the only ones that can be looked at as colours."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import fx, nn

from cnnlab_core.errors import InputError
from cnnlab_core.models.graph import trace
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.stack import Grey
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.short_repr import short_repr

Array = npt.NDArray[np.float64]
Scale = Literal["all filters", "each filter", "each filter's range"]
SCALES: tuple[Scale, ...] = ("all filters", "each filter", "each filter's range")


@short_repr
@dataclass(frozen=True)
class Filters:
    """The first convolution's graph node, and a copy of its weights (filters, 3, rows, columns)."""

    node: str
    weights: Array


def first_layer_filters(model: LoadedModel) -> Filters:
    """The filters of the first convolution in the graph. Raises ``InputError`` unless they read the three colours."""
    graph, names = trace(model.network)
    for node in graph.graph.nodes:
        weight = _weight_of(graph, node)
        if weight is None:
            continue
        values = weight.detach().double().cpu().numpy().copy()
        if values.shape[1] == 1 and any(isinstance(layer, Grey) for layer in model.network.children()):
            values = values.repeat(3, axis=1) / 3  # over the colours' mean: each has a third of the weight
        if values.shape[1] == 3:
            return Filters(names[node], values)
        break
    raise InputError(f"{model.spec.title} doesn't begin with a convolution over the three colours: none to show.")


def as_colours(weights: npt.ArrayLike, scale: Scale = "all filters") -> Array:
    """Filters (N, 3, h, w) as colours (N, h, w, 3) in [0, 1].

    A weight of 0 is 0.5, the mid grey, and the largest |weight| is 0 or 1: that of all filters together, or of each by
    itself. By "each filter's range" a filter is stretched so that its smallest weight is 0 and its largest 1.
    """
    values = np.asarray(weights, dtype=np.float64)
    if scale == "each filter's range":
        low, high = (of(values, axis=(1, 2, 3), keepdims=True) for of in (np.min, np.max))
        shares = np.divide(values - low, high - low, out=np.full_like(values, 0.5), where=high > low)
    else:
        full = np.abs(values).max(axis=(1, 2, 3) if scale == "each filter" else None, keepdims=True)
        shares = 0.5 + 0.5 * np.divide(values, full, out=np.zeros_like(values), where=full > 0)
    return np.moveaxis(shares, 1, -1)


def filter_table(weights: npt.ArrayLike) -> str:
    """Every one of the weights (filters, 3, rows, columns) as CSV."""
    rows = (
        (index, ("red", "green", "blue")[colour], row, col, f"{value:.9g}")
        for (index, colour, row, col), value in np.ndenumerate(np.asarray(weights, dtype=np.float64))
    )
    return csv_table(("filter", "colour", "row", "column", "weight"), rows)


def _weight_of(graph: fx.GraphModule, node: fx.Node) -> torch.Tensor | None:
    """The weight of a convolution, called as a layer or as a function; None for everything else."""
    if node.op == "call_module":
        layer = graph.get_submodule(str(node.target))
        return layer.weight if isinstance(layer, nn.Conv2d) else None
    if node.op == "call_function" and node.target is nn.functional.conv2d:
        source = node.args[1] if len(node.args) > 1 else node.kwargs["weight"]
        if isinstance(source, fx.Node) and source.op == "get_attr":  # and not computed by the network
            return graph.get_parameter(str(source.target))
    return None
