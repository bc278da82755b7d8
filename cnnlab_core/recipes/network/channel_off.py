"""The answer of the network with channels switched off or scaled."""

from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(model: str, weights: str, sample: str | None, changes: dict[tuple[str, int], float]) -> str:
    return f"""\
import torch
from cnnlab_core.network.intervene import logits_with
{IMPORTS}

{prepared(model, weights, sample)}
with torch.no_grad():
    before = model(x).softmax(1)[0]
after = logits_with(model, x, {changes!r}).softmax(1)[0]  # by layer and channel: what its map is multiplied by
for index in before.topk(5).indices.tolist():
    print(f"{{model.categories[index]}}: {{before[index]:.1%}} before, {{after[index]:.1%}} after")
"""
