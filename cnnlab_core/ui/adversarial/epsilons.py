"""What the tabs over epsilon share: which epsilons are tried in each norm, and the one that is looked at."""

import math

import streamlit as st

from cnnlab_core.attacks.studies.sweep import levels
from cnnlab_core.ui.segmented import segmented

COUNTS = (16, 32)
_SPACING = {"linf": 1.0, "l2": 0.25, "l1": 25.0}
"""In linf whole grey levels: what is rounded to 8 bits is then what was asked for."""

_UNIT = {"linf": 255, "l2": 1, "l1": 1}


def grid(norm: str, count: int) -> tuple[float, ...]:
    """Epsilons from 0 up, ``count`` steps of the norm's spacing."""
    return tuple(index * _SPACING[norm] / _UNIT[norm] for index in range(count + 1))


def choose_count(norm: str, *, key: str, counts: tuple[int, ...] = COUNTS) -> int:
    """How far epsilon goes, in steps of the norm's spacing."""
    names = [f"to {levels(grid(norm, count)[-1], norm)}" for count in counts]
    chosen = segmented(st, "Epsilon", names, default=names[0], key=key, bind="query-params", persist_state="page")
    return counts[names.index(chosen)]


def looked_at(eps: tuple[float, ...], norm: str, start: float) -> int:
    """The number of the epsilon that the address names, or of the one next to it, or next to ``start``."""
    try:
        wanted = float(st.query_params.get("adversarial_at", "")) / _UNIT[norm]
    except ValueError:
        wanted = start
    wanted = wanted if math.isfinite(wanted) else start
    return min(range(len(eps)), key=lambda index: abs(eps[index] - wanted))


def look_at(eps: float, norm: str) -> None:
    """Put an epsilon into the address."""
    st.query_params["adversarial_at"] = levels(eps, norm).removesuffix("/255")
