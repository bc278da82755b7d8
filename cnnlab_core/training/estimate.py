"""How long a run will take, before it starts: from runs like it on this machine, else by a few measured steps."""

import statistics
import time
from collections.abc import Generator
from dataclasses import replace

import numpy as np

from cnnlab_core.runtime.device import pick_device
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.training.checks import Facts
from cnnlab_core.training.config import Config
from cnnlab_core.training.curves import curves
from cnnlab_core.training.runs import list_runs
from cnnlab_core.training.tasks import noise_task

_MEASURED_STEPS = 3
_LOOKED_AT = 40


def seconds_of_training(config: Config, pictures: int, speed: float) -> float:
    """The time for all epochs at ``speed`` pictures (or characters)/s, without checks and test."""
    return config.epochs * pictures / speed


def known_speed(config: Config, facts: Facts) -> float | None:
    """Pictures (or characters)/s of the newest run like this one on this machine, or None if there was none."""
    for run in list_runs()[:_LOOKED_AT]:
        machine = run.machine
        if run.shipped or not machine or machine.get("side", 0) != facts.side:
            continue
        if machine["device"].split(":")[0] != pick_device().type:
            continue
        if run.config.pace() == config.pace():
            speed = curves(run.metrics()).speed
            if len(speed) > _MEASURED_STEPS:
                return float(np.median(speed))
    return None


def measure_speed(config: Config, facts: Facts) -> Generator[Progress[float], None, float]:
    """Pictures (or characters)/s of this network in float32, from a few steps on noise in this process.

    Each step says how many seconds it took; the first doesn't count. A trainer, which uses all cores, is often faster.
    """
    task = noise_task(replace(config, validation=0.0), facts, pick_device())
    taken = []
    for number in range(_MEASURED_STEPS + 1):
        batch = next(task.feeder.epoch(number))
        begun = time.perf_counter()
        task.learner.learn(batch, config.learning_rate, number, 0).tolist()  # waits for the device
        taken.append(time.perf_counter() - begun)
        yield Progress(number + 1, _MEASURED_STEPS + 1, taken[-1])
    return task.feeder.per_step / statistics.median(taken[1:])
