"""The Python behind the attack report, and behind two networks under one attack."""

from collections.abc import Sequence

from cnnlab_core.attacks.plan import METHODS, Plan
from cnnlab_core.recipes.adversarial import arguments
from cnnlab_core.recipes.opening import IMPORTS, picture


def report_code(
    model: str, weights: str, pictures: Sequence[tuple[str, str | None]], aims: Sequence[int | str | None], plan: Plan
) -> str:
    """Each of the (title, sample) pictures towards each of the aims, as a figure and a table."""
    opened = "\n".join(f"    ({title!r}, {picture(sample)})," for title, sample in pictures)
    return f"""\
from cnnlab_core.attacks.studies.report import attack_grid, grid_table
from cnnlab_core.attacks.plan import Plan
from cnnlab_core.runtime.jobs import finish
{IMPORTS}
from cnnlab_core.plots.report import ReportRow, rendered, report_figure

model = load_model("{model}", weights="{weights}")
pictures = [
{opened}
]
aims = {list(aims)!r}  # classes, rules, or None for any other class
plan = {plan!r}
rows = finish(attack_grid(model, pictures, aims, plan))

def title(view):
    return f"{{model.categories[view.best]}}, {{view.probability(view.best):.1%}}"

shown = [
    ReportRow(clean.pixels, adversarial.pixels, title(clean), title(adversarial))
    for clean, adversarial in ((row.fooled.clean, row.fooled.adversarial) for row in rows if row.fooled)
]
with open("report.pdf", "wb") as file:
    file.write(rendered(report_figure(shown, model.spec.title, repr(plan)), "pdf"))
print(grid_table(rows, model.categories))
"""


def two_networks_code(sides: Sequence[tuple[str, str, int | None]], sample: str | None, plan: Plan) -> str:
    """The same attack on two (model, weights, target) networks, and each picture shown to the other network."""
    name = METHODS[plan.method].steps.__name__.removesuffix("_steps")
    seeded = plan.method == "PGD" and (plan.random_start or plan.restarts > 1)
    (one, first, target), (two, second, other) = sides
    return f"""\
{"import torch" if seeded else ""}
from cnnlab_core.attacks import {name}, minimal_epsilon
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
""".lstrip()
