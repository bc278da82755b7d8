"""Several pictures through one network: a generator of one answer per picture, and the tables to take away."""

import io
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from PIL import Image

from cnnlab_core.classification.softmax import Prediction, rank, softmax, top_k
from cnnlab_core.errors import ImageError
from cnnlab_core.images import open_apart_steps, png, thumbnail
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.jobs import Progress, meanwhile, plainly
from cnnlab_core.runtime.short_repr import short_repr

ICON_SIDE = 96
"""Pixels of the longer side of a picture in a table."""


class Classifier(Protocol):
    """A ``LoadedModel``, as far as this module needs to know it."""

    @property
    def categories(self) -> tuple[str, ...]: ...

    def prepare(self, picture: Image.Image) -> torch.Tensor: ...

    def __call__(self, x: torch.Tensor) -> torch.Tensor: ...


@short_repr
@dataclass(frozen=True)
class Classified:
    """One picture's answer: its size (width, height), ``logits`` (float64, one per class) and the best classes.

    ``index`` is its place in the batch, ``icon`` a small PNG of it. If the picture couldn't be read, ``problem``
    says why and the logits are empty.
    """

    index: int
    file: str
    icon: bytes = b""
    size: tuple[int, int] = (0, 0)
    logits: np.ndarray = field(default_factory=lambda: np.empty(0))
    best: tuple[Prediction, ...] = ()
    problem: str = ""

    def _pictures(self) -> list[Image.Image]:
        return [Image.open(io.BytesIO(self.icon))] if self.icon else []


def classify_steps(
    model: Classifier, pictures: Sequence[tuple[str, bytes]], *, k: int = 5
) -> Generator[Progress[Classified], None, list[Classified]]:
    """The ``k`` most probable classes (or all, if they are fewer) of each (file name, bytes); returns all answers.

    A picture that can't be read is an answer too, with its problem; the others go on. Files are decoded apart
    (``open_apart``), whoever they come from.
    """
    answers: list[Classified] = []
    for index, (file, content) in enumerate(pictures):
        waiting = Progress[Classified](index, len(pictures))
        try:
            picture = yield from meanwhile(open_apart_steps(content), waiting)
        except ImageError as error:
            answer = Classified(index, file, problem=str(error))
        else:
            with torch.no_grad():
                logits = model(model.prepare(picture))[0].double().cpu().numpy()
            best = tuple(top_k(logits, model.categories, min(k, len(model.categories))))
            answer = Classified(index, file, png(thumbnail(picture, ICON_SIDE)), picture.size, logits, best)
        answers.append(answer)
        yield Progress(index + 1, len(pictures), answer)
    return answers


classify = plainly(classify_steps)


def class_table(logits: np.ndarray, labels: tuple[str, ...], temperature: float = 1.0) -> str:
    """Every class of one picture as CSV: rank, index, label, logit, probability at the temperature."""
    probabilities = softmax(logits, temperature)
    rows = [
        (rank(logits, i), i, label, f"{logits[i]:.6f}", f"{probabilities[i]:.9g}") for i, label in enumerate(labels)
    ]
    return csv_table(("rank", "class_index", "label", "logit", "probability"), sorted(rows))


def batch_table(answers: list[Classified]) -> str:
    """The best class of each picture as CSV, with the problem of those that couldn't be read."""
    rows = [
        (answer.file, best.index, best.label, f"{best.probability:.6f}", f"{best.logit:.6f}", "")
        if answer.best and (best := answer.best[0])
        else (answer.file, "", "", "", "", answer.problem)
        for answer in answers
    ]
    return csv_table(("file", "class_index", "label", "probability", "logit", "problem"), rows)
