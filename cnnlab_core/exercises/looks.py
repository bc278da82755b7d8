"""From an exercise to the tab in which its very numbers can be seen and moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np

from cnnlab_core.attacks.exact.neuron import Neuron
from cnnlab_core.checks import Array
from cnnlab_core.models.stack import Row, write_stack

FARTHEST, LARGEST_EPSILON = 10, 3
"""The largest coordinate, weight or bias, and the largest epsilon, that the plane's controls take."""


@dataclass(frozen=True)
class Look:
    """A link to a view: what it is called, its page, and what its address says."""

    label: str
    page: str
    query: Mapping[str, str]

    @property
    def address(self) -> str:
        """To be followed from any page of the lab."""
        return f"{self.page}?{urlencode(self.query)}"


def through_the_stack(rows: Sequence[Row], side: int) -> Look:
    """The layers on a picture of ``side`` pixels, looked through from the last one."""
    query = {"maps_stack": write_stack(rows), "maps_input": str(side), "maps_through": str(len(rows))}
    return Look("Look through this stack", "receptive_fields", {"maps_tab": "Design your own", **query})


def in_the_plane(
    neuron: Neuron,
    x: Array,
    y: int,
    *,
    norm: str = "linf",
    eps: float | None = None,
    step_size: float | None = None,
    box: tuple[float, float] | None = None,
) -> Look | None:
    """A neuron of two inputs, its point and its attack; None where that doesn't fit into the plane."""
    if len(x) != 2 or np.abs([*neuron.w, *x, neuron.b]).max() > FARTHEST or (eps or 0) > LARGEST_EPSILON:
        return None
    numbers = {"w1": neuron.w[0], "w2": neuron.w[1], "x1": x[0], "x2": x[1], "b": neuron.b, "label": y}
    if eps is not None:
        numbers["eps"] = eps
    if step_size is not None:
        numbers |= {"sizes": step_size, "step": step_size, "steps": 3}
    if box is not None:
        numbers |= {"low": box[0], "high": box[1]}
    query = {name: f"{value:g}" for name, value in numbers.items()}
    query |= {"norm": norm, "random": "false"} | ({"boxed": "true"} if box else {})
    named = {f"adversarial_plane_{name}": value for name, value in query.items()}
    return Look(
        "See it in the plane",
        "adversarial",
        {"adversarial_tab": "On paper", "adversarial_tab_paper": "One neuron", **named},
    )
