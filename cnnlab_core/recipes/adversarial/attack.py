"""The Python behind an attack."""

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.recipes.adversarial.arguments import arguments, import_torch
from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(model: str, weights: str, sample: str | None, *, plan: Plan, target: int | None) -> str:
    """The attack with all its settings, and the verdict on the 8-bit picture."""
    name = plan.method
    return f"""\
{import_torch(plan)}from cnnlab_core.attacks import {name}
{IMPORTS}
from cnnlab_core.images import to_picture

{prepared(model, weights, sample)}
result = {name}(model, x, {arguments(plan, target)})

before, after = result.clean, result.rounded  # the 8-bit picture that is saved
for what in (before, after):
    index = int(what.predicted)
    print(model.categories[index], f"{{what.probabilities[0, index]:.1%}}")
print("fooled:", bool(result.success), f"linf {{after.linf.item() * 255:.0f}}/255, l2 {{after.l2.item():.3f}}")
to_picture(after.x_adv).save("adversarial.png")
"""
