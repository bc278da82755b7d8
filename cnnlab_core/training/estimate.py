"""How long a run will take, before it starts: from runs like it on this machine, else by a few measured steps."""

import statistics
import time
from collections.abc import Generator
from dataclasses import replace

import numpy as np

from cnnlab_core.errors import RunError
from cnnlab_core.runtime.device import pick_device
from cnnlab_core.runtime.jobs import Progress, relay
from cnnlab_core.training.checks import Facts
from cnnlab_core.training.config import Config
from cnnlab_core.training.curves import curves
from cnnlab_core.training.runs import list_runs
from cnnlab_core.training.schedule import work
from cnnlab_core.training.tasks import noise_task
from cnnlab_core.training.trial import trial_steps

_MEASURED_STEPS = 3
_LOOKED_AT = 40
MOST_TRIED_BYTES = 250_000_000
"""What a tried step has in memory: of a larger batch, so many pictures as fit in are tried."""
MOST_TRIED_SECONDS = 60.0


def seconds_of_training(config: Config, facts: Facts, speed: float) -> float:
    """The time for all epochs at ``speed`` pictures (or characters)/s of full side, without checks and test."""
    return sum(work(config, epoch, facts.side) for epoch in range(config.epochs)) * facts.learned_from / speed


def known_speed(config: Config, facts: Facts) -> float | None:
    """Pictures (or characters)/s, at their full side, of the newest run like this one on this machine; None without."""
    for run in list_runs()[:_LOOKED_AT]:
        machine = run.machine
        if run.shipped or not machine or machine.get("side", 0) != facts.side:
            continue
        if machine["device"].split(":")[0] != pick_device().type:
            continue
        if run.config.pace() == config.pace():
            found, steps = curves(run.metrics()), machine["total_steps"] // run.config.epochs
            if len(found.speed) > _MEASURED_STEPS:
                shares = [work(run.config, step // steps, facts.side) for step in found.step.astype(int).tolist()]
                return float(np.median(found.speed * shares))
    return None


def tried(config: Config, facts: Facts) -> Config:
    """The config with which steps are tried: at full side, with a batch that takes little memory, of two at least."""
    batch = min(config.batch, max(2, int(config.batch * MOST_TRIED_BYTES / facts.step_bytes)))
    return replace(config, batch=batch, validation=0.0, first_side=0)


def try_steps(config: Config, facts: Facts) -> Generator[Progress[float], None, None]:
    """A few steps of a small batch on noise, in float32, in this process; each says its pictures (or characters)/s."""
    task = noise_task(tried(config, facts), facts, pick_device())
    for number in range(_MEASURED_STEPS + 1):
        batch = next(task.feeder.epoch(number))
        begun = time.perf_counter()
        task.learner.learn(batch, config.learning_rate, number, 0).tolist()  # waits for the device
        speed = task.feeder.per_step / (time.perf_counter() - begun)
        yield Progress(number + 1, _MEASURED_STEPS + 1, speed)


def measure_speed_steps(config: Config, facts: Facts) -> Generator[Progress[float | None], None, float]:
    """Pictures (or characters)/s of this network: ``try_steps`` in a trainer's own process, bounded as a trainer is.

    The first step doesn't count, if there are others. Raises ``RunError`` when it can't be done, or not one step in a
    minute.
    """
    total = _MEASURED_STEPS + 1
    job = trial_steps("measure", config.to_json(), MOST_TRIED_SECONDS)
    speeds = yield from relay(job, lambda lines: Progress(len(lines), total, lines[-1] if lines else None))
    if not speeds:
        raise RunError(
            "Not one step of this training could be tried: it takes more than a minute. Use a smaller batch or network."
        )
    return statistics.median(speeds[1:] or speeds)
