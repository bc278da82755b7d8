"""The learning curve: the accuracy against the number of training pictures per class."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.classification.answers import mean_per_class_accuracy
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import Progress, part, plainly
from cnnlab_core.transfer.classifier import Parts, parts_steps
from cnnlab_core.transfer.collections import Drawn
from cnnlab_core.transfer.softmax_regression import choose_penalty_steps

DRAWS = 3
"""Random draws of each number of pictures."""

_EXTRACTING = 0.7
"""The share of extraction in the progress."""


@dataclass(frozen=True)
class CurvePoint:
    """The mean per-class accuracies after learning from several draws of ``each`` pictures per class."""

    each: int
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))


def counts(most: int) -> tuple[int, ...]:
    """1, 2, 4, ... and ``most``."""
    return tuple(sorted({*(2**power for power in range(most.bit_length()) if 2**power <= most), most}))


@by_annotation
def curve_steps(
    model: LoadedModel, drawn: Drawn, *, draws: int = DRAWS, seed: int = 0
) -> Generator[Progress[Any], None, tuple[CurvePoint, ...]]:
    """A point for 1, 2, 4, ... training pictures per class; validation and test pictures stay the same.

    Each point is the result of ``draws`` different draws; the last one, with all pictures, has only one.
    """
    whole("seed", seed), whole("draws", draws, least=1)
    parts = yield from part(parts_steps(model, drawn), 0, _EXTRACTING, 1)
    labels = parts.train[1]
    most = int(np.bincount(labels, minlength=len(drawn.classes)).max())
    work = [(each, draw) for each in counts(most) for draw in range(1 if each == most else draws)]
    found: dict[int, list[float]] = {}
    for done, (each, number) in enumerate(work):
        chosen = _some(labels, each, np.random.default_rng([seed, each, number]))
        before, size = _EXTRACTING + (1 - _EXTRACTING) * done / len(work), (1 - _EXTRACTING) / len(work)
        accuracy = yield from part(_accuracy(parts, chosen, len(drawn.classes)), before, size, 1)
        found.setdefault(each, []).append(accuracy)
        yield Progress(before + size, 1)
    return tuple(CurvePoint(each, tuple(accuracies)) for each, accuracies in found.items())


curve = plainly(curve_steps)


def _accuracy(parts: Parts, chosen: np.ndarray, classes: int) -> Generator[Progress[float], None, float]:
    """The mean per-class test accuracy after learning from the chosen training pictures."""
    x, labels = parts.train
    classifier = yield from choose_penalty_steps((x[chosen], labels[chosen]), parts.validation, classes)
    return mean_per_class_accuracy(classifier.answers(*parts.test).confusion(classes))


def _some(labels: np.ndarray, each: int, random: np.random.Generator) -> np.ndarray:
    """At most ``each`` of every class, drawn without replacement."""
    return np.concatenate([random.permutation(np.flatnonzero(labels == label))[:each] for label in np.unique(labels)])
