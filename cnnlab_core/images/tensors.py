"""Between pictures and tensors: pixel space is float32 in [0, 1], and what is shown is 8 bits."""

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import ImageError, InputError
from cnnlab_core.images.levels import LEVELS

if TYPE_CHECKING:
    import torch


@by_annotation
def to_tensor(picture: Image.Image) -> "torch.Tensor":
    """An RGB picture as float32 (1, 3, H, W) in [0, 1]: byte / 255."""
    import torch

    pixels = torch.from_numpy(np.array(picture.convert("RGB")))
    return pixels.permute(2, 0, 1).unsqueeze(0).to(torch.float32).div(255)


@by_annotation
def check_pixels(x: "torch.Tensor") -> None:
    """Raise ``InputError`` unless ``x`` is float32 (N, 3, H, W) within [0, 1] and free of NaN."""
    import torch

    if x.ndim != 4 or x.shape[1] != 3 or not x.numel():
        shape = tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__
        raise InputError(f"Pixels have the shape (N, 3, height, width), but this is {shape}.")
    if x.dtype != torch.float32:
        raise InputError(f"Pixels must be float32, but these are {x.dtype}. Convert them with .float().")
    low, high = torch.stack(torch.aminmax(x.detach())).tolist()
    if not (low >= 0 and high <= 1):  # written so that NaN fails too
        raise InputError(
            f"Pixels must lie in [0, 1], but these run from {low:.4g} to {high:.4g}. "
            "Clip them, and don't normalise them: the model does that itself."
        )


@by_annotation
def to_uint8(x: "torch.Tensor") -> "torch.Tensor":
    """Pixels in [0, 1] as bytes, rounded to the nearest (half to even); the shape stays.

    Raises ``ImageError`` for NaN and for values outside [0, 1] by more than float error (1e-6): bytes would wrap.
    """
    import torch

    values = x.detach()
    if values.is_complex():
        raise ImageError(f"Pixels are real numbers, but these are {values.dtype}.")
    if not torch.isfinite(values).all():
        raise ImageError("These pixels hold NaN or infinity, so there is no picture to show.")
    if values.numel() and (values.min() < -1e-6 or values.max() > 1 + 1e-6):
        raise ImageError(
            f"Pixels must lie in [0, 1], but these run from {values.min():.3g} to {values.max():.3g}. Clip them."
        )
    return values.clamp(0, 1).mul(255).round().to(torch.uint8)


@by_annotation
def in_eight_bits(x: "torch.Tensor") -> "torch.Tensor":
    """Pixels as their 8-bit picture holds them, k / 255, in the dtype of ``x``; raises what ``to_uint8`` raises."""
    return to_uint8(x).to(x.dtype) / LEVELS


@by_annotation
def to_picture(x: "torch.Tensor") -> Image.Image:
    """Pixels (1, 3, H, W) or (3, H, W) in [0, 1] as the rounded 8-bit RGB picture that people see."""
    if x.ndim == 4 and x.shape[0] == 1:
        x = x[0]
    if x.ndim != 3 or x.shape[0] != 3:
        raise ImageError(f"One picture has the shape (3, height, width), but this has {tuple(x.shape)}.")
    return Image.fromarray(to_uint8(x).permute(1, 2, 0).contiguous().cpu().numpy())
