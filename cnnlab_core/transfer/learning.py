"""All of transfer learning in one job: extract features, choose the penalty, fit, measure."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import plainly, relay
from cnnlab_core.training.evaluation import Answers
from cnnlab_core.transfer.collections import Drawn
from cnnlab_core.transfer.extraction import ExtractStep, extract_steps
from cnnlab_core.transfer.projection import Projection, project
from cnnlab_core.transfer.softmax import Softmax, choose_penalty_steps, mean_per_class_accuracy

MOST_POINTS = 1000
_EXTRACTING = 0.9
"""The share of the work that is extraction, for the progress bar."""


@dataclass(frozen=True)
class LearnStep:
    """How much of all the work is done, from 0 to 1."""

    share: float


@dataclass(frozen=True, eq=False)
class Parts:
    """The features and labels to learn from, to choose the penalty by, and to measure on."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Learned:
    """A classifier, its answers on the test pictures, and a map of (at most 1000 of) all features.

    ``sizes`` counts the pictures to learn from, of validation and of the test; ``map_labels`` (N,) and
    ``map_is_test`` (N,) belong to the points of ``projection``.
    """

    classes: tuple[str, ...]
    classifier: Softmax
    answers: Answers
    sizes: tuple[int, int, int]
    projection: Projection
    map_labels: np.ndarray
    map_is_test: np.ndarray

    @property
    def confusion(self) -> np.ndarray:
        """Counts (classes, classes): row = true class, column = what it was taken for."""
        return self.answers.confusion(len(self.classes))

    @property
    def accuracy(self) -> float:
        """The mean per-class accuracy on the test pictures."""
        return mean_per_class_accuracy(self.confusion)


def parts_steps(model: LoadedModel, drawn: Drawn) -> Generator[LearnStep, None, Parts]:
    """The features of what was drawn; part by part, so that shards stay the same when more is drawn."""
    total, done = len(drawn.items), 0
    found = []
    for part in (drawn.train, drawn.validation, drawn.test):

        def retell(step: ExtractStep, done: int = done) -> LearnStep:
            return LearnStep((done + step.done) / total)

        x = yield from relay(extract_steps(model, part), retell)
        found.append((x, np.array([item.label for item in part], np.int64)))
        done += len(part)
    return Parts(*found)


def learn_steps(model: LoadedModel, drawn: Drawn) -> Generator[LearnStep, None, Learned]:
    """Learn to tell ``drawn.classes`` apart from the features of ``model``, and measure it on the test pictures."""
    parts = yield from relay(parts_steps(model, drawn), lambda step: LearnStep(_EXTRACTING * step.share))
    classifier = yield from relay(
        choose_penalty_steps(parts.train, parts.validation, len(drawn.classes)),
        lambda step: LearnStep(_EXTRACTING + (1 - _EXTRACTING) * step.share),
    )
    everything = (parts.train, parts.validation, parts.test)
    x, labels = (np.concatenate([part[side] for part in everything]) for side in (0, 1))
    is_test = np.arange(len(x)) >= len(x) - len(drawn.test)
    shown = np.arange(len(x)) if len(x) <= MOST_POINTS else np.linspace(0, len(x) - 1, MOST_POINTS).round().astype(int)
    yield LearnStep(1.0)
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
