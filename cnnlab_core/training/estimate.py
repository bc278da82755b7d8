"""How long a run will take, before it starts: from runs like it on this machine, else by a few measured steps."""

import queue
import statistics
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace

import numpy as np

from cnnlab_core.errors import RunError
from cnnlab_core.runtime.device import pick_device
from cnnlab_core.runtime.jobs import Progress
from cnnlab_core.training.checks import Facts
from cnnlab_core.training.config import Config
from cnnlab_core.training.curves import curves
from cnnlab_core.training.launch import begin_process
from cnnlab_core.training.runs import list_runs
from cnnlab_core.training.tasks import noise_task

_MEASURED_STEPS = 3
_LOOKED_AT = 40
MOST_TRIED_BYTES = 250_000_000
"""What a tried step has in memory: of a larger batch, so many pictures as fit in are tried."""
MOST_TRIED_SECONDS = 60.0
_one_at_a_time = threading.Lock()


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


def tried(config: Config, facts: Facts) -> Config:
    """The config with which steps are tried: a batch that takes little memory, of two at least."""
    batch = min(config.batch, max(2, int(config.batch * MOST_TRIED_BYTES / facts.step_bytes)))
    return replace(config, batch=batch, validation=0.0)


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

    The first step doesn't count, if there are others. One is tried at a time; the others wait. Closing the generator
    ends the process. Raises ``RunError`` when it can't be done, or not one step in a minute.
    """
    total, speeds = _MEASURED_STEPS + 1, list[float]()
    while not _one_at_a_time.acquire(timeout=0.1):
        yield Progress(0, total)
    try:
        process = begin_process("measure", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
            threading.Thread(target=_hand_over, args=(process, config, lines), daemon=True).start()
            end = time.monotonic() + MOST_TRIED_SECONDS
            while len(speeds) < total and time.monotonic() < end:
                try:
                    line = lines.get(timeout=0.1)
                except queue.Empty:
                    yield Progress(len(speeds), total)
                    continue
                if line is None:
                    break
                speeds.append(float(line))
                yield Progress(len(speeds), total, speeds[-1])
        finally:
            process.kill()
            process.wait()
    finally:
        _one_at_a_time.release()
    if not speeds:
        raise RunError(
            "Not one step of this training could be tried: it takes more than a minute, or more memory than there is. "
            "Use a smaller batch or network."
        )
    return statistics.median(speeds[1:] or speeds)


def _hand_over(process: "subprocess.Popen[bytes]", config: Config, lines: "queue.SimpleQueue[bytes | None]") -> None:
    """Give the process its config, and pass on its lines; None at the end."""
    with suppress(OSError, ValueError):
        assert process.stdin
        assert process.stdout
        process.stdin.write(config.to_json().encode())
        process.stdin.close()
        for line in process.stdout:
            lines.put(line)
    lines.put(None)
