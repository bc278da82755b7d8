"""The Python behind two networks under the same attack."""

from collections.abc import Sequence

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.recipes.adversarial.arguments import arguments, import_torch
from cnnlab_core.recipes.opening import IMPORTS, picture


def code(sides: Sequence[tuple[str, str, int | None]], sample: str | None, *, plan: Plan) -> str:
    """The same attack on two (model, weights, target) networks, and each picture shown to the other network."""
    name = plan.method
    (one, first, target), (two, second, other) = sides
    return f"""\
{import_torch(plan)}from cnnlab_core.attacks import {name}, minimal_epsilon
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
for model, other, result in ((first, second, found[0]), (second, first, found[1])):
    before, after = (model.categories[int(side.predicted)] for side in (result.clean, result.rounded))
    print(f"{{before}} -> {{after}}, fooled: {{bool(result.success)}}")
    smallest = minimal_epsilon(model, result.x, method="fgsm").eps.item()
    print(f"  FGSM changes the class from epsilon {{smallest * 255:.2f}}/255")
    clean, adversarial = (side.mul(255).round().byte()[0].permute(1, 2, 0).numpy() for side in (result.x, result.x_adv))
    passed = pass_on(other, clean, adversarial)
    print(f"  the other network says {{other.categories[passed.adversarial.best]}}")
"""
