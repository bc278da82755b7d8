"""What a network costs for a picture, told by its shapes on the meta device before anything is computed."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from cnnlab_core.errors import InputError
from cnnlab_core.runtime.limits import NETWORK_ACTIVATIONS, NETWORK_PARAMETERS, NETWORK_WORK, Limit


@dataclass(frozen=True)
class Costs:
    """Weights; multiply-adds for one picture; bytes of what the layers keep of it for a gradient, in float32, or of
    what one of them reads and writes, if that is more."""

    parameters: int
    multiply_adds: int
    activations: int


def kept_for_the_way_back(network: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, list[int]]:
    """The network's answer, and the bytes of each tensor that its layers keep for the way back, weights left out."""
    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if (storage := tensor.untyped_storage()._cdata) not in own:
            kept[storage] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = network(x)
    return out, [tensor.untyped_storage().nbytes() for tensor in kept.values()]


def costs(skeleton: nn.Module, shape: tuple[int, ...]) -> Costs:
    """What a network on the meta device costs for pictures of a ``shape`` (N, C, H, W).

    Raises ``ValueError`` or ``RuntimeError`` as the network does.
    """
    with torch.enable_grad(), FlopCounterMode(display=False) as counter, _Largest(skeleton) as largest:
        _, kept = kept_for_the_way_back(skeleton, torch.empty(shape, device="meta", requires_grad=True))
    weights = sum(parameter.numel() for parameter in skeleton.parameters())
    return Costs(weights, counter.get_total_flops() // 2, max(sum(kept), largest.bytes))


class _Largest(TorchDispatchMode):
    """The most ``bytes`` that a step reads and writes at once, weights left out: what keeps nothing takes them, too."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._weights = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
        self.bytes = 0

    def __torch_dispatch__(self, do: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = do(*args, **(kwargs or {}))
        storages = [leaf.untyped_storage() for leaf in tree_leaves((args, out)) if isinstance(leaf, torch.Tensor)]
        sizes = {one._cdata: one.nbytes() for one in storages if one._cdata not in self._weights}
        self.bytes = max(self.bytes, sum(sizes.values()))
        return out


def refuse_dear(found: Costs) -> None:
    """Raise ``InputError`` for a network that costs more than is allowed, with what and how much."""
    for count, unit, limit, what in (
        (found.parameters, 10**6, NETWORK_PARAMETERS, "million weights"),
        (found.multiply_adds, 10**6, NETWORK_WORK, "million multiply-adds for a picture"),
        (found.activations, 10**6, NETWORK_ACTIVATIONS, "MB of activations for a picture"),
    ):
        refuse_more(count, unit, limit, what)


def refuse_more(count: int, unit: int, limit: Limit, what: str) -> None:
    """Raise ``InputError`` for more units than a limit allows."""
    if count > unit * limit.now():
        raise InputError(f"This network has {count / unit:,.0f} {what}, more than the {limit.now():,} allowed here.")
