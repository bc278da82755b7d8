"""The same channels of two (weights, sample) pairs, and how alike they are."""

from cnnlab_core.recipes.opening import IMPORTS, picture


def code(first: tuple[str, str | None], second: tuple[str, str | None], model: str, node: str) -> str:
    sides = "\n".join(f'    ("{weights}", {picture(sample)}),' for weights, sample in (first, second))
    return f"""\
import torch
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.interpretability.map_statistics import correlations, differences
{IMPORTS}

def maps_of(weights, picture):
    model = load_model("{model}", weights=weights)
    with torch.no_grad():
        return capture(model, model.prepare(picture), ["{node}"])["{node}"][0].cpu().numpy()

left, right = (maps_of(weights, picture) for weights, picture in (
{sides}
))
correlation, difference = correlations(left, right), differences(left, right)  # one number per channel
"""
