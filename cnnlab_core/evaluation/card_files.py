"""A card's file: those that come with the lab, and those that are kept as they grow and gone on with."""

import base64
import hashlib
import json
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cnnlab_core.checks import by_annotation
from cnnlab_core.data import find_data
from cnnlab_core.errors import DataError, InputError
from cnnlab_core.evaluation.accuracy import Share
from cnnlab_core.evaluation.card import Card, blank_card, card_steps
from cnnlab_core.evaluation.corruptions import Corrupted
from cnnlab_core.evaluation.masked_gradients import Check
from cnnlab_core.evaluation.pictures import PER_ATTACKED, USUAL, draw_pictures
from cnnlab_core.evaluation.robustness import EPS, UNTRIED, Robustness, parts_for
from cnnlab_core.models.exports import trained_on
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.spec import ModelSpec
from cnnlab_core.runtime.assets import asset
from cnnlab_core.runtime.files import cache_folder, slug, write_atomically
from cnnlab_core.runtime.jobs import Progress, plainly, relay

FORM = "cnnlab-card-1"
_SAVE_SECONDS = 5.0


@by_annotation
def network_card_steps(
    model: LoadedModel, data: str = "", *, attacked: int = USUAL, eps: float = EPS, seed: int = 0, anew: bool = False
) -> Generator[Progress[Card], None, Card]:
    """The card of a network of the lab on test pictures that are drawn for it.

    One that came with the lab is given at once, unless it is to be measured ``anew``. Else it is kept as it grows, and
    gone on with: what an earlier run left in the cache, in another process too, isn't measured again.

    Args:
        model: the network.
        data: as ``draw_pictures`` takes it.
        attacked: so many pictures are attacked, and four times as many asked about.
        eps: radius of the linf ball, in pixel units.
        seed: of all that is drawn.
        anew: measure it, even if it came with the lab or was measured before; what was stopped is gone on with.

    Raises:
        InputError, DataError: what ``draw_pictures`` and ``card_steps`` raise.
    """
    published = model.weights == "pretrained"
    if published and not anew and (shipped := shipped_card(model.spec, data, attacked=attacked, eps=eps, seed=seed)):
        return shipped
    drawn = draw_pictures(model, data, attacked * PER_ATTACKED, seed)
    blank = blank_card(model, drawn, attacked, eps, seed)
    card = begun_card(blank, anew)
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


# --- cards that come with the lab -------------------------------------------------------------------------------------


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


@lru_cache(maxsize=32)
def _read_again(path: Path, modified: int) -> Card:
    return read_card(path)


def data_title(card: Card) -> str:
    """What the pictures of a card are called; their name, if they aren't here."""
    try:
        return find_data(card.data).title
    except InputError:
        return card.data


# --- cards that are kept ----------------------------------------------------------------------------------------------


def kept_path(card: Card) -> Path:
    """Where a card is kept while it is worked on and after: in the cache, by all that its figures depend on."""
    return cache_folder() / "cards" / slug(card.network) / f"{_key(card)}.json"


def begun_card(blank: Card, anew: bool = False) -> Card:
    """What is known already of a blank card, from an earlier run in whatever process; else the blank card itself.

    ``anew``: only from a run that was stopped.
    """
    try:
        found = read_card(kept_path(blank))
    except DataError:
        return blank
    usable = _key(found) == _key(blank) and not (anew and found.finished)
    return replace(found, network=blank.network) if usable else blank


def _save(path: Path, card: Card) -> None:
    with suppress(OSError):  # a full disk: the figures are good all the same, only not kept
        write_card(path, card)


def _key(card: Card) -> str:
    """The digest of all that a card's figures depend on, the plan of the attacks too."""
    plan = [(part.name, part.passes) for part in parts_for(len(card.classes))]
    of = card.weights, card.data, card.index.tolist(), card.labels.tolist(), card.attacked, card.eps, card.seed
    return hashlib.sha256(repr((FORM, plan, *of)).encode()).hexdigest()


# --- as a file --------------------------------------------------------------------------------------------------------


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


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")


def _unpacked(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f4")


def _digits(values: np.ndarray) -> str:
    return "".join(map(str, values.astype(int).tolist()))


def _from_digits(text: str) -> np.ndarray:
    return np.array(list(text), np.int8)
