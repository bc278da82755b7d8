"""Norms and lengths on the screen."""

NORMS = {"linf": "L∞", "l2": "L2", "l1": "L1"}
"""Each norm by its name in the address and in Python, as people write it."""

LEVELS = 255
"""The grey levels of a channel, in which lengths of L∞ are counted."""

UNIT = {"linf": LEVELS, "l2": 1, "l1": 1}
"""How many of what is shown make 1 in pixel units."""
