"""The difference between two pictures, made visible."""

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]


def noise_picture(before: Pixels, after: Pixels, scale: float | None = None) -> tuple[Image.Image, float]:
    """What was added to ``before`` (H, W, 3) to get ``after``, times a scale, around mid-grey; and that scale.

    Without a ``scale``, the largest change becomes fully bright or dark; the scale is 1 if nothing changed.
    """
    return change_picture(after.astype(np.int16) - before.astype(np.int16), scale)


def change_picture(levels: npt.ArrayLike, scale: float | None = None) -> tuple[Image.Image, float]:
    """The same of a change (H, W, 3) in grey levels, of which a channel has 255; it may have fractions."""
    change = np.asarray(levels)
    if scale is None:
        largest = np.abs(change).max(initial=0)
        scale = 127 / float(largest) if largest else 1.0
    return Image.fromarray(np.clip(np.round(128 + scale * change), 0, 255).astype(np.uint8)), scale
