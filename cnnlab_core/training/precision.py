"""Whether bfloat16 is faster on this machine and safe for this network: a test of a second or two."""

import copy
import time
from collections.abc import Callable

import torch
from torch import nn

from cnnlab_core.training.batches import Batch

FASTER = 1.1
ALIKE = 0.98
"""How alike (cosine) the gradients in bfloat16 and float32 have to be."""
_SECONDS = 0.5
_FIRST, _HOPELESS = 16, 2.0
"""So many pictures are tried first: where a processor has no bfloat16 of its own, a whole batch would take minutes."""


def choose_precision(
    network: nn.Module, normalise: Callable[[torch.Tensor], torch.Tensor], batch: Batch
) -> tuple[str, str]:
    """“bfloat16” or “float32”, and why in a few words. The network itself isn't changed."""
    x = normalise(batch.images)
    slower = _slower(copy.deepcopy(network), x[:_FIRST], batch.labels[:_FIRST])
    if slower > _HOPELESS:
        return "float32", f"bfloat16 takes {slower:.0f} times as long as float32"
    if not _alike(copy.deepcopy(network), x, batch.labels):
        return "float32", "the gradients in bfloat16 differ too much"
    speed = {half: _speed(copy.deepcopy(network), x, batch.labels, half) for half in (False, True)}
    ratio = speed[True] / speed[False]
    chosen = "bfloat16" if ratio >= FASTER else "float32"
    return chosen, f"bfloat16 is {ratio:.2f} times as fast as float32"


def _step(network: nn.Module, x: torch.Tensor, y: torch.Tensor, half: bool) -> torch.Tensor:
    network.zero_grad(set_to_none=True)
    with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
        logits = network(x)
    loss = nn.functional.cross_entropy(logits.float(), y)
    loss.backward()
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


def _alike(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> bool:
    full, half = _step(network, x, y, half=False), _step(network, x, y, half=True)
    if not (torch.isfinite(full).all() and torch.isfinite(half).all()):
        return False
    return bool(nn.functional.cosine_similarity(full, half, dim=0) > ALIKE) or not bool(full.any())


def _speed(network: nn.Module, x: torch.Tensor, y: torch.Tensor, half: bool) -> float:
    """Steps a second."""
    for _ in range(2):
        _step(network, x, y, half)
    _wait(x.device)
    begun, steps = time.perf_counter(), 0
    while time.perf_counter() - begun < _SECONDS:
        _step(network, x, y, half)
        _wait(x.device)
        steps += 1
    return steps / (time.perf_counter() - begun)


def _slower(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """How many times as long as in float32 a step takes in bfloat16, by the quicker of two each."""
    quickest = []
    for half in (False, True):
        took = []
        for _ in range(2):
            begun = time.perf_counter()
            _step(network, x, y, half)
            _wait(x.device)
            took.append(time.perf_counter() - begun)
        quickest.append(min(took))
    return quickest[1] / quickest[0]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
