"""The attack as a job of the page: several tabs begin with it, and it is computed once."""

from collections.abc import Callable, Generator

from cnnlab_core.attacks.plan import Plan
from cnnlab_core.attacks.studies.attack import Fooled, Look, fool
from cnnlab_core.models import load_model
from cnnlab_core.ui.adversarial.choice import Choice
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import Outcome, run

CHEAP_LOOKS = 6
"""An attack of so many looks follows its controls at once; a longer one waits for its button."""


def attacked(
    choice: Choice, *, place: str = "attack", paint: Callable[[list[Look]], None] | None = None
) -> Outcome[Fooled]:
    """The attack on the picture; ``place`` tells several on one page apart.

    The one that the page opens with follows its controls too, on any sample.
    """
    follows = choice.plan.looks <= CHEAP_LOOKS or bool(choice.plan == Plan() and choice.sample)
    return run(
        place,
        digest("attack", choice.key),
        lambda: _job(choice),
        label=choice.plan.method,
        share=lambda look: look.index / max(1, look.total - 1),
        start="" if follows else f"Attack ({choice.plan.method}, up to {choice.plan.looks - 1} steps)",
        paint=paint,
        for_everybody=bool(follows and choice.sample),
    )


def _job(choice: Choice) -> Generator[Look, None, Fooled]:
    model = load_model(choice.spec.name, choice.weights)
    return (yield from fool(model, model.prepare(choice.picture.image), choice.plan, choice.target))
