"""A network of glass without the browser: its answer to a sample, maps changed."""

from collections.abc import Mapping


def code(model: str, weights: str, sample: int, changes: Mapping[tuple[str, int], float]) -> str:
    return f"""\
import torch
from cnnlab_core.models import load_model
from cnnlab_core.network.glass import glass_sample
from cnnlab_core.network.intervene import logits_with

model = load_model("{model}", weights="{weights}")
x = glass_sample("{model}", {sample})  # (1, 3, H, W), pixels in [0, 1]
shares = logits_with(model, x, {dict(changes)!r})[0].softmax(0)
for share, index in zip(*torch.sort(shares, descending=True)):
    print(f"{{model.categories[index]:12}} {{share:.1%}}")
"""
