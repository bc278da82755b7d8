"""A network's report card: every figure of what it is worth, measured in one go, kept in a file, and gone on with."""

import base64
import hashlib
import json
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
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
from cnnlab_core.evaluation.accuracy import Accuracy, Share, accuracy, wilson
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
from cnnlab_core.models.exports import trained_on
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.assets import asset
from cnnlab_core.runtime.files import cache_folder, write_atomically
from cnnlab_core.runtime.jobs import Progress, part, plainly

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


# --- the pictures ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Drawn:
    """Test pictures ``x`` (N, 3, H, W) in [0, 1] of a data set, their classes ``y`` (N,) as the network counts them,
    and their places in the test part, ``index`` (N,)."""

    data: str
    x: Tensor
    y: Tensor
    index: np.ndarray


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
    data = data or trained_on(model.spec)
    if not data:
        raise InputError(
            f"{model.spec.title} learned from ImageNet, whose test pictures aren't on this machine. Import labelled "
            "pictures, in folders that are called as its classes are, or choose a network that learned here."
        )
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
        """The digest of all that its figures depend on."""
        plan = [(part.name, part.passes) for part in parts_for(len(self.classes))]
        of = (
            self.weights,
            self.data,
            self.index.tolist(),
            self.labels.tolist(),
            self.attacked,
            self.eps,
            self.seed,
            plan,
        )
        return hashlib.sha256(repr(of).encode()).hexdigest()

    def accuracy(self) -> Accuracy:
        """Of all pictures. Raises ``InputError`` before they were asked about."""
        return accuracy(self._asked(), self.labels)

    def fitted_temperature(self) -> float:
        """The temperature at which the first half of the pictures is likeliest. Raises ``InputError`` as
        ``fit_temperature`` does."""
        half = len(self.labels) // 2
        return fit_temperature(self._asked()[:half], self.labels[:half])

    def calibration(self, temperature: float = 1.0, bins: int = BINS) -> Calibration:
        """Of the second half of the pictures, which no temperature is fitted to."""
        half = len(self.labels) // 2
        return calibration(self._asked()[half:], self.labels[half:], bins, temperature)

    def temperature_interval(self) -> tuple[float, float]:
        """Of the fitted temperature, at 95 %. Raises ``InputError`` as ``fit_temperature`` does."""
        half = len(self.labels) // 2
        return temperature_interval(self._asked()[:half], self.labels[:half])

    def ece(self, called: str, note: str, temperature: float = 1.0) -> "Figure":
        """The calibration error of the second half of the pictures, as a line of the card."""
        half = len(self.labels) // 2
        between = ece_interval(self._asked()[half:], self.labels[half:], BINS, temperature, self.seed)
        return Figure(called, f"{self.calibration(temperature).ece:.3f}", None, note, _between(between, ".3f"))

    def _asked(self) -> np.ndarray:
        if self.logits is None:
            raise InputError("The network hasn't been asked about these pictures yet: measure it first.")
        return self.logits


@dataclass(frozen=True)
class Figure:
    """A line of a card: what it is ``called``, its value in words, and its ``share`` if it is one; a ``note`` says how
    it was measured, ``between`` is the 95 % interval in words."""

    called: str
    value: str
    share: Share | None = None
    note: str = ""
    between: str = ""

    @staticmethod
    def of_share(called: str, share: Share, note: str) -> "Figure":
        """A share and its interval, in percent."""
        return Figure(called, f"{share.value:.1%}", share, note, _between(share.interval, ".1%"))


def blank_card(model: LoadedModel, drawn: Drawn, attacked: int = USUAL, eps: float = EPS, seed: int = 0) -> Card:
    """The card of a network before anything is measured. Raises ``InputError`` for no or too many pictures."""
    attacked = min(whole("attacked", attacked, least=2, most=MOST_ATTACKED), len(drawn.index))
    return Card(
        model.spec.name, model.identity, drawn.data, model.categories, drawn.index, drawn.y.numpy(), attacked, eps, seed
    )


