"""DeepDream: gradient ascent on a picture, from coarse to fine.

Mordvintsev, Olah & Tyka, "Inceptionism: going deeper into neural networks", 2015, and their notebook "deepdream":
octaves with the detail carried from one to the next, jitter, and steps along the normalised gradient.
"""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import wraps
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image

from cnnlab_core.checks import by_annotation, seeded
from cnnlab_core.dream import memory
from cnnlab_core.dream.goal import Goal, awake, bind, gradient, value
from cnnlab_core.dream.gradients import Normalisation, check_normalisation, laplacian_normalised, normalised
from cnnlab_core.dream.objectives import Objective
from cnnlab_core.dream.transforms import random_shift, roll, unroll
from cnnlab_core.errors import InputError
from cnnlab_core.images import check_pixels, to_picture, to_uint8
from cnnlab_core.models.loaded import LoadedModel
from cnnlab_core.runtime.jobs import finish
from cnnlab_core.runtime.short_repr import in_notebook, short_repr

SMALLEST_SIDE = 28
"""Pixels of the shorter side of the smallest octave, at least: handwritten digits have 28."""


@short_repr
@dataclass(frozen=True)
class DreamStep:
    """After ``step`` of ``octave`` (both from 0): the picture (N, 3, h, w) in [0, 1].

    ``objective`` is the mean over the pictures as they were before the step, where its gradient was taken. ``share``
    is how much of all the work is done, 0 to 1. A picture in tiles gives a record per tile: it changes with the last of
    them, and ``objective`` is the mean over the tiles so far. ``silent``: see ``Dreamt``.
    """

    octave: int
    octaves: int
    step: int
    steps: int
    objective: float
    image: torch.Tensor
    share: float
    tile: int = 0
    tiles: int = 1
    silent: tuple[str, ...] = ()

    def _pictures(self) -> list[Image.Image]:
        return [to_picture(self.image[:1])]


@short_repr
@dataclass(frozen=True)
class Dreamt:
    """The picture (N, 3, H, W) in [0, 1], and the objective ``before`` the dream and ``after`` it.

    ``after`` is measured on the picture rounded to bytes, as it is shown and saved. The nodes in ``silent`` didn't
    respond to the first picture (a ReLU at zero everywhere): their values before the activation were climbed.
    """

    image: torch.Tensor
    before: float
    after: float
    silent: tuple[str, ...] = ()

    def _pictures(self) -> list[Image.Image]:
        return [to_picture(self.image[:1])]


@dataclass(frozen=True)
class _Settings:
    octaves: int
    octave_scale: float
    steps: int
    step_size: float
    jitter: int
    normalise: Normalisation
    laplacian: int
    tile: int


@by_annotation
def dream_steps(
    model: LoadedModel,
    x: torch.Tensor,
    objective: Objective,
    *,
    octaves: int = 4,
    octave_scale: float = 1.4,
    steps: int = 10,
    step_size: float = 0.01,
    jitter: int = 16,
    normalise: Normalisation = "mean-abs",
    laplacian: int = 0,
    tile: int | None = None,
    generator: torch.Generator | int | None = None,
) -> Generator[DreamStep, None, Dreamt]:
    """Climb ``objective`` by gradient ascent from pictures of any size and shape, octave by octave.

    Checks its arguments at once; then yields ``DreamStep``s and returns ``Dreamt``. May be closed at any step.

    Args:
        x: The pictures (N, 3, H, W), float32 in [0, 1].
        octaves: Sizes of the picture, each ``octave_scale`` times the one before; the last is the picture's own.
        steps: Steps in each octave.
        step_size: How far a pixel moves in a step, in [0, 1], times the normalised gradient.
        jitter: The picture is rolled by at most this many pixels before a step.
        normalise: What the gradient is divided by: see ``gradients.normalised``; "none" leaves it raw.
        laplacian: Levels of pyramid normalisation before that; 0 for none.
        tile: The side in pixels of the tiles in which a large picture is computed; their borders move from step to
            step. None computes the picture whole while memory allows.
        generator: The same state or seed (default: 0) gives the same bytes on one machine.

    Raises:
        InputError: A setting out of its range, an objective that the network doesn't have, too little memory.
    """
    check_pixels(x)
    check_normalisation(normalise, laplacian)
    height, width = x.shape[2:]
    _check(octaves, octave_scale, steps, step_size, jitter, tile, (height, width))
    goal = bind(model, objective, (height, width))
    side = tile or memory.tile_for(model.spec, goal.nodes, (height, width), x.device)
    if max(height, width) > side and any(term.placed for term in objective.terms):
        raise InputError(
            f"A unit has one position in the whole picture, but {height} × {width} pixels are computed in tiles of "
            f"{side}. Use a smaller picture, or dream of the unit's channel."
        )
    settings = _Settings(octaves, octave_scale, steps, step_size, jitter, normalise, laplacian, side)
    return _dream(goal, x, settings, seeded(0 if generator is None else generator))


class Dream:
    """A dream: its ``result`` is computed when it is asked for, as are ``image`` and all else that ``Dreamt`` has; a
    loop over the dream computes it step by step."""

    def __init__(self, steps: Generator[DreamStep, None, Dreamt]) -> None:
        self._steps = self._kept(steps)

    def _kept(self, steps: Generator[DreamStep, None, Dreamt]) -> Generator[DreamStep, None, None]:
        self._result = yield from steps

    def __iter__(self) -> Iterator[DreamStep]:
        return self._steps

    def _repr_html_(self) -> str:
        return in_notebook(self.result)

    @property
    def result(self) -> Dreamt:
        """The dream to its end."""
        finish(self._steps)
        return self._result

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.result, name)


