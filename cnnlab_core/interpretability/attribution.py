"""Which pixels speak for a class? Saliency, integrated gradients, Grad-CAM and occlusion.

The numbers are captum's (the tests compare them to 1e-6). The long ones are generators of steps here, so that they
can show progress, be stopped and share the device; and Grad-CAM reads the graph, since captum would hang hooks on
the shared network.
"""

from collections.abc import Generator
from dataclasses import dataclass

import torch
from captum.attr import Saliency
from captum.attr._utils.approximation_methods import approximation_parameters

from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models.loaded import LoadedModel


@dataclass(frozen=True)
class AttributionStep:
    """Progress: ``done`` of ``total`` evaluations."""

    done: int
    total: int


@dataclass(frozen=True)
class IntegratedGradients:
    """``attribution`` (1, 3, H, W) sums to f(x) - f(baseline) but for ``gap``, which shrinks with more steps."""

    attribution: torch.Tensor
    difference: float
    gap: float


def saliency(model: LoadedModel, x: torch.Tensor, target: int) -> torch.Tensor:
    """|d logit / d pixel| (Simonyan et al. 2013, arXiv:1312.6034): (1, 3, H, W), not negative."""
    _check(model, x, target)
    with torch.enable_grad():
        return Saliency(model).attribute(x.detach().clone().requires_grad_(), target=target).detach()


def integrated_gradients(
    model: LoadedModel, x: torch.Tensor, target: int, *, steps: int = 50, baseline: float = 0.0
) -> Generator[AttributionStep, None, IntegratedGradients]:
    """Integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365, eq. 1) of a logit from an even ``baseline``.

    The integral is a Gauss-Legendre sum of ``steps`` gradients, as captum's default.
    """
    _check(model, x, target)
    if not 1 <= steps <= 1000:
        raise InputError(f"Integrated gradients take 1 to 1000 steps, not {steps}.")
    start = torch.full_like(x, baseline)
    sizes, positions = approximation_parameters("gausslegendre")
    total = torch.zeros_like(x)
    for done, (size, position) in enumerate(zip(sizes(steps), positions(steps), strict=True), 1):
        point = start + position * (x.detach() - start)
        total += size * _gradient(model, point.clamp(0, 1), target)
        yield AttributionStep(done, steps)
    attribution = total * (x.detach() - start)
    with torch.no_grad():
        difference = (model(x)[0, target] - model(start)[0, target]).item()
    return IntegratedGradients(attribution, difference, attribution.sum().item() - difference)


def grad_cam(model: LoadedModel, x: torch.Tensor, target: int, node: str) -> torch.Tensor:
    """Grad-CAM (Selvaraju et al. 2016, arXiv:1610.02391, eqs. 1 and 2, before the ReLU) at a graph node.

    The node's maps, each weighted by the mean gradient of the logit over it: (1, 1, h, w), signed.
    """
    _check(model, x, target)
    logits = model.nodes()[-1].name
    with torch.enable_grad():
        values = capture(model, x.detach().clone().requires_grad_(), [node, logits])
        maps = values[node]
        if maps.ndim != 4:
            raise InputError(
                f"Grad-CAM needs maps, but {node} has the shape {tuple(maps.shape[1:])}. Choose an earlier one."
            )
        (gradient,) = torch.autograd.grad(values[logits][0, target], maps)
    return (gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).detach()


def occlusion(
    model: LoadedModel, x: torch.Tensor, target: int, *, window: int = 32, stride: int = 16, baseline: float = 0.5
) -> Generator[AttributionStep, None, torch.Tensor]:
    """How far the logit falls when a square is covered (Zeiler & Fergus 2013, arXiv:1311.2901): (1, 1, H, W).

    A pixel's value is the mean over the squares that cover it. ``baseline`` is the grey of the square.
    """
    _check(model, x, target)
    height, width = x.shape[2:]
    corners = occlusion_corners(height, width, window, stride)
    falls, covers = torch.zeros(1, 1, height, width, device=x.device), torch.zeros(1, 1, height, width, device=x.device)
    with torch.no_grad():
        whole = model(x)[0, target]
    for done, (top, left) in enumerate(corners, 1):
        square = (..., slice(top, top + window), slice(left, left + window))
        covered = x.detach().clone()
        covered[square] = baseline
        with torch.no_grad():
            falls[square] += whole - model(covered)[0, target]
        covers[square] += 1
        yield AttributionStep(done, len(corners))
    return falls / covers


def occlusion_corners(height: int, width: int, window: int, stride: int) -> list[tuple[int, int]]:
    """The top left corners of the squares that occlusion covers, one evaluation each."""
    if not (1 <= window <= min(height, width) and 1 <= stride <= window):
        raise InputError(
            f"The square must be 1 to {min(height, width)} pixels wide and move by 1 to its own width, so that every "
            f"pixel is covered, but it is {window} wide and moves by {stride}."
        )
    return [(top, left) for top in _positions(height, window, stride) for left in _positions(width, window, stride)]


def _positions(length: int, window: int, stride: int) -> list[int]:
    """Where a sliding square begins; the last one may hang over the edge, where it is cut off."""
    steps = -(-(length - window) // stride)
    return [step * stride for step in range(steps + 1)]


def _gradient(model: LoadedModel, x: torch.Tensor, target: int) -> torch.Tensor:
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        return torch.autograd.grad(model(point)[0, target], point)[0]


def _check(model: LoadedModel, x: torch.Tensor, target: int) -> None:
    if x.ndim != 4 or x.shape[0] != 1:
        raise InputError(f"Attribution explains one picture of shape (1, 3, H, W), but this has {tuple(x.shape)}.")
    if not 0 <= target < len(model.categories):
        raise InputError(f"Classes run from 0 to {len(model.categories) - 1}, but class {target} was asked for.")
