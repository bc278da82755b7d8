"""Batches on the device: order, shifts, flips and mixtures drawn by counter; pictures stay bytes until used."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

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
    """``images`` float32 (N, 3, H, W) in [0, 1], channels last in memory; ``labels`` int64 (N,).

    After mixup ``shares`` (N,) of each picture have its label, and the rest that in ``others`` (N,).
    """

    images: torch.Tensor
    labels: torch.Tensor
    others: torch.Tensor | None = None
    shares: torch.Tensor | None = None

    def targets(self, classes: int) -> torch.Tensor:
        """What the cross-entropy is taken with: the labels, or after mixup the shares of the classes (N, classes)."""
        if self.others is None or self.shares is None:
            return self.labels
        mine, other = (nn.functional.one_hot(labels, classes).float() for labels in (self.labels, self.others))
        return other.lerp(mine, self.shares[:, None])


class _Draws(NamedTuple):
    """What chance decides in an epoch, place by place in its order: (N,), and (2, N) of rows and columns."""

    order: torch.Tensor
    shifts: torch.Tensor
    flips: torch.Tensor
    corners: torch.Tensor
    shares: torch.Tensor

    def at(self, places: torch.Tensor) -> "_Draws":
        return _Draws(*(drawn[..., places] for drawn in self))


class Feeder:
    """Deals out training pictures in batches: shifted, mirrored, cut out and mixed, without ever leaving the device.

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
        if min(config.batch, len(indices)) % world:
            raise InputError(f"A batch of {config.batch} can't be shared evenly by {world} processes. Choose another.")
        self._images, self._chosen = pictures.images, torch.from_numpy(indices)
        self._labels = pictures.labels[self._chosen].to(device)
        self.count = len(indices)
        self.batch = min(config.batch, self.count)
        self.side = pictures.images.shape[1]
        self._colour = (255 * torch.tensor(colour)).round().byte().to(device)
        self._coins = torch.rand(self.count, generator=generator(config.seed, "coins")) < 0.5

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
        draws = self._draw(epoch)
        for number in range(start, self.steps):
            drawn = draws.at(self._places(number))
            yield self._deal(self._windows, drawn.order, drawn, epoch)

    def first(self, count: int) -> tuple[torch.Tensor, Batch]:
        """The first ``count`` pictures of the first step (fewer of a smaller batch): as they are, and as dealt.

        (No other picture gets its border for that.)
        """
        drawn = self._draw(0).at(self._places(0)[: count + self._mixes])
        images = self._images[self._chosen[drawn.order.cpu()]].to(self.device)
        rows = torch.arange(len(images), device=self.device)
        return to_pixels(images[self._mixes :]), self._deal(self._all_windows(images), rows, drawn, 0)

    @cached_property
    def _windows(self) -> torch.Tensor:
        return self._all_windows(self._images[self._chosen].to(self.device))

    def _all_windows(self, images: torch.Tensor) -> torch.Tensor:
        return _windows(_with_border(images, self.config.crop), self.side)

    @property
    def _mixes(self) -> int:
        """How many pictures a batch needs besides its own."""
        return int(self.config.mixup > 0)

    def _draw(self, epoch: int) -> _Draws:
        config = self.config
        random = generator(config.seed, "epoch", epoch)
        order = torch.randperm(self.count, generator=random)
        shifts = torch.randint(0, 2 * config.crop + 1, (2, self.count), generator=random)
        flips = torch.rand(self.count, generator=random) < 0.5
        if config.alternate:
            flips = self._coins[order] ^ bool(epoch % 2)
        random = generator(config.seed, "cutout", epoch)
        corners = torch.randint(0, self.side - config.cutout + 1, (2, self.count), generator=random)
        shares = torch.ones(self.count)
        if config.mixup:  # torch has no Beta that takes a generator
            beta = np.random.default_rng(generator(config.seed, "mixup", epoch).initial_seed()).beta
            by_step = torch.from_numpy(beta(config.mixup, config.mixup, self.steps + 1)).float()
            shares = by_step.repeat_interleave(self.batch)[: self.count]
        return _Draws(*(drawn.to(self.device) for drawn in (order, shifts, flips, corners, shares)))

    def _places(self, number: int) -> torch.Tensor:
        """Where in an epoch's order this process's share of a batch stands, after what its first one is mixed with.

        Each picture is mixed with the one before it, the batch's first with its last.
        """
        share = self.batch // self.world
        first = self.rank * share
        mine = torch.arange(first - self._mixes, first + share, device=self.device)
        return number * self.batch + mine % self.batch

    def _deal(self, windows: torch.Tensor, rows: torch.Tensor, drawn: _Draws, epoch: int) -> Batch:
        """The pictures in these ``rows`` of the ``windows``, as drawn."""
        pixels = windows[rows, drawn.shifts[0], drawn.shifts[1]]  # (N, H, W, 3) bytes
        if self.config.flip:
            pixels = torch.where(drawn.flips[:, None, None, None], pixels.flip(2), pixels)
        if self.config.cutout:
            down, across = (self._cut(corner) for corner in drawn.corners)
            pixels = torch.where((down[:, :, None] & across[:, None, :])[..., None], self._colour, pixels)
        images = scaled(to_pixels(pixels), side_in_epoch(self.config, epoch, self.side))
        labels = self._labels[drawn.order]
        if not self._mixes:
            return Batch(images, labels)
        shares = drawn.shares[1:]
        return Batch(images[:-1].lerp(images[1:], shares[:, None, None, None]), labels[1:], labels[:-1], shares)

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
