"""Which pixels speak for a class? Saliency, Grad-CAM, integrated gradients and occlusion, of a picture or a batch.

Gradients are captum's. Integrated gradients and occlusion are generators of steps here, so that they show progress, can
be stopped and share the device; Grad-CAM reads the graph, since captum would hang hooks on the shared network. The
tests hold all four against captum's own, to 1e-6.
"""

import warnings
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from cnnlab_core.attacks.inputs import Classes, each_class
from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.errors import InputError, LabWarning
from cnnlab_core.images import check_pixels
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import Progress, plainly
from cnnlab_core.runtime.short_repr import grey_picture, short_repr

BASELINES = {"black": 0.0, "grey": 0.5, "white": 1.0}

WIDE_GAP = 0.05
"""The share of the difference from which on a gap is too wide."""

MOST_STEPS = 1000
"""Gradients that integrated gradients may take."""

MOST_AT_ONCE = 256
"""Pictures that a network is asked about at once."""


@by_annotation
def saliency(model: LoadedModel, x: torch.Tensor, target: Classes) -> torch.Tensor:
    """|d logit / d pixel| (Simonyan et al. 2013, arXiv:1312.6034): (N, 3, H, W), not negative."""
    return logit_gradient(model, x, check_explained(model, x, target)).abs()


@by_annotation
def grad_cam(model: LoadedModel, x: torch.Tensor, target: Classes, node: str) -> torch.Tensor:
    """Grad-CAM (Selvaraju et al. 2016, arXiv:1610.02391, eqs. 1 and 2, before the ReLU) at a graph node or module.

    The node's maps, each weighted by the mean gradient of the logit over it: (N, 1, h, w), signed.
    """
    maps, gradient = _maps(model, x, target, node)
    return (gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True)


@by_annotation
def grad_cam_plus_plus(model: LoadedModel, x: torch.Tensor, target: Classes, node: str) -> torch.Tensor:
    """Grad-CAM++ (Chattopadhay et al. 2017, arXiv:1710.11063, eqs. 5 and 19, before the ReLU): (N, 1, h, w), signed.

    With g the gradient of the logit, each place of a map A counts g^2 / (2 g^2 + g^3 sum of A) where g is positive, so
    that small regions weigh as much as large ones. As in the paper the score is the logit's exponential, whose factor
    is the same everywhere and left out.
    """
    maps, gradient = _maps(model, x, target, node)
    below = 2 * gradient.square() + gradient.pow(3) * maps.sum((2, 3), keepdim=True)
    share = torch.where(below != 0, gradient.square() / below, 0)
    return ((share * gradient.clamp(min=0)).sum((2, 3), keepdim=True) * maps).sum(1, keepdim=True)


@short_repr
@dataclass(frozen=True)
class IntegratedGradients:
    """Each ``attribution`` (N, 3, H, W) sums to its ``difference`` f(x) - f(baseline) but for its ``gap``, (N,) both.

    The gap is the error of the sum that stands for the integral. It goes to 0 with the steps where the gradient is
    smooth on the way; a deep network's jumps, and then more steps may well widen it before they close it.
    """

    attribution: torch.Tensor
    difference: torch.Tensor
    gap: torch.Tensor

    @property
    def gap_share(self) -> float:
        """The largest gap as a share of its difference; above ``WIDE_GAP`` the attributions aren't to be trusted."""
        return max(map(share_of, self.gap.tolist(), self.difference.tolist()))

    def _pictures(self) -> list[Image.Image]:
        return [grey_picture(one.sum(0).cpu().numpy(), signed=True) for one in self.attribution[:8]]


@by_annotation
def integrated_gradients_steps(
    model: LoadedModel, x: torch.Tensor, target: Classes, *, steps: int = 50, baseline: float = 0.0, batch: int = 1
) -> Generator[Progress[None], None, IntegratedGradients]:
    """Integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365, eq. 1) of a logit from an even ``baseline``.

    The integral is a Gauss-Legendre sum of ``steps`` gradients, as captum's default; the network is asked for ``batch``
    of them at once.
    """
    classes = check_explained(model, x, target)
    batch = whole("batch", batch, least=1, most=MOST_AT_ONCE)
    if not 1 <= steps <= MOST_STEPS:
        raise InputError(f"Integrated gradients take 1 to {MOST_STEPS} steps, not {steps}.")
    start = torch.full_like(x, baseline)
    way = x.detach() - start
    positions, weights = np.polynomial.legendre.leggauss(steps)  # for the integral from -1 to 1
    scaled = (torch.from_numpy(part / 2).to(x).split(batch) for part in (1 + positions, weights))
    total, done = torch.zeros_like(x), 0
    for along, weight in zip(*scaled, strict=True):
        points = (start + along.view(-1, 1, 1, 1, 1) * way).clamp(0, 1)
        gradients = logit_gradient(model, points.flatten(0, 1), classes.repeat(len(points)))
        total += torch.einsum("p,pn...->n...", weight, gradients.view_as(points))
        done += len(points)
        yield Progress(done, steps)
    attribution = total * way
    with torch.no_grad():
        difference = logits_at(model.published(x) - model.published(start), classes)
    found = IntegratedGradients(attribution, difference, attribution.flatten(1).sum(1) - difference)
    if found.gap_share > WIDE_GAP:
        warnings.warn(
            f"The attributions miss f(x) - f(baseline) by {found.gap_share:.0%}: the gradient jumps between the "
            f"{steps} steps. Try another number of steps, or another baseline.",
            LabWarning,
            stacklevel=2,
        )
    return found


