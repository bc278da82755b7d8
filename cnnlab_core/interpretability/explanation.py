"""Questions about a decision and their answers, whichever method answers: one number per pixel."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from cnnlab_core.interpretability.attribution import (
    AttributionStep,
    grad_cam,
    integrated_gradients,
    occlusion,
    saliency,
)
from cnnlab_core.models.loaded import LoadedModel

Method = Literal["Saliency", "Grad-CAM", "Integrated gradients", "Occlusion"]
METHODS: tuple[Method, ...] = ("Saliency", "Grad-CAM", "Integrated gradients", "Occlusion")

BASELINES = {"black": 0.0, "grey": 0.5, "white": 1.0}


@dataclass(frozen=True)
class Question:
    """Which pixels speak for class ``target``? The rest are settings of the one method that reads them.

    Grad-CAM reads ``node``; integrated gradients read ``steps`` and ``baseline``; occlusion reads ``window``,
    ``stride`` and ``baseline``.
    """

    method: Method
    target: int
    node: str = ""
    steps: int = 50
    baseline: float = 0.0
    window: int = 32
    stride: int = 16


@dataclass(frozen=True)
class Explanation:
    """``values`` (h, w) float32: positive speaks for the class and, if ``signed``, negative against it.

    Grad-CAM's are as large as its node's map, the others' as the picture. ``difference`` and ``gap`` are those of
    integrated gradients: f(x) - f(baseline), and how far the sum of the attributions is from it.
    """

    values: np.ndarray
    signed: bool
    difference: float = 0.0
    gap: float = 0.0


def explain(model: LoadedModel, x: torch.Tensor, question: Question) -> Generator[AttributionStep, None, Explanation]:
    """Answer the question about pixels ``x`` (1, 3, H, W); raises what the methods raise."""
    target = question.target
    match question.method:
        case "Saliency":  # the largest over the colours, as in the paper
            return Explanation(_array(saliency(model, x, target).amax(1)), signed=False)
        case "Grad-CAM":
            return Explanation(_array(grad_cam(model, x, target, question.node)), signed=True)
        case "Integrated gradients":
            steps = integrated_gradients(model, x, target, steps=question.steps, baseline=question.baseline)
            found = yield from steps
            return Explanation(_array(found.attribution.sum(1)), True, found.difference, found.gap)
        case "Occlusion":
            settings = {"window": question.window, "stride": question.stride}
            falls = yield from occlusion(model, x, target, **settings, baseline=question.baseline)
            return Explanation(_array(falls), signed=True)


def _array(values: torch.Tensor) -> np.ndarray:
    return values.reshape(values.shape[-2:]).float().cpu().numpy()
