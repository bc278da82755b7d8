"""How many pictures does it take? The accuracy against the number of pictures of each class to learn from."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import plainly, relay
from cnnlab_core.transfer.collections import Drawn
from cnnlab_core.transfer.learning import LearnStep, Parts, parts_steps
from cnnlab_core.transfer.softmax import FitStep, choose_penalty_steps, mean_per_class_accuracy

DRAWS = 3
_EXTRACTING = 0.7


@dataclass(frozen=True)
class CurvePoint:
    """The mean per-class accuracies of several draws of ``each`` pictures of every class to learn from."""

    each: int
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))


def counts(most: int) -> tuple[int, ...]:
    """1, 2, 4, ... and ``most``."""
    return tuple(sorted({*(2**power for power in range(most.bit_length()) if 2**power <= most), most}))


def curve_steps(
    model: LoadedModel, drawn: Drawn, *, draws: int = DRAWS, seed: int = 0
) -> Generator[LearnStep, None, tuple[CurvePoint, ...]]:
    """A point for 1, 2, 4, ... pictures of each class; validation and test pictures stay the same.

    Each point is measured with ``draws`` different draws; the last one, of all pictures, has only one.
    """
    parts = yield from relay(parts_steps(model, drawn), lambda step: LearnStep(_EXTRACTING * step.share))
    labels = parts.train[1]
    most = int(np.bincount(labels, minlength=len(drawn.classes)).max())
    work = [(each, draw) for each in counts(most) for draw in range(1 if each == most else draws)]
    found: dict[int, list[float]] = {}
    for done, (each, number) in enumerate(work):

        def retell(share: float, done: int = done) -> LearnStep:
            return LearnStep(_EXTRACTING + (1 - _EXTRACTING) * (done + share) / len(work))

        chosen = _some(labels, each, np.random.default_rng([seed, each, number]))
        accuracy = yield from relay(_accuracy(parts, chosen, len(drawn.classes)), retell)
        found.setdefault(each, []).append(accuracy)
        yield retell(1.0)
    return tuple(CurvePoint(each, tuple(accuracies)) for each, accuracies in found.items())


curve = plainly(curve_steps)


def _accuracy(parts: Parts, chosen: np.ndarray, classes: int) -> Generator[float, None, float]:
    """How well the chosen training pictures do; yields the share of the work that is done."""
    x, labels = parts.train
    job = choose_penalty_steps((x[chosen], labels[chosen]), parts.validation, classes)
    classifier = yield from relay(job, _share)
    return mean_per_class_accuracy(classifier.answers(*parts.test).confusion(classes))


def _share(step: FitStep) -> float:
    return step.share


def _some(labels: np.ndarray, each: int, random: np.random.Generator) -> np.ndarray:
    """At most ``each`` of every class, drawn without putting back."""
    return np.concatenate([random.permutation(np.flatnonzero(labels == label))[:each] for label in np.unique(labels)])
