"""What a network computes on the way: activations, first-layer filters, top patches, attribution."""

from cnnlab_core.interpretability.activations import capture
from cnnlab_core.interpretability.attribution import (
    Attribution,
    Request,
    attribute,
    grad_cam,
    integrated_gradients,
    occlusion,
    saliency,
)

__all__ = [
    "Attribution",
    "Request",
    "attribute",
    "capture",
    "grad_cam",
    "integrated_gradients",
    "occlusion",
    "saliency",
]
