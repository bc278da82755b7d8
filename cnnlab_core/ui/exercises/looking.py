"""From an exercise to the tab in which its very numbers can be seen and moved."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np

from cnnlab_core.exercises import Exercise
from cnnlab_core.receptive_field.stack import read_stack

FARTHEST, LARGEST_EPSILON = 10, 3
"""What the plane's controls take."""


@dataclass(frozen=True)
class Look:
    """A link: its page, what it is called, and what its address says."""

    page: str
    label: str
    query: dict[str, str]

    @property
    def address(self) -> str:
        """To be followed from any page of the lab."""
        return f"{self.page}?{urlencode(self.query)}"


def look(exercise: Exercise) -> Look | None:
    """Where the exercise's own numbers can be looked at; None if no tab shows them."""
    givens = exercise.givens
    if "side" in givens and "stack" in givens and "missing" not in givens:
        rows = len(read_stack(givens["stack"]))
        query = {"stack": givens["stack"], "input": str(givens["side"]), "through": str(rows)}
        return _look("feature_maps", "Look through this stack", "maps_tab", "Design your own", "maps", query)
    if "w" in givens and "y" in givens and _fits_the_plane(givens):
        return _look(
            "adversarial", "See it in the plane", "adversarial_tab", "One neuron", "adversarial_plane", _plane(givens)
        )
    return None


def _fits_the_plane(givens: dict[str, Any]) -> bool:
    coordinates = [*givens["w"], *givens["x"], givens["b"]]
    return len(givens["w"]) == 2 and np.abs(coordinates).max() <= FARTHEST and givens.get("eps", 0) <= LARGEST_EPSILON


def _plane(givens: dict[str, Any]) -> dict[str, str]:
    numbers = {f"{name}{place}": value for name in "wx" for place, value in enumerate(givens[name].tolist(), 1)}
    query = {**numbers, "b": givens["b"], "label": givens["y"], "norm": givens.get("norm", "linf"), "random": "false"}
    if "eps" in givens:
        query["eps"] = givens["eps"]
    if "step_size" in givens:
        query |= {"sizes": givens["step_size"], "step": givens["step_size"], "steps": 3}
    if givens.get("box"):
        query |= {"boxed": "true", "low": givens["box"][0], "high": givens["box"][1]}
    return {name: value if isinstance(value, str) else f"{value:g}" for name, value in query.items()}


def _look(page: str, label: str, tab_key: str, tab: str, prefix: str, query: dict[str, str]) -> Look:
    return Look(page, label, {tab_key: tab, **{f"{prefix}_{name}": text for name, text in query.items()}})
