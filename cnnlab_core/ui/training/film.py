"""A training as a film: curves, filters, and the answers to a few pictures, moved by one scrubber: ``assets/film``."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cnnlab_core.images import png
from cnnlab_core.interpretability.first_layer_filters import as_colours
from cnnlab_core.plots.lines import thinned
from cnnlab_core.runtime.assets import read_asset
from cnnlab_core.training import Run
from cnnlab_core.training.curves import Array, smoothed
from cnnlab_core.training.snapshots import filter_steps, read_filters, read_watched
from cnnlab_core.ui.component import Component
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.show import data_address
from cnnlab_core.ui.training.watched import Watched, watched

MOMENTS = 24
"""Steps at which the film can stand, at most."""
POINTS = 240
"""Of a curve."""
SMOOTHING = 0.9

_component = Component(
    "cnnlab_film",
    html=read_asset("film", "film.html"),
    css=read_asset("film", "film.css"),
    js=read_asset("film", "film.js"),
)


def show_film(run: Run) -> bool:
    """Draw the film of a run up to now; False if there is nothing to show yet."""
    steps = filter_steps(run)
    if not steps or run.machine is None:
        return False
    _component(key=f"film {run.id}", data=_film(run, watched(run), steps[-1]))
    return True


@lru_cache(maxsize=16)
def _film(run: Run, found: Watched, last: int) -> dict[str, Any]:
    """What the component shows, made once for all who watch; ``last`` is the newest step with filters."""
    machine: dict[str, Any] = run.machine or {}
    steps, kept = filter_steps(run), read_watched(run)
    if kept:
        steps = [step for step in steps if step in kept.answers]
    chosen = np.unique(np.linspace(0, len(steps) - 1, MOMENTS).round().astype(int))
    moments = [steps[index] for index in chosen]
    filters = [np.nan_to_num(read_filters(run, step), posinf=0.0, neginf=0.0) for step in moments]
    count, _, rows, columns = filters[0].shape
    lines = found.curves
    training = smoothed(lines.accuracy, SMOOTHING)
    curves = [
        _line("training" if run.config.attack == "none" else "training, attacked", "right", lines.step + 1, training),
        _line("held out", "held", lines.epoch_step, lines.validation_accuracy, marked=True),
        _line("held out, under PGD", "robust", lines.epoch_step, lines.robust_accuracy, marked=True),
    ]
    return {
        "id": digest(run.id, found.curves.done, last),
        "total": machine["total_steps"],
        "classes": machine["classes"],
        "chance": 1 / len(machine["classes"]),
        "lines": [line for line in curves if line["x"]],
        "moments": moments,
        "filters": {"strip": _strip(filters), "count": count, "shape": [rows, columns]},
        "pictures": _row(kept.pictures) if kept else "",
        "held": run.config.validation > 0,
        "labels": kept.labels.tolist() if kept else [],
        "answers": [_answers(kept.answers[step]) for step in moments] if kept else [],
    }


def _line(name: str, kind: str, x: Array, y: Array, *, marked: bool = False) -> dict[str, Any]:
    x, y = thinned(x, y, POINTS)
    known = np.isfinite(y)
    return {
        "name": name,
        "kind": kind,
        "marked": marked,
        "x": x[known].astype(int).tolist(),
        "y": y[known].round(4).tolist(),
    }


def _answers(probabilities: Array) -> list[list[float]]:
    """The most probable class of each picture, and how probable it is."""
    known = np.nan_to_num(probabilities)  # a network that overflowed answers nothing
    return [[int(row.argmax()), round(float(row.max()), 3)] for row in known]


def _strip(filters: list[Array]) -> str:
    """A row of filters for each moment, a pixel for each weight."""
    coloured = [as_colours(weights, "each filter") for weights in filters]
    rows = [np.concatenate(list(one), axis=1) for one in coloured]
    pixels = (255 * np.concatenate(rows)).round().astype(np.uint8)
    return _address(np.repeat(pixels, 3 // pixels.shape[2], axis=2))


def _row(pictures: npt.NDArray[np.uint8]) -> str:
    """The pictures side by side."""
    return _address(np.concatenate(list(pictures), axis=1))


def _address(pixels: npt.NDArray[np.uint8]) -> str:
    return data_address(png(Image.fromarray(pixels)))
