"""A dream step by step: its frames to look through again, the objective's curve, and an animation."""

import io
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import torch
from PIL import Image

from cnnlab_core.images import to_picture
from cnnlab_core.runtime.jobs import relay

MOST_FRAMES = 120
"""Frames that are kept, at most; longer films keep every second frame, every fourth, …"""

LARGEST_FRAME = 640
"""Pixels of a frame's longer side, at most; the latest picture is kept whole."""


@dataclass
class Film:
    """A dream so far: ``frames`` as JPEG files of one size, and after which step each was ``taken`` (from 1).

    Several pictures at once stand side by side; of a zoom only whole frames are taken. ``objectives`` has one number
    per step. ``picture`` is the latest, exact and at its full size, ``step`` its record. ``result`` is what the dream
    returned: None while it runs, and if it was stopped.
    """

    size: tuple[int, int]
    frames: list[bytes] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    objectives: list[float] = field(default_factory=list)
    picture: Image.Image | None = None
    step: Any = None
    result: Any = None
    every: int = 1
    _count: int = 0

    @property
    def share(self) -> float:
        """How much of the dream is done, 0 to 1."""
        return self.step.share

    @property
    def dream_step(self) -> Any:
        """The record of the latest step; of a zoom, that of the dream within its frame."""
        return getattr(self.step, "dream", self.step)

    def add(self, step: Any) -> "Film":
        """Add a step, a ``DreamStep``, ``VisualiseStep`` or ``ZoomStep``; gives the film itself."""
        self.step = step
        inner = self.dream_step
        if getattr(inner, "tile", 0) + 1 < getattr(inner, "tiles", 1):
            return self
        self.objectives.append(inner.objective)
        if not getattr(step, "whole_frame", True):
            return self
        self.picture = to_picture(torch.cat(list(step.image), -1))
        self._count += 1
        count = len(self.objectives)
        if self._count % self.every == 0:
            self.frames.append(self._frame(self.picture))
            self.taken.append(count)
        if len(self.frames) > MOST_FRAMES:
            self.every *= 2
            self.frames, self.taken = self.frames[1::2], self.taken[1::2]
        return self

    def animation(self, *, milliseconds: int = 80, longest: int = 448) -> bytes:
        """The frames as an animated WebP that shows the last one for two seconds before it starts again."""
        pictures = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in self.frames]
        for picture in pictures:
            picture.thumbnail((longest, longest))
        times = [milliseconds] * (len(pictures) - 1) + [2000]
        file = io.BytesIO()
        pictures[0].save(
            file, "WEBP", save_all=True, append_images=pictures[1:], duration=times, loop=0, quality=80, method=2
        )
        return file.getvalue()

    def _frame(self, picture: Image.Image) -> bytes:
        scale = min(1.0, LARGEST_FRAME / max(self.size))
        size = (max(1, round(self.size[0] * scale)), max(1, round(self.size[1] * scale)))
        file = io.BytesIO()
        shown = picture if picture.size == size else picture.resize(size, Image.Resampling.BILINEAR)
        shown.save(file, "JPEG", quality=88)
        return file.getvalue()


def filmed(steps: Generator[Any, None, Any], size: tuple[int, int]) -> Generator[Film, None, Film]:
    """Film a dream; ``size`` (width, height) is that of its last picture.

    Yields the same film after every step, and returns it with the ``result``. Closing it closes the dream; the film
    keeps what it has.
    """
    film = Film(size)
    film.result = yield from relay(steps, film.add)
    return film
