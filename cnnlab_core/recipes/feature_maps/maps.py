"""All maps of a layer, and the numbers of one channel."""

from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(model: str, weights: str, sample: str | None, node: str, channel: int) -> str:
    return f"""\
import torch
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.interpretability.map_statistics import order, statistics
{IMPORTS}

{prepared(model, weights, sample)}
with torch.no_grad():
    maps = capture(model, x, ["{node}"])["{node}"][0].cpu().numpy()

print(maps.shape)  # channels, rows, columns
channel, found = {channel}, statistics(maps)
print(f"channel {{channel}}: mean {{found.mean[channel]:.3g}}, {{found.sparsity[channel]:.0%}} at or below 0")
print("interpretable first:", order(maps, "interpretable first")[:10])
"""
