"""Some channels of an early, a middle and a late layer."""

from cnnlab_core.recipes.opening import IMPORTS, picture


def code(model: str, weights: str, sample: str | None, chosen: dict[str, list[int]]) -> str:
    return f"""\
import torch
from cnnlab_core.interpretability.activations import capture
{IMPORTS}

chosen = {chosen!r}  # the channels of each layer
model = load_model("{model}", weights="{weights}")
with torch.no_grad():
    found = capture(model, model.prepare({picture(sample)}), chosen)
maps = {{node: found[node][0, channels].cpu().numpy() for node, channels in chosen.items()}}
"""
