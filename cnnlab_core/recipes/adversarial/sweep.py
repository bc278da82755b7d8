"""The Python behind attacks against epsilon."""

from collections.abc import Sequence

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.recipes.adversarial.arguments import lengths, plan_code, target_code
from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(
    model: str,
    weights: str,
    sample: str | None,
    *,
    plans: Sequence[Plan],
    eps: Sequence[float],
    target: int | None,
    highest: float,
) -> str:
    """Several attacks at each epsilon, and the smallest epsilon of each by bisection."""
    whose = "the class before" if target is None else "the target"
    return f"""\
from cnnlab_core.attacks import minimal_epsilon
from cnnlab_core.attacks.methods import Plan
from cnnlab_core.attacks.sweep import sweep
{IMPORTS}

{prepared(model, weights, sample)}
eps = {lengths(eps, plans[0].norm)}
attacks = [{_listed(plans)}]
curves, smallest = {{}}, {{}}
for attack in attacks:
    name = attack.title
    found = sweep(model, x, method=attack, eps=eps{target_code(target)})
    curves[name] = found.probability(found.goal.classes)[:, 0]  # of {whose}
    print(name, "on 8-bit pictures, first fooled at", found.smallest[0])
    smallest[name] = minimal_epsilon(model, x, method=attack, highest={highest!r}, iterations=12{target_code(target)})
    print(name, "by bisection", smallest[name].eps.item(), "in 8 bits", smallest[name].eps_rounded.item())
"""


def accuracy_code(
    model: str,
    weights: str,
    pictures: Sequence[tuple[str, int]] | None,
    *,
    plans: Sequence[Plan],
    eps: Sequence[float],
) -> str:
    """How many of several pictures, (name in the gallery, true class), stay right; None stands for one's own files."""
    lines = "\n".join(f'    (sample_images()["{name}"].content, {y}),' for name, y in pictures or ())
    own = '    (open("photo.jpg", "rb").read(), 282),  # and so on: your pictures with their true classes'
    return f"""\
import torch
from cnnlab_core.attacks.methods import Plan
{IMPORTS}
from cnnlab_core.attacks.studies.sweep import accuracy, compare_attacks_steps, for_pictures

model = load_model("{model}", weights="{weights}")
pictures = [
{lines or own}
]
with torch.no_grad():
    right = [(file, y) for file, y in pictures if model(model.prepare(open_image(file))).argmax() == y]
print(len(pictures) - len(right), "of", len(pictures), "misclassified without any attack")
eps = {lengths(eps, plans[0].norm)}
attacks = [{_listed(plans)}]
found = for_pictures(model, right, lambda x, y: compare_attacks_steps(model, x, attacks, eps=eps, y=y))
curves = {{attack.title: several for attack, several in zip(attacks, zip(*found))}}
for name, several in curves.items():
    print(name, accuracy(several))
"""


def _listed(plans: Sequence[Plan]) -> str:
    return ", ".join(plan_code(plan, without=("eps",)) for plan in plans)