@wraps(dream_steps)
def dream(*args: Any, **options: Any) -> Dream:
    return Dream(dream_steps(*args, **options))


def octave_sizes(size: tuple[int, int], octaves: int, octave_scale: float) -> list[tuple[int, int]]:
    """The (height, width) of each octave, the smallest first, the last ``size`` itself."""
    scales = [octave_scale ** (octave - octaves + 1) for octave in range(octaves)]
    return [(round(size[0] * scale), round(size[1] * scale)) for scale in scales]


def _dream(
    goal: Goal, x: torch.Tensor, settings: _Settings, generator: torch.Generator
) -> Generator[DreamStep, None, Dreamt]:
    original = x.detach()
    sizes = octave_sizes((x.shape[2], x.shape[3]), settings.octaves, settings.octave_scale)
    total = sum(height * width for height, width in sizes) * settings.steps
    image, done = original, 0
    for octave, size in enumerate(sizes):
        base = _resized(original, size)
        if octave:
            image = (base + _resized(image - _resized(original, sizes[octave - 1]), size)).clamp(0, 1)
        else:
            image = base
            if settings.steps:
                goal = awake(goal, _corner(image, settings.tile))
        for step in range(settings.steps):
            # With tiles, roll by up to half of one, so that their borders fall elsewhere each time.
            shift = random_shift(settings.tile // 2 if max(size) > settings.tile else settings.jitter, generator)
            rolled = roll(image, shift)
            slope, values = torch.empty_like(rolled), torch.zeros(len(rolled), device=rolled.device)
            tiles = _tiles(size, settings.tile)
            for index, area in enumerate(tiles):
                found, slope[area] = gradient(goal, rolled[area])
                values += found
                done += rolled[area].shape[2] * rolled[area].shape[3]
                if index == len(tiles) - 1:
                    image = _stepped(image, unroll(slope, shift), settings)
                yield DreamStep(
                    octave,
                    settings.octaves,
                    step,
                    settings.steps,
                    values.mean().item() / (index + 1),
                    image,
                    done / total,
                    index,
                    len(tiles),
                    goal.silent,
                )
    if not settings.steps:
        image = original
    return Dreamt(
        image, _measured(goal, original, settings.tile), _measured(goal, as_shown(image), settings.tile), goal.silent
    )


def as_shown(image: torch.Tensor) -> torch.Tensor:
    """The picture rounded to bytes, as people see and save it, in [0, 1] again."""
    return to_uint8(image).float() / 255


def _stepped(image: torch.Tensor, slope: torch.Tensor, settings: _Settings) -> torch.Tensor:
    if settings.laplacian:
        slope = laplacian_normalised(slope, settings.laplacian)
    return torch.add(image, normalised(slope, settings.normalise), alpha=settings.step_size).clamp_(0, 1)


def _measured(goal: Goal, image: torch.Tensor, tile: int) -> float:
    tiles = _tiles((image.shape[2], image.shape[3]), tile)
    return sum(value(goal, image[area]) for area in tiles) / len(tiles)


def _corner(image: torch.Tensor, tile: int) -> torch.Tensor:
    return image[_tiles((image.shape[2], image.shape[3]), tile)[0]]


def _tiles(size: tuple[int, int], tile: int) -> list[tuple[slice, ...]]:
    """Even tiles of at most ``tile`` pixels that cover a picture, as indices into (N, 3, H, W)."""
    rows, cols = (
        [slice(start, end) for start, end in pairwise(_cuts(length, math.ceil(length / tile)))] for length in size
    )
    return [(slice(None), slice(None), row, col) for row in rows for col in cols]


def _cuts(length: int, parts: int) -> list[int]:
    return [round(part * length / parts) for part in range(parts + 1)]


def _resized(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    if tuple(image.shape[2:]) == size:
        return image
    return F.interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)


def _check(
    octaves: int,
    octave_scale: float,
    steps: int,
    step_size: float,
    jitter: int,
    tile: int | None,
    size: tuple[int, int],
) -> None:
    if not 1 <= octaves <= 12:
        raise InputError(f"A dream has 1 to 12 octaves, not {octaves}.")
    if not 1.05 <= octave_scale <= 4:  # written so that NaN fails too
        raise InputError(f"Octaves differ by a factor of 1.05 to 4, not {octave_scale}.")
    if not 0 <= steps <= 10_000:
        raise InputError(f"An octave has 0 to 10000 steps, not {steps}.")
    if not 0 < step_size <= 1:
        raise InputError(f"A step moves pixels by more than 0 and up to 1 (black to white), not by {step_size}.")
    if not 0 <= jitter <= 4096:
        raise InputError(f"Jitter rolls the picture by 0 to 4096 pixels, not by {jitter}.")
    if tile is not None and not 64 <= tile <= 8192:
        raise InputError(f"Tiles are 64 to 8192 pixels wide, not {tile}.")
    smallest = octave_sizes(size, octaves, octave_scale)[0]
    if min(smallest) < SMALLEST_SIDE:
        fit = sum(min(octave_sizes(size, n, octave_scale)[0]) >= SMALLEST_SIDE for n in range(1, octaves + 1))
        least = f"{SMALLEST_SIDE} × {SMALLEST_SIDE}"
        advice = f"Use at most {fit} octaves" if fit else f"Use a picture of at least {least} pixels"
        raise InputError(
            f"With {octaves} octaves at a factor of {octave_scale:g} a picture of {size[0]} × {size[1]} would start "
            f"at {smallest[0]} × {smallest[1]} pixels, too few to see anything in. {advice}."
        )
