"""A network's report card: every figure of what it is worth, measured in one go."""

import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes
from cnnlab_core.attacks.objective import Classifier, logits_of
from cnnlab_core.attacks.transforms import TRANSFORMS, find_transform
from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.errors import InputError
from cnnlab_core.evaluation.accuracy import Accuracy, Share, accuracy
from cnnlab_core.evaluation.calibration import (
    BINS,
    Calibration,
    calibration,
    ece_interval,
    fit_temperature,
    temperature_interval,
)
from cnnlab_core.evaluation.corruptions import Corrupted, corruptions_steps, strengths_of
from cnnlab_core.evaluation.masked_gradients import MOST_CHECKED, Check, masked_gradients_steps
from cnnlab_core.evaluation.pictures import USUAL, Drawn, ask_steps, check_labelled
from cnnlab_core.evaluation.robustness import EPS, MOST_ATTACKED, Robustness, expected_seconds, robustness_steps
from cnnlab_core.images.levels import levels
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import Progress, part
from cnnlab_core.runtime.short_repr import short_repr

_CHECK_PASSES, _ATTACK_PASSES, _BLIND = 10, 100, 0.4
"""What a picture takes, about: passes through the network and back, in the checks and in the attacks; and a pass there
alone."""

ACCURACY, FLATTERED, ROBUST = "Accuracy", "Robust accuracy, PGD-20 alone", "Robust accuracy"
CORRUPTED, CLEAR = "Accuracy under corruptions", "Checks passed"
ECE, ECE_AFTER, TEMPERATURE = "Expected calibration error", "Expected calibration error, after", "Fitted temperature"
"""What the figures of a card are called."""


