"""The Python behind the tab Classifier."""

from cnnlab_core.recipes.transfer_learning.opening import opening


def code(model: str, weights: str, collection: str, each: int) -> str:
    """The classifier, its accuracy, its confusion matrix and its most confident mistakes."""
    return f"""\
{opening(model, weights, collection, each, "learn")}
found = learn(model, drawn)
print(found.accuracy, found.classifier.penalty)  # mean per-class accuracy on the test pictures
print(found.confusion)  # row: true class, column: predicted class
for mistake in found.answers.mistakes(6):
    print(mistake)
"""
