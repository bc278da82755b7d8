"""The Python behind the tab Projection."""

from cnnlab_core.recipes.transfer_learning.opening import opening


def code(model: str, weights: str, collection: str, each: int) -> str:
    """The features on their two principal components."""
    return f"""\
{opening(model, weights, collection, each, "learn")}
found = learn(model, drawn)
points = found.projection.points  # (N, 2), in the order of found.projected_labels
print(found.projection.explained)
"""
