"""What a network computes on the way: activations, first-layer filters, top patches, attribution, and its trial."""

from cnnlab_core.interpretability.activations import capture
from cnnlab_core.interpretability.agreement import agreement, rank_correlation
from cnnlab_core.interpretability.attribution import (
    grad_cam,
    grad_cam_plus_plus,
    integrated_gradients,
    integrated_gradients_steps,
    occlusion,
    occlusion_steps,
    saliency,
)
from cnnlab_core.interpretability.deletion import Curves, baseline_picture, deletion, deletion_steps
from cnnlab_core.interpretability.inversion import distance_at, inversion, inversion_steps
from cnnlab_core.interpretability.methods import (
    Attribution,
    Request,
    attribute,
    attribute_all,
    attribute_all_steps,
    attribute_steps,
    usual,
)
from cnnlab_core.interpretability.randomisation import Randomised, randomisation, randomisation_steps
from cnnlab_core.interpretability.sampled import rise, rise_mask, rise_steps, smooth_grad, smooth_grad_steps
from cnnlab_core.interpretability.shortcut import Trial, shortcut, shortcut_steps

__all__ = [
    "Attribution",
    "Curves",
    "Randomised",
    "Request",
    "Trial",
    "agreement",
    "attribute",
    "attribute_all",
    "attribute_all_steps",
    "attribute_steps",
    "baseline_picture",
    "capture",
    "deletion",
    "deletion_steps",
    "distance_at",
    "grad_cam",
    "grad_cam_plus_plus",
    "integrated_gradients",
    "integrated_gradients_steps",
    "inversion",
    "inversion_steps",
    "occlusion",
    "occlusion_steps",
    "randomisation",
    "randomisation_steps",
    "rank_correlation",
    "rise",
    "rise_mask",
    "rise_steps",
    "saliency",
    "shortcut",
    "shortcut_steps",
    "smooth_grad",
    "smooth_grad_steps",
    "usual",
]
