"""Training networks in processes of their own: configs, runs, checkpoints, metrics, export.

``python -m cnnlab_core.training start|list|show|pause|resume|stop|export ...`` is the same from a terminal. Looking at
runs and asking for things needs no torch; the rest loads when first used.
"""

from typing import TYPE_CHECKING

from cnnlab_core.training.config import Config, config_from
from cnnlab_core.training.launch import pause, resume, start, stop
from cnnlab_core.training.metrics import Metrics
from cnnlab_core.training.runs import Run, State, create_run, duplicate, find_run, list_runs, queue

if TYPE_CHECKING:
    from cnnlab_core.training.checks import check
    from cnnlab_core.training.exporting import character_model, export
    from cnnlab_core.training.fitting import fit, fit_steps
    from cnnlab_core.training.loop import TrainStep, train, train_steps

_LAZY = {
    "character_model": "exporting",
    "check": "checks",
    "export": "exporting",
    "fit": "fitting",
    "fit_steps": "fitting",
    "TrainStep": "loop",
    "train": "loop",
    "train_steps": "loop",
}

__all__ = [
    "Config",
    "Metrics",
    "Run",
    "State",
    "TrainStep",
    "character_model",
    "check",
    "config_from",
    "create_run",
    "duplicate",
    "export",
    "find_run",
    "fit",
    "fit_steps",
    "list_runs",
    "pause",
    "queue",
    "resume",
    "start",
    "stop",
    "train",
    "train_steps",
]


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return __all__
