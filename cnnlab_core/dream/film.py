"""The way of a dream, step by step: pictures to look through again, the objective's curve, and an animation."""

import io
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from PIL import Image

from cnnlab_core.images import to_picture

Result = TypeVar("Result")

MOST_FRAMES = 120
"""Longer films keep every second frame, every fourth, …"""

LARGEST_FRAME = 640
"""Frames are at most this wide and high, in pixels; the last picture is kept whole."""


@dataclass
class Film:
    """What there is of a dream: ``frames`` as JPEG files of one size, and after which step each was taken (from 1).

    Several pictures at once stand side by side; of a zoom only whole frames are taken.

    ``objectives`` has one number a step. ``picture`` is the latest, whole and exact; ``step`` its record. ``result``
    is what the dream returned; None while it runs, and of one that was stopped.
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

    def add(self, step: Any) -> None:
        """Take a step up: a ``DreamStep``, ``VisualiseStep`` or ``ZoomStep``."""
        self.step = step
        inner = getattr(step, "dream", step)
        if getattr(inner, "tile", 0) + 1 < getattr(inner, "tiles", 1):
            return
        self.objectives.append(inner.objective)
        if not getattr(step, "whole_frame", True):
            return
        self.picture = to_picture(torch.cat(list(step.image), -1))
        self._count += 1
        count = len(self.objectives)
        if self._count % self.every == 0:
            self.frames.append(self._frame(self.picture))
            self.taken.append(count)
        if len(self.frames) > MOST_FRAMES:
            self.every *= 2
            self.frames, self.taken = self.frames[1::2], self.taken[1::2]

    def animation(self, *, milliseconds: int = 80, longest: int = 448) -> bytes:
        """The frames as an animated WebP that stays on the last for two seconds and then begins again."""
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
    """Take up a dream's steps; ``size`` (width, height) is that of its last picture.

    Yields the same film after every step, and returns it with the ``result``. When it is closed, so are the steps, and
    what was taken up stays in the film.
    """
    film = Film(size)
    try:
        while True:
            try:
                film.add(next(steps))
            except StopIteration as stop:
                film.result = stop.value
                return film
            yield film
    finally:
        steps.close()
