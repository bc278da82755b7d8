"""The learning-rate range test: a rate that grows from step to step, and what the loss does meanwhile.

Smith 2015, arXiv:1506.01186, section 3.3; with a rate that grows by the same factor each step, as fastai has it (Howard
& Gugger 2020, arXiv:2002.04688, section 2.1).
"""

import json
import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from cnnlab_core.checks import by_annotation
from cnnlab_core.data import find_data
from cnnlab_core.errors import InputError, RunError
from cnnlab_core.runtime.device import pick_device
from cnnlab_core.runtime.jobs import Progress, finish, plainly, relay
from cnnlab_core.runtime.short_repr import short_repr
from cnnlab_core.training.checks import check
from cnnlab_core.training.config import Config, config_from
from cnnlab_core.training.curves import Array, smoothed
from cnnlab_core.training.distributed import World
from cnnlab_core.training.task import Task
from cnnlab_core.training.tasks import open_task_steps
from cnnlab_core.training.trial import trial_steps

LOWEST, HIGHEST = 1e-7, 100.0
MOST_STEPS = 1000
MOST_SECONDS = 300.0
SMOOTHING, WARM_UP = 0.9, 10
WORSE = 4.0
"""A smoothed loss of so many times the lowest ends the test: the rate is too large, and larger ones are worse."""
LEAST = 20
"""Steps from which a rate is read off: fewer say nothing."""


@short_repr
@dataclass(frozen=True, eq=False)
class RateTest:
    """The ``rates`` (S,), each step's, and the ``losses`` (S,) in nats of the batches, each before its step."""

    rates: Array
    losses: Array

    @cached_property
    def smooth(self) -> Array:
        """The losses (S,) as an exponential moving average, in which the one before counts 0.9 times as much."""
        return smoothed(self.losses, SMOOTHING)

    @property
    def best(self) -> float | None:
        """The rate at which the smoothed loss was lowest; None after fewer than 20 steps."""
        return float(self.rates[self._lowest]) if len(self.rates) >= LEAST else None

    @property
    def suggested(self) -> float | None:
        """A tenth of ``best``: the loss still fell there, and is far from where it rises."""
        return self.best / 10 if self.best else None

    @property
    def steepest(self) -> float | None:
        """The rate at which the smoothed loss fell fastest against the logarithm of the rate, before ``best``.

        The first ten steps don't count: the mean is of few losses there, and jumps.
        """
        if self.best is None or self._lowest < WARM_UP + 2:
            return None
        part = slice(WARM_UP, self._lowest + 1)
        slopes = np.gradient(self.smooth[part], np.log(self.rates[part]))
        return float(self.rates[part][int(slopes.argmin())])

    @property
    def _lowest(self) -> int:
        return int(np.nanargmin(self.smooth))


@by_annotation
def rate_test_steps(
    config: Config, *, low: float = 1e-5, high: float = 10.0, steps: int = 200, device: torch.device | None = None
) -> Generator[Progress[tuple[float, float]], None, RateTest]:
    """Train a fresh network of the config while the learning rate grows from ``low`` to ``high``, by the same factor.

    The network, its first weights, the batches and the optimiser are those of the run that would begin with this
    config; all of it is thrown away. Yields (rate, loss) after each step. Ends early where the loss overflows, or its
    smoothed value is more than 4 times the lowest.

    Args:
        steps: how many, 20 to 1,000: of the first epoch, and the next ones if need be.

    Raises:
        InputError: for rates or steps out of their range, for a config that can't be trained, and for data that have
            yet to be fetched.
    """
    if not LOWEST <= low < high <= HIGHEST:  # written so that NaN fails too
        raise InputError(
            f"The rates grow from {LOWEST:g} at least to {HIGHEST:g} at most, not from {low:g} to {high:g}."
        )
    if not LEAST <= steps <= MOST_STEPS:
        raise InputError(f"A test takes {LEAST} to {MOST_STEPS:,} steps, not {steps}.")
    check(config)
    refuse_to_fetch(config)
    return _steps(config, low, high, steps, device or pick_device())


def _steps(
    config: Config, low: float, high: float, steps: int, device: torch.device
) -> Generator[Progress[tuple[float, float]], None, RateTest]:
    task: Task = finish(open_task_steps(config, device, World()))
    rates, losses, lowest = list[float](), list[float](), math.inf
    for step, (epoch, number, batch) in zip(range(steps), _batches(task), strict=False):
        rate = low * (high / low) ** (step / (steps - 1))
        with torch.enable_grad():
            loss = task.learner.learn(batch, rate, epoch, number).tolist()[0]
        if not math.isfinite(loss):
            break
        rates.append(rate)
        losses.append(loss)
        yield Progress(step + 1, steps, (rate, loss))
        now = float(smoothed(losses, SMOOTHING)[-1])
        lowest = min(lowest, now)
        if now > WORSE * lowest and len(losses) >= LEAST:
            break
    return RateTest(np.array(rates), np.array(losses))


rate_test = plainly(rate_test_steps)


def rate_test_apart_steps(
    config: Config, *, low: float, high: float, steps: int
) -> Generator[Progress[list[tuple[float, float]]], None, RateTest]:
    """The same in a trainer's own process, for at most five minutes; yields all (rate, loss) so far.

    Raises ``InputError`` as ``rate_test`` does, and ``RunError`` where not one step could be done.
    """
    rate_test_steps(config, low=low, high=high, steps=steps).close()  # its checks, before a process starts
    question = json.dumps({"config": asdict(config), "low": low, "high": high, "steps": steps})
    job = trial_steps("rates", question, MOST_SECONDS)
    lines = yield from relay(job, lambda lines: Progress(len(lines), steps, list(lines)))
    if not lines:
        raise RunError("The loss overflowed in the first step, or it takes too long: there is no rate to read off.")
    return read_rates(lines)


def read_rates(pairs: Sequence[tuple[float, float]]) -> RateTest:
    """The test of which so many steps' (rate, loss) are known."""
    rates, losses = np.array(pairs).T
    return RateTest(rates, losses)


def answer_rates(question: Any) -> Iterator[tuple[float, float]]:
    """What such a process prints for its question, one by one."""
    config = config_from(question.pop("config"))
    return (step.latest for step in rate_test_steps(config, **question) if step.latest)


def refuse_to_fetch(config: Config) -> None:
    """Raise ``InputError`` for a config whose data have yet to be fetched."""
    if (source := find_data(config.data)).megabytes:
        raise InputError(
            f"{source.title} isn't on this machine yet ({source.megabytes:.0f} MB). Fetch it under New run, or choose "
            "a run on other data."
        )


def _batches(task: Task) -> Iterator[tuple[int, int, Any]]:
    """Epoch by epoch: its number, the batch's, and the batch."""
    epoch = 0
    while True:
        for number, batch in enumerate(task.feeder.epoch(epoch)):
            yield epoch, number, batch
        epoch += 1
