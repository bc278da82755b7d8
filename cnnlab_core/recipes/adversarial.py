"""The Python behind the adversarial page's attack."""

from cnnlab_core.attacks.plan import METHODS, Plan
from cnnlab_core.recipes.opening import IMPORTS, picture


def attack_code(model: str, weights: str, sample: str | None, plan: Plan, target: int | None) -> str:
    """The attack with all its settings, and the verdict on the 8-bit picture."""
    name = METHODS[plan.method].steps.__name__.removesuffix("_steps")
    seeded = plan.random_start or plan.restarts > 1
    return f"""\
{"import torch" if seeded and plan.method == "PGD" else ""}
from cnnlab_core.attacks import {name}
{IMPORTS}
from cnnlab_core.images import to_picture

model = load_model("{model}", weights="{weights}")
x = model.prepare({picture(sample)})  # (1, 3, H, W), pixels in [0, 1]
result = {name}(model, x, {arguments(plan, target)})

before, after = result.clean, result.rounded  # the 8-bit picture that is saved
for what in (before, after):
    index = int(what.predicted)
    print(model.categories[index], f"{{what.probabilities[0, index]:.1%}}")
print("fooled:", bool(result.success), f"linf {{after.linf.item() * 255:.0f}}/255, l2 {{after.l2.item():.3f}}")
to_picture(after.x_adv).save("adversarial.png")
""".lstrip()


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
    if plan.method == "PGD" and (plan.random_start or plan.restarts > 1):
        parts.append(f"generator=torch.Generator().manual_seed({plan.seed})")
    return ", ".join(parts)


def _text(name: str, value: object, plan: Plan) -> str:
    """A number as it is read: levels of 255 as such."""
    in_levels = plan.norm == "linf" and (name == "eps" or (name == "step_size" and plan.method == "PGD"))
    if in_levels and isinstance(value, float):
        return f"{value * 255:g} / 255"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
