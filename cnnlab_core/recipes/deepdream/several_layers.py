"""The Python behind several layers' dreams from the same noise."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnnlab_core.recipes.deepdream.pieces import arguments


def code(
    model: str, weights: str, nodes: Sequence[str], norm: str, size: int, settings: Mapping[str, Any], seed: int
) -> str:
    """The dreams of the layers ``nodes``, with their objectives, and one figure of them all."""
    return f"""\
from cnnlab_core.dream.several_layers import dream_layers, grey_noise
from cnnlab_core.images import to_picture
from cnnlab_core.models import load_model
from cnnlab_core.plots.paper import picture_row, rendered

model = load_model("{model}", weights="{weights}")
found = dream_layers(
    model,
    {list(nodes)!r},
    norm="{norm}",
    size={size},
    seed={seed},
{arguments(settings)}
)
for one in found:
    print(one.node, one.before, one.after)
pictures = [("noise", to_picture(grey_noise({size}, {seed})))]
pictures += [(f"{{one.node}}\\n{{one.before:.4g}} to {{one.after:.4g}}", to_picture(one.image)) for one in found]
with open("layers.svg", "wb") as file:
    file.write(rendered(picture_row(pictures, "Layers' dreams from the same noise"), "svg", tight=True))
"""
