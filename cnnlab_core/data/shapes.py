"""Shapes and textures: ten classes drawn from a seed, so that training works without a network connection or files.

Five shapes and five textures, each at a random position, size, angle and contrast, in random colours, under soft clouds
and noise. A network that only looks at colour learns nothing here.
"""

from functools import lru_cache

import numpy as np
import torch

from cnnlab_core.data.dataset import Dataset, Pictures

CLASSES = (
    "disc",
    "ring",
    "square",
    "triangle",
    "cross",
    "horizontal stripes",
    "vertical stripes",
    "diagonal stripes",
    "checkerboard",
    "dots",
)
SIDE = 32
"""Pixels."""


@lru_cache(maxsize=4)
def shapes(train: int = 10_000, test: int = 2_000, seed: int = 0) -> Dataset:
    """The generated set: ``train`` and ``test`` pictures of 32 × 32, equally many of each class."""
    return Dataset(
        "shapes",
        "Shapes and textures (generated)",
        CLASSES,
        draw(train, [seed, 0]),
        lambda: draw(test, [seed, 1]),
    )


def draw(count: int, seed: list[int]) -> Pictures:
    """``count`` pictures, the classes in turn, from a seed."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % len(CLASSES)
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for kind in range(len(CLASSES)):
        members = np.flatnonzero(labels == kind)
        for chunk in np.array_split(members, max(1, len(members) // 250)):
            images[chunk] = _paint(kind, len(chunk), random)
    return Pictures(torch.from_numpy(images), torch.from_numpy(labels))


def _paint(kind: int, count: int, random: np.random.Generator) -> np.ndarray:
    def between(low: float, high: float, *shape: int) -> np.ndarray:
        return random.uniform(low, high, (count, *(shape or (1, 1)))).astype(np.float32)

    axis = np.arange(SIDE, dtype=np.float32) - SIDE / 2 + 0.5
    angle = between(-0.3, 0.3)
    x, y = axis[None, None, :] - between(-5, 5), axis[None, :, None] - between(-5, 5)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    # The distance to the edge in pixels, positive inside; one pixel of softness at the edge.
    inside = _distance(CLASSES[kind], u, v, between(5.5, 10), between(4, 8), between(0, 2 * np.pi))
    mask = np.clip(inside + 0.5, 0, 1)[..., None]
    paper, ink = between(0.1, 0.9, 1, 1, 3), between(0.1, 0.9, 1, 1, 3)
    gap = np.abs(paper - ink).max(-1, keepdims=True)
    ink = np.where(gap < 0.3, np.where(paper > 0.5, paper - 0.4, paper + 0.4), ink)
    clouds: np.ndarray = random.normal(0, 0.12, (count, 4, 4, 3)).astype(np.float32).repeat(8, 1).repeat(8, 2)
    for along in (1, 2):
        clouds = (np.roll(clouds, 3, along) + clouds + np.roll(clouds, -3, along)) / 3
    grain = random.standard_normal((count, SIDE, SIDE, 3), np.float32) * 0.06
    return np.rint(np.clip(paper + (ink - paper) * mask + clouds + grain, 0, 1) * 255).astype(np.uint8)


def _distance(
    name: str, u: np.ndarray, v: np.ndarray, size: np.ndarray, period: np.ndarray, phase: np.ndarray
) -> np.ndarray:
    def wave(along: np.ndarray) -> np.ndarray:
        return np.sin(2 * np.pi * along / period + phase) * period / 4

    match name:
        case "disc":
            return size - np.hypot(u, v)
        case "ring":
            return 0.22 * size - np.abs(0.85 * size - np.hypot(u, v))
        case "square":
            return 0.85 * size - np.maximum(np.abs(u), np.abs(v))
        case "triangle":
            return np.minimum(0.55 * size - v, 0.5 * v - 0.87 * np.abs(u) + 0.5 * size)
        case "cross":
            long, short = np.maximum(np.abs(u), np.abs(v)), np.minimum(np.abs(u), np.abs(v))
            return np.minimum(size - long, 0.3 * size - short)
        case "horizontal stripes":
            return wave(v)
        case "vertical stripes":
            return wave(u)
        case "diagonal stripes":
            return wave((u + v) * np.float32(np.sqrt(0.5)))
        case "checkerboard":
            return wave(u) * wave(v)
        case _:  # dots
            cell = [np.mod(w + phase, period) - period / 2 for w in (u, v)]
            return 0.3 * period - np.hypot(*cell)
