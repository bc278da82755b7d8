"""The whole picture: of each stage the strongest channels, and what speaks for the class."""

from cnnlab_core.recipes.opening import IMPORTS, prepared


def code(model: str, weights: str, sample: str | None, asked: int | None, stage: tuple[int, ...] = ()) -> str:
    asks = "" if asked is None else f", asked={asked}"
    stages, import_ = ("stages_of(model)", "stages_of") if not stage else (f"follow(model, {stage!r})[0]", "follow")
    return f"""\
from cnnlab_core.network.contributions import feeds, votes
from cnnlab_core.network.stages import {import_}
from cnnlab_core.network.strongest import overview
{IMPORTS}

{prepared(model, weights, sample)}
found = overview(model, x, {stages}{asks})
print(model.categories[found.asked], found.logits[found.asked])
for column in found.columns:  # a channel's score: gradient times activation, added up over its positions
    print(column.stage.title, column.stage.note, dict(zip(column.channels, column.scores.round(2).tolist())))

links = list(feeds(model, x, found.columns, [found.asked]))
for link in links[-1:]:
    print(link.weights)  # (classes, channels of the last column)
for vote in votes(model, x, [found.asked]):  # the last linear layer: activation times weight
    print([(channel, vote.products[channel].round(3)) for channel in vote.order[:5]], vote.logit)
"""
