"""Every attribution by its name: what is asked for, one number per pixel, what it costs, and where its heat is."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.nn import functional as F

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.images import check_pixels
from cnnlab_core.interpretability.attribution import (
    check_explained,
    grad_cam,
    grad_cam_plus_plus,
    integrated_gradients_steps,
    occlusion_corners,
    occlusion_steps,
    saliency,
    share_of,
)
from cnnlab_core.interpretability.sampled import rise_steps, smooth_grad_steps
from cnnlab_core.models.layers import layer_table
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.runtime.jobs import Progress, part, plainly
from cnnlab_core.runtime.short_repr import grey_picture, short_repr

Array = npt.NDArray[np.float64]
Method = Literal[
    "Saliency", "SmoothGrad", "Integrated gradients", "Grad-CAM", "Grad-CAM++", "Occlusion", "RISE"
]  # fmt: skip
METHODS: tuple[Method, ...] = get_args(Method)

AT_ONCE = 50
"""Pictures of at most ``SMALL`` pixels a side that a network is asked about together; larger ones one by one."""
SMALL = 64
_CLOSE, _QUICK = 128, 16
"""Steps of integrated gradients for small pictures, whose sum is then within 2 % of the difference (the trial's
networks), and for others."""
BACKWARD = 2.0
"""What a gradient costs more than an answer, in answers."""


@dataclass(frozen=True)
class Request:
    """Attribute the logit of class ``target`` by a ``method``; the rest are settings of the methods that read them.

    Grad-CAM and Grad-CAM++ read ``node``; integrated gradients ``steps``, ``baseline`` and ``batch``; occlusion
    ``window``, ``stride``, ``baseline`` and ``batch``; SmoothGrad ``draws``, ``noise`` and ``seed``; RISE ``masks``,
    ``cells``, ``batch`` and ``seed``.
    """

    method: Method
    target: int
    node: str = ""
    steps: int = 50
    baseline: float = 0.0
    window: int = 32
    stride: int = 16
    draws: int = 25
    noise: float = 0.15
    masks: int = 500
    cells: int = 7
    batch: int = 1
    seed: int = 0


@short_repr
@dataclass(frozen=True)
class Attribution:
    """``values`` (h, w) float32: positive speaks for the class and, if ``signed``, negative against it.

    Those of the two Grad-CAMs are as large as their node's map, the others' as the picture. RISE's are what the mean of
    its masks has above that mean over the picture. ``difference`` and ``gap`` are those of integrated gradients:
    f(x) - f(baseline), and how far the sum of the attributions is from it.
    """

    values: np.ndarray
    signed: bool
    difference: float = 0.0
    gap: float = 0.0

    @property
    def gap_share(self) -> float:
        """The gap as a share of the difference."""
        return share_of(self.gap, self.difference)

    def _pictures(self) -> list[Image.Image]:
        return [grey_picture(self.values, signed=self.signed)]


@by_annotation
def attribute_steps(
    model: LoadedModel, x: torch.Tensor, request: Request
) -> Generator[Progress[None], None, Attribution]:
    """One number per pixel of ``x`` (1, 3, H, W), whichever method gives it; raises what the methods raise."""
    target, node = request.target, request.node
    check_explained(model, x, target, most=1)
    match request.method:
        case "Saliency":  # the largest over the colours, as in the paper
            return Attribution(_array(saliency(model, x, target).amax(1)), signed=False)
        case "SmoothGrad":
            noisy = smooth_grad_steps(
                model, x, target, draws=request.draws, noise=request.noise, generator=request.seed
            )
            mean = yield from noisy
            return Attribution(_array(mean.abs().amax(1)), signed=False)
        case "Integrated gradients":
            sizes = {"steps": request.steps, "batch": request.batch}
            found = yield from integrated_gradients_steps(model, x, target, **sizes, baseline=request.baseline)
            return Attribution(_array(found.attribution.sum(1)), True, found.difference.item(), found.gap.item())
        case "Grad-CAM":
            return Attribution(_array(grad_cam(model, x, target, node)), signed=True)
        case "Grad-CAM++":
            return Attribution(_array(grad_cam_plus_plus(model, x, target, node)), signed=True)
        case "Occlusion":
            window = {"window": request.window, "stride": request.stride, "batch": request.batch}
            falls = yield from occlusion_steps(model, x, target, **window, baseline=request.baseline)
            return Attribution(_array(falls), signed=True)
        case "RISE":
            masked = {"masks": request.masks, "cells": request.cells, "batch": request.batch}
            mean = yield from rise_steps(model, x, target, **masked, generator=request.seed)
            return Attribution(_array(mean - mean.mean()), signed=True)


attribute = plainly(attribute_steps)


@by_annotation
def usual(spec: ModelSpec, method: Method, target: int) -> Request:
    """A request that fits the network: its last layer with maps, and squares that grow with its pictures.

    Raises ``InputError`` for a network without maps.
    """
    side, maps = spec.preprocessing.crop, [layer.name for layer in layer_table(spec.name) if layer.has_maps]
    if not maps:
        raise InputError(f"{spec.title} has no layer with maps to explain it by. Choose another network.")
    steps, batch = (_CLOSE, AT_ONCE) if side <= SMALL else (_QUICK, 1)
    return Request(
        method, target, node=maps[-1], steps=steps, baseline=0.5 if method == "Occlusion" else 0.0, draws=16, masks=200,
        window=max(2, side * 3 // 14), stride=max(1, side // 7), batch=batch,
    )  # fmt: skip


def passes(request: Request, side: int) -> float:
    """What a request costs for pictures ``side`` × ``side``, in answers of the network."""
    gradient = 1 + BACKWARD
    match request.method:
        case "Integrated gradients":
            return gradient * request.steps + 2
        case "SmoothGrad":
            return gradient * request.draws
        case "Occlusion":
            return len(occlusion_corners(side, side, request.window, request.stride)) + 1
        case "RISE":
            return request.masks
        case _:
            return gradient


Explained = dict[Method, Attribution]


@by_annotation
def attribute_all_steps(
    model: LoadedModel, x: torch.Tensor, requests: Sequence[Request]
) -> Generator[Progress[Explained], None, Explained]:
    """The attributions by method, one after the other; each step holds those that are done."""
    check_pixels(x)
    found: Explained = {}
    costs = [passes(request, x.shape[-1]) for request in requests]
    for index, (request, cost) in enumerate(zip(requests, costs, strict=True)):
        found[request.method] = yield from part(
            attribute_steps(model, x, request), sum(costs[:index]), cost, sum(costs), dict(found)
        )
    return found


attribute_all = plainly(attribute_all_steps)


# --- as a picture -------------------------------------------------------------------------------------------------


def enlarged(values: npt.ArrayLike, size: tuple[int, int]) -> Array:
    """A map (h, w) at the ``size`` (height, width) of its picture, smoothly."""
    numbers = torch.as_tensor(np.asarray(values, dtype=np.float64))[None, None]
    return F.interpolate(numbers, size, mode="bilinear", align_corners=False)[0, 0].numpy()


def heat(found: Attribution, size: tuple[int, int]) -> Array:
    """What speaks for the class, (H, W) at the picture's ``size``: what isn't positive is 0, as in all papers."""
    return enlarged(np.maximum(found.values, 0), size)


def _array(values: torch.Tensor) -> np.ndarray:
    return values.reshape(values.shape[-2:]).float().cpu().numpy()
