"""Agreement: do two maps put the pixels into the same order?"""

from collections.abc import Mapping

import numpy as np
import torch
from torch.nn import functional as F

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.methods import Array, Attribution, enlarged

GRID = 14
"""Cells along each side in which maps are compared: single pixels of a gradient are noise."""


@by_annotation
def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rho (1904) of two equally large arrays: 1 for the same order, 0 for none in common, -1 for reversed.

    Equal numbers share the mean of their ranks. NaN if one of the arrays holds the same number everywhere.

    Raises:
        InputError: for arrays of different sizes, empty ones, and numbers that aren't finite.
    """
    one, two = first.ravel(), second.ravel()
    if one.shape != two.shape:
        raise InputError(f"A rank correlation compares as many numbers with as many, not {one.size} with {two.size}.")
    one, two = (ranks - ranks.mean() for ranks in (_ranks(one), _ranks(two)))
    size = float(np.sqrt((one @ one) * (two @ two)))
    return float(one @ two) / size if size else float("nan")


@by_annotation
def agreement(found: Mapping[str, Attribution], grid: int = GRID) -> Array:
    """The rank correlations (methods, methods) of attributions of one picture, in ``grid`` × ``grid`` cells.

    Each is enlarged to the largest of them, and a cell is its mean there. Raises ``InputError`` for none at all.
    """
    if not found or not 2 <= grid <= 512:
        raise InputError("Agreement is that of one attribution or more, in a grid of 2 to 512 cells a side.")
    shapes = np.array([each.values.shape for each in found.values()]).max(0)
    size = (int(shapes[0]), int(shapes[1]))
    cells = [_cells(enlarged(each.values, size), grid) for each in found.values()]
    return np.array([[rank_correlation(one, two) for two in cells] for one in cells])


def _cells(values: Array, grid: int) -> Array:
    return F.adaptive_avg_pool2d(torch.from_numpy(values)[None], grid)[0].numpy()


def _ranks(values: Array) -> Array:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]
