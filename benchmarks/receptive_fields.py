"""The receptive fields of every node of every torchvision classification network, against tracing them alone."""

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torchvision.models
from torch.overrides import TorchFunctionMode

from benchmarks.measure import Row, count
from cnnlab_core.models.graph import trace
from cnnlab_core.receptive_field import receptive_fields


class OnMeta(TorchFunctionMode):
    """Parameters without storage; numbers that builders compute with stay real."""

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        device = {"device": "meta"} if func is torch.empty else {}
        return func(*args, **{**(kwargs or {}), **device})


def timed(name: str) -> tuple[float, float]:
    """Milliseconds for the table of one network, and for tracing it."""
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with OnMeta():
        network = torchvision.models.get_model(name, weights=None, **options).eval()
    side = 299 if name == "inception_v3" else 224
    begun = time.perf_counter()
    trace(network)
    traced = time.perf_counter()
    receptive_fields(network, (side, side))
    return 1000 * (time.perf_counter() - traced), 1000 * (traced - begun)


def measure() -> list[Row]:
    names = torchvision.models.list_models(module=torchvision.models)
    names = names[: count(len(names), 3)]
    timed(names[0])
    times = [timed(name) for name in names]
    tables, traces = ([pair[side] for pair in times] for side in (0, 1))
    slowest = max(range(len(names)), key=tables.__getitem__)
    return [
        Row(f"tables of all {len(names)} networks", sum(tables), "tracing them", sum(traces), "ms"),
        Row("table of the median network", statistics.median(tables), "tracing", statistics.median(traces), "ms"),
        Row(f"slowest table ({names[slowest]})", tables[slowest], "tracing it", traces[slowest], "ms"),
    ]
