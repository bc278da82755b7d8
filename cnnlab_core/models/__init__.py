"""The lab's networks: a table of them, their weights, and one shared, read-only copy of each that is loaded.

The table and the search for weights need no torch (the home page uses them); the rest loads when first asked for.
"""

from typing import TYPE_CHECKING

from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.models.zoo import DEFAULT_MODEL, ZOO, all_specs, find_spec

if TYPE_CHECKING:
    from cnnlab_core.models.layers import Layer, layer_table
    from cnnlab_core.models.loaded import LoadedModel, Stage
    from cnnlab_core.models.registry import list_models, load_model

_LAZY = {
    "Layer": "layers",
    "layer_table": "layers",
    "LoadedModel": "loaded",
    "Stage": "loaded",
    "list_models": "registry",
    "load_model": "registry",
}

__all__ = [
    "DEFAULT_MODEL",
    "ZOO",
    "Layer",
    "LoadedModel",
    "ModelSpec",
    "Stage",
    "all_specs",
    "find_spec",
    "layer_table",
    "list_models",
    "load_model",
]


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return __all__
