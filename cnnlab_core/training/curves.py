"""A run's metrics as arrays to draw and to reckon with. Needs no torch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnlab_core.runtime.short_repr import short_repr
from cnnlab_core.training.config import Config
from cnnlab_core.training.metrics import Metrics, Record
from cnnlab_core.training.schedule import work

Array = npt.NDArray[np.float64]
_LATELY = 200
"""Steps over which the speed of now is taken."""


@short_repr
@dataclass(frozen=True, eq=False)
class Curves:
    """Per step that was told of (S,): ``step``, ``loss`` (nats), ``accuracy``, ``rate``, ``speed`` (pictures/s, or
    characters/s), ``seconds``.

    Per epoch (E,): ``epoch_step`` (the step after which it was checked), training and validation loss and accuracy,
    and ``robust_accuracy`` under PGD. What wasn't measured, or wasn't a number, is NaN.
    """

    step: Array
    loss: Array
    accuracy: Array
    rate: Array
    speed: Array
    seconds: Array
    epoch_step: Array
    train_loss: Array
    train_accuracy: Array
    validation_loss: Array
    validation_accuracy: Array
    robust_accuracy: Array

    def in_bits(self) -> "Curves":
        """The same with every loss in bits: of a text, bits per character."""
        losses = ("loss", "train_loss", "validation_loss")
        return replace(self, **{name: getattr(self, name) / math.log(2) for name in losses})

    @property
    def done(self) -> int:
        """How many steps have been done."""
        return int(self.step[-1]) + 1 if len(self.step) else 0

    @property
    def speed_now(self) -> float:
        """Pictures per second, the median of the latest steps; NaN before the first."""
        return float(np.median(self.speed[-_LATELY:])) if len(self.speed) else float("nan")


def curves(metrics: Metrics) -> Curves:
    """The arrays of what has been reported so far."""
    epochs = list(metrics.epochs)
    per_step = {name: metrics.steps.column(name) for name in ("step", "loss", "accuracy", "rate", "speed", "seconds")}
    names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "robust_accuracy")
    return Curves(**per_step, epoch_step=_column(epochs, "step"), **{name: _column(epochs, name) for name in names})


def smoothed(values: npt.ArrayLike, weight: float) -> Array:
    """An exponential moving average: each value counts ``weight`` (in [0, 1)) times as much as the one after it.

    Without a bias towards the first value (Kingma & Ba 2014, arXiv:1412.6980, section 3; TensorBoard's smoothing is
    the same). NaN stays NaN and counts for nothing.
    """
    means, above, below = [], 0.0, 0.0
    for value in np.asarray(values, dtype=np.float64).tolist():
        known = math.isfinite(value)
        if known:
            above, below = weight * above + value, weight * below + 1
        means.append(above / below if known else math.nan)
    return np.array(means)


def seconds_left(config: Config, machine: Mapping[str, Any] | None, found: Curves) -> float:
    """How long the training will still take at the speed of now, without checks and test; NaN before it is known."""
    if not machine or not found.speed_now > 0:
        return float("nan")
    per_step = machine.get("characters_per_step", config.batch)
    side, steps = machine.get("side", 0), machine["total_steps"] // config.epochs
    now = work(config, max(0, found.done - 1) // steps, side)
    left = sum(
        work(config, epoch, side) * min(steps, (epoch + 1) * steps - found.done)
        for epoch in range(found.done // steps, config.epochs)
    )
    return left / now * per_step / found.speed_now


def duration(seconds: float) -> str:
    """“40 s”, “3 min”, “1 h 20 min”."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def layers_over_time(probes: Sequence[Record]) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    """Of P looks inside: their steps (P,), and by layer the gradient norms and the shares of dead units (P,)."""
    probes = list(probes)
    norms = {name: [probe["gradient_norms"].get(name) for probe in probes] for name in _names(probes, "gradient_norms")}
    dead = {name: [_share(probe["dead_units"].get(name)) for probe in probes] for name in _names(probes, "dead_units")}
    return (
        _column(probes, "step"),
        {name: np.array(values, dtype=np.float64) for name, values in norms.items()},
        {name: np.array(values, dtype=np.float64) for name, values in dead.items()},
    )


def _names(probes: Sequence[Record], what: str) -> list[str]:
    return list(dict.fromkeys(name for probe in probes for name in probe[what]))


def _share(pair: Sequence[int] | None) -> float | None:
    return pair[0] / pair[1] if pair else None


def _column(records: Sequence[Record], name: str) -> Array:
    return np.array([record.get(name) for record in records], dtype=np.float64)  # None becomes NaN
