"""A network's report card: every figure of what it is worth, measured in one go, kept in a file, and gone on with."""

import base64
import hashlib
import json
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cnnlab_core.attacks.inputs import Classes
from cnnlab_core.attacks.objective import Classifier, logits_of
from cnnlab_core.attacks.transforms import TRANSFORMS, find_transform
from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.data import find_data, open_data
from cnnlab_core.errors import DataError, InputError
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
from cnnlab_core.evaluation.pictures import AT_ONCE, ask_steps
from cnnlab_core.evaluation.robustness import (
    EPS,
    MOST_ATTACKED,
    UNTRIED,
    Robustness,
    expected_seconds,
    parts_for,
    robustness_steps,
)
from cnnlab_core.images.levels import levels
from cnnlab_core.models.exports import trained_on
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.runtime.assets import asset
from cnnlab_core.runtime.files import cache_folder, slug, write_atomically
from cnnlab_core.runtime.jobs import Progress, part, plainly, relay
from cnnlab_core.runtime.short_repr import short_repr

FORM = "cnnlab-card-1"
USUAL = 500
"""Pictures that are attacked, unless another number is asked for."""
PER_ATTACKED = 4
"""So many times as many are asked about without an attack, as far as there are so many: that is quick."""
_MOST_LOGITS = 1_000_000
_CHECK_PASSES, _ATTACK_PASSES, _BLIND = 200, 100, 0.4
"""What a picture takes, about: passes through the network and back, in the checks and in the attacks; and a pass there
alone."""
_SAVE_SECONDS = 5.0

ACCURACY, FLATTERED, ROBUST = "Accuracy", "Robust accuracy, PGD-20 alone", "Robust accuracy"
CORRUPTED, CLEAR = "Accuracy under corruptions", "Checks passed"
ECE, ECE_AFTER, TEMPERATURE = "Expected calibration error", "Expected calibration error, after", "Fitted temperature"
"""What the figures of a card are called."""


# --- the pictures ---------------------------------------------------------------------------------------------


@short_repr
@dataclass(frozen=True, eq=False)
class Drawn:
    """Test pictures ``x`` (N, 3, H, W) in [0, 1] of a data set, their classes ``y`` (N,) as the network counts them,
    and their places in the test part, ``index`` (N,)."""

    data: str
    x: Tensor
    y: Tensor
    index: np.ndarray


def data_for(spec: ModelSpec, data: str = "") -> str:
    """The name of the data set whose test pictures a network is measured on: ``data``, else what it learned from.

    Raises ``InputError`` for a network that no data set of the lab belongs to.
    """
    if found := data or trained_on(spec):
        return found
    if spec.weights.held:
        raise InputError(
            f"The lab doesn't know what {spec.title} learned from. Choose the test pictures under “Settings”: its "
            "classes are to be called as theirs are."
        )
    raise InputError(
        f"{spec.title} learned from ImageNet, whose test pictures the lab doesn't have. Import labelled pictures, in "
        "folders that are called as its classes are, or choose a network that learned here."
    )


