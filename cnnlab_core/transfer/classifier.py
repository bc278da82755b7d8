"""Transfer learning as one job: extract features, choose the penalty, fit, measure."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from cnnlab_core.checks import by_annotation
from cnnlab_core.classification.answers import Answers, mean_per_class_accuracy
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import Progress, part, plainly
from cnnlab_core.runtime.short_repr import short_repr
from cnnlab_core.transfer.collections import Drawn
from cnnlab_core.transfer.extraction import extract_steps, refuse_large
from cnnlab_core.transfer.projection import Projection, project
from cnnlab_core.transfer.softmax_regression import SoftmaxRegression, choose_penalty_steps

MOST_POINTS = 1000
"""Pictures of the projection, at most."""

_EXTRACTING = 0.9
"""The share of extraction in the progress."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Features (N, size) and labels (N,) of the three parts."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


@short_repr
@dataclass(frozen=True, eq=False)
class Learned:
    """A classifier, its answers on the test pictures, and a projection of all features (of at most 1000 pictures).

    ``sizes`` counts the training, validation and test pictures; ``projected_labels`` (N,) and ``projected_is_test``
    (N,) belong to the points of ``projection``.
    """

    classes: tuple[str, ...]
    classifier: SoftmaxRegression
    answers: Answers
    sizes: tuple[int, int, int]
    projection: Projection
    projected_labels: np.ndarray
    projected_is_test: np.ndarray

    @property
    def confusion(self) -> np.ndarray:
        """The confusion matrix (classes, classes): row = true class, column = predicted class."""
        return self.answers.confusion(len(self.classes))

    @property
    def accuracy(self) -> float:
        """The mean per-class accuracy on the test pictures."""
        return mean_per_class_accuracy(self.confusion)


def parts_steps(model: LoadedModel, drawn: Drawn) -> Generator[Progress[None], None, Parts]:
    """The features of the drawn pictures, part by part, so that shards stay the same when more are drawn."""
    total, done = len(drawn.items), 0
    refuse_large(model.spec, total)
    found = []
    for items in (drawn.train, drawn.validation, drawn.test):
        x = yield from part(extract_steps(model, items), done, len(items), total)
        found.append((x, np.array([item.label for item in items], np.int64)))
        done += len(items)
    return Parts(*found)


@by_annotation
def learn_steps(model: LoadedModel, drawn: Drawn) -> Generator[Progress[None], None, Learned]:
    """Learn to tell ``drawn.classes`` apart by the features of ``model``, and measure it on the test pictures."""
    parts = yield from part(parts_steps(model, drawn), 0, _EXTRACTING, 1)
    fitting = choose_penalty_steps(parts.train, parts.validation, len(drawn.classes))
    classifier = yield from part(fitting, _EXTRACTING, 1 - _EXTRACTING, 1)
    everything = (parts.train, parts.validation, parts.test)
    x, labels = (np.concatenate([found[side] for found in everything]) for side in (0, 1))
    is_test = np.arange(len(x)) >= len(x) - len(drawn.test)
    shown = np.arange(len(x)) if len(x) <= MOST_POINTS else np.linspace(0, len(x) - 1, MOST_POINTS).round().astype(int)
    yield Progress(1, 1)
    return Learned(
        drawn.classes,
        classifier,
        classifier.answers(*parts.test),
        (len(drawn.train), len(drawn.validation), len(drawn.test)),
        project(x[shown]),
        labels[shown],
        is_test[shown],
    )


learn = plainly(learn_steps)
