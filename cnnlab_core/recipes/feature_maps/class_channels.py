"""The channels that speak for a class, and where."""

from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(model: str, weights: str, sample: str | None, target: int) -> str:
    return f"""\
{IMPORTS}
from cnnlab_core.network.contributions import spread, votes

{prepared(model, weights, sample)}
(vote,) = votes(model, x, [{target}])  # the last linear layer: mean of each map, times its weight
print(f"sum of all parts and the bias: {{vote.logit:.6f}}; the network says {{float(model(x)[0, {target}]):.6f}}")
maps = spread(model, x, vote)  # (channels, h, w): each part over the places of its map
for channel in (-vote.products).argsort()[:8]:
    print(channel, f"{{vote.products[channel]:+.4f}}")
"""
