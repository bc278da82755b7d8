"""The Python behind the tab Dream."""

from collections.abc import Mapping
from typing import Any

from cnnlab_core.recipes.deepdream.pieces import arguments, names, opening


def code(
    model: str, weights: str, sample: str | None, side: int, objective: str, settings: Mapping[str, Any], seed: int
) -> str:
    """A dream from a picture whose longer side is ``side``; ``objective`` is an expression, such as ``layer("x")``."""
    return f"""\
import torch
from cnnlab_core.dream import {names(objective, "dream_steps")}
from cnnlab_core.images import open_image, sample_images, to_picture, to_tensor
from cnnlab_core.models import load_model

{opening(model, weights, sample, side)}
generator = torch.Generator().manual_seed({seed})
for step in dream_steps(
    model,
    x,
    {objective},
{arguments(settings)}
    generator=generator,
):
    print(step.octave, step.step, step.objective)
dreamt = to_picture(step.image)
"""
