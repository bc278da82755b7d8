"""Randomisation: a map that explains a trained network should change when the network forgets what it learned.

Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, arXiv:1810.03292: weights are replaced by random ones
layer by layer, from the last to the first, and each map is compared with the one of the trained network.
"""

import copy
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import torch
from torch import nn

from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.agreement import rank_correlation
from cnnlab_core.interpretability.methods import Array, Explained, Method, Request, attribute_all_steps
from cnnlab_core.models.build import build_random
from cnnlab_core.models.layers import Layer
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import Progress, part, plainly
from cnnlab_core.runtime.short_repr import short_repr

MOST_STAGES = 64


@short_repr
@dataclass(frozen=True, eq=False)
class Randomised:
    """Maps of a network of which ever more is random: ``maps`` by stage and method, the first of the network itself.

    ``layers`` say for each stage from which layer on it is random ("" for the first).
    """

    methods: tuple[Method, ...]
    layers: tuple[str, ...]
    maps: tuple[Explained, ...]

    def correlations(self, *, absolute: bool) -> Array:
        """Spearman's rank correlation with the first stage's map, (methods, stages); NaN for a map without any order.

        ``absolute`` compares sizes alone: a map that only changes its sign then stays as it is.
        """
        size = np.abs if absolute else np.asarray
        return np.array(
            [
                [rank_correlation(size(self.maps[0][name].values), size(stage[name].values)) for stage in self.maps]
                for name in self.methods
            ]
        )


@by_annotation
def randomisation_steps(
    model: LoadedModel, x: torch.Tensor, requests: Sequence[Request], *, stages: int = 6, seed: int = 1
) -> Generator[Progress[Randomised], None, Randomised]:
    """The requested maps of the network, then with its last layers random, until all of them are.

    Random weights are those of ``load_model(name, "random", seed=seed)``. They go into a copy: the shared network
    stays as it is. Each step holds the stages that are done.

    Args:
        model: the network.
        x: the picture (1, 3, H, W) in [0, 1].
        requests: one for each method.
        stages: how many times more layers become random; fewer if the network hasn't so many layers.
        seed: draws the weights.

    Raises:
        InputError: for numbers out of range, and for no requests at all.
    """
    stages = whole("stages", stages, least=1, most=MOST_STAGES)
    seed = whole("seed", seed)
    if not requests:
        raise InputError("Choose at least one method whose maps are compared.")
    with torch.inference_mode(False), torch.no_grad():
        own = replace(model, network=copy.deepcopy(model.network), quick=None)
        random = build_random(model.spec, seed).to(model.device)
    starts = random_from(model, stages)
    methods, places = tuple(request.method for request in requests), ["", *(layer.place for layer, _ in starts)]
    done: list[Explained] = []
    for index in range(len(starts) + 1):
        if index:
            _copy(random, own.network, starts[index - 1][1])
        latest = Randomised(methods, tuple(places[:index]), tuple(done)) if done else None
        done.append((yield from part(attribute_all_steps(own, x, requests), index, 1, len(starts) + 1, latest)))
    return Randomised(methods, tuple(places), tuple(done))


randomisation = plainly(randomisation_steps)


def random_from(model: LoadedModel, stages: int) -> list[tuple[Layer, tuple[str, ...]]]:
    """Where the stages begin: layers with filters from the last to the first, evenly chosen, each with the names of the
    modules that are random then. The last stage has all that hold weights."""
    modules = dict(model.network.named_modules())
    holding = [name for name, module in modules.items() if next(chain(*_own(module)), None) is not None]
    first: dict[str, Layer] = {}  # in the order in which they are computed
    for layer in model.nodes():
        path = layer.name
        while path and path not in holding:
            path = path.rpartition(".")[0]
        if path:
            first.setdefault(path, layer)
    order = [*first, *(name for name in holding if name not in first)]
    filters = [place for place, name in enumerate(first) if isinstance(modules[name], nn.Conv2d | nn.Linear)]
    if not filters:
        raise InputError(f"{model.spec.title} has no layers with filters that could be made random.")
    chosen = np.unique(np.linspace(0, len(filters) - 1, min(stages, len(filters))).round().astype(int))[::-1]
    found = [(first[order[filters[at]]], tuple(order[filters[at] :])) for at in chosen.tolist()]
    return [*found[:-1], (found[-1][0], tuple(order))]


def randomisation_table(found: Randomised) -> str:
    """Both rank correlations of each method and stage, as CSV; empty where there is none."""
    signed, absolute = (found.correlations(absolute=choice) for choice in (False, True))
    rows = (
        (method, stage, place or "none", *("" if np.isnan(part[row, stage]) else f"{part[row, stage]:.6f}"
                                           for part in (signed, absolute)))
        for row, method in enumerate(found.methods)
        for stage, place in enumerate(found.layers)
    )  # fmt: skip
    return csv_table(("method", "stage", "random_from", "rank_correlation", "of_sizes"), rows)


@torch.no_grad()
def _copy(source: nn.Module, target: nn.Module, names: Sequence[str]) -> None:
    for name in names:
        for theirs, ours in zip(*(_values(network.get_submodule(name)) for network in (source, target)), strict=True):
            ours.copy_(theirs)


def _own(module: nn.Module) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    return list(module.parameters(recurse=False)), list(module.buffers(recurse=False))


def _values(module: nn.Module) -> list[torch.Tensor]:
    return [value for values in _own(module) for value in values]
