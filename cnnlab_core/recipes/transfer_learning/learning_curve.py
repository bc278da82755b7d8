"""The Python behind the tab Learning curve."""


def code(model: str, collection: str, each: int) -> str:
    """Accuracy against pictures per class, with pretrained and with random weights."""
    return f"""\
from cnnlab_core.models import load_model
from cnnlab_core.transfer import curve, draw, open_collection

drawn = draw(open_collection("{collection}"), {each})
curves = {{
    weights: curve(load_model("{model}", weights=weights), drawn)
    for weights in ("pretrained", "random")
}}
for weights, points in curves.items():
    for point in points:
        print(weights, point.each, point.mean, point.accuracies)
"""
