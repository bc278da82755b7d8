"""A zoom into the dream: each frame is the one before, slightly enlarged about its middle, and dreamt on."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from cnnlab_core.checks import by_annotation, seeded
from cnnlab_core.dream.dream import DreamStep, dream_steps
from cnnlab_core.dream.objectives import Objective
from cnnlab_core.errors import InputError
from cnnlab_core.images import check_pixels, to_uint8
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import plainly, relay


@dataclass(frozen=True)
class ZoomStep:
    """A step of the dream of ``frame`` (from 0) of ``frames``."""

    frame: int
    frames: int
    dream: DreamStep

    @property
    def image(self) -> torch.Tensor:
        """The picture (N, 3, h, w) as it is."""
        return self.dream.image

    @property
    def share(self) -> float:
        """How much of the work is done."""
        return (self.frame + self.dream.share) / self.frames

    @property
    def whole_frame(self) -> bool:
        """Whether this step finishes its frame."""
        return self.dream.share >= 1 - 1e-9


@by_annotation
def zoom_steps(
    model: LoadedModel,
    x: torch.Tensor,
    objective: Objective,
    *,
    frames: int = 24,
    factor: float = 1.05,
    generator: torch.Generator | int | None = None,
    **settings: Any,
) -> Generator[ZoomStep, None, torch.Tensor]:
    """Dream ``frames`` pictures, each from the one before, enlarged ``factor`` times about its middle.

    ``settings`` are those of ``dream`` (few octaves and steps are enough, as each frame continues a dream). Returns
    the frames of the first picture, uint8 (frames, 3, H, W). Raises ``InputError`` as ``dream`` does.
    """
    check_pixels(x)
    if not 1 <= frames <= 1000:
        raise InputError(f"A zoom has 1 to 1000 frames, not {frames}.")
    if not 1 <= factor <= 2:  # written so that NaN fails too
        raise InputError(f"A frame is enlarged 1 to 2 times, not {factor}.")
    generator = seeded(0 if generator is None else generator)
    dream_steps(model, x, objective, generator=generator, **settings).close()  # its checks, before the first frame
    return _zoom(model, x.detach(), objective, frames, factor, generator, settings)


zoom = plainly(zoom_steps)


def _zoom(
    model: LoadedModel,
    image: torch.Tensor,
    objective: Objective,
    frames: int,
    factor: float,
    generator: torch.Generator,
    settings: dict[str, Any],
) -> Generator[ZoomStep, None, torch.Tensor]:
    made: list[torch.Tensor] = []
    for frame in range(frames):

        def in_frame(step: DreamStep, frame: int = frame) -> ZoomStep:
            return ZoomStep(frame, frames, step)

        start = enlarged(image, factor) if frame else image
        steps = dream_steps(model, start, objective, generator=generator, **settings)
        image = (yield from relay(steps, in_frame)).image
        made.append(to_uint8(image[0]))
    return torch.stack(made)


def enlarged(image: torch.Tensor, factor: float) -> torch.Tensor:
    """The middle of pictures (N, 3, H, W), ``factor`` times as large, at the same size as before."""
    matrix = torch.tensor([[1 / factor, 0, 0], [0, 1 / factor, 0]], device=image.device, dtype=image.dtype)
    grid = F.affine_grid(matrix.expand(len(image), 2, 3), list(image.shape), align_corners=False)
    return F.grid_sample(image, grid, mode="bicubic", padding_mode="reflection", align_corners=False).clamp(0, 1)
