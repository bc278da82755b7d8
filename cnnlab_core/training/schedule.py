"""The learning rate as a function of the step, the pictures' side as one of the epoch: nothing to keep or restore."""

import math

from cnnlab_core.training.config import Config

WARM_UP = 0.3
_START, _END = 25.0, 1e4
GROWN = 2 / 3
"""The share of the epochs after which pictures that begin small have their full side."""


def learning_rate(config: Config, step: int, total: int) -> float:
    """The rate for step ``step`` of ``total`` (counted from 0).

    One-cycle (Smith & Topin 2017, arXiv:1708.07120) as torch's ``OneCycleLR`` has it: from a 25th of the peak up
    along a cosine over the first 30 % of the steps, then down to a ten-thousandth of where it began. Linear
    begins at the peak, and would be 0 one step after the last.
    """
    peak = config.learning_rate
    if config.schedule == "constant":
        return peak
    if config.schedule == "linear":
        return peak * (1 - step / total)
    low, lowest = peak / _START, peak / _START / _END
    top = WARM_UP * total - 1
    if step <= top:
        return _cosine(low, peak, step / top if top > 0 else 1.0)
    return _cosine(peak, lowest, (step - top) / max(total - 1 - top, 1e-9))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, share))) / 2


def side_in_epoch(config: Config, epoch: int, full: int) -> int:
    """The side of the pictures in an epoch; it grows evenly, and is the full one in the last epoch in any case."""
    if not config.first_side or epoch == config.epochs - 1:
        return full
    return round(config.first_side + (full - config.first_side) * min(1.0, epoch / (GROWN * config.epochs)))


def work(config: Config, epoch: int, full: int) -> float:
    """About what a picture costs in an epoch, as a share of what it costs at its full side."""
    return (side_in_epoch(config, epoch, full) / full) ** 2 if config.first_side else 1.0
