"""A quick look at whether a network does what one expects of it: finite, the same twice, and telling pictures apart."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from cnnlab_core.checks import by_annotation
from cnnlab_core.classification.softmax import entropy, softmax
from cnnlab_core.errors import InputError
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import Progress, plainly

_UNSURE = 0.97
"""The share of the highest entropy that there is, from which on answers hardly differ from chance."""


@dataclass(frozen=True)
class Tried:
    """What a network made of some ``pictures``.

    Whether all logits are ``finite`` and the ``same`` when asked again; how many classes it named (``named``); the mean
    probability of its best class, ``sure``; and the mean entropy of its answers as a share of the highest, ``spread``.
    """

    pictures: int
    finite: bool
    same: bool
    named: int
    sure: float
    spread: float

    @property
    def doubts(self) -> tuple[str, ...]:
        """What speaks against the network, or against how it gets its pixels, in sentences."""
        found = []
        if not self.finite:
            found.append("It answers some pictures with what is no number (NaN) or infinite.")
        if not self.same:
            found.append("It answers the same picture otherwise when it is asked again.")
        if self.named == 1 and self.pictures > 1:
            found.append("It names one class in all of them: does it get its pixels as it was trained with them?")
        if self.spread > _UNSURE:
            found.append("Its answers hardly differ from chance: are these the weights after training?")
        return tuple(found)


@by_annotation
def try_out_steps(model: LoadedModel, pictures: Sequence[Image.Image]) -> Generator[Progress[None], None, Tried]:
    """Ask a network about some pictures, each of them twice; a step for each picture.

    Raises ``InputError`` for none.
    """
    if not pictures:
        raise InputError("A network is tried on one picture or more.")
    logits, same = [], True
    for done, picture in enumerate(pictures):
        with torch.no_grad():
            x = model.prepare(picture)
            once, again = (model(x)[0].double().cpu().numpy() for _ in range(2))
        same &= bool(np.array_equal(once, again, equal_nan=True))
        logits.append(once)
        yield Progress(done + 1, len(pictures))
    answers = np.stack(logits)
    if not np.isfinite(answers).all():
        return Tried(len(answers), False, same, len({*answers.argmax(1).tolist()}), 0.0, 0.0)
    shares = [softmax(row) for row in answers]
    spread = float(np.mean([entropy(row) for row in shares])) / float(np.log2(answers.shape[1]))
    sure = float(np.mean([row.max() for row in shares]))
    return Tried(len(answers), True, same, len({*answers.argmax(1).tolist()}), sure, spread)


try_out = plainly(try_out_steps)
