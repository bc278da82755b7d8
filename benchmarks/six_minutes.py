"""What homework_bn learns of CIFAR-10 on the CPU in about six minutes: the preset “Quick”, against AdamW for as many
epochs."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import ROOT, TINY, Row

GOAL_SECONDS = 360.0


def _trained(which: str) -> tuple[float, float]:
    """Test accuracy in percent, and the seconds from the start of the process to its end, test and all."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CNNLAB_RUNS": folder, "CNNLAB_DEVICE": "cpu", "PYTHONPATH": str(ROOT)}
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, str(Path(__file__)), which],
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return float(done.stdout.split()[-1]), time.perf_counter() - begun


def _train(which: str) -> None:
    from cnnlab_core.runtime.device import pick_device
    from cnnlab_core.training import Config, create_run
    from cnnlab_core.training.loop import train
    from cnnlab_core.training.presets import PRESETS

    (config,) = [preset.config for preset in PRESETS if preset.title == "Quick"]
    if which == "adamw":
        usual = Config()
        config = replace(config, optimizer="adamw", learning_rate=usual.learning_rate, weight_decay=usual.weight_decay)
    if TINY:
        config = replace(config, data="shapes", limit=640, epochs=1)
    run = create_run(config)
    train(run, device=pick_device("cpu"))
    print(100 * (run.finals or {})["accuracy"])


def measure() -> list[Row]:
    from cnnlab_core.data import open_data

    if not TINY:
        open_data("cifar10")  # fetched before the clock starts
    (quick, seconds), (plain, _) = _trained("quick"), _trained("adamw")
    what = "homework_bn, preset Quick (4 epochs)"
    return [
        Row(f"{what}: CIFAR-10 test pictures classified correctly", quick, "the same with AdamW", plain, "%"),
        Row(f"{what}: time, with test", seconds, "six minutes", GOAL_SECONDS, "s"),
    ]


if __name__ == "__main__":
    _train(sys.argv[1])
