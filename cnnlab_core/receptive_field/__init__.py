"""Which pixels can a neuron see? In theory, from the graph; and in effect, from the gradient."""

from cnnlab_core.receptive_field.fields import Box, Growth, ReceptiveField, receptive_fields
from cnnlab_core.receptive_field.windows import Window

__all__ = ["Box", "Growth", "ReceptiveField", "Window", "receptive_fields"]
