"""A photo with a grey patch on it: what does a network say without what lies under it?"""

from dataclasses import dataclass

import numpy as np
import torch

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.models.spec import Preprocessing
from cnnlab_core.network.live import covered


@dataclass(frozen=True)
class Patch:
    """A square on what a network sees of a photo: its place and its side, as shares of that, from 0 to 1."""

    top: float
    left: float
    side: float

    def __post_init__(self) -> None:
        if not (0 <= self.top <= 1 and 0 <= self.left <= 1 and 0 < self.side <= 1):
            raise InputError(f"A patch lies on the photo, with its place and side from 0 to 1, unlike {self}.")

    def pixels(self, seen: Preprocessing, by: Preprocessing) -> tuple[int, int, int]:
        """The first row, the first column and the side in the pixels of another network (``by``).

        Each network cuts another square out of the middle of the photo, ``crop`` of ``resize``: the patch stays where
        it lies on the photo.
        """
        zoom = (seen.crop / seen.resize) / (by.crop / by.resize)
        top, left = (round(by.crop * (0.5 + (share - 0.5) * zoom)) for share in (self.top, self.left))
        return max(0, top), max(0, left), max(1, round(by.crop * self.side * zoom))


@by_annotation
def logits_without(model: LoadedModel, x: torch.Tensor, patch: Patch, seen: Preprocessing) -> np.ndarray:
    """The logits (classes,) of pixels (1, 3, H, W) under a grey patch that was laid on what ``seen`` sees."""
    with torch.no_grad():
        logits = model(covered(x, *patch.pixels(seen, model.spec.preprocessing)))
    return np.asarray(logits[0].double().cpu().numpy())
