"""Attacks on a single neuron, whose optimum is known in closed form."""
