"""The optimiser of a config: how a gradient becomes a step."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from cnnlab_core.training.config import Config

_NEWTON_SCHULZ, _NEWTON_SCHULZ_FIXED = 5, 3
"""Steps towards the orthogonal matrix: torch's own, and airbench's, whose filters are set back to their norm anyway."""


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
    """Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) for convolutions and AdamW for all else, as one.

    Muon moves a matrix by the orthogonal matrix nearest to its momentum, so that no direction is left behind. A
    convolution is a matrix of (filters, weights of one filter). torch's Muon takes matrices only, so it gets a view of
    each convolution's memory, or else a copy that is taken back; a filter's weights stand in another order there, which
    is all the same to Muon. ``share`` of a group is its learning rate's share of that of the run.
    """

    def __init__(self, parameters: list[nn.Parameter], config: Config) -> None:
        self._filters = [p for p in parameters if p.ndim == 4]
        self._matrices = [nn.Parameter(_matrix(p.detach())) for p in self._filters]
        rate, decay = config.learning_rate, config.weight_decay
        self._fixed_norm = config.fixed_norm
        self._parts: dict[str, torch.optim.Optimizer] = {}
        if self._matrices:  # none where the only convolution stays as it is, to whiten
            turns = _NEWTON_SCHULZ_FIXED if config.fixed_norm else _NEWTON_SCHULZ
            self._parts["muon"] = torch.optim.Muon(self._matrices, rate, decay, config.momentum, ns_steps=turns)
        rest = _groups((p for p in parameters if p.ndim != 4), config)
        share = config.rest_rate
        self._parts["adamw"] = torch.optim.AdamW([group | {"share": share} for group in rest], lr=rate * share)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of both, for the learning rate."""
        return [group for part in self._parts.values() for group in part.param_groups]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        self._parts["adamw"].zero_grad()
        for filters in self._filters:
            filters.grad = None

    def step(self) -> None:
        """Move all parameters by their gradients."""
        pairs = list(zip(self._matrices, self._filters, strict=True))
        for matrix, filters in pairs:
            matrix.data = _matrix(filters.detach())
            if self._fixed_norm:
                matrix.data *= len(matrix) ** 0.5 / matrix.data.norm()
            matrix.grad = None if filters.grad is None else _matrix(filters.grad)
        for part in self._parts.values():
            part.step()
        for matrix, filters in pairs:
            if matrix.data_ptr() != filters.data_ptr():
                count, channels, *window = filters.shape
                filters.data.copy_(matrix.data.view(count, *window, channels).permute(0, 3, 1, 2))

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next steps depend on, besides the parameters."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back a ``state_dict``."""
        for name, part in self._parts.items():
            part.load_state_dict(state[name])


def _matrix(filters: torch.Tensor) -> torch.Tensor:
    """(filters, channels, rows, columns) as (filters, weights of one): no copy where memory is channels last."""
    return filters.permute(0, 2, 3, 1).reshape(len(filters), -1)


def _groups(parameters: Iterable[nn.Parameter], config: Config) -> list[dict[str, Any]]:
    parameters = list(parameters)
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
