"""Feature maps as numbers: brought to one scale, sorted by what they show, the dead ones counted, two layers compared.

Maps are float arrays (C, H, W), as ``capture`` gives them for one picture.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from cnnlab_core.errors import InputError
from cnnlab_core.runtime.csv_tables import csv_table
from cnnlab_core.runtime.files import npz_file
from cnnlab_core.runtime.short_repr import short_repr

Array = npt.NDArray[np.float64]
Scale = Literal["each map", "this layer", "all layers"]
SCALES: tuple[Scale, ...] = ("each map", "this layer", "all layers")
FEW = 28
"""Cells of a map's side below which a shape may be as large as the map."""
ORDERS = ("index", "mean activation", "sparsity", "interpretable first")


@short_repr
@dataclass(frozen=True)
class Statistics:
    """One number per map: its mean, the share of its cells at (or below) zero, its structure, whether it is dead.

    ``structure`` is the score behind "interpretable first": the share of a map's variance that lies in shapes larger
    than a cell and smaller than a quarter of the map: var(3×3 mean − coarse mean) / var. Noise doesn't survive the 3×3
    mean, and a mere change of brightness from side to side is taken off with the coarse mean (a window of a quarter
    of the map's shorter side; maps below ``FEW`` cells a side have none). A constant map scores 0. A dead map has the
    same value everywhere.
    """

    mean: Array
    sparsity: Array
    structure: Array
    dead: npt.NDArray[np.bool_]


def statistics(maps: npt.ArrayLike) -> Statistics:
    """The statistics of maps (C, H, W)."""
    values = _maps(maps)
    variance = values.var((1, 2))
    dead = np.ptp(values, (1, 2)) == 0
    shapes, side = _mean_around(values, 1), min(values.shape[1:])
    if side >= FEW:
        shapes = shapes - _mean_around(values, side // 8)
    smooth = shapes.var((1, 2))
    structure = np.divide(smooth, variance, out=np.zeros_like(variance), where=variance > 0)
    return Statistics(values.mean((1, 2)), (values <= 0).mean((1, 2)), structure, dead)


def order(maps: npt.ArrayLike, by: str) -> npt.NDArray[np.intp]:
    """The channels in the order ``by``: by index, or strongest, sparsest, most structured first; the dead last."""
    found = statistics(maps)
    scores = {
        "index": np.zeros_like(found.mean),
        "mean activation": -found.mean,
        "sparsity": -found.sparsity,
        "interpretable first": -found.structure,
    }
    if by not in scores:
        raise InputError(f"Maps can be sorted by {', '.join(ORDERS)}; not by “{by}”.")
    last = found.dead & (by != "index")
    return np.lexsort((scores[by], last))


def bring_to_scale(maps: npt.ArrayLike, scale: Scale = "each map", limits: tuple[float, float] | None = None) -> Array:
    """Maps as numbers to colour, (C, H, W): in [0, 1] if none is negative, else in [-1, 1] with 0 kept at 0.

    ``scale`` says what full colour is: the largest |value| of each map, of this layer, or the given ``limits`` that
    all layers share. The lowest of maps without a sign is 0, so that brightness is comparable within a map.
    """
    values = _maps(maps)
    low, high = limits if scale == "all layers" and limits else (values.min(), values.max())
    if scale == "each map":
        full = np.abs(values).max((1, 2), keepdims=True)
    else:
        full = np.full((len(values), 1, 1), max(abs(low), abs(high)))
    return np.divide(values, full, out=np.zeros_like(values), where=full > 0).clip(-1, 1)


def correlations(first: npt.ArrayLike, second: npt.ArrayLike) -> Array:
    """Pearson's correlation of each map with the other's of the same channel, cell by cell; NaN where one is constant.

    Raises ``InputError`` unless both have the same shape (C, H, W).
    """
    one, two = _alike(first, second)
    one, two = (values - values.mean((1, 2), keepdims=True) for values in (one, two))
    spread = np.sqrt((one**2).sum((1, 2)) * (two**2).sum((1, 2)))
    return np.divide((one * two).sum((1, 2)), spread, out=np.full(len(one), np.nan), where=spread > 0).clip(-1, 1)


def differences(first: npt.ArrayLike, second: npt.ArrayLike) -> Array:
    """The mean |difference| of each map to the other's of the same channel. Raises as ``correlations`` does."""
    one, two = _alike(first, second)
    return np.abs(one - two).mean((1, 2))


def limits_of(layers: list[Array]) -> tuple[float, float]:
    """The lowest and the highest value of several layers' maps."""
    return min(float(np.min(maps)) for maps in layers), max(float(np.max(maps)) for maps in layers)


def depths(names: list[str]) -> dict[str, str]:
    """An early, a middle and a late node: at a sixth, a half and five sixths of the way through ``names``."""
    if not names:
        raise InputError("This network has no layers with maps to look at.")
    at = {"early": 1 / 6, "middle": 1 / 2, "late": 5 / 6}
    return {depth: names[min(int(share * len(names)), len(names) - 1)] for depth, share in at.items()}


def maps_file(layers: dict[str, tuple[npt.ArrayLike, npt.ArrayLike]]) -> bytes:
    """(channel numbers, their maps) of each layer as an NPZ file, called ``<layer>/channels`` and ``<layer>/maps``."""
    return npz_file(
        {
            f"{layer}/{part}": values
            for layer, both in layers.items()
            for part, values in zip(("channels", "maps"), both, strict=True)
        }
    )


def channel_table(maps: npt.ArrayLike) -> str:
    """The ``statistics`` of each channel as CSV."""
    found = statistics(maps)
    columns = zip(found.mean, found.sparsity, found.structure, found.dead, strict=True)
    rows = (
        (channel, f"{mean:.9g}", f"{sparsity:.6f}", f"{structure:.6f}", int(dead))
        for channel, (mean, sparsity, structure, dead) in enumerate(columns)
    )
    return csv_table(("channel", "mean", "share_at_or_below_zero", "structure", "dead"), rows)


def comparison_table(first: npt.ArrayLike, second: npt.ArrayLike) -> str:
    """Each channel's means, correlation (empty where there is none) and difference, as CSV."""
    one, two = _alike(first, second)
    columns = zip(one.mean((1, 2)), two.mean((1, 2)), correlations(one, two), differences(one, two), strict=True)
    rows = (
        (channel, f"{left:.9g}", f"{right:.9g}", "" if np.isnan(alike) else f"{alike:.6f}", f"{apart:.9g}")
        for channel, (left, right, alike, apart) in enumerate(columns)
    )
    return csv_table(("channel", "mean_left", "mean_right", "correlation", "mean_difference"), rows)


def _maps(maps: npt.ArrayLike) -> Array:
    values = np.asarray(maps, dtype=np.float64)
    if values.ndim != 3 or not values.size:
        raise InputError(f"Feature maps have the shape (channels, height, width), but these have {values.shape}.")
    if not np.isfinite(values).all():
        raise InputError("These feature maps hold NaN or infinity, so there is nothing to draw.")
    return values


def _alike(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Array, Array]:
    one, two = _maps(first), _maps(second)
    if one.shape != two.shape:
        raise InputError(f"Maps of {one.shape} and {two.shape} can't be compared cell by cell.")
    return one, two


def _mean_around(values: Array, reach: int) -> Array:
    """Each cell's mean with its neighbours up to ``reach`` cells away; the border is repeated outwards."""
    window = 2 * reach + 1
    padded = np.pad(values, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    rows = sliding_window_view(padded, window, 1).mean(-1)
    return sliding_window_view(rows, window, 2).mean(-1)
