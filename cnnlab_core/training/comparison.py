"""Runs side by side: in which settings they differ, and how well they did over several seeds. Needs no torch."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnlab_core.images.levels import levels
from cnnlab_core.training.config import SETTINGS, Config
from cnnlab_core.training.runs import Run


def differences(configs: Sequence[Config]) -> dict[str, list[Any]]:
    """The settings that aren't the same in all: name -> the value in each, None where it plays no part."""
    tables = [config.counting() for config in configs]
    found = {name: [table.get(name) for table in tables] for name in SETTINGS}
    return {name: values for name, values in found.items() if any(value != values[0] for value in values)}


def loss_in_words(config: Config) -> str:
    """What a run minimises: plain cross-entropy, or what was added to it."""
    words, counting = ["cross-entropy"], config.counting()
    if counting.get("label_smoothing"):
        words.append(f"label smoothing {config.label_smoothing:g}")
    if config.mixup:
        words.append(f"mixup with alpha {config.mixup:g}")
    if config.attack != "none":
        words.append(f"on pictures attacked by {config.attack.upper()}, epsilon {levels(config.epsilon)}")
    return ", ".join(words)


def curves_in_words(config: Config) -> list[str]:
    """What has to be known to read a run's curves of loss and accuracy."""
    words = []
    if config.kind == "text":
        words.append(
            "Bits per character: -log2 of the probability of the character that came, on average. Predicting each of N "
            "characters with the same probability costs log2 N."
        )
    if config.attack != "none":
        words.append(
            f"The training curves are of attacked pictures: each batch is attacked by {config.attack.upper()} (epsilon "
            f"{levels(config.epsilon)}) before the network learns from it."
            + " What is held out is clean, so its accuracy can be the higher one."
            * bool(config.validation)
        )
    if not config.validation:
        words.append(
            f"{'No text is' if config.kind == 'text' else 'No pictures are'} held out in this run: it learns from all "
            "of it, so there is no held-out curve, and the last weights are tested, whether or not they are the best."
        )
    elif config.counting().get("label_smoothing"):
        words.append(
            f"The training loss is measured with label smoothing ({config.label_smoothing:g}) and on changed pictures, "
            "the held-out loss without either: so it can be the lower one."
        )
    if config.mixup:
        words.append(
            "The training curves are of mixed pictures (mixup): an answer counts by the share of its "
            "class. What is held out isn't mixed, so its loss can be the lower one, and its accuracy the higher."
        )
    if config.average:
        words.append(
            "What is checked and tested are averaged weights, which run behind at first; the training curves are of "
            "those that learn."
        )
    return words


@dataclass(frozen=True)
class Spread:
    """The mean of several scores and their standard deviation (n - 1 in the denominator; None for a single one)."""

    mean: float
    deviation: float | None
    count: int


def spread(scores: Sequence[float]) -> Spread:
    """Mean and standard deviation of at least one score."""
    deviation = statistics.stdev(scores) if len(scores) > 1 else None
    return Spread(statistics.fmean(scores), deviation, len(scores))


@dataclass(frozen=True)
class Group:
    """Tested runs whose settings are the same but for the seed, with their scores on the test set."""

    runs: tuple[Run, ...]
    accuracy: Spread
    robust_accuracy: Spread | None
    bits: Spread | None = None
    """Bits per character, of a text."""


def group_by_settings(runs: Sequence[Run]) -> list[Group]:
    """The tested ones among ``runs`` in groups of equal settings, the most accurate group first."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if run.finals:
            groups.setdefault(repr(run.config.counting() | {"seed": 0}), []).append(run)
    made = []
    for members in groups.values():
        # The same seed twice gives the same: it isn't a second one.
        finals = list({run.config.seed: final for run in members if (final := run.finals)}.values())
        robust = [final["robust_accuracy"] for final in finals if "robust_accuracy" in final]
        accuracy = spread([final["accuracy"] for final in finals])
        bits = [final["bits"] for final in finals if "bits" in final]
        made.append(Group(tuple(members), accuracy, spread(robust) if robust else None, spread(bits) if bits else None))
    return sorted(made, key=lambda group: -group.accuracy.mean)


def run_table(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A row for each run, to sort: what it is, the settings that matter most, and its scores; None where there is none.

    Accuracies are shares in [0, 1]; the held-out one is that of the weights that were tested.
    """
    rows = []
    for run in runs:
        config, machine, finals = run.config, run.machine or {}, run.finals or {}
        rows.append(
            {
                "name": run.about.name,
                "state": run.state().name,
                "test accuracy": finals.get("accuracy"),
                "held-out accuracy": finals.get("validation_score") if config.attack == "none" else None,
                "under attack": finals.get("robust_accuracy"),
                "data": config.data,
                **{SETTINGS[name].name: SETTINGS[name].text(getattr(config, name)) for name in ("net", "optimizer")},
                **{SETTINGS[name].name: getattr(config, name) for name in ("learning_rate", "batch", "epochs", "seed")},
                "learns from": SETTINGS["attack"].text(config.attack),
                "labels": SETTINGS["labels"].text(config.labels),
                "weights": machine.get("parameters"),
                "seconds of training": finals.get("seconds"),
                "id": run.id,
            }
        )
    return rows
