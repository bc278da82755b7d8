"""Distances between pictures as people read them: grey levels of which a channel has 255, or pixel units."""

LEVELS = 255
"""The grey levels of a channel, from black to white."""

NORM_NAMES = {"linf": "L∞", "l2": "L2", "l1": "L1"}
"""Each norm by its name in Python and in the address, as people write it."""

SHOWN = {"linf": LEVELS, "l2": 1, "l1": 1}
"""How many of what people read make a distance of 1."""


def levels(value: float, digits: int = 4) -> str:
    """“8/255”: a change of one channel, given in pixel units of [0, 1]."""
    return f"{value * LEVELS:.{digits}g}/{LEVELS}"


def distance(value: float, norm: str, digits: int = 4) -> str:
    """A distance in a norm for people: grey levels of 255 in linf, pixel units in l2 and l1."""
    return levels(value, digits) if norm == "linf" else f"{value:.{digits}g}"


def distance_code(value: float, norm: str) -> str:
    """The same as Python: ``8 / 255`` in linf, a number in l2 and l1."""
    return f"{value * LEVELS:g} / {LEVELS}" if norm == "linf" else f"{value:g}"
