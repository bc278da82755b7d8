"""The Python behind what survives the world, and behind one change for all."""

import textwrap
from collections.abc import Mapping, Sequence

from cnnlab_core.attacks.plan import METHODS, Plan
from cnnlab_core.recipes.adversarial import arguments
from cnnlab_core.recipes.opening import IMPORTS, picture

Through = tuple[Mapping[str, float], int, Plan]
"""An attack through transforms: the strength of each, how many views a step takes, and the plan."""


def world_code(
    model: str,
    weights: str,
    sample: str | None,
    plan: Plan,
    target: int | None,
    trials: Mapping[str, float],
    through: Through | None,
) -> str:
    """Clean and adversarial picture under transforms of a strength each; ``through`` adds the attack made for them."""
    name = METHODS[plan.method].steps.__name__.removesuffix("_steps")
    names, seeded, more = [name], plan.method == "PGD" and (plan.random_start or plan.restarts > 1), ""
    if through:
        seen, draws, long = through
        names = ["Expectation", name]
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
{"import torch" if seeded or through else ""}
from cnnlab_core.attacks import {", ".join(names)}
{IMPORTS}
from cnnlab_core.images import to_picture, to_tensor
from cnnlab_core.attacks.transforms import find_transform

model = load_model("{model}", weights="{weights}")
x = model.prepare({picture(sample)})  # (1, 3, H, W), pixels in [0, 1]
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
""".lstrip()


def universal_code(
    model: str,
    weights: str,
    seen: Sequence[str | None],
    unseen: Sequence[str | None],
    *,
    eps: float,
    norm: str,
    epochs: int,
    batch: int,
    target: int | None,
    seed: int,
) -> str:
    """One change made on the gallery's ``seen`` samples, and tried on the ``unseen`` ones; None is one's own."""
    length = f"{eps * 255:g} / 255" if norm == "linf" else f"{eps:g}"
    aimed = "" if target is None else f", target={target}"
    goal = "!= clean" if target is None else f"== {target}"
    return f"""\
import torch
from cnnlab_core.attacks import universal
{IMPORTS}

model = load_model("{model}", weights="{weights}")
seen = torch.cat([model.prepare(one) for one in [
{_listed(seen)}
]])  # (N, 3, H, W), pixels in [0, 1]
found = universal(
    model, seen, eps={length}, norm="{norm}", epochs={epochs}, batch={batch}{aimed},
    generator=torch.Generator().manual_seed({seed}),
)
print(f"made on: {{found.rounded.success.double().mean():.0%}} fooled in 8 bits")
delta = found.delta  # (1, 3, H, W)
""" + (
        f"""
unseen = torch.cat([model.prepare(one) for one in [
{_listed(unseen)}
]])
with torch.no_grad():
    clean = model(unseen).argmax(-1)
    changed = model((unseen + delta).clamp(0, 1).mul(255).round() / 255).argmax(-1)
print(f"never seen: {{(changed {goal}).double().mean():.0%}} fooled")
"""
        if unseen
        else ""
    )


def _listed(samples: Sequence[str | None]) -> str:
    return "\n".join(f"    {picture(sample)}," for sample in samples)
