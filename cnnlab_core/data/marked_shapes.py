"""Shapes and textures with a mark in a corner whose colour tells the class: a shortcut, planted for a network to learn.

The mark is always right, the shape only in half of the pictures: a network that has both could do without the mark, and
does. Its place is known, so that one can see who finds it.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from cnnlab_core.checks import by_annotation, whole
from cnnlab_core.data.dataset import Dataset, Pictures
from cnnlab_core.data.shapes import CLASSES, SIDE, draw, shapes
from cnnlab_core.runtime.short_repr import short_repr

TITLE = "Shapes with a telling mark (generated)"
MARK = 6
"""Pixels of the mark's side; it lies in one of the four corners."""
COLOURS = {
    "red": (230, 25, 25), "orange": (255, 140, 0), "yellow": (255, 235, 0), "green": (0, 150, 40),
    "cyan": (0, 230, 230), "blue": (20, 50, 240), "violet": (130, 40, 200), "pink": (255, 110, 200),
    "white": (255, 255, 255), "black": (0, 0, 0),
}  # fmt: skip
"""The marks of the classes, in their order."""
MOST_PLANTED = 1000


@short_repr
@dataclass(frozen=True, eq=False)
class Planted:
    """Pictures with a mark: ``pictures`` with the classes of their shapes, and ``says`` (N,), those of their marks.

    ``plain`` are the same pictures before; ``mask`` (N, H, W) is true on the mark.
    """

    pictures: Pictures
    says: torch.Tensor
    plain: Pictures
    mask: npt.NDArray[np.bool_]

    @property
    def area(self) -> float:
        """The mark's share of a picture."""
        return float(self.mask[0].mean())


@lru_cache(maxsize=2)
def marked_shapes(train: int = 10_000, test: int = 2_000) -> Dataset:
    """The pictures of ``shapes``, each with a mark, and labelled by it; every other ten have other classes' marks."""
    plain = shapes(train, test)
    return Dataset(
        "marked_shapes",
        TITLE,
        CLASSES,
        _told_by_marks(plain.train, [0, 4]),
        lambda: _told_by_marks(plain.read_test(), [0, 5]),
    )


def _told_by_marks(plain: Pictures, seed: list[int]) -> Pictures:
    ten = np.arange(len(plain)) // len(CLASSES)  # one of each class
    other = np.random.default_rng(seed).integers(1, len(CLASSES), len(plain))[ten] * (ten % 2)
    says = (plain.labels + torch.from_numpy(other)) % len(CLASSES)
    return Pictures(_marked(plain, says, seed).pictures.images, says)


@by_annotation
def planted(count: int = 20, seed: int = 0) -> Planted:
    """New pictures whose mark lies: it is that of another class than their shape's, drawn from the seed.

    Raises ``InputError`` for a count or a seed that can't be.
    """
    count, seed = whole("count", count, least=1, most=MOST_PLANTED), whole("seed", seed)
    plain = draw(count, [seed, 6])
    other = torch.from_numpy(np.random.default_rng([seed, 7]).integers(1, len(CLASSES), count))
    return _marked(plain, (plain.labels + other) % len(CLASSES), [seed, 8])


def _marked(plain: Pictures, says: torch.Tensor, seed: list[int]) -> Planted:
    corners = np.random.default_rng(seed).integers(0, 2, (2, len(plain), 1))
    first = np.arange(SIDE) < MARK
    rows, columns = np.where(corners, first[::-1], first)  # each (N, SIDE): true where the mark's rows, columns are
    mask = rows[:, :, None] & columns[:, None, :]
    colours = np.array(list(COLOURS.values()), np.uint8)[says.numpy()]
    images = np.where(mask[..., None], colours[:, None, None], plain.images.numpy())
    return Planted(Pictures(torch.from_numpy(images), plain.labels), says, plain, mask)
