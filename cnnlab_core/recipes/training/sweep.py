"""The Python of the view Sweep."""

from collections.abc import Sequence
from typing import Any

from cnnlab_core.training.config import SETTINGS


def code(run: str, setting: str, values: Sequence[Any], seeds: int) -> str:
    """A sweep from a run's settings: its runs one after another, and what comes of them."""
    written = ", ".join(SETTINGS[setting].code(value) for value in values)
    return f"""\
import time
from cnnlab_core.training import find_run, list_runs
from cnnlab_core.training.sweep import start_sweep, sweep_points

base = find_run("{run}").config
runs = start_sweep(base, "{setting}", [{written}], seeds={seeds})  # each starts the next one
while any(run.state().name == "ready" or run.state().alive for run in runs):
    time.sleep(1)
for point in sweep_points(list_runs(), base, "{setting}"):
    print(point.value, len(point.runs), "runs,", point.accuracy)
"""
