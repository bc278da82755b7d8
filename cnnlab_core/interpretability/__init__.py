"""What a network computes on the way: activations, first-layer filters, top patches, attribution."""

from cnnlab_core.interpretability.activations import capture

__all__ = ["capture"]
