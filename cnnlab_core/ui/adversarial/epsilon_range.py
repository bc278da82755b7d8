"""What the tabs over epsilon share: which attacks are tried at which epsilons, and the epsilon that is looked at."""

import math
from contextlib import suppress
from dataclasses import replace

import streamlit as st

from cnnlab_core.attacks.methods import FIRST_LOOK, METHODS, Plan
from cnnlab_core.images.levels import LEVELS, SHOWN, distance
from cnnlab_core.ui.address import in_address, refuse
from cnnlab_core.ui.adversarial.choice import CONTROLS, Choice

COUNTS = (16, 32)
_SPACING = {"linf": 1.0, "l2": 0.25, "l1": 25.0}
"""As shown. In L∞ whole grey levels: what is rounded to 8 bits is then what was asked for."""


def straight(plan: Plan) -> Plan:
    """The attack of a single straight step that others are compared with, by a plan's norm and objective."""
    return next(method for method in METHODS.values() if method.straight).plan(norm=plan.norm, loss=plan.loss)


def turning(choice: Choice, *, aimed: bool = True) -> Plan:
    """The attack chosen above, with its settings, for any epsilon; in its place the usual one, where it can't be.

    Why not is said on the page: it has no epsilon, or it needs a target where nothing is ``aimed`` at. (A straight
    attack is shown anyway.)
    """
    plan, usual = choice.plan, Plan(norm=choice.plan.norm, loss=choice.plan.loss)
    if not plan.entry.takes("eps"):
        able = [method.title for method in METHODS.values() if method.takes("eps")]
        st.caption(f"{plan.title} has no epsilon, so {usual.title} stands in. Attacks with one: {', '.join(able)}.")
        plan = usual
    elif plan.entry.needs_target and not aimed:
        st.caption(f"{plan.title} leads to a target, not just away from a class, so {usual.title} stands in.")
        plan = usual
    elif plan.entry.straight:
        plan = usual
    # The epsilon above is none of those here, and a seed that nothing is drawn by makes no difference.
    return replace(plan.over_epsilon(), eps=Plan.eps, seed=plan.seed if plan.draws else Plan.seed)


def is_usual(plan: Plan, steps: int) -> bool:
    """Whether it is the attack that the page opens with, in any norm, in so many steps at each epsilon."""
    usual = replace(FIRST_LOOK.over_epsilon(), norm=plan.norm, steps=steps)
    return replace(plan, eps=usual.eps, seed=usual.seed) == usual


def epsilons(norm: str, count: int) -> tuple[float, ...]:
    """Epsilons from 0 up, ``count`` steps of the norm's spacing."""
    return tuple(index * _SPACING[norm] / SHOWN[norm] for index in range(count + 1))


def choose_epsilons(name: str, norm: str, counts: tuple[int, ...] = COUNTS) -> tuple[float, ...]:
    """How far epsilon goes: the epsilons. The control is called ``name`` and the norm, since each has its own."""
    ranges = {f"to {distance(grid[-1], norm)}": grid for grid in (epsilons(norm, count) for count in counts)}
    return ranges[CONTROLS.one_of(f"{name}_{norm}", "Epsilon", list(ranges), next(iter(ranges)))]


def at_epsilon(eps: tuple[float, ...], norm: str, start: float, *, address: bool = True) -> int:
    """The number of the epsilon that the ``address`` names, or of the one next to it, or next to ``start``."""
    text, wanted = in_address("adversarial_at", "") if address else "", start
    with suppress(ValueError):
        wanted = float(text or "nan") / SHOWN[norm]
    wanted = wanted if math.isfinite(wanted) else start
    index = min(range(len(eps)), key=lambda index: abs(eps[index] - wanted))
    if text and not math.isclose(eps[index], wanted, abs_tol=1e-9):
        ends = f"{distance(eps[0], norm)} to {distance(eps[-1], norm)}"
        refuse("adversarial_at", "epsilon", text, distance(eps[index], norm), ends)
    return index


def look_at(eps: float, norm: str) -> None:
    """Put an epsilon into the address."""
    st.query_params["adversarial_at"] = distance(eps, norm).removesuffix(f"/{LEVELS}")
