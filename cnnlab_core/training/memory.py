"""What memory a training takes, told before it starts, and the bound under which a trainer works."""

import sys
from contextlib import suppress
from pathlib import Path

import torch
from torch import nn

from cnnlab_core.errors import InputError
from cnnlab_core.models.costs import kept_for_the_way_back
from cnnlab_core.runtime.device import available_memory, pick_device
from cnnlab_core.runtime.limits import RUN_MEMORY

_LIKELY_VICTIM = 800
"""Where a trainer stands for the system that needs memory back, from -1000 to 1000: the lab stays at 0."""
_BESIDE = 1_000_000_000
"""Bytes that torch itself may take in a trainer, its threads and its convolutions, beside what a training needs."""


def step_bytes(network: nn.Module, x: torch.Tensor) -> int:
    """Bytes that a training step has in memory at its peak, in float32, told by forward and back on the meta device.

    What the layers keep for the way back, each tensor once; the largest of them twice more, for the gradients on both
    sides of a layer; the input; the weights with their gradients and two numbers of the optimiser's for each. (What a
    convolution needs while it computes is not in it.) Raises ``ValueError`` or ``RuntimeError`` as the network does.
    """
    out, sizes = kept_for_the_way_back(network, x)
    out.sum().backward()
    weights = sum(parameter.numel() for parameter in network.parameters())
    return sum(sizes) + 2 * max(sizes, default=0) + 4 * x.numel() + 4 * 4 * weights


def allowed_bytes() -> int:
    """What a training may take now: a share (``CNNLAB_RUN_MEMORY``) of the memory that is free."""
    return available_memory(pick_device()) * RUN_MEMORY.now() // 100


def refuse_large(needed: int) -> None:
    """Raise ``InputError`` for a training that needs more bytes than are allowed."""
    if needed > (allowed := allowed_bytes()):
        raise InputError(
            f"This training needs about {needed / 1e9:.1f} GB of memory, more than the {allowed / 1e9:.1f} GB that "
            f"a run may take now ({RUN_MEMORY.now()} % of what is free). Use a smaller batch, network or data set."
        )


def bound_this_process() -> None:
    """In a trainer's own process: no more memory than is allowed, and the first to go where the system has none left.

    On a GPU, of its memory; that of the machine isn't bounded then, as the driver reserves addresses that it never
    uses. Else on Linux.
    """
    if (device := pick_device()).type == "cuda":
        share = (_BESIDE + allowed_bytes()) / torch.cuda.mem_get_info(device)[1]
        torch.cuda.set_per_process_memory_fraction(min(1.0, share), device)
    if sys.platform != "linux":
        return
    import resource

    with suppress(OSError, ValueError):
        place = Path("/proc/self/oom_score_adj")
        if int(place.read_text(encoding="utf-8")) < _LIKELY_VICTIM:
            place.write_text(str(_LIKELY_VICTIM), encoding="utf-8")
    if device.type == "cpu":
        with suppress(OSError, ValueError):
            status = dict(
                line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
            )
            taken = 1024 * int(status["VmData"].split()[0])
            _, most = resource.getrlimit(resource.RLIMIT_DATA)
            bound = taken + _BESIDE + allowed_bytes()
            resource.setrlimit(resource.RLIMIT_DATA, (bound if most == -1 else min(bound, most), most))
