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
MOST_DRAWS = 2000
LOWEST, HIGHEST = 0.01, 100.0
"""Between these a temperature is sought."""


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
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    sure, hits = (np.bincount(place, part, bins) / np.maximum(counts, 1) for part in (confidence, right))
    rows = zip(edges[:-1], edges[1:], counts, sure, hits, strict=True)
    drawn = tuple(Bin(float(a), float(b), int(count), float(c), float(r)) for a, b, count, c, r in rows)
    return Calibration(drawn, temperature, _nll(logits, labels, 1 / temperature))


@by_annotation
def ece_interval(
    logits: np.ndarray, labels: np.ndarray, bins: int = BINS, temperature: float = 1.0, *, draws: int = 1000
) -> tuple[float, float]:
    """The 95 % interval of the expected calibration error, by the basic bootstrap over pictures (Efron & Tibshirani
    1993, chapter 13).

    2 ece less the quantiles of the ``draws``: resampling adds to the error what chance does, and this takes it off
    again; where that leaves out the error as it was found, the interval is widened to it. The arguments are those of
    ``calibration``.
    """
    logits, labels = check_logits(logits, labels)
    bins, draws = whole("bins", bins, least=1, most=MOST_BINS), whole("draws", draws, least=1, most=MOST_DRAWS)
    p = softmax(logits, temperature)
    gap = p.max(1) - (logits.argmax(1) == labels)
    place = np.clip(np.ceil(p.max(1) * bins).astype(int) - 1, 0, bins - 1)
    by_bin = np.zeros((len(gap), bins))
    by_bin[np.arange(len(gap)), place] = gap
    often = np.random.default_rng(0).multinomial(len(gap), np.full(len(gap), 1 / len(gap)), draws)
    found = np.abs(often @ by_bin).sum(1) / len(gap)
    ece = float(np.abs(by_bin.sum(0)).sum() / len(gap))
    low, high = 2 * ece - np.quantile(found, (0.975, 0.025))
    return min(max(0.0, float(low)), ece), max(min(1.0, float(high)), ece)


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
    """The 95 % interval of the fitted temperature. Raises ``InputError`` as ``fit_temperature`` does.

    1 / T is where the mean of g = expected logit - true logit is 0, so it varies as sd(g) / (sqrt(N) slope) does, and
    the slope is the mean variance of the logits (an M-estimator: Huber 1967, 5th Berkeley Symposium).
    """
    logits, labels = check_logits(logits, labels)
    beta = 1 / fit_temperature(logits, labels)
    p = softmax(logits, 1 / beta)
    mean = (p * logits).sum(1)
    slope = ((p * logits**2).sum(1) - mean**2).mean()
    reach = 1.96 * (mean - logits[np.arange(len(labels)), labels]).std() / (np.sqrt(len(labels)) * slope)
    return float(1 / (beta + reach)), float(1 / max(beta - reach, 1 / HIGHEST))


def _nll(logits: np.ndarray, labels: np.ndarray, beta: float) -> float:
    z = beta * (logits - logits.max(1, keepdims=True))
    return float((np.log(np.exp(z).sum(1)) - z[np.arange(len(labels)), labels]).mean())
