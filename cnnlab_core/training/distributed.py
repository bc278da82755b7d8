"""Several processes as one trainer, under torchrun: who they are, and what they tell each other."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed, nn
from torch.distributed.nn import functional as differentiable

Value = TypeVar("Value")


@dataclass(frozen=True)
class World:
    """This process's number among ``size``, and its number on its own machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def tell(self, value: Value | None) -> Value:
        """The leader's value, in every process."""
        if self.size == 1:
            return value  # type: ignore[return-value]
        box: list[Any] = [value if self.leads else None]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def gather(self, value: Value) -> list[Value]:
        """Every process's value, in the order of their numbers."""
        if self.size == 1:
            return [value]
        box: list[Any] = [None] * self.size
        distributed.all_gather_object(box, value)
        return box

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The mean over the processes."""
        if self.size > 1:
            distributed.all_reduce(values)
            values /= self.size
        return values


def world_from_torchrun() -> World:
    """Who this process is by what torchrun has put into the environment; alone without it."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    return World(*(int(os.environ.get(name, usual)) for name, usual in zip(names, (0, 1, 0), strict=True)))


@contextmanager
def connected(world: World, device: torch.device) -> Iterator[None]:
    """The processes joined for the body: by NCCL on GPUs, else by gloo."""
    if world.size == 1:
        yield
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


class _SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation with the statistics of all processes' pictures; torch's own does this on GPUs only."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(input)
        x = input.float()
        size = distributed.get_world_size()
        both = torch.stack([x.mean((0, 2, 3)), x.square().mean((0, 2, 3))])
        mean, square = differentiable.all_reduce(both) / size
        variance = square - mean.square()
        count = x.numel() / x.shape[1] * size
        with torch.no_grad():
            momentum = self.momentum or 0.1
            self.running_mean.lerp_(mean, momentum)  # type: ignore[union-attr]
            self.running_var.lerp_(variance * (count / (count - 1)), momentum)  # type: ignore[union-attr]
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return (x * scale[:, None, None] + shift[:, None, None]).to(input.dtype)


def share_batch_norm(network: nn.Module) -> None:
    """Let every batch normalisation of a network count all processes' pictures, so that N train as one would."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = _SharedBatchNorm
