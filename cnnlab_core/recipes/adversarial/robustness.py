"""The Python behind an attack under transforms."""

import textwrap
from collections.abc import Mapping

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.recipes.adversarial.arguments import arguments, import_torch
from cnnlab_core.recipes.opening import IMPORTS, prepared

Through = tuple[Mapping[str, float], int, Plan]
"""An attack through transforms: the strength of each, how many views a step takes, and the plan."""


def code(
    model: str,
    weights: str,
    sample: str | None,
    *,
    plan: Plan,
    target: int | None,
    trials: Mapping[str, float],
    through: Through | None,
) -> str:
    """Clean and adversarial picture under transforms of a strength each; ``through`` adds the attack made for them."""
    name = plan.method
    names, torch, more = [name], import_torch(plan), ""
    if through:
        seen, draws, long = through
        names, torch = ["Expectation", name], "import torch\n"
        views = "".join(f'    (find_transform("{one}"), {strength:g}),\n' for one, strength in seen.items())
        more = f"""\
transforms = [
{views}]
views = Expectation(model, transforms, torch.Generator().manual_seed({long.seed}), draws={draws})
robust = {name}(views, x, {arguments(long, target)})
pictures["made through transforms"] = to_picture(robust.rounded.x_adv)
"""
    pairs = ", ".join(f'"{one}": {strength:g}' for one, strength in trials.items())
    listed = textwrap.fill(pairs, 88, initial_indent="    ", subsequent_indent="    ")
    return f"""\
{torch}from cnnlab_core.attacks import {", ".join(names)}
{IMPORTS}
from cnnlab_core.images import to_picture, to_tensor
from cnnlab_core.attacks.transforms import find_transform

{prepared(model, weights, sample)}
result = {name}(model, x, {arguments(plan, target)})
pictures = {{"clean": to_picture(result.x), "adversarial": to_picture(result.rounded.x_adv)}}
{more}
strengths = {{
{listed}
}}
said = {{}}
for name, strength in strengths.items():
    transform = find_transform(name)
    for what, picture in pictures.items():
        held = transform.on_picture(picture, strength)  # 8 bits again
        best = said[name, what] = model.top_k(to_tensor(held).to(x.device), 1)[0]
        print(f"{{transform.label(strength):22}} {{what:24}} {{best.label:24}} {{best.probability:.1%}}")
"""
