"""Networks of one's own: a file's weights, or a module from a notebook, as a model that the whole lab takes.

``stored``, ``pickled`` and ``onnx_file`` read files in the helper beside the lab; ``understood`` and ``architectures``
find out what network the weights are of, ``onnx_graph`` builds that of an ONNX file; ``network`` makes it the lab's.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnlab_core.models.own.network import Own, alternatives, own_from_file, own_from_file_steps, own_of
    from cnnlab_core.models.own.pixels import Pixels

_LAZY = {
    "Own": "network",
    "Pixels": "pixels",
    "alternatives": "network",
    "own_from_file": "network",
    "own_from_file_steps": "network",
    "own_of": "network",
}

__all__ = ["Own", "Pixels", "alternatives", "own_from_file", "own_from_file_steps", "own_of"]


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
