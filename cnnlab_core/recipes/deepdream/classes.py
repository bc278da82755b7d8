"""The Python behind the tab Classes."""

from collections.abc import Mapping
from typing import Any

from cnnlab_core.recipes.deepdream.pieces import visualise
from cnnlab_core.recipes.opening import IMPORTS, picture


def code(
    model: str, weights: str, sample: str | None, target: int, settings: Mapping[str, Any], seed: int, *, photo: bool
) -> str:
    """A class visualised from the photo, or from noise."""
    imports = IMPORTS if photo else "from cnnlab_core.models import load_model"
    start = f"model.prepare({picture(sample)})" if photo else ""
    objective = f"class_log_probability({target})"
    return visualise(model, weights, objective, settings, seed, imports=imports, start=start)
