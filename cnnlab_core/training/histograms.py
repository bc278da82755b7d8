"""How the weights of each layer are spread, kept before some of a run's steps.

Bins are an even part of a range that is a power of two, so those of one step merge exactly into those of another.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from torch import nn

from cnnlab_core.errors import RunError
from cnnlab_core.runtime.files import write_atomically
from cnnlab_core.training.runs import Run
from cnnlab_core.training.snapshots import filter_steps, read_filters

BINS = 128
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """The weights of a layer in 128 bins of one width from ``-reach`` to ``reach``, a power of two beyond the largest.

    ``counts`` are those of the bins, each with its lower end; ``mean`` and ``deviation`` are of the weights themselves
    (n in the denominator). What isn't a finite number is left out.
    """

    reach: float
    counts: tuple[int, ...]
    mean: float
    deviation: float

    @property
    def edges(self) -> Array:
        """The ends of the bins (129,)."""
        return np.linspace(-self.reach, self.reach, BINS + 1)

    def within(self, reach: float) -> npt.NDArray[np.int64]:
        """The counts in the 128 bins of a ``reach`` that is as large or larger."""
        width = 2 * reach / BINS
        middles = (self.edges[:-1] + self.edges[1:]) / 2
        places = np.floor((middles + reach) / width).astype(int)
        return np.bincount(places, self.counts, BINS).astype(np.int64)


def histogram(weights: npt.ArrayLike) -> Histogram:
    """The histogram of an array of weights."""
    values = np.asarray(weights, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    largest = float(np.abs(values).max()) if len(values) else 0.0
    reach = 2.0 ** (math.floor(math.log2(largest)) + 1) if largest else 1.0
    counts, _ = np.histogram(values, BINS, (-reach, reach))
    mean, deviation = (float(values.mean()), float(values.std())) if len(values) else (0.0, 0.0)
    return Histogram(reach, tuple(counts.tolist()), mean, deviation)


def keep_histograms(run: Run, step: int, network: nn.Module) -> None:
    """Keep those of every layer's weights, biases and norms left out, before a step. Raises ``OSError``."""
    found = {
        name.removesuffix(".weight"): asdict(histogram(parameter.detach().float().cpu().numpy()))
        for name, parameter in network.named_parameters()
        if parameter.ndim > 1
    }
    write_atomically(run.folder / "weights" / f"{step:09d}.json", json.dumps(found, separators=(",", ":")).encode())


def read_histograms(run: Run) -> Mapping[int, Mapping[str, Histogram]]:
    """By step, ascending, and by layer, from the first one on.

    Of a run from before they were kept: of the first layer alone, whose filters were. Raises ``RunError`` for damaged
    files.
    """
    paths = sorted(path for path in (run.folder / "weights").glob("*.json") if path.stem.isdecimal())
    if not paths:
        return {step: {"first layer": histogram(read_filters(run, step))} for step in filter_steps(run)}
    try:
        return {
            int(path.stem): {
                name: Histogram(**{**about, "counts": tuple(about["counts"])})
                for name, about in json.loads(path.read_text(encoding="utf-8")).items()
            }
            for path in paths
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise RunError(
            f"What the run {run.id} kept of its weights is damaged. Duplicate it, and train it again."
        ) from None
