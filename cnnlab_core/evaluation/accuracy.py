"""How often a network is right, and between which bounds that is known."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.classification.answers import MOST_MISTAKES, Answers
from cnnlab_core.classification.softmax import softmax
from cnnlab_core.errors import InputError
from cnnlab_core.evaluation.pictures import check_logits
from cnnlab_core.runtime.short_repr import short_repr


@dataclass(frozen=True)
class Share:
    """``right`` of ``of`` pictures, with the interval in which the share of all pictures of this kind probably lies."""

    right: int
    of: int

    def __post_init__(self) -> None:
        whole("of", self.of, least=1)
        whole("right", self.right, most=self.of)

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.right / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval, see ``wilson``."""
        return wilson(self.right, self.of)


@by_annotation
def wilson(right: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927, JASA 22): all shares p of which ``right`` is within z deviations.

    |right / of - p| <= z sqrt(p (1 - p) / of). It never leaves 0 to 1, and holds for few pictures and shares near 0.

    Args:
        right: how many are.
        of: of how many, at least 1.
        level: how often such an interval covers the truth, between 0 and 1.

    Raises:
        InputError: for numbers that can't be.
    """
    of = whole("of", of, least=1)
    right = whole("right", right, most=of)
    if not 0 < level < 1:
        raise InputError(f"The level lies between 0 and 1, such as 0.95, but is {level:g}.")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, shrink = right / of, 1 + z * z / of
    middle = (share + z * z / (2 * of)) / shrink
    reach = z * math.sqrt(share * (1 - share) / of + (z / (2 * of)) ** 2) / shrink
    # At the ends the formula gives 0 and 1, but for a rounding.
    return (0.0 if right == 0 else middle - reach), (1.0 if right == of else middle + reach)


@short_repr
@dataclass(frozen=True, eq=False)
class Accuracy:
    """The share of pictures named right, of all and of each class (None for one without pictures), and the most
    confident ``mistakes``, as ``Answers.mistakes`` has them."""

    overall: Share
    by_class: tuple[Share | None, ...]
    mistakes: tuple[dict[str, float | int], ...]


@by_annotation
def accuracy(logits: np.ndarray, labels: np.ndarray, most: int = MOST_MISTAKES) -> Accuracy:
    """What logits (N, classes) say of pictures with these labels (N,).

    Raises:
        InputError: for shapes and classes that don't fit.
    """
    logits, labels = check_logits(logits, labels)
    rows, p = np.arange(len(labels)), softmax(logits)
    predicted = logits.argmax(1)
    with np.errstate(divide="ignore"):
        answers = Answers(labels, predicted, p[rows, predicted], p[rows, labels], -np.log(p[rows, labels]))
    table = answers.confusion(logits.shape[1])
    counts = zip(table.diagonal().tolist(), table.sum(1).tolist(), strict=True)
    return Accuracy(
        Share(int(table.trace()), len(labels)),
        tuple(Share(right, of) if of else None for right, of in counts),
        tuple(answers.mistakes(whole("most", most))),
    )
