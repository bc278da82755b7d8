"""Which pixels can a neuron see? In theory, from the graph; and in effect, from the gradient."""

from cnnlab_core.receptive_field.counting import COUNTINGS, Counting
from cnnlab_core.receptive_field.fields import Box, Growth, ReceptiveField, receptive_fields
from cnnlab_core.receptive_field.windows import Window

__all__ = ["COUNTINGS", "Box", "Counting", "Growth", "ReceptiveField", "Window", "receptive_fields"]
