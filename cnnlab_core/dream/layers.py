"""Layers to dream of: the ends of a network's blocks, and of its stages of equal resolution. Needs no weights."""

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models.layers import Layer, layer_table
from cnnlab_core.models.spec import ModelSpec

_JOINING = ("conv2d", "add", "cat", "maxpool2d", "max_pool2d")
_POINTWISE = ("relu", "relu6", "hardswish", "silu", "gelu", "batchnorm2d", "layernorm2d")


def maps_of(spec: ModelSpec) -> tuple[Layer, ...]:
    """The nodes with maps (channels, height, width) that are worth visualising, in forward order."""
    layers = layer_table(spec.name)
    first = next((index for index, layer in enumerate(layers) if layer.parameters), len(layers))
    return tuple(layer for layer in layers[first:] if layer.kind.lower() in _JOINING + _POINTWISE and layer.has_maps)


@by_annotation
def blocks(spec: ModelSpec) -> tuple[Layer, ...]:
    """The last node of each block, as the network's own names group them, in forward order.

    A normalisation or activation that stands alone belongs to the block before it. Raises ``InputError`` for a network
    without maps.
    """
    last: dict[str, Layer] = {}
    block = ""
    for layer in maps_of(spec):
        name = _block(layer.name)
        pointwise = layer.kind.lower() in _POINTWISE
        if not (pointwise and last and name not in last and last[block].shape == layer.shape):
            block = name
        last[block] = layer
    if not last:
        raise InputError(f"{spec.title} has no layer with maps to dream of: none of its values keep rows and columns.")
    return tuple(last.values())


@by_annotation
def stages(spec: ModelSpec) -> tuple[Layer, ...]:
    """The last block at each resolution."""
    return tuple({layer.shape[1:]: layer for layer in blocks(spec)}.values())


def _block(name: str) -> str:
    """“_blocks.3” of “_blocks.3._swish”, “inception4a” of “inception4a.branch1.conv”."""
    parts = name.split(".")
    nested = len(parts) > 1 and (parts[1].isdecimal() or parts[0] == "features")
    return ".".join(parts[:2]) if nested else parts[0]
