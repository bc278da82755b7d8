"""Maps of numbers with a sign as pictures that are clear at zero."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor

from cnnlab_core.plots.theme import ACCENT, ORANGE

NEGATIVE, POSITIVE = ImageColor.getrgb(ORANGE), ImageColor.getrgb(ACCENT)


def signed_picture(plane: npt.ArrayLike, limit: float) -> Image.Image:
    """A plane (H, W) as an RGBA picture of the same size: clear at 0, full colour at ``-limit`` and ``limit``."""
    share = np.clip(np.asarray(plane, dtype=np.float64) / (limit or 1), -1, 1)
    pixels = np.where((share < 0)[..., None], NEGATIVE, POSITIVE)
    alpha = np.rint(np.abs(share) * 255)[..., None]
    return Image.fromarray(np.concatenate([pixels, alpha], axis=-1).astype(np.uint8), "RGBA")


def signed_legend() -> Image.Image:
    """The scale of :func:`signed_picture`, from its lowest on the left to its highest on the right."""
    return signed_picture(np.tile(np.linspace(-1, 1, 512), (14, 1)), 1)
