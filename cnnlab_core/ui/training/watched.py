"""What a run has reported, read once for all sessions that watch it."""

import threading
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from cnnlab_core.training import Metrics, Run
from cnnlab_core.training.curves import Array, Curves, curves, layers_over_time
from cnnlab_core.training.metrics import Record

LIVE_SECONDS = 4.0
"""How often figures follow a run that is being trained; its state is asked for twice as often."""


@dataclass(frozen=True, eq=False)
class Watched:
    """What a run has reported so far: the arrays, the looks inside, and what there is to know."""

    curves: Curves
    probe_step: Array
    gradient_norms: dict[str, Array]
    dead_units: dict[str, Array]
    notices: list[Record]
    samples: list[Record]
    """What a network that learns from text wrote after so many steps."""


class _Watch:
    """Follows one run's metrics for everybody: a few new lines are read at a time, under a lock."""

    def __init__(self, run: Run) -> None:
        self._lock = threading.Lock()
        self._metrics: Metrics = run.metrics()
        self._latest: Watched | None = None

    def now(self) -> Watched:
        """The newest there is; the same object as long as nothing is added."""
        with self._lock:
            if self._metrics.poll() or self._latest is None:
                steps, norms, dead = layers_over_time(self._metrics.probes)
                metrics = self._metrics
                notices, samples = list(metrics.notices), list(metrics.samples)
                self._latest = Watched(curves(metrics), steps, norms, dead, notices, samples)
            return self._latest


@st.cache_resource(max_entries=64, show_spinner=False)
def _watch(folder: Path) -> _Watch:
    return _Watch(Run(folder))


def watched(run: Run) -> Watched:
    """What a run has reported up to now."""
    return _watch(run.folder).now()
