"""The features in two dimensions: their principal components (Jolliffe 2002, "Principal Component Analysis")."""

from dataclasses import dataclass

import numpy as np

from cnnlab_core.checks import table
from cnnlab_core.errors import InputError
from cnnlab_core.runtime.short_repr import short_repr


@short_repr
@dataclass(frozen=True, eq=False)
class Projection:
    """``points`` (N, 2) in the order of the features; ``explained`` the share of the variance along each axis."""

    points: np.ndarray
    explained: tuple[float, float]
    mean: np.ndarray
    axes: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Other features (M, size) in the same projection, (M, 2)."""
        return (table("features", x, len(self.mean)).astype(np.float64) - self.mean) @ self.axes


def project(x: np.ndarray) -> Projection:
    """Features (N, size), N of 3 or more, on their two directions of largest variance.

    By the eigenvectors of the smaller of the two product matrices. The sign of each axis is the one with which its
    largest entry is positive, so that the projection doesn't flip.
    """
    if len(table("features", x)) < 3:
        raise InputError(f"A projection needs at least 3 pictures, but there are {len(x)}.")
    mean = x.mean(0, dtype=np.float64)
    centred = x.astype(np.float64) - mean
    if len(x) < x.shape[1]:
        values, vectors = np.linalg.eigh(centred @ centred.T)
        axes = centred.T @ vectors[:, [-1, -2]]
    else:
        values, vectors = np.linalg.eigh(centred.T @ centred)
        axes = vectors[:, [-1, -2]]
    axes = axes / np.maximum(np.linalg.norm(axes, axis=0), 1e-300)
    axes = axes * np.where(axes[np.abs(axes).argmax(0), [0, 1]] < 0, -1, 1)
    shares = np.clip(values[[-1, -2]], 0, None) / max(float(np.square(centred).sum()), 1e-300)
    return Projection(centred @ axes, (float(shares[0]), float(shares[1])), mean, axes)
