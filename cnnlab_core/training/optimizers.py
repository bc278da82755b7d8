"""The optimiser of a config: how a gradient becomes a step."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from cnnlab_core.training.config import Config

_TURNS, _TURNS_FIXED = 5, 3
"""Turns towards the orthogonal matrix: the usual five, and airbench's, whose filters get their norm back anyway."""
_QUINTIC = 3.4445, -4.775, 2.0315
_LEAST_NORM = 1e-7


def build_optimizer(network: nn.Module, config: Config) -> "torch.optim.Optimizer | MuonWithAdamW":
    """The optimiser; weights decay, biases and normalisation don't. ``network`` has its device and memory order."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if config.optimizer == "muon":
        return MuonWithAdamW(parameters, config)
    if config.optimizer == "sgd":
        nesterov = config.momentum > 0
        return torch.optim.SGD(
            _groups(parameters, config), lr=config.learning_rate, momentum=config.momentum, nesterov=nesterov
        )
    fused = config.kind == "text" or None  # few small weights: one kernel instead of ten for each saves its overhead
    return torch.optim.AdamW(_groups(parameters, config), lr=config.learning_rate, fused=fused)


class MuonWithAdamW:
    """Muon for convolutions and AdamW for all else, as one.

    ``share`` of a group is its learning rate's share of that of the run.
    """

    def __init__(self, parameters: list[nn.Parameter], config: Config) -> None:
        self._parts: dict[str, torch.optim.Optimizer] = {}
        if filters := [
            p for p in parameters if p.ndim == 4
        ]:  # none where the only convolution stays as it is, to whiten
            self._parts["muon"] = Muon(filters, config)
        rest, share = _groups((p for p in parameters if p.ndim != 4), config), config.rest_rate
        self._parts["adamw"] = torch.optim.AdamW([group | {"share": share} for group in rest])

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of both, for the learning rate."""
        return [group for part in self._parts.values() for group in part.param_groups]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for part in self._parts.values():
            part.zero_grad()

    def step(self) -> None:
        """Move all parameters by their gradients."""
        for part in self._parts.values():
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next steps depend on, besides the parameters."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back a ``state_dict``."""
        for name, part in self._parts.items():
            part.load_state_dict(state[name])


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) for filters (count, channels, rows, columns).

    It moves a matrix by the orthogonal matrix nearest to its momentum, so that no direction is left behind. A
    convolution is a matrix of (filters, weights of one filter). The numbers are those of ``torch.optim.Muon``, which
    takes matrices only, and multiplies them in bfloat16 wherever it is: thirty times as slow as float32 where a
    processor has none.
    """

    def __init__(self, filters: list[nn.Parameter], config: Config) -> None:
        super().__init__(filters, {"lr": config.learning_rate, "weight_decay": config.weight_decay})
        self._momentum, self._fixed_norm = config.momentum, config.fixed_norm

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all filters by their gradients."""
        for group in self.param_groups:
            for filters in (filters for filters in group["params"] if filters.grad is not None):
                if self._fixed_norm:
                    filters *= len(filters) ** 0.5 / filters.norm()
                gradient = _matrix(filters.grad)
                state = self.state[filters]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(gradient)
                mean = state["momentum_buffer"]
                mean.lerp_(gradient, 1 - self._momentum)
                turns = _TURNS_FIXED if self._fixed_norm else _TURNS
                move = orthogonal(gradient.lerp(mean, self._momentum), turns)  # Nesterov's look ahead
                rate, (rows, columns) = group["lr"], move.shape
                filters *= 1 - rate * group["weight_decay"]
                filters -= rate * max(1.0, rows / columns) ** 0.5 * _filters(move, filters.shape)


def orthogonal(matrix: torch.Tensor, turns: int = _TURNS) -> torch.Tensor:
    """About the orthogonal matrix nearest to a matrix (rows, columns), by Newton and Schulz.

    Each turn takes every singular value, as a share of the norm, to an odd quintic of it. Five turns bring those from
    0.003 on to between 0.68 and 1.21, three those from 0.03 on. Products are in autocast's precision, as those of the
    forward pass.
    """
    a, b, c = _QUINTIC
    x = matrix.T if len(matrix) > matrix.shape[1] else matrix
    x = x / x.norm().clamp(min=_LEAST_NORM)
    for _ in range(turns):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if len(matrix) > matrix.shape[1] else x


def _matrix(filters: torch.Tensor) -> torch.Tensor:
    """(filters, channels, rows, columns) as (filters, weights of one): no copy where memory is channels last."""
    return filters.permute(0, 2, 3, 1).reshape(len(filters), -1)


def _filters(matrix: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """The way back."""
    count, channels, *window = shape
    return matrix.reshape(count, *window, channels).permute(0, 3, 1, 2)


def _groups(parameters: Iterable[nn.Parameter], config: Config) -> list[dict[str, Any]]:
    parameters = list(parameters)
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
