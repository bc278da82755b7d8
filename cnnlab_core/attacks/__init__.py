"""Adversarial attacks: how little must change before the answer is wrong."""
