"""An attack's settings as they are written in Python."""

from collections.abc import Sequence

from cnnlab_core.attacks.plan import METHODS, Plan


def function_name(plan: Plan) -> str:
    """The name of the attack's function in ``cnnlab_core.attacks``."""
    return METHODS[plan.method].steps.__name__.removesuffix("_steps")


def import_torch(*plans: Plan) -> str:
    """The import that a generator needs, if any of the attacks is called with one."""
    return "import torch\n" if any(map(_seeded, plans)) else ""


def arguments(plan: Plan, target: int | None) -> str:
    """A plan's settings as keyword arguments; what is as the function has it anyway is left out."""
    usual = {
        "random_start": False,
        "restarts": 1,
        "keep_best": False,
        "momentum": 0.0,
        "early_stop": plan.method == "l1 by Adam",
    }
    settings = {name: value for name, value in plan.arguments.items() if usual.get(name) != value}
    parts = [f"target={target}"] * (target is not None)
    parts += [f"{name}={_text(name, value, plan)}" for name, value in settings.items()]
    if _seeded(plan):
        parts.append(f"generator=torch.Generator().manual_seed({plan.seed})")
    return ", ".join(parts)


def length(value: float, norm: str) -> str:
    """A length as people read it: grey levels of 255 in linf."""
    return f"{255 * value:g} / 255" if norm == "linf" else f"{value:g}"


def lengths(values: Sequence[float], norm: str) -> str:
    """Lengths as a list."""
    if norm == "linf":
        return f"[k / 255 for k in ({', '.join(f'{255 * value:g}' for value in values)})]"
    return f"[{', '.join(f'{value:g}' for value in values)}]"


def shown_length(name: str, norm: str) -> str:
    """What shows the variable ``name``, a length, within an f-string."""
    return f"{{255 * {name}:g}}/255" if norm == "linf" else f"{{{name}:g}}"


def _seeded(plan: Plan) -> bool:
    return plan.method == "PGD" and (plan.random_start or plan.restarts > 1)


def _text(name: str, value: object, plan: Plan) -> str:
    if isinstance(value, float):
        levels = name == "eps" or (name == "step_size" and plan.method == "PGD")
        return length(value, plan.norm) if levels else f"{value:g}"
    return f'"{value}"' if isinstance(value, str) else str(value)
