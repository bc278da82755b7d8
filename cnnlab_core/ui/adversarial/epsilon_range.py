"""What the tabs over epsilon share: which epsilons are tried in each norm, and the one that is looked at."""

import math

import streamlit as st

from cnnlab_core.attacks.studies.sweep import levels
from cnnlab_core.ui.adversarial.choice import CONTROLS
from cnnlab_core.ui.adversarial.norms import UNIT

COUNTS = (16, 32)
_SPACING = {"linf": 1.0, "l2": 0.25, "l1": 25.0}
"""As shown. In L∞ whole grey levels: what is rounded to 8 bits is then what was asked for."""


def epsilons(norm: str, count: int) -> tuple[float, ...]:
    """Epsilons from 0 up, ``count`` steps of the norm's spacing."""
    return tuple(index * _SPACING[norm] / UNIT[norm] for index in range(count + 1))


def choose_epsilons(name: str, norm: str, counts: tuple[int, ...] = COUNTS) -> tuple[float, ...]:
    """How far epsilon goes: the epsilons. The control is called ``name`` and the norm, since each has its own."""
    ranges = {f"to {levels(grid[-1], norm)}": grid for grid in (epsilons(norm, count) for count in counts)}
    return ranges[CONTROLS.one_of(f"{name}_{norm}", "Epsilon", list(ranges), next(iter(ranges)))]


def looked_at(eps: tuple[float, ...], norm: str, start: float) -> int:
    """The number of the epsilon that the address names, or of the one next to it, or next to ``start``."""
    try:
        wanted = float(st.query_params.get("adversarial_at", "")) / UNIT[norm]
    except ValueError:
        wanted = start
    wanted = wanted if math.isfinite(wanted) else start
    return min(range(len(eps)), key=lambda index: abs(eps[index] - wanted))


def look_at(eps: float, norm: str) -> None:
    """Put an epsilon into the address."""
    st.query_params["adversarial_at"] = levels(eps, norm).removesuffix("/255")
