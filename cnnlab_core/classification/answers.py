"""A classifier's answers on labelled pictures: accuracy, confusion matrix, and the most confident mistakes."""

from dataclasses import dataclass

import numpy as np

from cnnlab_core.checks import numbers
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.short_repr import short_repr

MOST_MISTAKES = 50
"""Mistakes that are listed, unless another number is asked for."""


@short_repr
@dataclass(frozen=True, eq=False)
class Answers:
    """For each of N pictures: its label, the likeliest class and its probability, the true class's probability, and the
    loss (cross-entropy, in nats)."""

    labels: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray
    true_probability: np.ndarray
    loss: np.ndarray

    @property
    def accuracy(self) -> float:
        """The share of pictures classified correctly."""
        return float((self.predicted == self.labels).mean())

    @property
    def mean_loss(self) -> float:
        """The mean cross-entropy, in nats."""
        return float(self.loss.mean())

    def confusion(self, classes: int) -> np.ndarray:
        """The confusion matrix: counts (classes, classes), row = true class, column = predicted class."""
        return np.bincount(self.labels * classes + self.predicted, minlength=classes**2).reshape(classes, classes)

    def mistakes(self, most: int = MOST_MISTAKES) -> list[dict[str, float | int]]:
        """The wrong answers with the highest probability, highest first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        worst = wrong[np.argsort(-self.probability[wrong], kind="stable")][:most]
        return [
            {
                "index": int(index),
                "label": int(self.labels[index]),
                "predicted": int(self.predicted[index]),
                "probability": float(self.probability[index]),
                "true_probability": float(self.true_probability[index]),
            }
            for index in worst
        ]


def mean_per_class_accuracy(confusion: np.ndarray) -> float:
    """The mean over classes of the share classified correctly; ``confusion`` has a row for each true class.

    Every class counts the same, however many pictures it has; classes without any are left out.
    """
    confusion = numbers("The confusion matrix", confusion, {2})
    if confusion.shape[0] != confusion.shape[1] or (confusion < 0).any():
        raise InputError(f"A confusion matrix holds counts (classes, classes), but this is {confusion.shape}.")
    counts = confusion.sum(1)
    there = counts > 0
    if not there.any():
        raise InputError("There are no pictures to measure on.")
    return float((confusion.diagonal()[there] / counts[there]).mean())
