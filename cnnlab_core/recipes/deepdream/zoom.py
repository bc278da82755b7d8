"""The Python behind the tab Zoom."""

from collections.abc import Mapping
from typing import Any

from cnnlab_core.recipes.deepdream.pieces import arguments, names, opening


def code(
    model: str,
    weights: str,
    sample: str | None,
    side: int,
    objective: str,
    frames: int,
    factor: float,
    settings: Mapping[str, Any],
    seed: int,
) -> str:
    """A zoom into a dream; its arguments are those of the dream's recipe, with ``frames`` enlarged ``factor`` times."""
    return f"""\
import torch
from cnnlab_core.dream import {names(objective, "zoom")}
from cnnlab_core.images import open_image, sample_images, to_tensor
from cnnlab_core.models import load_model

{opening(model, weights, sample, side)}
frames = zoom(  # uint8 (frames, 3, H, W)
    model,
    x,
    {objective},
    frames={frames},
    factor={factor},
{arguments(settings)}
    generator=torch.Generator().manual_seed({seed}),
)
"""
