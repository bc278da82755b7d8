"""The attack as a job of the page: several tabs begin with it, and it is computed once."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from cnnlab_core.attacks.loop import AttackStep
from cnnlab_core.attacks.result import AttackResult
from cnnlab_core.attacks.studies.attack import attack_picture_steps
from cnnlab_core.ui.adversarial.choice import Choice
from cnnlab_core.ui.runner import Outcome
from cnnlab_core.ui.subject import run_study

CHEAP_TOTAL = 6
"""Attacks that ask the network at most this often follow their controls at once; longer ones wait for their button."""


def run_attack(
    choice: Choice,
    *,
    place: str = "",
    paint: Callable[[list[AttackStep]], None] | None = None,
    meanwhile: Callable[[], None] | None = None,
    at: Any = st,
) -> Outcome[AttackResult]:
    """The attack on the picture; ``place`` tells several on one page apart."""
    follows = choice.plan.total <= CHEAP_TOTAL or choice.is_first_look
    return run_study(
        "attack",
        choice.subject,
        (choice.target, choice.plan),
        lambda model, x: attack_picture_steps(model, x, choice.plan, choice.target),
        place=place,
        label=choice.plan.title,
        start="" if follows else f"Attack ({choice.plan.title}, up to {choice.plan.most_steps} steps)",
        paint=paint,
        meanwhile=meanwhile,
        for_everybody=follows,
        asked=choice,
        at=at,
    )
