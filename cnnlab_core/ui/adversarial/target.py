"""The class to reach: how one chooses it, and what the choice comes to for a network's answer."""

from cnnlab_core.attacks.targets import RULES, choose_target
from cnnlab_core.classification.batch import Classified
from cnnlab_core.models import ModelSpec
from cnnlab_core.models.registry import categories
from cnnlab_core.ui.controls import Controls

ANY = "any other class"
FIRST = "76 · tarantula"


def class_names(spec: ModelSpec) -> list[str]:
    """Every class as it is offered: “76 · tarantula”."""
    return [f"{index} · {label}" for index, label in enumerate(categories(spec))]


def aims(spec: ModelSpec, *, needs_target: bool) -> list[str]:
    """All that can be aimed at: any other class (unless the attack needs a target), a rule, or a class."""
    return [*([] if needs_target else [ANY]), *RULES, *class_names(spec)]


def choose_aim(controls: Controls, spec: ModelSpec, *, needs_target: bool) -> str:
    """The searchable box of them."""
    names = aims(spec, needs_target=needs_target)
    return controls.select("target", "Target (type to search)", names, FIRST if FIRST in names else names[0])


def as_aim(name: str) -> int | str | None:
    """What an aim stands for: a class, a rule, or None for any other class."""
    if name == ANY:
        return None
    return name if name in RULES else int(name.split(" · ")[0])


def resolve(name: str, answer: Classified, seed: int) -> int | None:
    """The class that an aim comes to for a picture with that answer; None for any other class."""
    aim = as_aim(name)
    return choose_target(answer.logits, aim, seed) if isinstance(aim, str) else aim
