"""The Python shown on the transfer-learning page."""

from cnnlab_core.recipes.opening import picture


def _opening(model: str, weights: str, collection: str, each: int, names: str) -> str:
    return f"""\
from cnnlab_core.models import load_model
from cnnlab_core.transfer import {names}

model = load_model("{model}", weights="{weights}")
drawn = draw(open_collection("{collection}"), {each})
"""


def learn_code(model: str, weights: str, collection: str, each: int) -> str:
    """The classifier, its accuracy and its mistakes."""
    return f"""\
{_opening(model, weights, collection, each, "draw, learn, open_collection")}
found = learn(model, drawn)
print(found.accuracy, found.classifier.penalty)  # mean per-class accuracy on the test pictures
print(found.confusion)  # a row for each true class
for mistake in found.answers.mistakes(6):
    print(mistake)
"""


def map_code(model: str, weights: str, collection: str, each: int) -> str:
    """The map of the features."""
    return f"""\
{_opening(model, weights, collection, each, "draw, learn, open_collection")}
found = learn(model, drawn)
points = found.projection.points  # (N, 2), in the order of found.map_labels
print(found.projection.explained)
"""


def curve_code(model: str, collection: str, each: int) -> str:
    """Accuracy against pictures of each class, with pretrained and with random weights."""
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


def own_code(model: str, weights: str, collection: str, each: int, sample: str | None) -> str:
    """What the classifier says of a picture."""
    return f"""\
{_opening(model, weights, collection, each, "draw, features, learn, open_collection")}
from cnnlab_core.classification.softmax import top_k
from cnnlab_core.images import open_image, sample_images

found = learn(model, drawn)
x = features(model, model.prepare({picture(sample)})).cpu().numpy()
for prediction in top_k(found.classifier.logits(x)[0], found.classes, k=min(5, len(found.classes))):
    print(prediction.label, prediction.probability)
"""
