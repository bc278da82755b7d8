"""What several of the page's recipes share."""

import re
from collections.abc import Mapping
from typing import Any

from cnnlab_core.recipes.opening import picture


def names(objective: str, function: str) -> str:
    """What to import for an ``objective``, such as ``layer("x")``, and the ``function`` that climbs it."""
    return ", ".join(sorted({*re.findall(r"(\w+)\(", objective), function}))


def arguments(settings: Mapping[str, Any]) -> str:
    """The settings as arguments, one on each line."""
    return "\n".join(f"    {name}={value!r}," for name, value in settings.items())


def opening(model: str, weights: str, sample: str | None, side: int) -> str:
    """The model, and a picture ``x`` whose longer side is at most ``side``."""
    return f"""\
model = load_model("{model}", weights="{weights}")
photo = {picture(sample)}
photo.thumbnail(({side}, {side}))
x = to_tensor(photo).to(model.device)  # (1, 3, H, W), pixels in [0, 1]
"""


def visualise(
    model: str, weights: str, objective: str, settings: Mapping[str, Any], seed: int, *, imports: str, start: str = ""
) -> str:
    """A feature visualisation, from noise or from a ``start``."""
    given = f"    start={start},\n" if start else ""
    return f"""\
import torch
from cnnlab_core.dream import {names(objective, "visualise")}
{imports}

model = load_model("{model}", weights="{weights}")
found = visualise(
    model,
    {objective},
{given}{arguments(settings)}
    generator=torch.Generator().manual_seed({seed}),
)
print(found.before, found.after, found.image.shape)  # pixels in [0, 1]
"""
