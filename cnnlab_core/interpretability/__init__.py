"""What a network computes on the way: activations, first-layer filters, top patches, attribution, and its trial."""

from cnnlab_core.interpretability.activations import capture
from cnnlab_core.interpretability.agreement import agreement, rank_correlation
from cnnlab_core.interpretability.attribution import (
    grad_cam,
    grad_cam_plus_plus,
    integrated_gradients,
    occlusion,
    saliency,
)
from cnnlab_core.interpretability.deletion import Curves, baseline_picture, deletion
from cnnlab_core.interpretability.inversion import distance_at, inversion
from cnnlab_core.interpretability.methods import Attribution, Request, attribute, attribute_all, usual
from cnnlab_core.interpretability.randomisation import Randomised, randomisation
from cnnlab_core.interpretability.sampled import rise, rise_mask, smooth_grad
from cnnlab_core.interpretability.shortcut import Trial, shortcut

__all__ = [
    "Attribution",
    "Curves",
    "Randomised",
    "Request",
    "Trial",
    "agreement",
    "attribute",
    "attribute_all",
    "baseline_picture",
    "capture",
    "deletion",
    "distance_at",
    "grad_cam",
    "grad_cam_plus_plus",
    "integrated_gradients",
    "inversion",
    "occlusion",
    "randomisation",
    "rank_correlation",
    "rise",
    "rise_mask",
    "saliency",
    "shortcut",
    "smooth_grad",
    "usual",
]
