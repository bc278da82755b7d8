"""Batches on the device: order, shifts and flips drawn by counter; pictures stay bytes until they are used."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from cnnlab_core.data import Pictures
from cnnlab_core.errors import InputError
from cnnlab_core.training.config import Config
from cnnlab_core.training.randomness import generator
from cnnlab_core.training.schedule import side_in_epoch


@dataclass(frozen=True, eq=False)
class Batch:
    """``images`` float32 (N, 3, H, W) in [0, 1], channels last in memory; ``labels`` int64 (N,)."""

    images: torch.Tensor
    labels: torch.Tensor


class Feeder:
    """Deals out a set of training pictures in batches, shifted, mirrored and cut out, without ever leaving the device.

    The pictures lie there once, as bytes, with their mirrored border (``config.crop`` pixels); a batch is cut out
    of that by one indexing of a view in which every possible window is an element. ``rank`` of ``world`` processes
    gets its even share of each batch; what is drawn doesn't depend on how many there are. ``colour``, of pixels in
    [0, 1], is what a cutout is painted over with.
    """

    def __init__(
        self,
        pictures: Pictures,
        indices: np.ndarray,
        config: Config,
        device: torch.device,
        rank: int = 0,
        world: int = 1,
        colour: Sequence[float] = (0.5, 0.5, 0.5),
    ) -> None:
        self.config, self.device, self.rank, self.world = config, device, rank, world
        chosen = torch.from_numpy(indices)
        if min(config.batch, len(chosen)) % world:
            raise InputError(f"A batch of {config.batch} can't be shared evenly by {world} processes. Choose another.")
        self._labels = pictures.labels[chosen].to(device)
        self.count = len(chosen)
        self.batch = min(config.batch, self.count)
        self.side = pictures.images.shape[1]
        self._colour = (255 * torch.tensor(colour)).round().byte().to(device)
        self._coins = torch.rand(self.count, generator=generator(config.seed, "coins")) < 0.5
        self._windows = _windows(_with_border(pictures.images[chosen].to(device), config.crop), self.side)

    @property
    def steps(self) -> int:
        """Whole batches in an epoch; the few pictures left over have their turn in another epoch."""
        return self.count // self.batch

    @property
    def per_step(self) -> int:
        """Pictures in a step, of all processes together."""
        return self.batch

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """This process's share of the batches of an epoch, from batch number ``start`` on."""
        random, crop = generator(self.config.seed, "epoch", epoch), self.config.crop
        order = torch.randperm(self.count, generator=random)
        shifts = torch.randint(0, 2 * crop + 1, (2, self.count), generator=random)
        flips = torch.rand(self.count, generator=random) < 0.5
        if self.config.alternate:
            flips = self._coins[order] ^ bool(epoch % 2)
        random = generator(self.config.seed, "cutout", epoch)
        corners = torch.randint(0, self.side - self.config.cutout + 1, (2, self.count), generator=random)
        order, shifts, flips, corners = (drawn.to(self.device) for drawn in (order, shifts, flips, corners))
        share = self.batch // self.world
        side = side_in_epoch(self.config, epoch, self.side)
        for number in range(start, self.steps):
            first = number * self.batch + self.rank * share
            mine = slice(first, first + share)
            yield self._deal(order[mine], shifts[:, mine], flips[mine], corners[:, mine], side)

    def _deal(
        self, chosen: torch.Tensor, shifts: torch.Tensor, flips: torch.Tensor, corners: torch.Tensor, side: int
    ) -> Batch:
        pixels = self._windows[chosen, shifts[0], shifts[1]]  # (N, H, W, 3) bytes
        if self.config.flip:
            pixels = torch.where(flips[:, None, None, None], pixels.flip(2), pixels)
        if self.config.cutout:
            rows, cols = (self._cut(corner) for corner in corners)
            pixels = torch.where((rows[:, :, None] & cols[:, None, :])[..., None], self._colour, pixels)
        return Batch(scaled(to_pixels(pixels), side), self._labels[chosen])

    def _cut(self, corners: torch.Tensor) -> torch.Tensor:
        """Which rows, or columns, of each picture lie in its cutout: (N, side)."""
        beyond = torch.arange(self.side, device=self.device) - corners[:, None]
        return (beyond >= 0) & (beyond < self.config.cutout)


def scaled(images: torch.Tensor, side: int) -> torch.Tensor:
    """Pictures (N, 3, H, W) at ``side`` × ``side``: bilinear, and without aliasing."""
    if images.shape[2] == side:
        return images
    small = nn.functional.interpolate(images, (side, side), mode="bilinear", antialias=True)
    return small.contiguous(memory_format=torch.channels_last)


def to_pixels(images: torch.Tensor) -> torch.Tensor:
    """Bytes (N, H, W, 3) as float32 (N, 3, H, W) in [0, 1], channels last in memory."""
    return images.permute(0, 3, 1, 2).float().div(255)


def _with_border(images: torch.Tensor, width: int) -> torch.Tensor:
    """(N, H, W, 3) with ``width`` mirrored pixels on every side."""
    for dim in (1, 2):
        length = images.shape[dim]
        places = torch.arange(-width, length + width, device=images.device).abs()
        places = torch.where(places >= length, 2 * (length - 1) - places, places)
        images = images.index_select(dim, places)
    return images.contiguous()


def _windows(images: torch.Tensor, side: int) -> torch.Tensor:
    """A view (N, shifts, shifts, side, side, 3) of bordered pictures: every window of ``side``."""
    return images.unfold(1, side, 1).unfold(2, side, 1).permute(0, 1, 2, 4, 5, 3)
