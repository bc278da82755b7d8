"""Which pixels speak for a class? Saliency, Grad-CAM, integrated gradients and occlusion.

Gradients are captum's. Integrated gradients and occlusion are generators of steps here, so that they show progress, can
be stopped and share the device; Grad-CAM reads the graph, since captum would hang hooks on the shared network. The
tests hold all four against captum's own, to 1e-6.
"""

import warnings
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch

from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.errors import InputError, LabWarning
from cnnlab_core.images import check_pixels
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import Progress

BASELINES = {"black": 0.0, "grey": 0.5, "white": 1.0}

WIDE_GAP = 0.05
"""The share of the difference from which on a gap is too wide."""

MOST_STEPS = 1000
"""Gradients that integrated gradients may take."""

MOST_AT_ONCE = 256
"""Pictures that a network is asked about at once."""


@by_annotation
def saliency(model: LoadedModel, x: torch.Tensor, target: int) -> torch.Tensor:
    """|d logit / d pixel| (Simonyan et al. 2013, arXiv:1312.6034): (1, 3, H, W), not negative."""
    check_explained(model, x, target)
    return logit_gradient(model, x, target).abs()


@by_annotation
def grad_cam(model: LoadedModel, x: torch.Tensor, target: int, node: str) -> torch.Tensor:
    """Grad-CAM (Selvaraju et al. 2016, arXiv:1610.02391, eqs. 1 and 2, before the ReLU) at a graph node.

    The node's maps, each weighted by the mean gradient of the logit over it: (1, 1, h, w), signed.
    """
    maps, gradient = _maps(model, x, target, node)
    return (gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True)


@by_annotation
def grad_cam_plus_plus(model: LoadedModel, x: torch.Tensor, target: int, node: str) -> torch.Tensor:
    """Grad-CAM++ (Chattopadhay et al. 2017, arXiv:1710.11063, eqs. 5 and 19, before the ReLU): (1, 1, h, w), signed.

    With g the gradient of the logit, each place of a map A counts g^2 / (2 g^2 + g^3 sum of A) where g is positive, so
    that small regions weigh as much as large ones. As in the paper the score is the logit's exponential, whose factor
    is the same everywhere and left out.
    """
    maps, gradient = _maps(model, x, target, node)
    below = 2 * gradient.square() + gradient.pow(3) * maps.sum((2, 3), keepdim=True)
    share = torch.where(below != 0, gradient.square() / below, 0)
    return ((share * gradient.clamp(min=0)).sum((2, 3), keepdim=True) * maps).sum(1, keepdim=True)


@dataclass(frozen=True)
class IntegratedGradients:
    """``attribution`` (1, 3, H, W) sums to the ``difference`` f(x) - f(baseline) but for ``gap``.

    The gap is the error of the sum that stands for the integral. It goes to 0 with the steps where the gradient is
    smooth on the way; a deep network's jumps, and then more steps may well widen it before they close it.
    """

    attribution: torch.Tensor
    difference: float
    gap: float

    @property
    def gap_share(self) -> float:
        """The gap as a share of the difference; above ``WIDE_GAP`` the attributions aren't to be trusted."""
        return share_of(self.gap, self.difference)


@by_annotation
def integrated_gradients(
    model: LoadedModel, x: torch.Tensor, target: int, *, steps: int = 50, baseline: float = 0.0, batch: int = 1
) -> Generator[Progress[None], None, IntegratedGradients]:
    """Integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365, eq. 1) of a logit from an even ``baseline``.

    The integral is a Gauss-Legendre sum of ``steps`` gradients, as captum's default; the network is asked for ``batch``
    of them at once.
    """
    check_explained(model, x, target)
    batch = whole("batch", batch, least=1, most=MOST_AT_ONCE)
    if not 1 <= steps <= MOST_STEPS:
        raise InputError(f"Integrated gradients take 1 to {MOST_STEPS} steps, not {steps}.")
    start = torch.full_like(x, baseline)
    way = x.detach() - start
    positions, weights = np.polynomial.legendre.leggauss(steps)  # for the integral from -1 to 1
    scaled = (torch.from_numpy(part / 2).to(x).view(-1, 1, 1, 1).split(batch) for part in (1 + positions, weights))
    total, done = torch.zeros_like(x), 0
    for along, weight in zip(*scaled, strict=True):
        points = (start + along * way).clamp(0, 1)
        total += (weight * logit_gradient(model, points, target)).sum(0, keepdim=True)
        done += len(points)
        yield Progress(done, steps)
    attribution = total * way
    with torch.no_grad():
        difference = (model.published(x)[0, target] - model.published(start)[0, target]).item()
    found = IntegratedGradients(attribution, difference, attribution.sum().item() - difference)
    if found.gap_share > WIDE_GAP:
        warnings.warn(
            f"The attributions miss f(x) - f(baseline) by {found.gap_share:.0%}: the gradient jumps between the "
            f"{steps} steps. Try another number of steps, or another baseline.",
            LabWarning,
            stacklevel=2,
        )
    return found


