"""The Python behind one attack at each epsilon."""

from collections.abc import Sequence

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.images.levels import distance_code
from cnnlab_core.recipes.adversarial.arguments import lengths, plan_code, shown_length, target_code
from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(
    model: str, weights: str, sample: str | None, *, plan: Plan, eps: Sequence[float], target: int | None, at: int
) -> str:
    """One attack at each epsilon, and the picture at number ``at``."""
    return f"""\
from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.sweep import sweep
{IMPORTS}
from cnnlab_core.images import to_picture

{prepared(model, weights, sample)}
attack = {plan_code(plan, without=("eps",))}
found = sweep(model, x, method=attack{target_code(target)}, eps={lengths(eps, plan.norm)})

probabilities = found.logits[:, 0].double().softmax(-1)  # (epsilons, classes), of the 8-bit pictures
for eps, row in zip(found.eps, probabilities):
    best = int(row.argmax())
    print(f"{shown_length("eps", plan.norm)}  {{model.categories[best]}} {{row[best]:.1%}}")
print("smallest epsilon that fools:", found.smallest[0])
to_picture(found.pictures[{at}] / 255).save("adversarial.png")  # at {distance_code(eps[at], plan.norm)}
"""