def card_steps(model: Classifier, x: Tensor, y: Classes, card: Card) -> Generator[Progress[Card], None, Card]:
    """Measure what a card of these pictures lacks: the answers, attacks, checks and corruptions, in this order.

    Each step knows the card so far; given as ``card`` the work goes on from there. Raises ``InputError`` for pictures that don't fit the network or the card,
    and a network that names none of them right.
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
    """The card at a glance: the figures of whatever is measured."""
    found: list[Figure] = []
    if card.logits is None:
        return ()
    overall = card.accuracy().overall
    found.append(Figure.of_share("Accuracy", overall, "without an attack"))
    if (robust := card.robustness) is not None and robust.measured.any():
        ball, first = f"linf, ε = {card.eps * 255:.3g}/255", robust.names[0]
        for called, share, note in (
            (f"Robust accuracy, {first} alone", robust.after(first), ball),
            ("Robust accuracy", robust.worst, f"{ball}, worst case of {', '.join(robust.names)}"),
        ):
            found.append(Figure.of_share(called, share, note))
    if card.checks:
        clear = sum(check.clear for check in card.checks)
        note = "signs of masked gradients that were looked for and not found"
        found.append(Figure("Checks passed", f"{clear} of {len(card.checks)}", note=note))
    found.append(card.ece("Calibration error (ECE)", f"{BINS} bins, temperature 1"))
    with suppress(InputError):
        fitted, between = card.fitted_temperature(), _between(card.temperature_interval(), ".2f")
        found.append(Figure("Fitted temperature", f"{fitted:.2f}", None, "on the first half of the pictures", between))
        found.append(card.ece("ECE at that temperature", "on the second half", fitted))
    if {row.name for row in card.corruptions} == set(TRANSFORMS):
        mean = float(np.mean([row.right.value for row in card.corruptions]))
        note = f"mean over {len(TRANSFORMS)} transforms and their severities"
        # The mean of a picture lies between 0 and 1, so it varies no more than a yes or no does.
        between = _between(wilson(round(mean * card.attacked), card.attacked), ".1%")
        found.append(Figure("Accuracy under corruptions", f"{mean:.1%}", None, note, between))
    return tuple(found)


def _between(interval: tuple[float, float], form: str) -> str:
    return " to ".join(format(end, form) for end in interval)


# --- its file -------------------------------------------------------------------------------------------------


def shipped_path(network: str) -> Path:
    """Where the card of a network that comes with the lab lies, if there is one: ``assets/cards``."""
    return asset("cards") / f"{network}.json"


def kept_path(card: Card) -> Path:
    """Where a card is kept while it is worked on and after: in the cache, by all that its figures depend on."""
    return cache_folder() / "cards" / f"{card.key}.json"


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
        "logits": None
        if card.logits is None
        else base64.b64encode(card.logits.astype("<f4").tobytes()).decode("ascii"),
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
            logits=logits and np.frombuffer(base64.b64decode(logits), "<f4").reshape(len(labels), len(classes)),
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


def _digits(values: np.ndarray) -> str:
    return "".join(map(str, values.astype(int).tolist()))


def _from_digits(text: str) -> np.ndarray:
    return np.array(list(text), np.int8)


@by_annotation
def network_card_steps(
    model: LoadedModel, data: str = "", *, attacked: int = USUAL, eps: float = EPS, seed: int = 0
) -> Generator[Progress[Card], None, Card]:
    """The card of a network of the lab on test pictures that are drawn for it; kept as it grows, and gone on with.

    What an earlier run has left in the cache, in another process too, isn't measured again. Raises what
    ``draw_pictures`` and ``card_steps`` raise.
    """
    drawn = draw_pictures(model, data, attacked * PER_ATTACKED, seed)
    card = begun_card(blank_card(model, drawn, attacked, eps, seed))
    path, saved = kept_path(card), time.monotonic()
    job = card_steps(model, drawn.x, drawn.y, card)
    while True:
        try:
            step = next(job)
        except StopIteration as end:
            _save(path, end.value)
            return end.value
        if step.latest is not None and step.latest is not card and time.monotonic() - saved >= _SAVE_SECONDS:
            card, saved = step.latest, time.monotonic()
            _save(path, card)
        yield step


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
