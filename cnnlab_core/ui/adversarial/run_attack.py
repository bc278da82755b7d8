"""The attack as a job of the page: several tabs begin with it, and it is computed once."""

from collections.abc import Callable

from cnnlab_core.attacks.studies.attack import Fooled, Look, fool
from cnnlab_core.ui.adversarial.choice import Choice
from cnnlab_core.ui.runner import Outcome
from cnnlab_core.ui.subject import run_study

CHEAP_LOOKS = 6
"""An attack of so many looks follows its controls at once; a longer one waits for its button."""


def run_attack(
    choice: Choice, *, place: str = "attack", paint: Callable[[list[Look]], None] | None = None
) -> Outcome[Fooled]:
    """The attack on the picture; ``place`` tells several on one page apart."""
    follows = choice.plan.looks <= CHEAP_LOOKS or choice.is_first_look
    return run_study(
        "attack",
        choice.subject,
        (choice.target, choice.plan),
        lambda model, x: fool(model, x, choice.plan, choice.target),
        place=place,
        label=choice.plan.method,
        share=lambda look: look.index / max(1, look.total - 1),
        start="" if follows else f"Attack ({choice.plan.method}, up to {choice.plan.looks - 1} steps)",
        paint=paint,
        for_everybody=follows,
    )
