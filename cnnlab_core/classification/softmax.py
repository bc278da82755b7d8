"""Naming a picture: logits, probabilities, and how sure they are. Numpy float64 on one vector of logits."""

from dataclasses import dataclass, replace

import numpy as np

from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.errors import InputError


@dataclass(frozen=True)
class Prediction:
    """One class: its ``index``, ``label``, ``probability`` in [0, 1] and ``logit``."""

    index: int
    label: str
    probability: float
    logit: float


@dataclass(frozen=True)
class SoftmaxTerm:
    """One class in the softmax of another: its share e^((z - z_max) / T) of the denominator."""

    index: int
    logit: float
    value: float


@dataclass(frozen=True)
class SoftmaxWorkedOut:
    """The softmax of one class, term by term: ``probability`` = ``numerator`` / ``denominator``.

    ``terms`` are the largest ones (the chosen class is always among them), ``rest`` the sum of the ``rest_count``
    others, so that the terms and the rest add up to the denominator to the last bit of float64.
    """

    index: int
    temperature: float
    largest_logit: float
    terms: list[SoftmaxTerm]
    rest: float
    rest_count: int
    numerator: float
    denominator: float
    probability: float

    def rounded(self, decimals: int = 6) -> "SoftmaxWorkedOut":
        """The same with every term rounded for reading, and the denominator the exact sum of what is shown."""
        unit = 10**decimals
        counts = [round(term.value * unit) for term in self.terms]
        rest = round(self.rest * unit)
        return replace(
            self,
            terms=[replace(term, value=count / unit) for term, count in zip(self.terms, counts, strict=True)],
            rest=rest / unit,
            numerator=round(self.numerator * unit) / unit,
            denominator=(sum(counts) + rest) / unit,
        )


@by_annotation
def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """softmax(z / T) over the last axis, in float64. T > 0, else ``InputError``."""
    exponentials = _exponentials(logits, temperature)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@by_annotation
def top_k(logits: np.ndarray, labels: tuple[str, ...], k: int = 5, temperature: float = 1.0) -> list[Prediction]:
    """The ``k`` most probable classes, most probable first; of equals the lower index first."""
    z = _vector(logits)
    k = whole("k", k, 1, z.size)
    if len(labels) < z.size:
        raise InputError(f"There are {z.size} logits, but only {len(labels)} labels.")
    probabilities = softmax(z, temperature)
    order = np.argsort(-z, kind="stable")[:k]
    return [Prediction(int(i), labels[i], float(probabilities[i]), float(z[i])) for i in order]


@by_annotation
def rank(logits: np.ndarray, index: int) -> int:
    """The place of class ``index`` among all, 1 for the most probable; of equals the lower index first."""
    z = _vector(logits)
    index = whole("The class", index, 0, z.size - 1)
    return 1 + int((z > z[index]).sum() + (z[:index] == z[index]).sum())


@by_annotation
def entropy(probabilities: np.ndarray) -> float:
    """Shannon entropy in bits: 0 when one class has it all, log2(classes) when all are equal."""
    p = probabilities[probabilities > 0]
    return float(-(p * np.log2(p)).sum()) + 0.0  # + 0.0: no "-0.0"


@by_annotation
def margin(probabilities: np.ndarray) -> float:
    """The probability of the first class less that of the second."""
    if probabilities.ndim != 1 or len(probabilities) < 2:
        raise InputError(f"A margin is between the classes of one picture, (classes,), not {probabilities.shape}.")
    second, first = np.partition(probabilities, -2)[-2:]
    return float(first - second)


@by_annotation
def work_out_softmax(logits: np.ndarray, index: int, temperature: float = 1.0, terms: int = 5) -> SoftmaxWorkedOut:
    """The softmax of class ``index`` with the ``terms`` largest terms of its denominator (and its own)."""
    z = _vector(logits)
    index, terms = whole("The class", index, 0, z.size - 1), whole("terms", terms, 1)
    exponentials = _exponentials(z, temperature)
    shown = list(np.argsort(-z, kind="stable")[:terms])
    if index not in shown:
        shown[-1] = index
    rest = float(np.delete(exponentials, shown).sum())
    values = [float(exponentials[i]) for i in shown]
    denominator = sum(values) + rest
    return SoftmaxWorkedOut(
        index=index,
        temperature=temperature,
        largest_logit=float(z.max()),
        terms=[SoftmaxTerm(int(i), float(z[i]), value) for i, value in zip(shown, values, strict=True)],
        rest=rest,
        rest_count=z.size - len(shown),
        numerator=float(exponentials[index]),
        denominator=denominator,
        probability=float(exponentials[index]) / denominator,
    )


def _exponentials(logits: np.ndarray, temperature: float) -> np.ndarray:
    """e^((z - z_max) / T): the largest is 1, so nothing overflows, and the ratio is the same."""
    if not temperature > 0:
        raise InputError(f"The temperature must be above 0, but is {temperature:g}.")
    return np.exp((logits - logits.max(axis=-1, keepdims=True)) / temperature)


def _vector(logits: np.ndarray) -> np.ndarray:
    if logits.ndim != 1:
        raise InputError(f"Logits of one picture are one row of numbers, but these have the shape {logits.shape}.")
    return logits