@short_repr
@dataclass(frozen=True, eq=False)
class Card:
    """What is known of a network on N labelled pictures: of all of them its ``logits`` (N, classes), of the first ones
    what attacks, checks and corruptions found. What isn't measured yet is None or empty.

    ``network`` is its name and ``weights`` what identifies them, ``data`` where the pictures are from, ``index`` (N,)
    which test pictures they are. It is worked out in the linf ball ``eps`` with ``seed``; ``attacked`` pictures are.
    """

    network: str
    weights: str
    data: str
    classes: tuple[str, ...]
    index: np.ndarray
    labels: np.ndarray
    attacked: int
    eps: float = EPS
    seed: int = 0
    logits: np.ndarray | None = None
    robustness: Robustness | None = None
    checks: tuple[Check, ...] = ()
    corruptions: tuple[Corrupted, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether everything is measured."""
        return bool(
            self.logits is not None
            and self.robustness is not None
            and self.robustness.measured.all()
            and self.checks
            and {row.name for row in self.corruptions} == set(TRANSFORMS)
        )

    def accuracy(self) -> Accuracy:
        """Of all pictures. Raises ``InputError`` before they were asked about."""
        return accuracy(self._asked(), self.labels)

    def fitted_temperature(self) -> float:
        """The temperature at which the first half of the pictures is likeliest. Raises ``InputError`` as
        ``fit_temperature`` does."""
        half = len(self.labels) // 2
        return fit_temperature(self._asked()[:half], self.labels[:half])

    def temperature_interval(self) -> tuple[float, float]:
        """The 95 % interval of the fitted temperature. Raises ``InputError`` as ``fit_temperature`` does."""
        half = len(self.labels) // 2
        return temperature_interval(self._asked()[:half], self.labels[:half])

    def calibration(self, temperature: float = 1.0, bins: int = BINS) -> Calibration:
        """Of the second half of the pictures, which no temperature is fitted to."""
        half = len(self.labels) // 2
        return calibration(self._asked()[half:], self.labels[half:], bins, temperature)

    def ece_interval(self, temperature: float = 1.0) -> tuple[float, float]:
        """The 95 % interval of its ``ece``."""
        half = len(self.labels) // 2
        return ece_interval(self._asked()[half:], self.labels[half:], BINS, temperature)

    def _asked(self) -> np.ndarray:
        if self.logits is None:
            raise InputError("The network hasn't been asked about these pictures yet: measure it first.")
        return self.logits


@dataclass(frozen=True)
class Figure:
    """A line of a card: what it is ``called``, its ``value`` with the 95 % ``interval`` if it has one, and of how many
    pictures it is; the ``note`` says how it was measured. ``written`` is how its numbers are."""

    called: str
    value: float
    interval: tuple[float, float] | None
    of: int
    note: str
    written: str = "{:.1%}"

    @property
    def words(self) -> str:
        """“56.6% (52.2% to 60.9%)”."""
        if self.interval is None:
            return self.written.format(self.value)
        return "{} ({} to {})".format(*map(self.written.format, (self.value, *self.interval)))


def blank_card(model: LoadedModel, drawn: Drawn, attacked: int = USUAL, eps: float = EPS, seed: int = 0) -> Card:
    """The card of a network before anything is measured. Raises ``InputError`` for no or too many pictures."""
    attacked = min(whole("attacked", attacked, least=2, most=MOST_ATTACKED), len(drawn.index))
    return Card(
        model.spec.name, model.identity, drawn.data, model.categories, drawn.index, drawn.y.numpy(), attacked, eps, seed
    )


def card_steps(model: Classifier, x: Tensor, y: Classes, card: Card) -> Generator[Progress[Card], None, Card]:
    """Measure what a card of these pictures lacks: the answers, attacks, checks and corruptions, in this order.

    Each step knows the card so far; given as ``card`` the work goes on from there. Raises
    ``InputError`` for pictures that don't fit the network or the card, and a network that names none of them right.
    """
    labels, count = torch.as_tensor(y), card.attacked
    if len(x) != len(card.labels) or labels.tolist() != card.labels.tolist():
        raise InputError("The card is of other pictures: begin a new one.")
    few, classes = x[:count], labels[:count]
    trials = {name: len(strengths_of(find_transform(name))) for name in TRANSFORMS}
    sizes = len(x) * _BLIND, count * _ATTACK_PASSES, min(count, MOST_CHECKED) * _CHECK_PASSES
    total, done = sum(sizes) + count * _BLIND * sum(trials.values()), 0.0
    if card.logits is None:
        answers = yield from part(ask_steps(model, x, labels), done, sizes[0], total)
        card = replace(card, logits=answers.astype(np.float32))
    done += sizes[0]
    yield Progress(done, total, card)

    def attacked(step: Progress[Robustness]) -> Card:
        return replace(card, robustness=step.latest or card.robustness)

    robust = card.robustness
    if robust is None or not robust.measured.all():
        job = robustness_steps(model, few, classes, eps=card.eps, seed=card.seed, so_far=robust)
        robust = yield from part(job, done, sizes[1], total, attacked)
        card = replace(card, robustness=robust)
    done += sizes[1]
    yield Progress(done, total, card)
    if not card.checks:
        most = min(count, MOST_CHECKED)
        known = replace(robust, right=robust.right[:most], found=robust.found[:, :most])
        checking = masked_gradients_steps(model, few[:most], classes[:most], eps=card.eps, seed=card.seed, known=known)
        card = replace(card, checks=(yield from part(checking, done, sizes[2], total, card)))
    done += sizes[2]
    yield Progress(done, total, card)
    left = [name for name in TRANSFORMS if all(row.name != name for row in card.corruptions)]

    def corrupted(step: Progress[tuple[Corrupted, ...]]) -> Card:
        return replace(card, corruptions=(*card.corruptions, *(step.latest or ())))

    if left:
        size = count * _BLIND * sum(trials[name] for name in left)
        changing = corruptions_steps(model, few, classes, transforms=left, seed=card.seed)
        rows = yield from part(changing, total - size, size, total, corrupted)
        card = replace(card, corruptions=(*card.corruptions, *rows))
    yield Progress(total, total, card)
    return card


def card_seconds(model: Classifier, x: Tensor, y: Classes, card: Card) -> float:
    """About how long what the card lacks takes on a device that does nothing else. Raises ``InputError``."""
    labels, _, at_once = check_labelled(model, x, y)
    few = x[:at_once]
    start = time.perf_counter()
    logits_of(model, few)
    each = (time.perf_counter() - start) / len(few)
    seconds = 0.0 if card.logits is not None else each * len(x)
    known = {row.name for row in card.corruptions}
    trials = sum(len(strengths_of(find_transform(name))) for name in TRANSFORMS if name not in known)
    seconds += each * trials * card.attacked
    if not card.checks:
        seconds += each / _BLIND * _CHECK_PASSES * min(card.attacked, MOST_CHECKED)
    left = 1.0 if card.robustness is None else 1 - float(card.robustness.measured.mean())
    if left:
        seconds += left * expected_seconds(model, x[: card.attacked], labels[: card.attacked], eps=card.eps)
    return seconds


@by_annotation
def figures(card: Card) -> tuple[Figure, ...]:
    """The card at a glance: the figures of whatever is measured.

    Those of the calibration are of the second half of the pictures, the temperature fitted to the first; its intervals
    are a bootstrap's (see ``ece_interval``). The pictures of corruptions are the same in each, so that the interval of
    their mean is at most that of one share.
    """
    if card.logits is None:
        return ()
    found = [_share(ACCURACY, card.accuracy().overall, "before any attack")]
    ball = f"L∞ ball of {levels(card.eps)}"
    if (robust := card.robustness) is not None and robust.measured.any():
        first = robust.names[0]
        found.append(_share(FLATTERED, robust.after(first), f"{ball}: {first}, as many papers stop there"))
        found.append(_share(ROBUST, robust.worst, f"{ball}: each picture's worst case of {', '.join(robust.names)}"))
    if {row.name for row in card.corruptions} == set(TRANSFORMS):
        mean = float(np.mean([row.right.value for row in card.corruptions]))
        share = Share(round(mean * card.attacked), card.attacked)
        note = f"the mean over {len(card.corruptions)} settings of {len(TRANSFORMS)} transforms"
        found.append(Figure(CORRUPTED, mean, share.interval, card.attacked, note))
    held = len(card.labels) - len(card.labels) // 2
    found.append(Figure(ECE, card.calibration().ece, card.ece_interval(), held, f"{BINS} bins", "{:.3f}"))
    with suppress(InputError):  # no temperature is best where everything is right
        fitted = card.fitted_temperature()
        after = card.calibration(fitted).ece, card.ece_interval(fitted)
        found.append(Figure(ECE_AFTER, *after, held, "at the fitted temperature", "{:.3f}"))
        between = card.temperature_interval()
        found.append(Figure(TEMPERATURE, fitted, between, len(card.labels) - held, "the likeliest", "{:.2f}"))
    if card.checks:
        clear, of = sum(check.clear for check in card.checks), min(card.attacked, MOST_CHECKED)
        found.append(Figure(CLEAR, clear, None, of, f"of {len(card.checks)} checks for masked gradients", "{:.0f}"))
    return tuple(found)


def _share(called: str, share: Share, note: str) -> Figure:
    return Figure(called, share.value, share.interval, share.of, note)
