"""The job whose result the tabs show: features, classifier, its answers, and the pictures that it got wrong."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnnlab_core.images import png, square
from cnnlab_core.models import load_model
from cnnlab_core.models.spec import WEIGHTS_KINDS
from cnnlab_core.plots.projection import MOST_PHOTOS, photo_map
from cnnlab_core.runtime.jobs import Progress, meanwhile, part
from cnnlab_core.transfer import Drawn, Learned, draw, learn_steps, open_collection
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import Outcome, run
from cnnlab_core.ui.transfer_learning.subject import TransferSubject

_MISTAKES = 6
"""Mistakes shown with their pictures, at most."""

_THUMBNAIL = 160
"""Pixels of a mistake's side."""


@dataclass(frozen=True)
class Mistake:
    """A picture (PNG) that is classified wrongly, its true class, the predicted one and its probability."""

    picture: bytes
    label: int
    predicted: int
    probability: float


@dataclass(frozen=True)
class Result:
    """What was learned, the most confident mistakes with their pictures, and what the features say lies where.

    ``photos`` (height, width, 4) has pictures at the points of the projection.
    """

    learned: Learned
    mistakes: tuple[Mistake, ...]
    photos: npt.NDArray[np.uint8]


def learn_result(subject: TransferSubject) -> Outcome[Result]:
    """The result for a subject, or that of the previous one, which is ``asked`` then."""
    return run(
        "transfer",
        digest("transfer", subject.network, *subject.task),
        lambda: _result(subject, subject.weights, draw(open_collection(subject.source.name), subject.each)),
        label=f"Extracting features with {subject.spec.title}",
        start="" if subject.is_first_look else f"Learn from {subject.each} pictures per class",
        for_everybody=subject.is_first_look,
        asked=subject,
    )


def both_results(subject: TransferSubject) -> Outcome[dict[str, Result]]:
    """The results with either kind of weights, by kind, learned from the same pictures."""

    def job() -> Generator[Progress[None], None, dict[str, Result]]:
        drawn = draw(open_collection(subject.source.name), subject.each)
        found: dict[str, Result] = {}
        for number, kind in enumerate(WEIGHTS_KINDS):
            found[kind] = yield from part(_result(subject, kind, drawn), number, 1, len(WEIGHTS_KINDS))
        return found

    return run(
        "transfer both",
        digest("transfer both", subject.spec.name, *subject.task),
        job,
        label=f"Extracting features with {subject.spec.title}, pretrained and random",
        start="" if subject.is_first_look else f"Learn from {subject.each} pictures per class",
        for_everybody=subject.is_first_look,
        asked=subject,
    )


def _result(subject: TransferSubject, weights: str, drawn: Drawn) -> Generator[Progress[None], None, Result]:
    found = yield from learn_steps(load_model(subject.spec.name, weights), drawn)
    done = Progress[None](1, 1)
    mistakes = []
    for mistake in found.answers.mistakes(_MISTAKES):
        picture = yield from meanwhile(drawn.test[int(mistake["index"])].steps(), done)
        label, predicted = int(mistake["label"]), int(mistake["predicted"])
        mistakes.append(Mistake(png(square(picture, _THUMBNAIL)), label, predicted, mistake["probability"]))
    points, items = found.projection.points, drawn.items
    chosen = np.unique(np.linspace(0, len(points) - 1, MOST_PHOTOS).round().astype(int))
    shown = [items[round(index * (len(items) - 1) / max(1, len(points) - 1))] for index in chosen]
    squares = []
    for item in shown:
        squares.append(square((yield from meanwhile(item.steps(), done)), 64))
    return Result(found, tuple(mistakes), photo_map(points[chosen], squares, [item.label for item in shown]))
