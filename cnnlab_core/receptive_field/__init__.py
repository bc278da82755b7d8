"""Which pixels can a neuron see? In theory, from the graph; and in effect, from the gradient."""

from cnnlab_core.receptive_field.fields import Box, ReceptiveField, receptive_fields

__all__ = ["Box", "ReceptiveField", "receptive_fields"]
