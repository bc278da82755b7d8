"""The job behind the classifier page: put pictures through a model, one step per picture."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field

import numpy as np
import torch

from cnnlab_core.classification.softmax import Prediction, rank, softmax, top_k
from cnnlab_core.errors import ImageError
from cnnlab_core.images import open_image, png, thumbnail
from cnnlab_core.models import load_model
from cnnlab_core.runtime.csv_tables import csv_table


@dataclass(frozen=True)
class Named:
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


def name_pictures(
    model: str, weights: str, pictures: Iterable[tuple[str, bytes]], *, k: int = 5
) -> Generator[Named, None, list[Named]]:
    """Name each (file name, bytes) with the ``k`` best classes of the model; yields and returns one ``Named`` each.

    A picture that can't be read is an answer too, with its problem; the others go on. Raises what ``load_model``
    raises.
    """
    loaded = load_model(model, weights)
    answers = []
    for index, (file, content) in enumerate(pictures):
        try:
            picture = open_image(content)
        except ImageError as error:
            answer = Named(index, file, problem=str(error))
        else:
            with torch.no_grad():
                logits = loaded(loaded.prepare(picture))[0].double().cpu().numpy()
            best = tuple(top_k(logits, loaded.categories, k))
            answer = Named(index, file, png(thumbnail(picture, 96)), picture.size, logits, best)
        answers.append(answer)
        yield answer
    return answers


def class_table(logits: np.ndarray, labels: tuple[str, ...], temperature: float = 1.0) -> str:
    """Every class of one picture as CSV: rank, index, label, logit, probability at the temperature."""
    probabilities = softmax(logits, temperature)
    rows = [
        (rank(logits, i), i, label, f"{logits[i]:.6f}", f"{probabilities[i]:.9g}") for i, label in enumerate(labels)
    ]
    return csv_table(("rank", "class_index", "label", "logit", "probability"), sorted(rows))


def batch_table(answers: list[Named]) -> str:
    """The best class of each picture as CSV, with the problem of those that couldn't be read."""
    rows = [
        (answer.file, best.index, best.label, f"{best.probability:.6f}", f"{best.logit:.6f}", "")
        if answer.best and (best := answer.best[0])
        else (answer.file, "", "", "", "", answer.problem)
        for answer in answers
    ]
    return csv_table(("file", "class_index", "label", "probability", "logit", "problem"), rows)


def python_code(model: str, weights: str, sample: str | None, k: int, temperature: float) -> str:
    """A few lines of Python that give the numbers on the classifier page; ``sample`` None stands for your own file."""
    picture = f'sample_images()["{sample}"].content' if sample else '"photo.jpg"'
    names = "open_image, sample_images" if sample else "open_image"
    return f"""\
import torch
from cnnlab_core.classification.softmax import top_k
from cnnlab_core.images import {names}
from cnnlab_core.models import load_model

model = load_model("{model}", weights="{weights}")
x = model.prepare(open_image({picture}))  # (1, 3, H, W), pixels in [0, 1]
with torch.no_grad():
    logits = model(x)[0].double().cpu().numpy()  # normalisation is inside the model

predictions = top_k(logits, model.categories, k={k}, temperature={temperature:g})
for p in predictions:
    print(f"{{p.label:30}} logit {{p.logit:7.3f}}   P = {{p.probability:.4f}}")
"""