integrated_gradients = plainly(integrated_gradients_steps)


@by_annotation
def occlusion_steps(
    model: LoadedModel,
    x: torch.Tensor,
    target: Classes,
    *,
    window: int = 32,
    stride: int = 16,
    baseline: float = 0.5,
    batch: int = 1,
) -> Generator[Progress[None], None, torch.Tensor]:
    """How far the logit falls when a square is covered (Zeiler & Fergus 2013, arXiv:1311.2901): (N, 1, H, W).

    A pixel's value is the mean over the squares that cover it. ``baseline`` is the grey of the square; the network is
    asked about ``batch`` squares at once.
    """
    classes = check_explained(model, x, target)
    batch = whole("batch", batch, least=1, most=MOST_AT_ONCE)
    height, width = x.shape[2:]
    corners = occlusion_corners(height, width, window, stride)
    falls, covers = torch.zeros_like(x[:, :1]), torch.zeros_like(x[:1, :1])
    with torch.no_grad():
        whole_logit = logits_at(model.published(x), classes)
    for start in range(0, len(corners), batch):
        squares = [
            (..., slice(top, top + window), slice(left, left + window)) for top, left in corners[start : start + batch]
        ]
        covered = x.detach().repeat(len(squares), 1, 1, 1, 1)
        for pictures, square in zip(covered, squares, strict=True):
            pictures[square] = baseline
        with torch.no_grad():
            logits = model.published(covered.flatten(0, 1)).unflatten(0, covered.shape[:2])
            found = whole_logit - logits_at(logits, classes)
        for fall, square in zip(found, squares, strict=True):
            falls[square] += fall.view(-1, 1, 1, 1)
            covers[square] += 1
        yield Progress(start + len(squares), len(corners))
    return falls / covers


occlusion = plainly(occlusion_steps)


@by_annotation
def occlusion_corners(height: int, width: int, window: int, stride: int) -> list[tuple[int, int]]:
    """The top left corners of the squares that occlusion covers, one evaluation each."""
    if not (1 <= window <= min(height, width) and 1 <= stride <= window):
        raise InputError(
            f"The square must be 1 to {min(height, width)} pixels wide and move by 1 to its own width, so that every "
            f"pixel is covered, but it is {window} wide and moves by {stride}."
        )
    return [(top, left) for top in _positions(height, window, stride) for left in _positions(width, window, stride)]


def _maps(model: LoadedModel, x: torch.Tensor, target: Classes, node: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A node's maps and the logit's gradient over them, both (N, channels, h, w)."""
    classes = check_explained(model, x, target)
    logits = model.nodes()[-1].name
    with torch.enable_grad():
        values = capture(model, x.detach().clone().requires_grad_(), [node, logits])
        maps = values[node]
        if maps.ndim != 4:
            raise InputError(
                f"Grad-CAM needs maps, but {node} has the shape {tuple(maps.shape[1:])}. Choose an earlier one."
            )
        answer = logits_at(values[logits], classes).sum()
        (gradient,) = torch.autograd.grad(answer, maps, allow_unused=True, materialize_grads=True)
    return maps.detach(), gradient


def _positions(length: int, window: int, stride: int) -> list[int]:
    """Where a sliding square begins; the last one may hang over the edge, where it is cut off."""
    steps = -(-(length - window) // stride)
    return [step * stride for step in range(steps + 1)]


def logits_at(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """The logits (..., N) of the pictures' ``classes`` (N,), of all (..., N, classes)."""
    return logits.gather(-1, classes.expand(logits.shape[:-1])[..., None])[..., 0]


def logit_gradient(model: LoadedModel, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """d logit / d pixel, (N, 3, H, W), for the classes ``target`` (N,)."""
    from captum.attr import Saliency  # takes a second or more to import

    with torch.enable_grad():
        point = x.detach().clone().requires_grad_()
        return Saliency(model.published).attribute(point, target=target, abs=False).detach()


def share_of(gap: float, difference: float) -> float:
    return abs(gap) / max(abs(difference), 1e-12)


def check_explained(model: LoadedModel, x: torch.Tensor, target: Classes, most: int = MOST_AT_ONCE) -> torch.Tensor:
    """The classes (N,) whose logits are explained for pictures (N, 3, H, W), one for each or one for all.

    Raises ``InputError`` for more than ``most`` pictures, and for what are no pixels or classes.
    """
    check_pixels(x)
    if not 1 <= len(x) <= most:
        few = "one picture of shape (1, 3, H, W)" if most == 1 else f"1 to {most} pictures (N, 3, H, W)"
        raise InputError(f"Attribution explains {few} at once, but this has {tuple(x.shape)}.")
    return each_class(target, x, len(model.categories), "target")
