"""The Python behind the map over step size and number of steps."""

from collections.abc import Sequence

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.recipes.adversarial.arguments import lengths, plan_code, shown_length, target_code
from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(
    model: str,
    weights: str,
    sample: str | None,
    *,
    plan: Plan,
    step_sizes: Sequence[float],
    steps: Sequence[int],
    target: int | None,
) -> str:
    """The attack for each step size, looked at after each number of steps."""
    return f"""\
from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.step_map import step_map
{IMPORTS}

{prepared(model, weights, sample)}
attack = {plan_code(plan, without=("step_size", "steps"))}
sizes = {lengths(step_sizes, plan.step_norm)}
cells = step_map(model, x, method=attack, step_sizes=sizes, steps={tuple(steps)}{target_code(target)})
for cell in cells:
    best = int(cell.logits.argmax())
    size = f"{shown_length("cell.step_size", plan.step_norm)}"
    print(f"step {{size}} × {{cell.steps}}: {{model.categories[best]}}, objective {{cell.loss:.3f}}")
"""
