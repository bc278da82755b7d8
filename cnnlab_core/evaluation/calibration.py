"""Is a network right as often as it says? Reliability, and the temperature that makes up for it (Guo et al. 2017,
arXiv:1706.04599)."""

from dataclasses import dataclass

import numpy as np

from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.classification.softmax import softmax
from cnnlab_core.errors import InputError
from cnnlab_core.evaluation.pictures import check_logits

BINS = 15
MOST_BINS = 100
LOWEST, HIGHEST = 0.01, 100.0
"""Between these a temperature is sought."""
_Z = 1.96
_DRAWS = 400


@dataclass(frozen=True)
class Bin:
    """The ``count`` pictures of which the network is surer than ``low`` and at most as sure as ``high``: how sure it is
    of them (the mean ``confidence``) and how often it is right (``accuracy``); both 0 if there are none."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """The reliability diagram at a ``temperature``, and the mean negative log-likelihood ``nll`` in nats."""

    bins: tuple[Bin, ...]
    temperature: float
    nll: float

    @property
    def ece(self) -> float:
        """The expected calibration error: the gap between confidence and accuracy, averaged over all pictures."""
        total = sum(part.count for part in self.bins)
        return sum(part.count * abs(part.confidence - part.accuracy) for part in self.bins) / total


@by_annotation
def calibration(logits: np.ndarray, labels: np.ndarray, bins: int = BINS, temperature: float = 1.0) -> Calibration:
    """How sure softmax(logits / temperature) is of its first class, and how often that one is right, in equal bins.

    Args:
        logits: (N, classes).
        labels: (N,) true classes.
        bins: how many of them, each as wide, from 0 to 1.
        temperature: above 0.

    Raises:
        InputError: for shapes and classes that don't fit, and no or too many bins.
    """
    logits, labels = check_logits(logits, labels)
    bins = whole("bins", bins, least=1, most=MOST_BINS)
    confidence = softmax(logits, temperature).max(1)
    right = logits.argmax(1) == labels
    edges, place = np.linspace(0, 1, bins + 1), _places(confidence, bins)
    counts = np.bincount(place, minlength=bins)
    sure, hits = (np.bincount(place, part, bins) / np.maximum(counts, 1) for part in (confidence, right))
    rows = zip(edges[:-1], edges[1:], counts, sure, hits, strict=True)
    drawn = tuple(Bin(float(a), float(b), int(count), float(c), float(r)) for a, b, count, c, r in rows)
    return Calibration(drawn, temperature, _nll(logits, labels, 1 / temperature))


@by_annotation
def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature at which the true classes of held-out pictures are likeliest.

    The negative log-likelihood is convex in 1 / T: its slope, the mean of (expected logit - true logit), is 0 at the
    best one, which halving finds. It changes no answer, only how sure the network is of it.

    Args:
        logits: (N, classes) of pictures that the network hasn't learned from.
        labels: (N,) true classes.

    Raises:
        InputError: for shapes and classes that don't fit, and where no temperature from 0.01 to 100 is best.
    """
    logits, labels = check_logits(logits, labels)
    true = logits[np.arange(len(labels)), labels]

    def slope(beta: float) -> float:
        return float(((softmax(logits, 1 / beta) * logits).sum(1) - true).mean())

    low, high = 1 / HIGHEST, 1 / LOWEST
    if slope(low) >= 0:
        raise InputError("These logits say less than guessing would, so no temperature helps. Check the labels.")
    if slope(high) <= 0:
        raise InputError(
            "The network names (nearly) all of these pictures right, so the surer the likelier: no temperature is "
            "best. Take more pictures, some of them hard."
        )
    for _ in range(100):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return 1 / low


@by_annotation
def temperature_interval(logits: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Between which temperatures that of all pictures of this kind lies, at 95 %. Raises as ``fit_temperature``.

    1 / T is where the mean of g = expected logit - true logit is 0, so it varies as sd(g) / (sqrt(N) slope) does, where
    the slope is the mean variance of the logits (an M-estimator: Huber 1967, Berkeley Symposium 5).
    """
    logits, labels = check_logits(logits, labels)
    beta = 1 / fit_temperature(logits, labels)
    p = softmax(logits, 1 / beta)
    mean = (p * logits).sum(1)
    slope = ((p * logits**2).sum(1) - mean**2).mean()
    reach = _Z * (mean - logits[np.arange(len(labels)), labels]).std() / (np.sqrt(len(labels)) * slope)
    return float(1 / (beta + reach)), float(1 / max(beta - reach, 1 / HIGHEST))


@by_annotation
def ece_interval(
    logits: np.ndarray, labels: np.ndarray, bins: int = BINS, temperature: float = 1.0, seed: int = 0
) -> tuple[float, float]:
    """Between which bounds the calibration error of all pictures of this kind lies, at 95 %, by the basic bootstrap.

    Few pictures show a larger error than there is, since chance makes gaps, and pictures drawn again from them show a
    larger one still: by as much as these surpass what was found, that is taken to surpass the truth (Davison & Hinkley
    1997, section 5.2). The arguments and errors are those of ``calibration``; ``seed`` is of what is drawn.
    """
    found = calibration(logits, labels, bins, temperature).ece
    confidence, right = softmax(logits, temperature).max(1), logits.argmax(1) == labels
    place, gap = _places(confidence, bins), confidence - right
    generator = np.random.default_rng(whole("seed", seed))
    draws = (generator.integers(len(gap), size=len(gap)) for _ in range(_DRAWS))
    again = [np.abs(np.bincount(place[rows], gap[rows])).sum() / len(gap) for rows in draws]
    low, high = np.quantile(again, (0.025, 0.975))
    return float(max(2 * found - high, 0)), float(max(2 * found - low, 0))


def _places(confidence: np.ndarray, bins: int) -> np.ndarray:
    """In which of the bins a confidence lies, which has its upper end."""
    edges = np.linspace(0, 1, bins + 1)
    return np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)


def _nll(logits: np.ndarray, labels: np.ndarray, beta: float) -> float:
    z = beta * (logits - logits.max(1, keepdims=True))
    return float((np.log(np.exp(z).sum(1)) - z[np.arange(len(labels)), labels]).mean())
