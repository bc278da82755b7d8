"""What a network computes on the way: activations, first-layer filters, top patches, attribution."""

from cnnlab_core.interpretability.activations import capture
from cnnlab_core.interpretability.attribution import (
    Attribution,
    Request,
    attribute,
    grad_cam,
    grad_cam_plus_plus,
    integrated_gradients,
    occlusion,
    saliency,
)
from cnnlab_core.interpretability.sampled import rise, rise_mask, smooth_grad

__all__ = [
    "Attribution",
    "Request",
    "attribute",
    "capture",
    "grad_cam",
    "grad_cam_plus_plus",
    "integrated_gradients",
    "occlusion",
    "rise",
    "rise_mask",
    "saliency",
    "smooth_grad",
]
