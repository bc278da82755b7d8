"""Two networks under the same attack: how easily each is fooled, and whether what fools the one fools the other."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cnnlab_core.attacks.result import View
from cnnlab_core.attacks.studies.attack import ask
from cnnlab_core.images import to_tensor
from cnnlab_core.models.loaded import LoadedModel


@dataclass(frozen=True)
class Passed:
    """Two pictures as another network sees them: the ``clean`` one and the one made to fool the first network."""

    clean: View
    adversarial: View

    def reached(self, target: int | None) -> bool:
        """Whether it goes where the first network went: to any class but that of the clean one, or to the target.

        If the target is that class, it must be surer of it.
        """
        clean, first = self.clean, self.adversarial.best
        if target is None:
            return first != clean.best
        surer = target != clean.best or self.adversarial.probability(target) > clean.probability(target)
        return first == target and surer


def pass_on(model: LoadedModel, clean: np.ndarray, adversarial: np.ndarray) -> Passed:
    """Ask a network about another's pictures, uint8 (H, W, 3): as they are if they have its size, else prepared."""
    return Passed(_see(model, clean), _see(model, adversarial))


def _see(model: LoadedModel, pixels: np.ndarray) -> View:
    side = model.spec.preprocessing.crop
    picture = Image.fromarray(pixels)
    x = to_tensor(picture).to(model.device) if pixels.shape[:2] == (side, side) else model.prepare(picture)
    return ask(model, x)
