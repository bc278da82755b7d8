"""The Python behind the tab Neurons."""

from collections.abc import Mapping
from typing import Any

from cnnlab_core.recipes.deepdream.pieces import visualise


def code(model: str, weights: str, objective: str, settings: Mapping[str, Any], seed: int) -> str:
    """A feature visualisation from noise; ``objective`` is an expression, such as ``channel("x", 3)``."""
    imports = "from cnnlab_core.models import load_model"
    return visualise(model, weights, objective, settings, seed, imports=imports)
