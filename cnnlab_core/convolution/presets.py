"""Kernels worth trying and worked examples worth checking by hand, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from cnnlab_core.checks import Array, read_shape, whole
from cnnlab_core.convolution.options import Ints


@dataclass(frozen=True)
class Kernel:
    """A named kernel: ``weights`` as nested tuples, and what it does to a picture in one sentence."""

    title: str
    weights: tuple[tuple[float, ...], ...]
    meaning: str


NINTH = 1 / 9

KERNELS: Mapping[str, Kernel] = MappingProxyType(
    {
        "identity": Kernel("Identity", ((0, 0, 0), (0, 1, 0), (0, 0, 0)), "Every cell stays what it was."),
        "blur": Kernel(
            "Blur",
            ((NINTH, NINTH, NINTH), (NINTH, NINTH, NINTH), (NINTH, NINTH, NINTH)),
            "Every cell becomes the mean of its neighbourhood; the weights add up to 1, so brightness stays.",
        ),
        "sharpen": Kernel(
            "Sharpen",
            ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
            "Every cell is made to differ more from its neighbours: the identity minus the Laplacian.",
        ),
        "sobel_x": Kernel(
            "Sobel x",
            ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
            "Positive where it gets brighter from left to right: vertical edges. Zero in flat areas.",
        ),
        "sobel_y": Kernel(
            "Sobel y",
            ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
            "Positive where it gets brighter from top to bottom: horizontal edges. Zero in flat areas.",
        ),
        "laplacian": Kernel(
            "Laplacian",
            ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
            "How far the neighbours are above the cell on average: lines and corners of any direction.",
        ),
        "emboss": Kernel(
            "Emboss",
            ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
            "Light from the upper left: slopes turn into light and shadow.",
        ),
    }
)


KERNELS_1D: Mapping[str, Kernel] = MappingProxyType(
    {
        "identity": Kernel("Identity", ((0, 1, 0),), KERNELS["identity"].meaning),
        "blur": Kernel("Blur", ((1 / 3, 1 / 3, 1 / 3),), "Every cell becomes the mean of itself and its neighbours."),
        "sharpen": Kernel("Sharpen", ((-1, 3, -1),), "Every cell is made to differ more from its neighbours."),
        "slope": Kernel("Slope", ((-1, 0, 1),), "The right neighbour minus the left one: where the signal climbs."),
        "curvature": Kernel(
            "Curvature",
            ((1, -2, 1),),
            "How far the neighbours are above the cell on average, times two: peaks, pits and corners.",
        ),
        "difference": Kernel("Difference", ((-1, 1),), "Each cell minus the one before it."),
    }
)


def random_kernel(seed: int, shape: Ints = (3, 3)) -> Array:
    """Small whole numbers from -2 to 2, the same for the same ``seed`` (0 to 2^53) and ``shape`` (1 to 4 numbers)."""
    generator = np.random.Generator(np.random.PCG64(whole("seed", seed, most=2**53)))
    return generator.integers(-2, 3, size=read_shape("kernel shape", shape, (1, 2, 3, 4))).astype(np.float64)


@dataclass(frozen=True)
class Example:
    """A worked textbook problem: ``operation`` names a function of this package, to be called with
    ``**givens, **options``. ``lesson`` says what there is to see."""

    title: str
    operation: str
    givens: dict[str, Any]
    lesson: str
    options: dict[str, Any] = field(default_factory=dict)


EXAMPLES: Mapping[str, Example] = MappingProxyType(
    {
        "steps": Example(
            "A signal with a step and a spike",
            "conv1d",
            {"x": [1, 1, 1, 2, 5, 8, 9, 9, 9, 3, 3, 7, 3, 3], "w": [-1, 0, 1]},
            "This kernel answers where the signal climbs or falls, and stays silent where it is flat.",
            {"padding": 1},
        ),
        "seven": Example(
            "A handwritten seven",
            "conv2d",
            {
                "x": [
                    [0, 0, 0, 0, 0, 0, 0],
                    [0, 9, 9, 9, 9, 9, 0],
                    [0, 0, 0, 0, 8, 7, 0],
                    [0, 0, 0, 3, 9, 0, 0],
                    [0, 0, 0, 8, 4, 0, 0],
                    [0, 0, 3, 9, 0, 0, 0],
                    [0, 0, 0, 0, 0, 0, 0],
                ],
                "w": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
            },
            "Sobel x answers with a large number where the picture gets brighter to the right, with a large negative "
            "one where it gets darker: the two sides of the stroke.",
            {"padding": 1},
        ),
        "colours": Example(
            "Three colours and two filters",
            "conv2d",
            {
                "x": [
                    [[9, 9, 0, 0, 0], [9, 9, 0, 0, 0], [9, 9, 0, 0, 0], [9, 9, 0, 0, 0], [9, 9, 0, 0, 0]],
                    [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [5, 5, 5, 5, 5], [5, 5, 5, 5, 5], [5, 5, 5, 5, 5]],
                    [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]],
                ],
                "w": [
                    [[[1, 0], [1, 0]], [[-1, 0], [-1, 0]], [[0, 0], [0, 0]]],
                    [[[0, 0], [0, 0]], [[-1, -1], [1, 1]], [[0, 1], [0, 1]]],
                ],
                "b": [0, -2],
            },
            "Every filter has a kernel for each colour, and adds up what they say: it can ask for red without green.",
        ),
        "signal": Example(
            "A signal of five and a kernel of two",
            "conv1d",
            {"x": [1, 3, 2, 0, 4], "w": [1, -1]},
            "Four windows of two fit into five cells. This kernel subtracts each cell from the one before it.",
        ),
        "two_filters": Example(
            "A 4 x 4 image and two 2 x 2 filters",
            "conv2d",
            {
                "x": [[[1, 2, 0, 1], [0, 1, 3, 1], [2, 1, 0, 0], [1, 0, 1, 2]]],
                "w": [[[[1, 0], [0, -1]]], [[[0, 1], [1, 0]]]],
                "b": [0, 1],
            },
            "Each filter makes a map of its own, 3 x 3, from the same image: one output channel per filter.",
        ),
        "tall_kernel": Example(
            "A kernel as tall as the image",
            "conv2d",
            {
                "x": [[1, 0, 2, 1, 3], [0, 1, 1, 2, 0], [2, 1, 0, 1, 1]],
                "w": [[1, 0], [0, 1], [1, -1]],
            },
            "There is only one way to place it from top to bottom, so it slides sideways only: the output is one row. "
            "This is how text and time series are convolved.",
        ),
        "pool_signal": Example(
            "A signal of six, pooled by three",
            "max_pool1d",
            {"x": [1, 5, 2, 4, 4, 0], "window": 3},
            "Four windows of three fit into six cells. The 5 wins two of them; of the two 4s the first wins.",
            {"stride": 1},
        ),
        "pool_stride_1": Example(
            "2 x 2 max pooling with stride 1",
            "max_pool2d",
            {"x": [[1, 3, 2, 1], [4, 2, 2, 0], [1, 0, 5, 3], [2, 2, 1, 3]], "window": 2},
            "The windows overlap, so one cell can win several of them, and its gradient is then the sum of theirs.",
            {"stride": 1},
        ),
    }
)
