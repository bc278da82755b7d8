"""The patches of pictures that excite a channel most, each cut out by the receptive field of the unit it excites.

Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, arXiv:1311.2901, figure 2.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from cnnlab_core.errors import InputError
from cnnlab_core.interpretability.activations import capture
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.receptive_field import Box, ReceptiveField
from cnnlab_core.runtime.jobs import Progress, plainly


@dataclass(frozen=True)
class Patch:
    """What unit (row, col) saw at ``activation``: the ``box`` of pixels on picture number ``picture``, as prepared."""

    picture: int
    row: int
    col: int
    activation: float
    box: Box

    def cut(self, seen: Image.Image) -> Image.Image:
        """The patch itself, from the picture as the network sees it (see ``cnnlab_core.models.loaded.crop``)."""
        return seen.crop((self.box.left, self.box.top, self.box.right + 1, self.box.bottom + 1))


def top_patches_steps(
    model: LoadedModel,
    field: ReceptiveField,
    channel: int,
    pictures: Sequence[Image.Image],
    *,
    most: int = 9,
    per_picture: int = 2,
) -> Generator[Progress[tuple[Patch, ...]], None, tuple[Patch, ...]]:
    """The ``most`` patches with the highest activations of a channel of the field's node, strongest first.

    A picture gives at most ``per_picture`` patches. Two of one picture share less than half of their rows or of their
    columns, or the same thing would be there over and over. Only activations above zero count. Each step holds the
    patches found so far. Raises ``InputError`` for a channel that isn't there.
    """
    patches: tuple[Patch, ...] = ()
    for index, picture in enumerate(pictures):
        with torch.no_grad():
            maps = capture(model, model.prepare(picture), [field.name])[field.name][0]
        if not 0 <= channel < len(maps):
            raise InputError(f"{field.name} has channels 0 to {len(maps) - 1}, but channel {channel} was asked for.")
        values = maps[channel].cpu().numpy()
        found = [_patch(field, index, values, row, col) for row, col in _peaks(values, field, per_picture)]
        patches = tuple(sorted((*patches, *filter(None, found)), key=lambda patch: -patch.activation)[:most])
        yield Progress(index + 1, len(pictures), patches)
    return patches


top_patches = plainly(top_patches_steps)


def _peaks(values: np.ndarray, field: ReceptiveField, most: int) -> list[tuple[int, int]]:
    """The strongest cells whose fields lie apart, strongest first; a unit that sees the whole image leaves no other."""
    rows, cols = np.indices(values.shape)
    left = np.where(values > 0, values, -np.inf)
    peaks: list[tuple[int, int]] = []
    while len(peaks) < most and np.isfinite(left).any():
        row, col = (int(at) for at in np.unravel_index(left.argmax(), values.shape))
        peaks.append((row, col))
        if not field.size or not field.jump:
            break
        near = (np.abs(rows - row) * field.jump[0] < field.size[0] / 2) & (
            np.abs(cols - col) * field.jump[1] < field.size[1] / 2
        )
        left[near] = -np.inf
    return peaks


def _patch(field: ReceptiveField, picture: int, values: np.ndarray, row: int, col: int) -> Patch | None:
    box = field.box(row, col)
    return Patch(picture, row, col, float(values[row, col]), box) if box else None
