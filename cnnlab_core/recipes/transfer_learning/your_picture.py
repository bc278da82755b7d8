"""The Python behind the tab Your picture."""

from cnnlab_core.recipes.opening import picture
from cnnlab_core.recipes.transfer_learning.opening import opening


def code(model: str, weights: str, collection: str, each: int, sample: str | None) -> str:
    """The classifier's top classes for a picture."""
    return f"""\
from cnnlab_core.classification.softmax import top_k
from cnnlab_core.images import open_image, sample_images
{opening(model, weights, collection, each, "features", "learn")}
found = learn(model, drawn)
x = features(model, model.prepare({picture(sample)})).cpu().numpy()
for prediction in top_k(found.classifier.logits(x)[0], found.classes, k=min(5, len(found.classes))):
    print(prediction.label, prediction.probability)
"""
