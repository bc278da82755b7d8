"""A picture and an adversarial one through a network: where the difference grows, layer by layer and in tiles."""

from cnnlab_core.attacks.methods import Plan
from cnnlab_core.recipes.adversarial.arguments import arguments, import_torch
from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(model: str, weights: str, sample: str | None, plan: Plan, target: int | None = None) -> str:
    return f"""\
{import_torch(plan)}from cnnlab_core.attacks import {plan.method}
{IMPORTS}
from cnnlab_core.network.difference import differences, stage_differences
from cnnlab_core.network.stages import stages_of

{prepared(model, weights, sample)}
after = {plan.method}(model, x, {arguments(plan, target)}).rounded.x_adv

ratios = differences(model, x, after)  # of every layer the norm of the difference over the norm
for layer, ratio in ratios:
    print(f"{{ratio:6.1%}}", layer.place)
tiles = stage_differences(model, x, after, stages_of(model))
for tile in tiles:  # tile.maps: before, after and the difference, from -127 to 127
    print(tile.stage.title, "map", tile.channel, f"{{tile.ratio:.1%}}")
"""
