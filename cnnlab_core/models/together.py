"""A network that several jobs ask at once: their pictures in one pass, if each gets the same bits as alone.

The jobs don't notice. Each has a graph of its own, in which the network is one step forward and one back.
"""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from cnnlab_core.runtime.company import my_seat
from cnnlab_core.runtime.gate import TOGETHER

MOST_PIXELS = 70_000
"""Of a picture in a batch, as 224 x 299 have: the maps of four larger ones don't fit into a core's cache, and take as
long as one after the other, or longer."""

_tried: "weakref.WeakKeyDictionary[nn.Module, dict[Any, bool]]" = weakref.WeakKeyDictionary()
"""By network, size of the picture, way back or not, and threads: whether batches give the same bits."""


def together(network: nn.Module, x: Tensor) -> Any:
    """``network(x)``, a tensor or a tuple of tensors; in one batch with the others that ask it in this job's company.

    That is only done with single pictures on a CPU, and only if a trial has given the same bits in batches of each size
    as alone, with ``nn.Linear`` computed row by row. On a GPU the way back of all jobs is one thread's, where none can
    wait for another.
    """
    seat = my_seat()
    if seat is None or len(x) != 1 or x.shape[2:].numel() > MOST_PIXELS or x.device.type != "cpu":
        return network(x)
    backward = torch.is_grad_enabled() and x.requires_grad
    tried, what = _tried.setdefault(network, {}), (x.shape, x.dtype, backward, torch.get_num_threads())
    seat.wish = (network, x.shape) if tried.get(what, True) else None
    if seat.alone or not seat.wish:
        return network(x)
    if what not in tried:
        tried[what] = _same_in_batches(network, x, backward)
    found = seat.ask((network, what), x.detach(), partial(_forward, network, backward)) if tried[what] else None
    if found is None:
        return network(x)
    batch, row, values = found
    if backward:
        values = _Row.apply(x, network, batch, row, values)
    return values if batch.several else values[0]


def _same_in_batches(network: nn.Module, like: Tensor, backward: bool) -> bool:
    """Try whether random pictures have the same values, and gradients, alone and in batches of each size."""
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode(False):
        pictures = [torch.empty_like(like, requires_grad=False).normal_(generator=generator) for _ in range(TOGETHER)]
    try:
        alone = [_tryout(network, [picture], backward)[0] for picture in pictures]
        return all(
            _bits(one) == _bits(other)
            for size in range(2, TOGETHER + 1)
            for row, known in zip(_tryout(network, pictures[:size], backward), alone, strict=False)
            for one, other in zip(row, known, strict=True)
        )
    except Exception:  # noqa: BLE001  whatever it is, batches aren't for this network
        return False


def _tryout(network: nn.Module, pictures: Sequence[Tensor], backward: bool) -> list[list[Tensor]]:
    """Of each picture its values and, on the way back from these very values, the gradient."""
    found = _forward(network, backward, pictures)
    if not backward:
        return [values for _, _, values in found]
    gradients = found[0][0].gradients([(row, values) for _, row, values in found])
    return [[*values, gradient] for (_, _, values), gradient in zip(found, gradients, strict=True)]


def _bits(values: Tensor) -> tuple[Any, ...]:
    return values.shape, values.stride(), values.numpy().tobytes()


def _forward(
    network: nn.Module, backward: bool, pictures: Sequence[Tensor]
) -> list[tuple["_Batch", int, list[Tensor]]]:
    """Of each picture the batch that they are, its row there, and its values."""
    with torch.inference_mode(False), torch.set_grad_enabled(backward), _RowByRow():
        x = torch.cat(list(pictures)).requires_grad_(backward)
        found = network(x)
        batch = _Batch(x, [found] if isinstance(found, Tensor) else list(found), not isinstance(found, Tensor))
        return [(batch, row, [_row(part, row) for part in batch.values]) for row in range(len(x))]


@dataclass(eq=False)
class _Batch:
    """Single pictures in one pass, with what the way back needs, until it has been gone: once, for all of them."""

    x: Tensor
    values: list[Tensor]
    several: bool

    def gradients(self, asked: Sequence[tuple[int, Sequence[Tensor]]]) -> list[Tensor]:
        """Of some of the rows: from the gradients of the values to that of the picture."""
        values, self.values = self.values, []
        with torch.inference_mode(False):
            given = [torch.zeros_like(part) for part in values]
            for row, parts in asked:
                for whole, part in zip(given, parts, strict=True):
                    whole[row] = part[0]
            (gradient,) = torch.autograd.grad(values, self.x, given)
            return [_row(gradient, row) for row, _ in asked]


def _row(values: Tensor, row: int) -> Tensor:
    return values[row : row + 1].detach().clone()


class _RowByRow(TorchFunctionMode):
    """A matrix times one row adds up in another order than times several: so it is one row at a time."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.linear and len(args[0]) > 1:
            return torch.cat([func(row, *args[1:], **(kwargs or {})) for row in args[0].split(1)])
        return func(*args, **(kwargs or {}))


class _Row(torch.autograd.Function):
    """The network as one step of a job's own graph: the values are known, the gradient is asked for in company."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, network: nn.Module, batch: _Batch, row: int, values: list[Tensor]) -> Any:
        ctx.save_for_backward(x)
        ctx.network, ctx.batch, ctx.row, ctx.own = network, batch, row, None
        return tuple(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x,), seat, found = ctx.saved_tensors, my_seat(), None
        if seat is not None and not ctx.own:
            found = seat.ask(ctx.batch, (ctx.row, gradients), ctx.batch.gradients)
        if found is None:  # nobody else wants one, or it isn't the first: from a pass of its own, as long as it may ask
            if not ctx.own:
                with torch.enable_grad():
                    own = x.detach().requires_grad_()
                    values = ctx.network(own)
                ctx.own = own, values
            own, values = ctx.own
            (found,) = torch.autograd.grad(values, own, gradients, retain_graph=True)
        return found, None, None, None, None
