"""The Python behind two networks under the same attack."""

from collections.abc import Sequence

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.recipes.adversarial.arguments import arguments, import_torch, plan_code, shown_length
from cnnlab_core.recipes.opening import IMPORTS, picture


def code(sides: Sequence[tuple[str, str, int | None]], sample: str | None, *, plan: Plan) -> str:
    """The same attack on two (model, weights, target) networks, and each picture shown to the other network."""
    name = plan.method
    (one, first, target), (two, second, other) = sides
    imports, smallest = f"from cnnlab_core.attacks import {name}", ""
    if plan.entry.takes("eps"):
        imports += ", smallest_rounded_epsilon\nfrom cnnlab_core.attacks.methods import Plan"
        smallest = f"""
    # One epsilon after the other; steps grow in proportion to epsilon.
    (smallest,) = smallest_rounded_epsilon(model, result.x, method=plan, target=target)
    found_at = "none" if smallest is None else f"{shown_length("smallest", plan.norm)}"
    print("  smallest epsilon in 8 bits:", found_at)"""
    return f"""\
{import_torch(plan)}{imports}
{IMPORTS}
from cnnlab_core.images import to_picture
from cnnlab_core.attacks.studies.transferability import pass_on

picture = {picture(sample)}
first = load_model("{one}", weights="{first}")
second = load_model("{two}", weights="{second}")
found = [
    {name}(first, first.prepare(picture), {arguments(plan, target)}),
    {name}(second, second.prepare(picture), {arguments(plan, other)}),
]
{f"plan = {plan_code(plan.over_epsilon())}" if smallest else ""}
for model, other, result, target in ((first, second, found[0], {target}), (second, first, found[1], {other})):
    before, after = (model.categories[int(side.predicted)] for side in (result.clean, result.rounded))
    print(f"{{before}} -> {{after}}, fooled: {{bool(result.success)}}"){smallest}
    clean, adversarial = (side.mul(255).round().byte()[0].permute(1, 2, 0).numpy() for side in (result.x, result.x_adv))
    passed = pass_on(other, clean, adversarial)
    print(f"  the other network says {{other.categories[passed.adversarial.best]}}")
"""
