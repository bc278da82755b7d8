"""Small things written out by hand in numpy, each beside the same thing by torch."""

from cnnlab_core.from_scratch.cells import CELLS, parameter_count, seeded_parameters, unroll
from cnnlab_core.from_scratch.recurrent import Clipped, Unrolled, clip_by_norm
from cnnlab_core.from_scratch.recurrent_explain import Explanation, Factor, Term, explain_recurrent
from cnnlab_core.from_scratch.recurrent_torch import from_torch, recurrent_difference, to_torch, torch_arrays

__all__ = [
    "CELLS",
    "Clipped",
    "Explanation",
    "Factor",
    "Term",
    "Unrolled",
    "clip_by_norm",
    "explain_recurrent",
    "from_torch",
    "parameter_count",
    "recurrent_difference",
    "seeded_parameters",
    "to_torch",
    "torch_arrays",
    "unroll",
]
