"""Between pictures and tensors: pixel space is float32 in [0, 1], and what is shown is 8 bits."""

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cnnlab_core.errors import ImageError

if TYPE_CHECKING:
    import torch


def to_tensor(picture: Image.Image) -> "torch.Tensor":
    """An RGB picture as float32 (1, 3, H, W) in [0, 1]: byte / 255."""
    import torch

    pixels = torch.from_numpy(np.array(picture.convert("RGB")))
    return pixels.permute(2, 0, 1).unsqueeze(0).to(torch.float32).div(255)


def to_uint8(x: "torch.Tensor") -> "torch.Tensor":
    """Pixels in [0, 1] as bytes, rounded to the nearest (half to even); the shape stays.

    Raises ``ImageError`` for NaN and for values outside [0, 1] by more than float error (1e-6): bytes would wrap.
    """
    import torch

    values = x.detach()
    if not torch.isfinite(values).all():
        raise ImageError("These pixels hold NaN or infinity, so there is no picture to show.")
    if values.numel() and (values.min() < -1e-6 or values.max() > 1 + 1e-6):
        raise ImageError(
            f"Pixels must lie in [0, 1], but these run from {values.min():.3g} to {values.max():.3g}. Clip them."
        )
    return values.clamp(0, 1).mul(255).round().to(torch.uint8)


def to_picture(x: "torch.Tensor") -> Image.Image:
    """Pixels (1, 3, H, W) or (3, H, W) in [0, 1] as the rounded 8-bit RGB picture that people see."""
    if x.ndim == 4 and x.shape[0] == 1:
        x = x[0]
    if x.ndim != 3 or x.shape[0] != 3:
        raise ImageError(f"One picture has the shape (3, height, width), but this has {tuple(x.shape)}.")
    return Image.fromarray(to_uint8(x).permute(1, 2, 0).contiguous().cpu().numpy())
