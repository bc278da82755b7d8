"""Two pictures through one network: where does their difference grow?"""

import torch

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models.layers import Layer
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.network.values import values_of


@by_annotation
def differences(model: LoadedModel, before: torch.Tensor, after: torch.Tensor) -> list[tuple[Layer, float]]:
    """For every layer, in forward order, ‖after − before‖ / ‖before‖ of its values, in the L2 norm.

    Args:
        before: the pixels of a picture (1, 3, H, W).
        after: those of another one, of the same shape: an adversarial one, say.

    Returns:
        A layer and its ratio for each; inf where the values of the first picture are all 0 and those of the other
        aren't, 0 where both are.

    Raises:
        InputError: for what isn't one picture each, and for two of different shapes.
    """
    if before.shape != after.shape:
        raise InputError(f"The pictures must have one shape, but they have {before.shape} and {after.shape}.")
    layers = model.nodes()
    names = [layer.name for layer in layers]
    found = []
    for layer, x, y in zip(layers, values_of(model, before, names), values_of(model, after, names), strict=True):
        size, change = (float(torch.linalg.vector_norm(values.double())) for values in (x, y.double() - x.double()))
        found.append((layer, change / size if size else (float("inf") if change else 0.0)))
    return found
