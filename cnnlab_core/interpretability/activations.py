"""Activations of chosen graph nodes, without hooks: the graph is cut behind the last one that is asked for."""

from collections.abc import Iterable

import torch

from cnnlab_core.checks import by_annotation
from cnnlab_core.images import check_pixels
from cnnlab_core.models.cuts import cut_behind
from cnnlab_core.models.loaded import LoadedModel


@by_annotation
def capture(model: LoadedModel, x: torch.Tensor, nodes: Iterable[str]) -> dict[str, torch.Tensor]:
    """The activations of the named graph nodes (or modules) for pixels ``x`` (N, 3, H, W), in the order of ``nodes``.

    Only what they need is computed. Gradients flow if they are on where this is called. The shared network is never
    touched: no hooks, no modes.

    Raises:
        InputError: for unknown names (with the nearest ones), and for inputs that aren't pixels.
    """
    check_pixels(x)
    names = tuple(dict.fromkeys(nodes))
    part = cut_behind(model, names)
    with model.refusing_small(x):
        values = part(model.normalise(x))
    return dict(zip(names, values, strict=True))