@by_annotation
def occlusion(
    model: LoadedModel,
    x: torch.Tensor,
    target: int,
    *,
    window: int = 32,
    stride: int = 16,
    baseline: float = 0.5,
    batch: int = 1,
) -> Generator[Progress[None], None, torch.Tensor]:
    """How far the logit falls when a square is covered (Zeiler & Fergus 2013, arXiv:1311.2901): (1, 1, H, W).

    A pixel's value is the mean over the squares that cover it. ``baseline`` is the grey of the square; the network is
    asked about ``batch`` squares at once.
    """
    check_explained(model, x, target)
    batch = whole("batch", batch, least=1, most=MOST_AT_ONCE)
    height, width = x.shape[2:]
    corners = occlusion_corners(height, width, window, stride)
    falls, covers = torch.zeros(1, 1, height, width, device=x.device), torch.zeros(1, 1, height, width, device=x.device)
    with torch.no_grad():
        whole_logit = model.published(x)[0, target]
    for start in range(0, len(corners), batch):
        squares = [
            (..., slice(top, top + window), slice(left, left + window)) for top, left in corners[start : start + batch]
        ]
        covered = x.detach().repeat(len(squares), 1, 1, 1)
        for picture, square in zip(covered, squares, strict=True):
            picture[square] = baseline
        with torch.no_grad():
            found = whole_logit - model.published(covered)[:, target]
        for fall, square in zip(found, squares, strict=True):
            falls[square] += fall
            covers[square] += 1
        yield Progress(start + len(squares), len(corners))
    return falls / covers


@by_annotation
def occlusion_corners(height: int, width: int, window: int, stride: int) -> list[tuple[int, int]]:
    """The top left corners of the squares that occlusion covers, one evaluation each."""
    if not (1 <= window <= min(height, width) and 1 <= stride <= window):
        raise InputError(
            f"The square must be 1 to {min(height, width)} pixels wide and move by 1 to its own width, so that every "
            f"pixel is covered, but it is {window} wide and moves by {stride}."
        )
    return [(top, left) for top in _positions(height, window, stride) for left in _positions(width, window, stride)]


def _maps(model: LoadedModel, x: torch.Tensor, target: int, node: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A node's maps and the logit's gradient over them, both (1, channels, h, w)."""
    check_explained(model, x, target)
    logits = model.nodes()[-1].name
    with torch.enable_grad():
        values = capture(model, x.detach().clone().requires_grad_(), [node, logits])
        maps = values[node]
        if maps.ndim != 4:
            raise InputError(
                f"Grad-CAM needs maps, but {node} has the shape {tuple(maps.shape[1:])}. Choose an earlier one."
            )
        (gradient,) = torch.autograd.grad(values[logits][0, target], maps)
    return maps.detach(), gradient


def _positions(length: int, window: int, stride: int) -> list[int]:
    """Where a sliding square begins; the last one may hang over the edge, where it is cut off."""
    steps = -(-(length - window) // stride)
    return [step * stride for step in range(steps + 1)]


def logit_gradient(model: LoadedModel, x: torch.Tensor, target: int) -> torch.Tensor:
    """d logit / d pixel of each picture, (N, 3, H, W)."""
    from captum.attr import Saliency  # takes a second or more to import

    with torch.enable_grad():
        point = x.detach().clone().requires_grad_()
        return Saliency(model.published).attribute(point, target=target, abs=False).detach()


def share_of(gap: float, difference: float) -> float:
    return abs(gap) / max(abs(difference), 1e-12)


def check_explained(model: LoadedModel, x: torch.Tensor, target: int) -> None:
    check_pixels(x)
    if len(x) != 1:
        raise InputError(f"Attribution explains one picture of shape (1, 3, H, W), but this has {tuple(x.shape)}.")
    if not 0 <= target < len(model.categories):
        raise InputError(f"Classes run from 0 to {len(model.categories) - 1}, but class {target} was asked for.")
