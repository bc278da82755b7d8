"""The Python of the tab Through time."""

from collections.abc import Mapping


def code(arguments: Mapping[str, float]) -> str:
    """Python that leaves ``norms``, by cell, and ``by_torch``, the same by autograd."""
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return f"""\
import numpy as np
from cnnlab_core.from_scratch import CELLS, clip_by_norm, torch_arrays
from cnnlab_core.from_scratch.through_time import gradient_norms

found = {{kind: gradient_norms(kind, {given}) for kind in CELLS}}
norms = {{kind: each.norms for kind, each in found.items()}}
by_torch = {{kind: np.linalg.norm(torch_arrays(each.read)["dh"], axis=1) for kind, each in found.items()}}
for kind, each in found.items():
    print(kind, each.norms[0], each.total, clip_by_norm(each.read.back.parameters, 5.0).norm)
"""
