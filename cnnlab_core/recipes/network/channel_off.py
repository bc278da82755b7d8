"""The answer of the network with channels switched off or scaled."""

from cnnlab_core.recipes.opening import IMPORTS, picture


def code(model: str, weights: str, sample: str | None, changes: dict[tuple[str, int], float]) -> str:
    return f"""\
import torch
from cnnlab_core.network.intervene import logits_with
{IMPORTS}

model = load_model("{model}", weights="{weights}")
x = model.prepare({picture(sample)})  # (1, 3, H, W), pixels in [0, 1]
with torch.no_grad():
    before = model(x).softmax(1)[0]
after = logits_with(model, x, {changes!r}).softmax(1)[0]  # by layer and channel: what its map is multiplied by
for index in before.topk(5).indices.tolist():
    print(f"{{model.categories[index]}}: {{before[index]:.1%}} before, {{after[index]:.1%}} after")
"""
