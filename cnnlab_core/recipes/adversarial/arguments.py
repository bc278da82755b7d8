"""An attack's settings as they are written in Python."""

from collections.abc import Sequence
from dataclasses import fields

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.images.levels import LEVELS, distance_code


def import_torch(*plans: Plan) -> str:
    """The import that a generator needs, if any of the attacks is called with one."""
    return "import torch\n" if any(plan.draws for plan in plans) else ""


def arguments(plan: Plan, target: int | None) -> str:
    """A plan's settings as keyword arguments; what is as the function has it anyway is left out."""
    parts = [f"target={target}"] * (target is not None)
    parts += [f"{name}={_text(name, value, plan)}" for name, value in plan.changed.items()]
    if plan.draws:
        parts.append(f"generator=torch.Generator().manual_seed({plan.seed})")
    return ", ".join(parts)


def plan_code(plan: Plan, *, without: Sequence[str] = (), seeded: bool = False) -> str:
    """The plan itself, with all that its attack has a use for and that isn't so by default, but for some settings.

    Its seed is written down if the attack draws, or if something else is ``seeded`` by it.
    """
    used = {entry.name: entry.default for entry in fields(Plan) if plan.entry.takes(entry.name)}
    if seeded or plan.draws:
        used["seed"] = Plan.seed
    else:
        used.pop("seed", None)
    changed = {
        name: getattr(plan, name)
        for name, usual in used.items()
        if name not in without and getattr(plan, name) != usual
    }
    parts = [f'"{plan.method}"', *(f"{name}={_text(name, value, plan)}" for name, value in changed.items())]
    return f"Plan({', '.join(parts)})"


def target_code(target: int | None) -> str:
    """The target as a further argument, if there is one."""
    return "" if target is None else f", target={target}"


def lengths(values: Sequence[float], norm: str) -> str:
    """Distances in a norm as a list."""
    if norm == "linf":
        return f"[k / {LEVELS} for k in ({', '.join(f'{LEVELS * value:g}' for value in values)})]"
    return f"[{', '.join(f'{value:g}' for value in values)}]"


def shown_length(name: str, norm: str) -> str:
    """What shows the variable ``name``, a distance in a norm, within an f-string."""
    return f"{{{LEVELS} * {name}:g}}/{LEVELS}" if norm == "linf" else f"{{{name}:g}}"


def _text(name: str, value: object, plan: Plan) -> str:
    if isinstance(value, float):
        return distance_code(value, {"eps": plan.norm, "step_size": plan.step_norm}.get(name, ""))
    return f'"{value}"' if isinstance(value, str) else str(value)
