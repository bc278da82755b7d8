"""How long a run will take, before it starts: from runs like it on this machine, else by a few measured steps."""

import statistics
import time
from collections.abc import Generator

import numpy as np
import torch

from cnnlab_core.data.dataset import Pictures
from cnnlab_core.runtime.device import pick_device
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.training.batches import Feeder
from cnnlab_core.training.checks import Facts
from cnnlab_core.training.config import Config
from cnnlab_core.training.curves import curves
from cnnlab_core.training.learner import Learner
from cnnlab_core.training.runs import list_runs

_MEASURED_STEPS = 3
_LOOKED_AT = 40


def seconds_of_training(config: Config, pictures: int, speed: float) -> float:
    """The time for all epochs at ``speed`` pictures/s, without checks and test."""
    return config.epochs * pictures / speed


def known_speed(config: Config, facts: Facts) -> float | None:
    """Pictures/s of the newest run like this one that was trained on this machine, or None if there was none."""
    for run in list_runs()[:_LOOKED_AT]:
        machine = run.machine
        if run.shipped or not machine or machine["side"] != facts.side:
            continue
        if machine["device"].split(":")[0] != pick_device().type:
            continue
        if run.config.pace() == config.pace():
            speed = curves(run.metrics()).speed
            if len(speed) > _MEASURED_STEPS:
                return float(np.median(speed))
    return None


def measure_speed(config: Config, facts: Facts) -> Generator[Progress[float], None, float]:
    """Pictures/s of this network in float32, from a few steps on noise in this process and on its threads.

    Each step says how many seconds it took; the first doesn't count. A trainer, which uses all cores, is often faster.
    """
    pixels = np.random.default_rng(0).integers(0, 256, (config.batch, facts.side, facts.side, 3), dtype=np.uint8)
    labels = torch.arange(config.batch) % facts.classes
    noise = Pictures(torch.from_numpy(pixels), labels)
    device = pick_device()
    feeder = Feeder(noise, np.arange(config.batch), config, device, 0, 1)
    learner = Learner(
        config, classes=facts.classes, side=facts.side, mean=(0.5,) * 3, std=(0.25,) * 3, device=device
    )  # fmt: skip
    taken = []
    for number in range(_MEASURED_STEPS + 1):
        batch = next(feeder.epoch(number))
        begun = time.perf_counter()
        learner.learn(batch, config.learning_rate, number, 0).tolist()  # waits for the device
        taken.append(time.perf_counter() - begun)
        yield Progress(number + 1, _MEASURED_STEPS + 1, taken[-1])
    return len(batch.labels) / statistics.median(taken[1:])
