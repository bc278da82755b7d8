"""Small random transforms of a picture before the network sees it, so that only robust patterns are worth drawing.

After Lucid's transforms (github.com/tensorflow/lucid, optvis/transform.py; Olah, Mordvintsev & Schubert 2017,
doi.org/10.23915/distill.00007, "Transformation robustness"). Each is a function of pictures (N, 3, H, W) and a
``torch.Generator``, differentiable in the pictures; a list of them is applied in order.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torchvision.transforms.functional import center_crop

from cnnlab_core.checks import fit_fields
from cnnlab_core.errors import InputError

Transform = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


@dataclass(frozen=True)
class Jitter:
    """Rolls the picture by up to ``pixels`` down and across; what leaves on one side comes back on the other."""

    pixels: int

    def __post_init__(self) -> None:
        fit_fields(self)
        if not 0 <= self.pixels <= 4096:
            raise InputError(f"Jitter moves by 0 to 4096 pixels, not by {self.pixels}.")

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return roll(x, random_shift(self.pixels, generator))


@dataclass(frozen=True)
class Pad:
    """Adds ``pixels`` on every side: an even ``grey``, or with None the picture mirrored."""

    pixels: int
    grey: float | None = 0.5

    def __post_init__(self) -> None:
        fit_fields(self)
        if not 0 <= self.pixels <= 1024 or not (self.grey is None or 0 <= self.grey <= 1):
            raise InputError("Padding adds 0 to 1024 pixels of a grey in [0, 1] (or None, for a mirror).")

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        sides = [self.pixels] * 4
        return F.pad(x, sides, mode="reflect") if self.grey is None else F.pad(x, sides, value=self.grey)


@dataclass(frozen=True)
class Scale:
    """Resizes by one of ``factors``, drawn at random."""

    factors: tuple[float, ...]

    def __post_init__(self) -> None:
        fit_fields(self)
        if not self.factors or not all(0.1 <= factor <= 10 for factor in self.factors):
            raise InputError("Scale takes at least one factor, each from 0.1 to 10.")

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        factor = _drawn(self.factors, generator)
        size = [max(1, math.ceil(factor * length)) for length in x.shape[2:]]
        return F.interpolate(x, size, mode="bilinear", align_corners=False)


@dataclass(frozen=True)
class Rotate:
    """Turns by one of ``degrees``, drawn at random, about the middle; empty corners are filled by mirroring."""

    degrees: tuple[float, ...]

    def __post_init__(self) -> None:
        fit_fields(self)
        if not self.degrees or not all(math.isfinite(angle) for angle in self.degrees):
            raise InputError("Rotate takes at least one finite angle in degrees.")

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        angle = math.radians(_drawn(self.degrees, generator))
        if not angle:
            return x
        height, width = x.shape[2:]
        cos, sin = math.cos(angle), math.sin(angle)  # in the grid's units the sides are 2 long, so the aspect enters
        matrix = torch.tensor([[cos, -sin * height / width, 0], [sin * width / height, cos, 0]], device=x.device)
        grid = F.affine_grid(matrix.expand(len(x), 2, 3).to(x.dtype), list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


@dataclass(frozen=True)
class Middle:
    """Cuts out the middle of ``height`` × ``width``, with which Lucid ends where a network takes one size alone."""

    height: int
    width: int

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return center_crop(x, [self.height, self.width])


STANDARD: tuple[Transform, ...] = (
    Pad(12),
    Jitter(8),
    Scale(tuple(1 + (i - 5) / 50 for i in range(11))),
    Rotate((*range(-10, 11), 0, 0, 0, 0, 0)),
    Jitter(4),
)
"""Lucid's list."""


def apply(transforms: Sequence[Transform], x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The pictures after all transforms, in order."""
    for transform in transforms:
        x = transform(x, generator)
    return x


def random_shift(most: int, generator: torch.Generator) -> tuple[int, int]:
    """Rows down and columns across, each from -``most`` to ``most``, all as likely."""
    down, across = torch.randint(-most, most + 1, (2,), generator=generator, device=generator.device).tolist()
    return down, across


def roll(x: torch.Tensor, shift: tuple[int, int]) -> torch.Tensor:
    """The picture moved down and across, wrapped around the edges; exact, and undone by ``unroll``."""
    return x if shift == (0, 0) else torch.roll(x, shift, (-2, -1))


def unroll(x: torch.Tensor, shift: tuple[int, int]) -> torch.Tensor:
    """Undoes ``roll`` exactly."""
    return roll(x, (-shift[0], -shift[1]))


def _drawn(options: Sequence[float], generator: torch.Generator) -> float:
    return options[int(torch.randint(len(options), (), generator=generator, device=generator.device))]
