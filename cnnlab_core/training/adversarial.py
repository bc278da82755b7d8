"""The attack inside adversarial training, on the network that is being trained."""

from collections.abc import Callable

import torch
from torch import nn

from cnnlab_core.training.config import Config

CHECK_STEPS = 10
"""Steps of the attack that watches robustness while training."""
FINAL_STEPS = 20
"""Steps of the attack on the test set: PGD-20."""


def perturb(
    logits: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    y: torch.Tensor,
    start: torch.Tensor,
    *,
    epsilon: float,
    step: float,
    steps: int,
) -> torch.Tensor:
    """Pictures within ``epsilon`` (linf) of ``x`` and in [0, 1] on which the loss is higher.

    Projected gradient ascent (Madry et al. 2017, arXiv:1706.06083) from the offset ``start``; with one step it is
    FGSM with a random start (Wong et al. 2020, arXiv:2001.03994). ``x`` and ``start`` are (N, 3, H, W), ``y`` labels
    (N,) or shares of the classes (N, classes).
    """
    low, high = (x - epsilon).clamp_(min=0), (x + epsilon).clamp_(max=1)
    moved = torch.clamp(x + start, low, high)
    for _ in range(steps):
        moved.requires_grad_(True)
        loss = nn.functional.cross_entropy(logits(moved).float(), y, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, moved)
        moved = torch.clamp(moved.detach() + step * gradient.sign(), low, high)
    return moved.detach()


def random_start(
    x: torch.Tensor, epsilon: float, random: torch.Generator, rank: int = 0, world: int = 1
) -> torch.Tensor:
    """Uniform offsets in ±epsilon for this process's share ``x`` of a batch, drawn for the whole batch."""
    whole = torch.rand((world, *x.shape), generator=random, device=x.device)
    return (2 * epsilon * whole[rank] - epsilon).contiguous(memory_format=torch.channels_last)


def training_steps(config: Config) -> int:
    """How many attack steps a training batch gets."""
    return 1 if config.attack == "fgsm" else config.attack_steps