@by_annotation
def draw_pictures(model: LoadedModel, data: str = "", count: int = USUAL * PER_ATTACKED, seed: int = 0) -> Drawn:
    """Up to ``count`` test pictures drawn from a data set, as the network sees them.

    Classes are told by their names; pictures of classes that the network doesn't know are left out.

    Args:
        model: a network of the lab.
        data: the name of a data set that is here (see ``list_data``); by default the one that it learned from.
        count: at least 2; a network of many classes gets fewer.
        seed: of the draw.

    Raises:
        InputError: for a network that no data set belongs to, and classes that don't fit.
        DataError: for a data set that isn't on this machine or is damaged.
    """
    whole("count", count, least=2)
    data = data_for(model.spec, data)
    dataset, names = open_data(data, fetch=False), {name.lower(): k for k, name in enumerate(model.categories)}
    known = np.array([names.get(name.lower(), -1) for name in dataset.classes])
    if (known < 0).all():
        raise InputError(
            f"{model.spec.title} knows none of the classes of {dataset.title}, such as “{dataset.classes[0]}”: its own "
            f"are called “{model.categories[0]}”, “{model.categories[1]}” and so on. Choose the pictures that it "
            "learned from."
        )
    test = dataset.read_test()
    labels = known[test.labels.numpy()]
    order = np.random.default_rng([whole("seed", seed), 21]).permutation(np.flatnonzero(labels >= 0))
    index = order[: min(count, _MOST_LOGITS // len(model.categories))]
    images = test.images[torch.from_numpy(index)]
    if dataset.side == model.spec.preprocessing.crop:
        x = images.permute(0, 3, 1, 2).contiguous().float().div(255).to(model.device)
    else:
        x = torch.cat([model.prepare(Image.fromarray(pixels)) for pixels in images.numpy()])
    return Drawn(data, x, torch.from_numpy(labels[index]), index)


# --- the card -------------------------------------------------------------------------------------------------


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

    @property
    def key(self) -> str:
        """The digest of all that its figures depend on, the plan of the attacks too."""
        plan = [(part.name, part.passes) for part in parts_for(len(self.classes))]
        of = self.weights, self.data, self.index.tolist(), self.labels.tolist(), self.attacked, self.eps, self.seed
        return hashlib.sha256(repr((FORM, plan, *of)).encode()).hexdigest()

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

    if card.robustness is None or not card.robustness.measured.all():
        job = robustness_steps(model, few, classes, eps=card.eps, seed=card.seed, so_far=card.robustness)
        card = replace(card, robustness=(yield from part(job, done, sizes[1], total, attacked)))
    done += sizes[1]
    yield Progress(done, total, card)
    if not card.checks:
        most = min(count, MOST_CHECKED)
        job_of_checks = masked_gradients_steps(model, few[:most], classes[:most], eps=card.eps, seed=card.seed)
        card = replace(card, checks=(yield from part(job_of_checks, done, sizes[2], total, card)))
    done += sizes[2]
    yield Progress(done, total, card)
    for name, strengths in trials.items():
        size = count * _BLIND * strengths
        if all(row.name != name for row in card.corruptions):
            rows = yield from part(
                corruptions_steps(model, few, classes, transforms=(name,), seed=card.seed), done, size, total, card
            )
            card = replace(card, corruptions=(*card.corruptions, *rows))
        done += size
        yield Progress(done, total, card)
    return card


def card_seconds(model: Classifier, x: Tensor, y: Classes, card: Card) -> float:
    """About how long what the card lacks takes on a device that does nothing else. Raises ``InputError``."""
    labels, few = torch.as_tensor(y), x[:AT_ONCE]
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


# --- its file -------------------------------------------------------------------------------------------------


def shipped_path(network: str) -> Path:
    """Where the card of a network that comes with the lab lies, if there is one: ``assets/cards``."""
    return asset("cards") / f"{network}.json"


def shipped_card(
    spec: ModelSpec, data: str = "", *, attacked: int = USUAL, eps: float = EPS, seed: int = 0
) -> Card | None:
    """The card that came with the lab, if there is one of this network with these settings."""
    path = shipped_path(spec.name)
    try:
        card = _read_again(path, path.stat().st_mtime_ns)
    except (OSError, DataError):
        return None
    asked = spec.weights.identity, data or trained_on(spec), attacked, eps, seed
    return card if (card.weights, card.data, card.attacked, card.eps, card.seed) == asked else None


def kept_path(card: Card) -> Path:
    """Where a card is kept while it is worked on and after: in the cache, by all that its figures depend on."""
    return cache_folder() / "cards" / slug(card.network) / f"{card.key}.json"


@by_annotation
def write_card(path: Path, card: Card) -> None:
    """Keep a card, finished or not, as a JSON file. Raises ``OSError``."""
    write_atomically(path, json.dumps(to_json(card), ensure_ascii=False, indent=1).encode())


def to_json(card: Card) -> dict[str, Any]:
    """A card as plain data."""
    robust = card.robustness
    return {
        "form": FORM,
        "network": card.network,
        "weights": card.weights,
        "data": card.data,
        "classes": list(card.classes),
        "attacked": card.attacked,
        "eps": card.eps,
        "seed": card.seed,
        "index": " ".join(map(str, card.index.tolist())),
        "labels": " ".join(map(str, card.labels.tolist())),
        "logits": None if card.logits is None else _packed(card.logits),
        "robustness": robust
        and {
            "eps": robust.eps,
            "names": list(robust.names),
            "right": _digits(robust.right),
            "found": [_digits(row - UNTRIED) for row in robust.found],
            "digest": robust.digest,
            "seed": robust.seed,
        },
        "checks": [asdict(check) for check in card.checks],
        "corruptions": [asdict(row) for row in card.corruptions],
    }


@by_annotation
def read_card(path: Path) -> Card:
    """The card in a file. Raises ``DataError`` for one that isn't there, damaged, or of another form."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["form"] != FORM:
            raise ValueError
        labels, classes = np.array(about["labels"].split(), np.int64), tuple(map(str, about["classes"]))
        logits, robust = about["logits"], about["robustness"]
        return Card(
            network=str(about["network"]),
            weights=str(about["weights"]),
            data=str(about["data"]),
            classes=classes,
            index=np.array(about["index"].split(), np.int64),
            labels=labels,
            attacked=int(about["attacked"]),
            eps=float(about["eps"]),
            seed=int(about["seed"]),
            logits=logits and _unpacked(logits).reshape(len(labels), len(classes)),
            robustness=robust
            and Robustness(
                float(robust["eps"]),
                tuple(robust["names"]),
                _from_digits(robust["right"]).astype(bool),
                np.array([_from_digits(row) + UNTRIED for row in robust["found"]], np.int8),
                str(robust["digest"]),
                int(robust["seed"]),
            ),
            checks=tuple(Check(**check) for check in about["checks"]),
            corruptions=tuple(
                Corrupted(**{**row, "right": Share(**row["right"]), "same": Share(**row["same"])})
                for row in about["corruptions"]
            ),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError):
        raise DataError("There is no card that can be read. Measure the network anew.") from None


@lru_cache(maxsize=32)
def _read_again(path: Path, modified: int) -> Card:
    return read_card(path)


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")


def _unpacked(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f4")


def _digits(values: np.ndarray) -> str:
    return "".join(map(str, values.astype(int).tolist()))


def _from_digits(text: str) -> np.ndarray:
    return np.array(list(text), np.int8)


@by_annotation
def network_card_steps(
    model: LoadedModel, data: str = "", *, attacked: int = USUAL, eps: float = EPS, seed: int = 0, anew: bool = False
) -> Generator[Progress[Card], None, Card]:
    """The card of a network of the lab on test pictures that are drawn for it.

    One that came with the lab is given at once, unless it is to be measured ``anew``. Else it is kept as it grows, and
    gone on with: what an earlier run left in the cache, in another process too, isn't measured again.

    Args:
        model: with its published weights.
        data: as ``draw_pictures`` takes it.
        attacked: so many pictures are attacked, and four times as many asked about.
        eps: radius of the linf ball, in pixel units.
        seed: of all that is drawn.
        anew: measure it, even if it came with the lab or was measured before.

    Raises:
        InputError, DataError: what ``draw_pictures`` and ``card_steps`` raise.
    """
    if not anew and (shipped := shipped_card(model.spec, data, attacked=attacked, eps=eps, seed=seed)):
        return shipped
    drawn = draw_pictures(model, data, attacked * PER_ATTACKED, seed)
    blank = blank_card(model, drawn, attacked, eps, seed)
    card = blank if anew else begun_card(blank)
    path, saved = kept_path(card), time.monotonic()

    def keeping(step: Progress[Card]) -> Progress[Card]:
        nonlocal card, saved
        card = step.latest or card
        if time.monotonic() - saved >= _SAVE_SECONDS:
            _save(path, card)
            saved = time.monotonic()
        return step

    try:
        card = yield from relay(card_steps(model, drawn.x, drawn.y, card), keeping)
    finally:  # also where it is stopped
        _save(path, card)
    return card


network_card = plainly(network_card_steps)


def begun_card(blank: Card) -> Card:
    """What is known already of a blank card, from an earlier run in whatever process; else the blank card itself."""
    try:
        found = read_card(kept_path(blank))
    except DataError:
        return blank
    return replace(found, network=blank.network) if found.key == blank.key else blank


def _save(path: Path, card: Card) -> None:
    with suppress(OSError):  # a full disk: the figures are good all the same, only not kept
        write_card(path, card)


def data_title(card: Card) -> str:
    """What the pictures of a card are called; their name, if they aren't here."""
    try:
        return find_data(card.data).title
    except InputError:
        return card.data
